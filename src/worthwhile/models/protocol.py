"""What every model is: fitted on past snapshots, it answers a snapshot with a Forecast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from worthwhile.distribution import Forecast
from worthwhile.features.snapshot import Snapshot


class Model(Protocol):
    """A forecasting model. Instances are made by name from `models.catalogue.MODELS`."""

    name: str

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Learn from `matured` snapshots (with outcomes; oldest first; may be empty where the model needs none)
        and from the features of `current`, the snapshot to be asked about, whose outcome is not looked at.

        Raises InputError `no-history` where the model cannot be fitted on so little.
        """
        ...

    def forecast(self, snapshot: Snapshot) -> Forecast:
        """The distribution for each customer of the snapshot, on the grid of `snapshot.scale`."""
        ...

    def save(self, folder: Path) -> None:
        """Write what was learned into `folder`: safetensors, LightGBM text and JSON; never pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; its forecasts are equal."""
        ...
