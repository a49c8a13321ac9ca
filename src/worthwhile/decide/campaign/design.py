"""A test is designed: who is held out, who gets what, by lot within strata of the forecast, and what it can find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.campaign.findings import ExpectedEffect, expected_of_arms, planned_of, test_facts
from worthwhile.decide.campaign.folder import ASSIGNMENT, NONE, Campaign, check_name, write_campaign, write_whole
from worthwhile.decide.campaign.noise import check_of_spend, forecast_columns, noise_of
from worthwhile.decide.campaign.planned import from_plan, plan_run
from worthwhile.decide.campaign.power import Noise
from worthwhile.decide.campaign.sizing import Arm, Sizing, check_arms, check_sizing, held_of
from worthwhile.decide.campaign.wording import design_warnings
from worthwhile.decide.holdout import lots, strata_of
from worthwhile.decide.identities import known_ids
from worthwhile.decide.responses import as_assumption, doubt_of, latest_effects
from worthwhile.decide.words import Note, words_of
from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from
from worthwhile.runs.recall import RecordedForecast, recorded_forecast
from worthwhile.runs.tables import write_table
from worthwhile.shop import Shop
from worthwhile.tasks import Horizon

Array = np.ndarray[Any, Any]
LATE = 0.5  # of the forecast's horizon: a campaign that begins later after its cutoff is measured on other days


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
    ids, seed and the campaign's name, so that the next campaign leaves others alone.
    Raises InputError `no-such-run`, `damaged`, `bad-argument`, `no-key`.
    """
    check_name(name)
    sizing = sizing or Sizing()
    check_sizing(sizing)
    if plan is not None:
        _check_plan_alone(arms, sizing, {"--only": only, "--run": run_id, "--seed": seed})
    planned = None if plan is None else plan_run(shop, plan)
    forecast = _forecast_behind(shop, planned, run_id)
    check_of_spend(forecast)
    start = _start(sizing, forecast)
    if planned is None:
        drawn = _of_arms(shop, forecast, arms, sizing, only, seed=seed, of=name)
    else:
        drawn = _of_plan(shop, forecast, planned)
    currency = forecast.shop.settings["currency"]
    test = test_facts(
        drawn.assignment, drawn.arms, sizing, drawn.noise, drawn.expected, reach=drawn.reach, left_alone=drawn.share
    )
    facts = {
        "kind": "campaign",
        "name": name,
        "start": start.isoformat(),
        "start_day": start.astimezone(shop.settings.zone).date().isoformat(),
        "horizon": forecast.horizon,
        "forecast": forecast.run_id,
        "plan": None if planned is None else planned["run_id"],
        "seed": drawn.seed,
        "data_version": forecast.asked["data_version"],
        "currency": currency,
        "amount": forecast.task.amount_name,
        "arms": [{"name": arm.name, "channel": arm.channel, "cost": arm.cost} for arm in drawn.arms],
        "assumptions": drawn.assumptions,
        "test": test,
        "notes": [*drawn.notes, *_late(start, forecast)],
    }
    facts["warnings"] = design_warnings(facts, words_of("en", currency))
    return write_campaign(shop, name, facts, lambda folder: write_whole(drawn.assignment, folder / ASSIGNMENT))


@dataclass(frozen=True)
class _Drawn:
    """Who gets what, and what is known of it beforehand."""

    assignment: pa.Table
    arms: Sequence[Arm]
    seed: int
    noise: Mapping[str, Mapping[str, Noise]]  # by arm and outcome
    expected: Mapping[str, ExpectedEffect]  # by arm
    assumptions: list[dict[str, Any]]
    notes: list[Note]
    reach: Mapping[str, float] | None = None  # of a plan, by arm: how many customers it could have contacted
    share: float | None = None  # of a plan: the share that it left alone


def _of_arms(
    shop: Shop,
    forecast: RecordedForecast,
    arms: Sequence[Arm],
    sizing: Sizing,
    only: frozenset[str] | None,
    *,
    seed: int | None,
    of: str,
) -> _Drawn:
    """Arms by lot among the customers of a forecast."""
    notes = [note for arm in arms if arm.assumption and (note := doubt_of(arm.name, arm.assumption, arm.lift))]
    seed = shop.settings["seed"] if seed is None else seed
    only = None if only is None else known_ids(shop, only)
    people = forecast_columns(_asked_for(forecast.table(), only, notes), forecast.task.amount_name)
    check_arms(len(people), arms, sizing)
    law = noise_of(forecast, people)
    held = held_of(len(people), len(arms), sizing, law[sizing.outcome])
    effects = latest_effects(shop) if any(arm.treatment for arm in arms) else None
    expected = expected_of_arms(arms, people, effects)
    unknown = [arm.name for arm in arms if arm.treatment and arm.name not in expected]
    notes += [{"note": "unknown_effect", "arm": arm} for arm in unknown]
    return _Drawn(
        _by_lot(people, [arm.name for arm in arms], held, seed=seed, of=of),
        [_with_share(arm, law["spend"].mean, expected) for arm in arms],
        seed,
        {arm.name: law for arm in arms},
        expected,
        [as_assumption(arm.name, arm.assumption, arm.lift) for arm in arms if arm.assumption],
        notes,
    )


