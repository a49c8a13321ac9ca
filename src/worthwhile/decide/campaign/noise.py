"""What a recorded forecast tells of a test before it is made: what each customer would do anyway, and how much outcomes
will vary."""

from __future__ import annotations

import math

import pyarrow as pa

from worthwhile.decide.campaign.power import Noise
from worthwhile.errors import InputError
from worthwhile.models.files import read_json
from worthwhile.runs.recall import RecordedForecast


def check_of_spend(forecast: RecordedForecast) -> None:
    """Raises InputError `bad-argument` where a forecast is not of all that customers spend, which tests measure."""
    of = "" if forecast.task.amount_name == "spend" else f"of {forecast.task.amount_name}"
    where = forecast.asked["where"]
    if where:
        of = f"{of or 'of spend'} on some of the goods alone ({', '.join(sorted(where))})"
    if of:
        raise InputError(
            "bad-argument",
            f"the forecast {forecast.run_id} is {of}, and a test measures all that customers spend",
            where="--run",
            remedy="make a forecast of all spend: worth forecast SHOP --target spend",
        )


def forecast_columns(table: pa.Table, amount: str) -> pa.Table:
    """Of each customer, ascending, what a test adjusts by."""
    return pa.table(
        {
            "customer_id": table["customer_id"],
            "forecast_spend": table[f"{amount}_mean"],
            "forecast_orders": table["orders_mean"],
            "p_active": table["p_active"],
        }
    ).sort_by("customer_id")


def noise_of(forecast: RecordedForecast, people: pa.Table) -> dict[str, Noise]:
    """What spend and activity will vary by among these customers, as the forecast has it.

    Var(outcome) = E[Var(outcome | customer)] + Var(E[outcome | customer]). Of activity both are known; of spend the
    first is recorded for all customers together, and taken to be in proportion to the mean, as of a compound Poisson.
    Raises InputError `bad-argument` for a forecast that does not say it.
    """
    spend, p = people["forecast_spend"].to_numpy(), people["p_active"].to_numpy()
    kept = read_json(forecast.folder / "amount_histogram.json")
    variance = next((one.get("variance_of_total") for one in kept if one["horizon"] == forecast.horizon), None)
    if variance is None:
        raise InputError(
            "bad-argument",
            f"the forecast {forecast.run_id} was recorded before forecasts said how much spend varies",
            where="--run",
            remedy="make the forecast again: worth forecast SHOP",
        )
    everyone = forecast.table()[f"{forecast.task.amount_name}_mean"].to_numpy()
    inner = variance / max(float(everyone.sum()), 1e-300) * float(spend.mean())
    within = float((p * (1 - p)).mean())
    return {
        "spend": Noise(float(spend.mean()), math.sqrt(inner + float(spend.var())), math.sqrt(inner)),
        "active": Noise(float(p.mean()), math.sqrt(within + float(p.var())), math.sqrt(within)),
    }
