"""`forecast`: the distribution of every customer's target over one horizon or several, as a recorded run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from worthwhile.distribution import Forecast, agree_over_horizons
from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from
from worthwhile.features.terms import ValueTerms
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.files import write_json
from worthwhile.models.protocol import Model
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.choose import check_names, check_tune, make_model
from worthwhile.runs.gate import Gate, gate
from worthwhile.runs.prepare import Snapshots, progress_of
from worthwhile.runs.record import record
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log
from worthwhile.tasks import Horizon, Task


@dataclass(frozen=True)
class Asked:
    """What a run asks beside its horizon: the same for forecasts and backtests."""

    target: str = "spend"
    category: str | Sequence[str] | None = None
    channel: str | Sequence[str] | None = None
    item_id: str | Sequence[str] | None = None

    def task(self, horizon: str | Horizon) -> Task:
        where = {"category": self.category, "channel": self.channel, "item_id": self.item_id}
        return Task.of(
            horizon, self.target, **{k: list([v] if isinstance(v, str) else v) for k, v in where.items() if v}
        )


@dataclass(frozen=True)
class ForecastRun:
    """A recorded forecast: one `Forecast` for each horizon, shortest first."""

    run_id: str
    folder: Path
    forecasts: list[Forecast]
    gate: Gate
    facts: dict[str, Any] = field(default_factory=dict)

    def table(self) -> pa.Table:
        """The forecast table (docs/forecast-table.md): all horizons one below the other."""
        return pa.concat_tables([forecast.table(self.run_id) for forecast in self.forecasts])

    def write(self, path: Path | str) -> Path:
        """Write the forecast table as Parquet or CSV, by the suffix. Raises InputError `bad-argument`."""
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
        }


def forecast(
    shop: Shop,
    horizon: str | Horizon | Sequence[str | Horizon] = "90d",
    *,
    cutoff: str | date | datetime | None = None,
    asked: Asked | None = None,
    model: str | None = None,
    tune: int = 0,
    seed: int | None = None,
    progress: Progress = silent,
) -> ForecastRun:
    """Forecast every customer who ordered before `cutoff` (default: the end of the log) over one horizon or several.

    Without `model` the gate and the ensemble decide. Several horizons are made to agree: P(active) and the mean never
    fall as the horizon grows.
    Raises InputError (`empty-shop`, `no-history`, `no-such-model`, `bad-argument`).
    """
    asked = asked or Asked()
    check_names([model] if model else [])
    check_tune(tune)
    seed = shop.settings["seed"] if seed is None else seed
    horizons = [horizon] if isinstance(horizon, str | Horizon) else list(horizon)
    tasks = sorted({asked.task(h) for h in horizons}, key=lambda t: t.horizon.nominal_days)
    value = ValueTerms.of(shop.settings) if asked.target == "value" else None
    with open_log(shop) as log:
        moment = log.until if cutoff is None else cutoff_from(cutoff, log.zone)
        made = [
            _forecast_one(
                Snapshots(log, task, value),
                moment,
                model or "ensemble",
                tune=tune,
                seed=seed,
                progress=progress_of(progress, i, len(tasks)),
            )
            for i, task in enumerate(tasks)
        ]
        facts = _facts(log, moment, tasks, model or "ensemble", tune, seed)
    forecasts = agree_over_horizons([m.forecast for m in made])
    names = [m.model.name for m in made]
    facts["models"] = names

    def fill(folder: Path) -> None:
        run = ForecastRun(folder.name.lstrip("."), folder, forecasts, made[-1].gate)
        pq.write_table(run.table(), folder / "forecasts.parquet", compression="zstd")
        for one in made:
            one.model.save(folder / "models" / str(one.forecast.horizon) / one.model.name)
        write_json(folder / "amount_histogram.json", [_mean_histogram(f) for f in forecasts])

    results = {
        "gate": made[-1].gate.to_dict(),
        "tuned": [m.params for m in made],
        "ensembles": [_ensemble_facts(m.model) for m in made],
    }
    folder = record(shop, "forecast", facts, results, fill)
    run = ForecastRun(folder.name, folder, forecasts, made[-1].gate, facts)
    progress("done", 1.0)
    return run


@dataclass(frozen=True)
class _Made:
    model: Model
    forecast: Forecast
    gate: Gate
    params: dict[str, Any]


def _forecast_one(
    snapshots: Snapshots, cutoff: datetime, name: str, *, tune: int, seed: int, progress: Progress
) -> _Made:
    matured, current = snapshots.before(cutoff, part(progress, 0.0, 0.4))
    verdict = gate(matured, current)
    progress("fit", 0.4)
    model, params = make_model(name, verdict, matured, current, tune=tune, seed=seed)
    model.fit(matured, current, seed=seed)
    progress("forecast", 0.9)
    return _Made(model, model.forecast(current), verdict, params)


def _facts(log: Log, cutoff: datetime, tasks: Sequence[Task], model: str, tune: int, seed: int) -> dict[str, Any]:
    return {
        "cutoff": cutoff.isoformat(),
        "horizons": [str(t.horizon) for t in tasks],
        "target": tasks[0].target,
        "where": {column: list(values) for column, values in tasks[0].where},
        "model": model,
        "tune": tune,
        "seed": seed,
        "data_version": log.version,
    }


def _ensemble_facts(model: Model) -> dict[str, Any] | None:
    if not isinstance(model, Ensemble):
        return None
    return {
        "weights": model.weights,
        "level_factor": model.level,
        "left_out": model.left_out,
    }


def _mean_histogram(forecast: Forecast) -> dict[str, Any]:
    grid = forecast.amount.grid
    return {
        "horizon": forecast.horizon,
        "points": grid.points.tolist(),
        "prob_mean": forecast.amount.prob.mean(axis=0).astype(float).tolist(),
    }


def check_out(out: Path | str) -> Path:
    """The path that a table can be written to. Raises InputError `bad-argument` before any work is done."""
    path = Path(out)
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise InputError(
            "bad-argument",
            f"`{path.name}` is neither .parquet nor .csv",
            where="--out",
            remedy="end the name in .parquet or .csv",
        )
    if not path.absolute().parent.is_dir():
        raise InputError(
            "bad-argument",
            f"the folder `{path.parent}` does not exist",
            where="--out",
            remedy="make it, or name another",
        )
    return path


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet or CSV, by the suffix; a file of that name is replaced only once the new one is whole."""
    temporary = path.with_name(path.name + ".new")
    if path.suffix.lower() == ".parquet":
        pq.write_table(table, temporary, compression="zstd")
    else:
        pacsv.write_csv(safe_for_spreadsheets(table), temporary)
    temporary.replace(path)


def safe_for_spreadsheets(table: pa.Table) -> pa.Table:
    """Texts that a spreadsheet would take for a formula get a leading apostrophe."""
    for i, field_ in enumerate(table.schema):
        if pa.types.is_string(field_.type):
            texts = [f"'{t}" if t and t[0] in "=+-@\t\r" else t for t in table.column(i).to_pylist()]
            table = table.set_column(i, field_, pa.array(texts, pa.string()))
    return table
