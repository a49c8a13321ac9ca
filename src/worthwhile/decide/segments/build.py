"""`make_segments`: the customers of a recorded forecast in groups that can be addressed, as a recorded run."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.decide.segments.aipl import aipl_of
from worthwhile.decide.segments.clusters import Clustering, cluster_customers
from worthwhile.decide.segments.customers import Customers, customers_at, prospects_at
from worthwhile.decide.segments.evidence import StageEvidence, stage_evidence
from worthwhile.decide.segments.history import SecondOrders, Silence, make_orders, second_orders, silences
from worthwhile.decide.segments.past import earlier_forecast
from worthwhile.decide.segments.recorded import Segments, movement_warnings
from worthwhile.decide.segments.rfm import LEVELS, Rfm, rfm_of
from worthwhile.decide.segments.stages import stages_of
from worthwhile.decide.segments.tables import (
    Everyone,
    everyone_of,
    flow_table,
    segments_table,
    summary_table,
)
from worthwhile.decide.segments.thresholds import Thresholds
from worthwhile.decide.segments.tiers import tiers_of
from worthwhile.features.terms import ValueTerms
from worthwhile.models.files import write_json
from worthwhile.models.threads import one_thread_each
from worthwhile.plain import plain
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.choose import fitting_of
from worthwhile.runs.recall import RecordedForecast, recorded_forecast
from worthwhile.runs.record import record
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log

Array = np.ndarray[Any, Any]


def make_segments(
    shop: Shop,
    *,
    run_id: str | None = None,
    horizon: str | None = None,
    since: str | date | datetime | None = None,
    from_run: str | None = None,
    past: bool = True,
    seed: int | None = None,
    progress: Progress = silent,
) -> Segments:
    """Put everyone whom a recorded forecast knows into segments, and record them as a run of kind `segments`.

    The forecast is `run_id`, by default the latest that has the `horizon`. Movement and evidence come from an earlier
    forecast of the same question: `from_run`, or one as of the day `since`, by default one horizon before; it is taken
    from the runs, or made and recorded. Without `past` there are none. The thresholds are the settings `segments.*`.
    Raises InputError: `no-such-run`; `bad-argument` for a horizon that the run has not, or an earlier forecast that is
    not earlier or asks another question; `no-history` where nobody had ordered by `since`; `bad-setting`.
    """
    progress("reading the forecast", 0.0)
    at = Thresholds.of(shop.settings)
    forecast = recorded_forecast(shop, run_id=run_id, horizon=horizon)
    seed = fitting_of(shop.settings, seed=seed, tune=0, fine_tune=False).seed
    earlier, why = (None, "past_unasked")
    if past:
        earlier, why = earlier_forecast(shop, forecast, since=since, from_run=from_run, progress=part(progress, 0, 0.8))
    with ExitStack() as opened:
        opened.enter_context(one_thread_each())
        log = opened.enter_context(open_log(forecast.shop, versions=forecast.asked["data_version"]))
        made = _made(log, forecast, at, seed, part(progress, 0.8, 0.92))
        before = _before(log, forecast, earlier, made, part(progress, 0.92, 0.99))
    facts = plain(_facts(made, before, why))
    asked = _asked(forecast, earlier, made.at, seed)
    tables = {
        "segments": segments_table(
            made.customers, made.everyone, tier=made.tier, rfm=made.rfm, clusters=made.clusters, aipl=made.aipl
        )
    }
    tables["summary"] = summary_table(tables["segments"])
    if before is not None:
        tables["flow"] = before.flow

    def fill(folder: Path, run_id: str) -> None:
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        write_json(folder / "segments.json", facts)

    results = {"past": why or "known", "warnings": movement_warnings(asked, facts, "en")}
    folder = record(shop, "segments", asked, results, fill)
    progress("done", 1.0)
    return Segments(folder.name, folder, asked, facts)


@dataclass(frozen=True)
class _Made:
    """Everything about the date of the forecast."""

    customers: Customers
    everyone: Everyone
    at: Thresholds
    tier: Array
    rfm: Rfm
    aipl: Array | None
    clusters: Clustering
    second: SecondOrders
    silences: tuple[Silence, ...]
    day: date  # of the cutoff, in the shop's time zone


@dataclass(frozen=True)
class _Before:
    """What an earlier date adds: movement since, and what those of each stage then did."""

    flow: pa.Table
    start: date
    end: date  # the first day after its horizon
    stages: tuple[StageEvidence, ...]  # empty where the horizon had not passed by the cutoff


def _made(log: Log, forecast: RecordedForecast, at: Thresholds, seed: int, progress: Progress) -> _Made:
    progress("what the customers did", 0.0)
    customers = customers_at(log, forecast)
    make_orders(log, forecast.task, forecast.cutoff)
    second = second_orders(log, forecast.cutoff)
    at = replace(at, new_days=at.new_days or second.new_days)
    everyone = everyone_of(customers, stages_of(customers, at), prospects_at(log, forecast.cutoff))
    progress("groups in the data", 0.5)
    return _Made(
        customers,
        everyone,
        at,
        tier=tiers_of(customers.spend_mean, at.tiers),
        rfm=rfm_of(customers),
        aipl=aipl_of(log, forecast.cutoff, everyone.ids, days=at.aipl_days),
        clusters=cluster_customers(customers, seed=seed),
        second=second,
        silences=tuple(silences(log, forecast.task, forecast.cutoff)),
        day=forecast.cutoff.astimezone(log.zone).date(),
    )


def _before(
    log: Log, forecast: RecordedForecast, earlier: RecordedForecast | None, made: _Made, progress: Progress
) -> _Before | None:
    """Movement from the earlier date, and what then happened where its horizon had passed by the cutoff."""
    if earlier is None:
        return None
    progress("where customers stood then", 0.0)
    with open_log(earlier.shop, versions=earlier.asked["data_version"]) as log_then:
        customers = customers_at(log_then, earlier)
        then = everyone_of(customers, stages_of(customers, made.at), prospects_at(log_then, earlier.cutoff))
    task = forecast.task
    value = ValueTerms.of(forecast.shop.settings) if task.target == "value" else None
    end = customers.snapshot.end
    watched: tuple[StageEvidence, ...] = ()
    if end <= forecast.cutoff:
        everyone = {"ids": then.ids, "stage": then.stage}
        watched = stage_evidence(log, everyone, past=customers, task=task, value=value)
    start, last = (moment.astimezone(log.zone).date() for moment in (earlier.cutoff, end))
    return _Before(flow_table(then, made.everyone), start, last, watched)


# ---- what is kept of it ---------------------------------------------------------------------------------------------


def _asked(forecast: RecordedForecast, earlier: RecordedForecast | None, at: Thresholds, seed: int) -> dict[str, Any]:
    """What the run's id hangs on."""
    asked = forecast.asked
    return {
        "forecast_run": forecast.run_id,
        "from_run": earlier.run_id if earlier else None,
        "cutoff": asked["cutoff"],
        "from_cutoff": earlier.asked["cutoff"] if earlier else None,
        "from_model": earlier.asked["model"] if earlier else None,
        "from_members": earlier.models_behind if earlier else [],
        "horizons": [forecast.horizon],
        "model": asked["model"],
        "members": forecast.models_behind,
        "target": asked["target"],
        "where": asked["where"],
        "thresholds": at.to_dict(),
        "seed": seed,
        "settings": asked["settings"],
        "data_version": asked["data_version"],
    }


