"""`backtest`: forecasts made at past cutoffs with what was known then, scored on what came, as a recorded run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.distribution import Forecast
from worthwhile.errors import InputError
from worthwhile.evaluation.scores import evaluate
from worthwhile.evaluation.verdict import Verdict, verdict
from worthwhile.features.build import cutoff_from
from worthwhile.features.snapshot import Snapshot
from worthwhile.features.terms import ValueTerms
from worthwhile.models.catalogue import MODELS
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.files import write_json
from worthwhile.models.protocol import Model
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.choose import check_names, check_tune, make_model
from worthwhile.runs.forecasting import Asked
from worthwhile.runs.gate import Gate, gate
from worthwhile.runs.prepare import Snapshots, default_backtest_cutoffs, progress_of
from worthwhile.runs.record import record
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log
from worthwhile.tasks import Horizon, Task

# What a backtest compares where no models are named: the ensemble, its members, and the heuristics to beat.
DEFAULT_MODELS = ("last-period", "past-rate", *(name for name, kind in MODELS.items() if kind.is_member), "ensemble")

# Target -> the metric by which a model leads.
LEADING_METRIC = {"spend": "crps", "value": "crps", "orders": "orders_crps", "active": "brier", "churn": "brier"}


@dataclass(frozen=True)
class BacktestRun:
    """A recorded backtest: tidy scores and curves over cutoffs and models, and the verdict in words."""

    run_id: str
    folder: Path
    scores: pa.Table
    curves: pa.Table
    verdict: Verdict
    gate: Gate  # at the latest cutoff
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "folder": str(self.folder),
            **self.facts,
            "scores": self.scores.to_pylist(),
            "verdict": self.verdict.to_dict(),
            "gate": self.gate.to_dict(),
        }


def backtest(
    shop: Shop,
    horizon: str | Horizon = "90d",
    *,
    cutoffs: int | Sequence[str | date | datetime] = 4,
    asked: Asked | None = None,
    models: Sequence[str] | None = None,
    tune: int = 0,
    seed: int | None = None,
    progress: Progress = silent,
) -> BacktestRun:
    """Score models at past cutoffs: a number of the latest ones, a horizon apart, or the dates given.

    Raises InputError (`empty-shop`, `not-matured`, `no-history`, `no-such-model`, `bad-argument`).
    """
    asked = asked or Asked()
    names = list(dict.fromkeys(models or DEFAULT_MODELS))
    check_names(names)
    check_tune(tune)
    seed = shop.settings["seed"] if seed is None else seed
    task = asked.task(horizon)
    value = ValueTerms.of(shop.settings) if asked.target == "value" else None
    with open_log(shop) as log:
        moments = _moments(log, task, cutoffs)
        snapshots = Snapshots(log, task, value)
        done: list[_AtCutoff] = []
        for i, moment in enumerate(moments):
            done.append(
                _at_cutoff(
                    snapshots, moment, names, tune=tune, seed=seed, progress=progress_of(progress, i, len(moments))
                )
            )
        facts = {
            "cutoffs": [m.isoformat() for m in moments],
            "horizons": [str(task.horizon)],
            "target": task.target,
            "where": {column: list(values) for column, values in task.where},
            "models": names,
            "tune": tune,
            "seed": seed,
            "data_version": log.version,
        }
    scores = pa.concat_tables([d.scores for d in done])
    curves = pa.concat_tables([d.curves for d in done])
    said = verdict(scores, metric=LEADING_METRIC[task.target], zone=shop.settings.zone)

    def fill(folder: Path) -> None:
        pq.write_table(scores, folder / "scores.parquet", compression="zstd")
        pq.write_table(curves, folder / "curves.parquet", compression="zstd")
        write_json(folder / "verdict.json", said.to_dict())

    results = {
        "gate": done[-1].gate.to_dict(),
        "skipped": {str(m): d.skipped for m, d in zip(moments, done, strict=True)},
    }
    folder = record(shop, "backtest", facts, results, fill)
    progress("done", 1.0)
    return BacktestRun(folder.name, folder, scores, curves, said, done[-1].gate, facts)


def _moments(log: Log, task: Task, cutoffs: int | Sequence[str | date | datetime]) -> list[datetime]:
    if isinstance(cutoffs, int):
        if cutoffs < 1:
            raise InputError(
                "bad-argument", f"{cutoffs} cutoffs make no backtest", where="--cutoffs", remedy="give at least 1"
            )
        return default_backtest_cutoffs(log, task, cutoffs)
    moments = sorted({cutoff_from(c, log.zone) for c in cutoffs})
    for moment in moments:
        if task.horizon.after(moment, log.zone) > log.until:
            latest = task.horizon.before(log.until, log.zone)
            raise InputError(
                "not-matured",
                f"{task.horizon} after {_day(moment, log)} have not passed: the log ends on {_day(log.until, log)}",
                where="--cutoffs",
                remedy=f"take cutoffs up to {_day(latest, log)}",
            )
    return moments


def _day(moment: datetime, log: Log) -> str:
    return f"{moment.astimezone(log.zone):%Y-%m-%d}"


@dataclass(frozen=True)
class _AtCutoff:
    scores: pa.Table
    curves: pa.Table
    gate: Gate
    skipped: dict[str, str]


def _at_cutoff(
    snapshots: Snapshots, cutoff: datetime, names: Sequence[str], *, tune: int, seed: int, progress: Progress
) -> _AtCutoff:
    matured, current = snapshots.before(cutoff, part(progress, 0.0, 0.2))
    found = gate(matured, current)
    outcome = current.outcome
    assert outcome is not None
    skipped: dict[str, str] = {}
    fitted: dict[str, Model] = {}
    tables, drawn = [], []
    # The ensemble first: the members that it fitted are the single models asked for, and need no second fit.
    for done, name in enumerate(sorted(names, key=lambda n: n != "ensemble")):
        progress(name, 0.2 + 0.8 * done / len(names))
        if name in found.lacks:
            skipped[name] = found.lacks[name]
            continue
        model = fitted.get(name)
        if model is None:
            try:
                model = _fitted(name, found, matured, current, tune=tune, seed=seed)
            except InputError as error:  # this history cannot carry it: the table goes on without it, and says so
                skipped[name] = error.what
                continue
        if isinstance(model, Ensemble):
            fitted |= model.fitted
        made: Forecast = model.forecast(current)
        scores, curves = evaluate(made, outcome, horizon=str(snapshots.task.horizon), seed=seed)
        tables.append(scores)
        drawn.append(curves)
    if not tables:
        raise InputError(
            "no-history",
            "no model can be fitted at this cutoff",
            where=f"cutoff {cutoff:%Y-%m-%d}",
            remedy="take later cutoffs",
        )
    return _AtCutoff(pa.concat_tables(tables), pa.concat_tables(drawn), found, skipped)


def _fitted(name: str, found: Gate, matured: Sequence[Snapshot], current: Snapshot, *, tune: int, seed: int) -> Model:
    model, _ = make_model(name, found, matured, current, tune=tune, seed=seed)
    model.fit(matured, current, seed=seed)
    return model
