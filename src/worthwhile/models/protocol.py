"""What every model is: fitted on past snapshots, it answers a snapshot with a Forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from worthwhile.distribution import Forecast, Histogram
from worthwhile.features.snapshot import Snapshot

Array = np.ndarray[Any, Any]


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


@runtime_checkable
class Additive(Protocol):
    """A model whose answer follows from links, each of which is a sum of what single features say: boosted trees.

    N customers, G groups of features, L links.
    """

    def links(self) -> Callable[[Snapshot], Array]:
        """A function from a snapshot to its links (N, L)."""
        ...

    def answer(self, links: Array, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders that follow from links (N, L), on the grid of `scale`."""
        ...

    def contributions(self, snapshot: Snapshot, groups: Array) -> Array:
        """(N, G, L) what each group adds to each link. `groups` (F + 1,): of each feature of the snapshot, and of
        all the vectors that it may bear."""
        ...
