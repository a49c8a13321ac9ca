"""A test is designed: who is held out, who gets what, by lot within strata of the forecast, and what it can find."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.decide.campaign.folder import ASSIGNMENT, NONE, Campaign, check_name, write_campaign, write_whole
from worthwhile.decide.campaign.power import Noise, detectable, each_group, needed
from worthwhile.decide.holdout import lots, strata_of
from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from
from worthwhile.models.files import read_json
from worthwhile.runs.recall import RecordedForecast, recorded_forecast
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.shop import Shop

Array = np.ndarray[Any, Any]
OUTCOMES = ("spend", "active")
HOLDOUT = 0.1  # share held out where nothing else is said


@dataclass(frozen=True)
class Arm:
    """One treatment of a campaign."""

    name: str
    channel: str = ""
    cost: float = 0.0  # of one contact


@dataclass(frozen=True)
class Sizing:
    """How large a test is, and when it begins."""

    outcome: str = "spend"  # what it is sized for: spend (currency a customer) or active (share of customers)
    holdout: float | None = None  # share, or from 1 on number, of customers held out
    detect: float | None = None  # effect that is to be found: then the holdout is worked out
    power: float = 0.8
    level: float = 0.05
    start: str | date | None = None  # first day of the outcome; None: the forecast's cutoff


def design_campaign(
    shop: Shop,
    name: str,
    arms: Sequence[Arm] = (),
    *,
    sizing: Sizing | None = None,
    plan: str | None = None,
    only: frozenset[str] | None = None,
    run_id: str | None = None,
    seed: int | None = None,
) -> Campaign:
    """Design a test among the customers of a recorded forecast, or of a recorded plan, and record it in the shop.

    With `arms`, customers (`only` these, by default all of the forecast) are parted by lot, alike within five strata of
    expected spend: some held out (treatment `none`), the rest even among the arms. With `plan`, the run's contacts are
    the treated and the customers that it left alone, and would have reached, are the held out. The lots hang on
    ids and seed alone. Raises InputError `no-such-run`, `damaged`, `bad-argument`.
    """
    check_name(name)
    sizing = sizing or Sizing()
    seed = shop.settings["seed"] if seed is None else seed
    planned = None if plan is None else _plan_run(shop, plan)
    forecast = _forecast_behind(shop, planned, run_id)
    check_of_spend(forecast)
    start = _start(sizing, forecast)
    table = forecast.table()
    if planned is not None:
        assignment, arms = _from_plan(shop, planned, table, forecast.task.amount_name)
        noise = noise_of(forecast, assignment)
    else:
        people = (
            table if only is None else table.filter(pc.is_in(table["customer_id"], value_set=pa.array(sorted(only))))
        )
        _check(people, arms, sizing)
        noise = noise_of(forecast, forecast_columns(people, forecast.task.amount_name))
        held = _held(len(people), len(arms), sizing, noise[sizing.outcome])
        assignment = _by_lot(forecast_columns(people, forecast.task.amount_name), [a.name for a in arms], held, seed)
    facts = {
        "kind": "campaign",
        "name": name,
        "start": start.isoformat(),
        "start_day": start.astimezone(shop.settings.zone).date().isoformat(),
        "horizon": forecast.horizon,
        "forecast": forecast.run_id,
        "plan": None if planned is None else planned["run_id"],
        "seed": seed,
        "data_version": forecast.asked["data_version"],
        "currency": forecast.shop.settings["currency"],
        "amount": forecast.task.amount_name,
        "arms": [{"name": arm.name, "channel": arm.channel, "cost": arm.cost} for arm in arms],
        "test": _test_facts(assignment, arms, sizing, noise),
    }
    return write_campaign(shop, name, facts, lambda folder: write_whole(assignment, folder / ASSIGNMENT))


def _plan_run(shop: Shop, plan: str) -> dict[str, Any]:
    """The manifest of a recorded plan. Raises InputError `no-such-run`, `damaged`."""
    found = next((run for run in list_runs(shop, "plan") if plan in ("latest", run["run_id"])), None)
    if found is None:
        raise InputError(
            "no-such-run", f"there is no plan `{plan}`", where=str(shop.folder), remedy="make one with worth plan"
        )
    check_digests(run_folder(shop, found["run_id"]))
    return found


def _forecast_behind(shop: Shop, planned: Mapping[str, Any] | None, run_id: str | None) -> RecordedForecast:
    if planned is None:
        return recorded_forecast(shop, run_id=run_id)
    return recorded_forecast(shop, run_id=planned["asked"]["forecast"], horizon=planned["asked"]["horizon"])


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


def _start(sizing: Sizing, forecast: RecordedForecast) -> datetime:
    """The UTC moment at which outcomes begin. Raises InputError `bad-argument` where the forecast has seen some."""
    if sizing.start is None:
        return forecast.cutoff
    zone = forecast.shop.settings.zone
    start = cutoff_from(sizing.start, zone)
    if start < forecast.cutoff:
        day = forecast.cutoff.astimezone(zone).date().isoformat()
        raise InputError(
            "bad-argument",
            f"the campaign would begin on {start.astimezone(zone).date().isoformat()}, before the forecast's cutoff"
            f" {day}: what customers did in between would be known before it",
            where="--start",
            remedy=f"begin on {day} or later, or make a forecast with an earlier --cutoff",
        )
    return start


def _check(people: pa.Table, arms: Sequence[Arm], test: Sizing) -> None:
    names = [arm.name for arm in arms]
    what = remedy = ""
    if test.outcome not in OUTCOMES:
        what, remedy = f"a test is not sized for `{test.outcome}`", f"take {' or '.join(OUTCOMES)}"
    elif not names or len(set(names)) < len(names) or NONE in names:
        what, remedy = "the arms are not said, or not told apart", "give each a name of its own: --arm email --arm card"
    elif len(people) <= len(arms):
        what, remedy = f"{len(people)} customers are too few", "take more customers"
    elif test.holdout is not None and test.detect is not None:
        what, remedy = "both a holdout and an effect to find are given", "give one: the other follows"
    elif not 0 < test.level < 1 or not test.level < test.power < 1:
        what, remedy = "level and power are no chances", "take a level such as 0.05 and a power such as 0.8"
    elif test.detect is not None and test.detect <= 0:
        what, remedy = "an effect of nothing cannot be found", "give one above zero"
    elif test.holdout is not None and not 0 < test.holdout < len(people) - len(arms) + 1:
        what, remedy = f"{test.holdout:g} customers cannot be held out", "give a share such as 0.1, or a number"
    if what:
        raise InputError("bad-argument", what, where="campaign", remedy=remedy)


def _held(total: int, arms: int, test: Sizing, noise: Noise) -> int:
    """How many are held out. Where the effect cannot be found with these customers, as many as find most."""
    if test.detect is not None:
        best = max(1, round(total / (1 + math.sqrt(arms))))
        found = needed(noise.sd_adjusted, test.detect, total, arms, level=test.level, power=test.power)
        return best if found is None else found
    share = HOLDOUT if test.holdout is None else test.holdout
    return min(max(1, round(share * total if share < 1 else share)), total - arms)


def noise_of(forecast: RecordedForecast, people: pa.Table) -> dict[str, Noise]:
    """What spend and activity will vary by among these customers, as the forecast has it.

    Var(outcome) = E[Var(outcome | customer)] + Var(E[outcome | customer]). Of activity both are known; of spend the
    first is recorded for all customers together, and taken to be in proportion to the mean, as of a compound Poisson.
    """
    spend, p = people["forecast_spend"].to_numpy(), people["p_active"].to_numpy()
    recorded = next(
        one for one in read_json(forecast.folder / "amount_histogram.json") if one["horizon"] == forecast.horizon
    )
    everyone = forecast.table()[f"{forecast.task.amount_name}_mean"].to_numpy()
    inner = recorded["variance_of_total"] / max(float(everyone.sum()), 1e-300) * float(spend.mean())
    within = float((p * (1 - p)).mean())
    return {
        "spend": Noise(float(spend.mean()), math.sqrt(inner + float(spend.var())), math.sqrt(inner)),
        "active": Noise(float(p.mean()), math.sqrt(within + float(p.var())), math.sqrt(within)),
    }


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


def _by_lot(people: pa.Table, arms: Sequence[str], held: int, seed: int) -> pa.Table:
    """Within each stratum customers come in the order of their lots, and are dealt out so that every group gets its
    share of every stratum, to one customer."""
    total = len(people)
    strata = strata_of(people["forecast_spend"].to_numpy(), np.ones(total, bool))
    lot = lots(people["customer_id"].to_pylist(), seed)
    order = np.lexsort((lot, strata))
    names = [NONE, *arms]
    sizes = np.array([held, *(len(part) for part in np.array_split(np.arange(total - held), len(arms)))])
    group = np.empty(total, np.int64)
    group[order] = _dealt(sizes)
    columns: dict[str, Any] = {name: people[name] for name in people.column_names}
    shares = sizes / total
    return pa.table(
        {
            "customer_id": columns.pop("customer_id"),
            "treatment": pa.array([names[k] for k in group], pa.string()),
            "stratum": pa.array(strata, pa.int32()),
            "propensity": shares[group],
            **{f"propensity_{name}": np.full(total, share) for name, share in zip(names, shares, strict=True)},
            **columns,
        }
    )


def _dealt(sizes: Array) -> Array:  # (sum of sizes,)
    """Groups dealt out as evenly as may be: in every stretch each has its share, to one."""
    places = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes if size])
    groups = np.repeat(np.flatnonzero(sizes), sizes[sizes > 0])
    return groups[np.argsort(places, kind="stable")]


def _from_plan(shop: Shop, run: Mapping[str, Any], table: pa.Table, amount: str) -> tuple[pa.Table, list[Arm]]:
    """A recorded plan as a campaign: its contacts, and those that it left alone and would have reached.

    A customer's stratum is the action that the plan has for it; the chance of being held out was the same for all.
    """
    folder = run_folder(shop, run["run_id"])
    chosen, left = pq.read_table(folder / "plan.parquet"), pq.read_table(folder / "holdout.parquet")
    left = left.filter(pc.is_valid(left["action"]))
    if not len(left) or not len(chosen):
        raise InputError(
            "bad-argument",
            "the plan left nobody alone whom it would have reached, so nothing can be measured",
            where="--plan",
            remedy="plan again with --holdout 0.1",
        )
    treated = dict(zip(chosen["customer_id"].to_pylist(), chosen["action"].to_pylist(), strict=True))
    if len(treated) < len(chosen):
        raise InputError(
            "bad-argument",
            f"the plan has several actions for {_several(chosen):,} customers, whose effects cannot be told apart",
            where="--plan",
            remedy="plan again with --per-customer 1",
        )
    share = float(run["facts"]["held_out"]) / int(run["facts"]["eligible"])
    intended = {**dict(zip(left["customer_id"].to_pylist(), left["action"].to_pylist(), strict=True)), **treated}
    people = forecast_columns(
        table.filter(pc.is_in(table["customer_id"], value_set=pa.array(sorted(intended)))), amount
    )
    ids = people["customer_id"].to_pylist()
    names = sorted({*intended.values()})
    mine = np.array([names.index(intended[customer]) for customer in ids])
    is_treated = np.array([customer in treated for customer in ids])
    # Of several actions each customer could get the one that the plan had chosen, or none: the others had no chance.
    chances = {f"propensity_{name}": np.full(len(ids), 1 - share) for name in names} if len(names) == 1 else {}
    made = pa.table(
        {
            "customer_id": people["customer_id"],
            "treatment": pa.array([treated.get(customer, NONE) for customer in ids], pa.string()),
            "stratum": pa.array(mine, pa.int32()),
            "propensity": np.where(is_treated, 1 - share, share),
            f"propensity_{NONE}": np.full(len(ids), share),
            **chances,
            **{name: people[name] for name in people.column_names if name != "customer_id"},
            "intended": pa.array([intended[customer] for customer in ids], pa.string()),
        }
    )
    costs = {one["action"]: one["cost"] / max(one["contacts"], 1) for one in run["facts"]["actions"]}
    channels = dict(zip(chosen["action"].to_pylist(), chosen["channel"].to_pylist(), strict=True))
    return made, [Arm(name, channels.get(name, ""), costs.get(name, 0.0)) for name in names]


def _several(chosen: pa.Table) -> int:
    return sum(one["counts"] > 1 for one in pc.value_counts(chosen["customer_id"].combine_chunks()).to_pylist())


def _test_facts(assignment: pa.Table, arms: Sequence[Arm], test: Sizing, noise: Mapping[str, Noise]) -> dict[str, Any]:
    """What the test can find: for each arm and outcome, with and without adjusting by the forecast."""
    treatment = np.array(assignment["treatment"].to_pylist(), object)
    intended = np.array(assignment["intended"].to_pylist(), object) if "intended" in assignment.column_names else None
    found = []
    for arm in arms:
        control = (treatment == NONE) & (True if intended is None else intended == arm.name)
        sizes = int(control.sum()), int((treatment == arm.name).sum())
        for outcome in OUTCOMES:
            law = noise[outcome]
            least = detectable(law.sd_adjusted, *sizes, level=test.level, power=test.power)
            plain = detectable(law.sd, *sizes, level=test.level, power=test.power)
            found.append(
                {
                    "arm": arm.name,
                    "outcome": outcome,
                    "held_out": sizes[0],
                    "treated": sizes[1],
                    "mean": law.mean,
                    "detectable": least if math.isfinite(least) else None,
                    "detectable_unadjusted": plain if math.isfinite(plain) else None,
                    "correlation": law.correlation,
                }
            )
    wanted = (
        None
        if test.detect is None
        else each_group(noise[test.outcome].sd_adjusted, test.detect, level=test.level, power=test.power)
    )
    return {
        "outcome": test.outcome,
        "power": test.power,
        "level": test.level,
        "detect": test.detect,
        "each_group_needs": wanted,
        "sizes": {name: int((treatment == name).sum()) for name in (NONE, *(arm.name for arm in arms))},
        "findable": found,
    }


def contacts_of(campaign: Campaign) -> pa.Table:
    """The campaign's contacts as a file of events that `worth ingest` reads: customer_id, type, date, channel, text."""
    table = campaign.assignment()
    table = table.filter(pc.not_equal(table["treatment"], NONE))
    channels = {arm["name"]: arm["channel"] or arm["name"] for arm in campaign.manifest["arms"]}
    count = len(table)
    return pa.table(
        {
            "customer_id": table["customer_id"],
            "type": pa.array(["campaign"] * count, pa.string()),
            "date": pa.array([campaign.manifest["start_day"]] * count, pa.string()),
            "channel": pa.array([channels[name] for name in table["treatment"].to_pylist()], pa.string()),
            "text": pa.array([campaign.name] * count, pa.string()),
        }
    )


def write_contacts(campaign: Campaign, path: Path) -> None:
    """Write `contacts_of` as Parquet or CSV."""
    from worthwhile.runs.tables import write_table

    write_table(contacts_of(campaign), path)