def _facts(made: _Made, before: _Before | None, why: str) -> dict[str, Any]:
    """What `segments.json` holds beside the tables; no customer is named in it."""
    rhythm, rfm = made.customers.rhythm, made.rfm
    return {
        "people": len(made.everyone.ids),
        "customers": len(made.customers),
        "day": made.day.isoformat(),
        "rhythm": {"typical_gap": rhythm.typical_gap, "level": rhythm.level, "in_rhythm": rhythm.in_rhythm},
        "has_aipl": made.aipl is not None,
        "rfm": {
            "used": {name: rfm.used(name) for name in ("recency", "frequency", "monetary")},
            "shared": rfm.shared,
            "grid": _grid(made.customers, rfm),
        },
        "clusters": {
            "is_stable": made.clusters.is_stable,
            "tried": [{"count": count, **asdict(one)} for count, one in made.clusters.tried.items()],
            "overall": made.clusters.overall,
            "clusters": [{**asdict(one), "traits": one.traits} for one in made.clusters.clusters],
        },
        "past": None if before is None else {"start": before.start.isoformat(), "end": before.end.isoformat()},
        "no_past": why,
        "stages": [{**asdict(one), "share": one.share} for one in (before.stages if before else ())],
        "second_orders": asdict(made.second),
        "silences": [asdict(one) for one in made.silences],
    }


def _grid(customers: Customers, rfm: Rfm) -> list[dict[str, Any]]:
    """Customers and expected spend of each pair of recency and frequency that somebody has."""
    cell = rfm.recency * (LEVELS + 1) + rfm.frequency
    found = []
    for code in np.unique(cell[cell > 0]):
        own = cell == code
        found.append(
            {
                "recency": int(code) // (LEVELS + 1),
                "frequency": int(code) % (LEVELS + 1),
                "customers": int(own.sum()),
                "spend": float(customers.spend_mean[own].sum()),
            }
        )
    return found


__all__ = ["make_segments"]