def _of_plan(shop: Shop, forecast: RecordedForecast, planned: Mapping[str, Any]) -> _Drawn:
    """The contacts of a recorded plan, and those whom it left alone and would have reached."""
    made = from_plan(shop, planned, forecast.table(), forecast.task.amount_name)
    expected, facts = planned_of(made.contacts), planned.get("facts", {})
    return _Drawn(
        made.assignment,
        made.arms,
        planned["asked"].get("how", {}).get("seed", shop.settings["seed"]),
        {arm.name: noise_of(forecast, _intended(made.assignment, arm.name)) for arm in made.arms},
        expected,
        list(facts.get("assumptions", ())),
        [*facts.get("notes", ()), *([] if expected else [{"note": "plan_of_old"}])],
        made.reach,
        made.share,
    )


def _with_share(arm: Arm, spend: float, expected: Mapping[str, ExpectedEffect]) -> Arm:
    """The arm with what a voucher costs in its cost: a share of what customers spend who get it, on average."""
    extra = expected[arm.name].effects["spend"] if arm.name in expected else None
    return replace(arm, cost=arm.cost + arm.cost_share * max(spend + (extra or 0.0), 0.0))


def _check_plan_alone(arms: Sequence[Arm], sizing: Sizing, others: Mapping[str, object]) -> None:
    """Raises InputError `bad-argument` for what a recorded plan has settled already."""
    given = {"--arm": arms or None, "--holdout": sizing.holdout, **others}
    settled = next((option for option, value in given.items() if value is not None), None)
    if settled is not None:
        remedy = "leave it out, or make another plan: worth plan SHOP --holdout 0.3"
        raise InputError("bad-argument", "the plan has settled this already", where=settled, remedy=remedy)


def _intended(assignment: pa.Table, name: str) -> pa.Table:
    return assignment.filter(pc.equal(assignment["intended"], name))


def _asked_for(table: pa.Table, only: frozenset[str] | None, notes: list[Note]) -> pa.Table:
    """The forecast of the customers who take part; a note of those who have none.

    Raises InputError `bad-argument` where nobody is left.
    """
    if only is None:
        return table
    found = table.filter(pc.is_in(table["customer_id"], value_set=pa.array(sorted(only), pa.string())))
    if not len(found):
        what = f"none of these {len(only):,} customers has a forecast" if only else "this names no customer"
        remedy = "name customers of the forecast, by the shop's customer_id" + ("" if only else ", or leave it out")
        raise InputError("bad-argument", what, where="--only", remedy=remedy)
    if len(found) < len(only):
        notes.append({"note": "no_forecast", "missing": len(only) - len(found), "asked": len(only)})
    return found


def _forecast_behind(shop: Shop, planned: Mapping[str, Any] | None, run_id: str | None) -> RecordedForecast:
    if planned is None:
        return recorded_forecast(shop, run_id=run_id)
    return recorded_forecast(shop, run_id=planned["asked"]["forecast"], horizon=planned["asked"]["horizon"])


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


def _late(start: datetime, forecast: RecordedForecast) -> list[Note]:
    """A note where outcomes begin so long after the forecast's cutoff that it is of other days than they are."""
    zone = forecast.shop.settings.zone
    span = Horizon.parse(forecast.horizon).after(forecast.cutoff, zone) - forecast.cutoff
    if start - forecast.cutoff <= LATE * span:
        return []
    day = forecast.cutoff.astimezone(zone).date().isoformat()
    days = (start - forecast.cutoff).days
    return [{"note": "late", "days": days, "day": day, "horizon": forecast.horizon}]


def _by_lot(people: pa.Table, arms: Sequence[str], held: int, *, seed: int, of: str) -> pa.Table:
    """Within each stratum customers come in the order of their lots, and are dealt out so that every group gets its
    share of every stratum, to one customer."""
    total = len(people)
    strata = strata_of(people["forecast_spend"].to_numpy(), np.ones(total, bool))
    lot = lots(people["customer_id"].to_pylist(), seed, of=of)
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
            "treatment": pa.array(names, pa.string()).take(pa.array(group)),
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


def contacts_of(campaign: Campaign) -> pa.Table:
    """The campaign's contacts as a file of events that `worth ingest` reads: customer_id, type, date, channel, text."""
    table = campaign.assignment()
    table = table.filter(pc.not_equal(table["treatment"], NONE))
    names = [arm["name"] for arm in campaign.manifest["arms"]]
    channels = pa.array([arm["channel"] or arm["name"] for arm in campaign.manifest["arms"]], pa.string())
    count = len(table)
    return pa.table(
        {
            "customer_id": table["customer_id"],
            "type": pa.array(["campaign"] * count, pa.string()),
            "date": pa.array([campaign.manifest["start_day"]] * count, pa.string()),
            "channel": channels.take(pc.index_in(table["treatment"].combine_chunks(), value_set=pa.array(names))),
            "text": pa.array([campaign.name] * count, pa.string()),
        }
    )


def write_contacts(campaign: Campaign, path: Path) -> None:
    """Write `contacts_of` as Parquet, CSV or JSON lines."""
    write_table(contacts_of(campaign), path)
