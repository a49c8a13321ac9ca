"""A recorded forecast, taken up again: its table, and the shop as it was asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.models.catalogue import model_class, models_behind
from worthwhile.models.protocol import Model
from worthwhile.runs.asked import shop_as_asked
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.shop import Shop
from worthwhile.tasks import Task


@dataclass(frozen=True)
class RecordedForecast:
    """One horizon of a recorded forecast run, whose files are as they were written."""

    manifest: dict[str, Any]
    folder: Path
    horizon: str  # one of the run's
    shop: Shop  # under the settings that the run was made under

    @property
    def run_id(self) -> str:
        return str(self.manifest["run_id"])

    @property
    def asked(self) -> dict[str, Any]:
        return dict(self.manifest["asked"])

    @property
    def cutoff(self) -> datetime:  # UTC
        return datetime.fromisoformat(self.asked["cutoff"])

    @property
    def task(self) -> Task:
        return Task.of(self.horizon, self.asked["target"], **self.asked["where"])

    @property
    def scale(self) -> float:
        """The shop's median order value that the models' grids rest on, in its currency."""
        return float(self.manifest["scales"][self.asked["horizons"].index(self.horizon)])

    @property
    def categories(self) -> tuple[str, ...]:
        """The main categories that columns of features stand for."""
        return tuple(self.manifest["categories"])

    @property
    def models_behind(self) -> list[str]:
        """The models that answered: of an ensemble its members."""
        place = self.asked["horizons"].index(self.horizon)
        members = self.asked["members"]
        return models_behind([self.asked["model"]], members[place] if members else ())

    def model(self) -> Model:
        """The fitted model. Raises InputError `damaged` where it was erased with a customer, or is of other weights."""
        name = self.asked["model"]
        folder = self.folder / "models" / self.horizon / name
        try:
            return model_class(name).load(folder)
        except FileNotFoundError as error:
            raise InputError(
                "damaged",
                f"the model of this run is gone: `{Path(error.filename).name}` is missing",
                where=str(folder),
                remedy="make the forecast anew",
            ) from error

    def table(self) -> pa.Table:
        """The forecast table (docs/forecast-table.md) of this horizon, customers ascending."""
        table = pq.read_table(self.folder / "forecasts.parquet")
        return table.filter(pc.equal(table["horizon"], self.horizon))


def forecast_manifest(shop: Shop, run_id: str | None = None, horizon: str | None = None) -> dict[str, Any]:
    """The manifest of the forecast run asked for: by default the latest that has the horizon, else the latest.

    A forecast that was made only to compare another one with (`made_for` in its manifest) is given by its id, and
    else only where there is no other. Raises InputError `no-such-run`.
    """
    runs = [m for m in list_runs(shop, "forecast") if run_id in (None, m["run_id"])]
    runs.sort(key=lambda m: "made_for" in m)  # stable: newest first stays
    if not runs:
        what = (
            "nothing has been forecast in this shop yet" if run_id is None else f"there is no forecast run `{run_id}`"
        )
        raise InputError(
            "no-such-run", what, where=str(shop.folder), remedy="make a forecast: worth forecast SHOP --horizon 90d"
        )
    return next((run for run in runs if horizon in run["asked"]["horizons"]), runs[0])


def recorded_forecast(shop: Shop, *, run_id: str | None = None, horizon: str | None = None) -> RecordedForecast:
    """A recorded forecast: by default the latest that has the horizon, and of its horizons the shortest.

    Raises InputError: `no-such-run`; `bad-argument` for a horizon that the run has not; `damaged` where a file of the
    run is missing or was changed.
    """
    manifest = forecast_manifest(shop, run_id, horizon)
    folder = run_folder(shop, manifest["run_id"])
    check_digests(folder)
    asked = manifest["asked"]
    chosen = horizon or asked["horizons"][0]
    check_horizon(manifest, chosen)
    return RecordedForecast(manifest, folder, chosen, shop_as_asked(shop, asked))


def check_horizon(manifest: dict[str, Any], horizon: str) -> None:
    """Raises InputError `bad-argument` where the run has no such horizon."""
    horizons = manifest["asked"]["horizons"]
    if horizon not in horizons:
        raise InputError(
            "bad-argument",
            f"the run `{manifest['run_id']}` has no horizon {horizon}",
            where="--horizon",
            remedy=f"its horizons are {', '.join(horizons)}",
        )
