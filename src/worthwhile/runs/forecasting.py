"""`forecast`: the distribution of every customer's target over one horizon or several, as a recorded run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.distribution import Forecast, agree_over_horizons
from worthwhile.features.build import main_categories
from worthwhile.features.terms import ValueTerms
from worthwhile.models.catalogue import models_behind
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.files import write_json
from worthwhile.models.protocol import Model
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.asked import Asked, by_end, facts_of, forecast_cutoff
from worthwhile.runs.choose import Fitting, Tuning, check_fine_tuning, check_names, fitting_of, make_model
from worthwhile.runs.event_training import event_training
from worthwhile.runs.gate import Gate, gate, models_made
from worthwhile.runs.lonely_end import lonely_end
from worthwhile.runs.prepare import Snapshots, after_sequences, progress_of, sequences_of
from worthwhile.runs.pretrained import pretrained_in
from worthwhile.runs.record import record
from worthwhile.runs.tables import check_out, write_table
from worthwhile.shop import Shop
from worthwhile.store.log import open_log
from worthwhile.tasks import Horizon


@dataclass(frozen=True)
class ForecastRun:
    """A recorded forecast: one `Forecast` for each horizon, shortest first."""

    run_id: str
    folder: Path
    forecasts: list[Forecast]
    gate: Gate  # of the longest horizon
    tuning: dict[str, Tuning] = field(default_factory=dict)  # by horizon
    facts: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        horizons = ", ".join(f.horizon for f in self.forecasts)
        return f"ForecastRun({self.run_id!r}, {len(self.forecasts[0]):,} customers, {horizons})"

    def table(self) -> pa.Table:
        """The forecast table (docs/forecast-table.md): all horizons one below the other."""
        return pa.concat_tables([forecast.table(self.run_id) for forecast in self.forecasts])

    def write(self, path: Path | str) -> Path:
        """Write the forecast table as Parquet, CSV or JSON lines, by the suffix. Raises InputError `bad-argument`."""
        path = check_out(path)
        write_table(self.table(), path)
        return path

    def to_dict(self) -> dict[str, Any]:
        totals = [
            {
                "horizon": f.horizon,
                "customers": len(f),
                f"{f.amount_name}_total": float(f.amount.mean().sum()),
                "orders_total": float(f.orders.mean().sum()),
                "active_total": float(f.p_active.sum()),
            }
            for f in self.forecasts
        ]
        return {
            "run_id": self.run_id,
            "folder": str(self.folder),
            **self.facts,
            "totals": totals,
            "gate": self.gate.to_dict(),
            "tuning": {horizon: tuning.to_dict() for horizon, tuning in self.tuning.items()},
        }


def forecast(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    horizon: str | Horizon | Sequence[str | Horizon] = "90d",
    *,
    cutoff: str | date | datetime | None = None,
    asked: Asked | None = None,
    model: str | None = None,
    tune: int = 0,
    fine_tune: bool = False,
    seed: int | None = None,
    progress: Progress = silent,
) -> ForecastRun:
    """Forecast every customer who ordered before `cutoff` (default: the end of the log) over one horizon or several.

    Without `model` the gate and the ensemble decide; a model asked for by name answers even where the gate thinks
    little of it, which the gate's sentences then say. `fine_tune` lets the pretrained network learn in the shop's past
    windows where that helps, which the sentences say too. Several horizons are made to agree: P(active) and the mean
    never fall as the horizon grows. Of horizons that end at the same moment (`7d`, `1w`) the first by name is kept.
    Raises InputError (`empty-shop`, `no-history`, `no-such-model`, `bad-argument`).
    """
    asked = asked or Asked()
    check_names([model] if model else [])
    if fine_tune:
        check_fine_tuning([model] if model else [])
    names = [model or "ensemble"]
    fitting = fitting_of(shop.settings, seed=seed, tune=tune, fine_tune=fine_tune)
    tasks = asked.tasks(horizon)
    value = ValueTerms.of(shop.settings) if asked.target == "value" else None
    with open_log(shop) as log, one_thread_each():
        moment = forecast_cutoff(cutoff, log)
        tasks = by_end(tasks, moment, log)
        members = fitting.membership(log, moment).members
        events = event_training(shop, names, members)
        fitting = replace(fitting, events=events)
        with sequences_of(log, shop, models_behind(names, members), progress) as (sequences, contents):
            rest = after_sequences(progress, sequences)
            made = [
                _forecast_one(
                    Snapshots(log, task, value, sequences=sequences, contents=contents),
                    moment,
                    model,
                    fitting,
                    progress_of(rest, i, len(tasks)),
                )
                for i, task in enumerate(tasks)
            ]
        gates = [one.gate for one in made]
        behind = models_made(names, gates)
        facts = {
            "cutoff": moment.isoformat(),
            "horizons": [str(t.horizon) for t in tasks],
            "model": names[0],
            "members": [] if model else [list(found.members) for found in gates],
            "tune": fitting.tune,
            "fine_tune": fitting.fine_tune,
            "seed": fitting.seed,
            **facts_of(shop, log, tasks[0], behind),
            **events.facts_for(names, behind),
        }
    run = _recorded(shop, facts, made)
    events.checkpoints.drop()
    progress("done", 1.0)
    return run


@dataclass(frozen=True)
class _Made:
    model: Model
    forecast: Forecast
    gate: Gate
    tuning: Tuning
    scale: float  # of the snapshot
    categories: tuple[str, ...]  # the main ones that its columns stand for


def _recorded(shop: Shop, facts: dict[str, Any], made: Sequence[_Made]) -> ForecastRun:
    forecasts = agree_over_horizons([m.forecast for m in made])
    tuning = {m.forecast.horizon: m.tuning for m in made}

    def fill(folder: Path, run_id: str) -> None:
        table = ForecastRun(run_id, folder, forecasts, made[-1].gate).table()
        pq.write_table(table, folder / "forecasts.parquet", compression="zstd")
        for one in made:
            one.model.save(folder / "models" / one.forecast.horizon / one.model.name)
        write_json(folder / "amount_histogram.json", [_mean_histogram(f) for f in forecasts])

    results = {
        "gate": made[-1].gate.to_dict(),
        "tuning": {horizon: tuned.to_dict() for horizon, tuned in tuning.items()},
        "ensembles": [_ensemble_facts(m.model) for m in made],
        "scales": [m.scale for m in made],
        "categories": list(made[-1].categories),
    }
    folder = record(shop, "forecast", facts, results, fill)
    return ForecastRun(folder.name, folder, forecasts, made[-1].gate, tuning, facts)


def _forecast_one(
    snapshots: Snapshots, cutoff: datetime, name: str | None, fitting: Fitting, progress: Progress
) -> _Made:
    matured, current = snapshots.before(cutoff, part(progress, 0.0, 0.4))
    current = current.unseen()
    membership = fitting.membership(snapshots.log, cutoff)
    found = gate(matured, current, named=[name] if name else [], membership=membership)
    progress("fit", 0.4)
    model, tuning = make_model(name or "ensemble", found, matured, current, fitting, progress=part(progress, 0.4, 0.9))
    model.fit(matured, current, seed=fitting.seed)
    progress("forecast", 0.9)
    said = pretrained_in(model, fine_tune=fitting.fine_tune)
    found = replace(found, pretrained=said, lonely_end=lonely_end(snapshots.log, cutoff))
    categories = main_categories(snapshots.log, cutoff)
    return _Made(model, model.forecast(current), found, tuning, current.scale, categories)


def _ensemble_facts(model: Model) -> dict[str, Any] | None:
    if not isinstance(model, Ensemble):
        return None
    return {
        "weights": model.weights,
        "level_factor": model.level,
        "season_factor": model.season,
        "left_out": model.left_out,
    }


def _mean_histogram(forecast: Forecast) -> dict[str, Any]:
    grid = forecast.amount.grid
    return {
        "horizon": forecast.horizon,
        "points": grid.points.tolist(),
        "prob_mean": forecast.amount.prob.mean(axis=0).astype(float).tolist(),
        "variance_of_total": float(forecast.amount.variance().sum()),
    }
