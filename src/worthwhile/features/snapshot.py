"""A snapshot: all customers at one cutoff, with their features and, once matured, their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np

from worthwhile.features.sequences import Sequences
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Outcome:
    """What happened in the horizon, for each customer of the snapshot, in its order."""

    amount: Array  # (N,) float64 >= 0: spend or value
    orders: Array  # (N,) float64 >= 0: whole numbers

    @property
    def active(self) -> Array:  # (N,) bool
        return self.orders > 0


@dataclass(frozen=True)
class Snapshot:
    """All customers with an order before the cutoff. `outcome` is None until the horizon has passed in the log."""

    task: Task
    cutoff: datetime  # UTC
    end: datetime  # UTC: cutoff + horizon by the shop's calendar
    customer_ids: Array  # (N,) str objects, ascending
    features: Array  # (N, F) float32; NaN where a feature has no value
    names: tuple[str, ...]  # (F,)
    scale: float  # the shop's median order value before the run's cutoff, in its currency
    history_days: float  # from the log's first event to the cutoff
    activity: float = float("nan")  # orders in the horizon for each one before it, once matured (season.py)
    activity_year_before: float = float("nan")  # the same a year before
    discount: float = 1.0  # mean factor by which amounts of the horizon are discounted: below 1 for the target `value`
    outcome: Outcome | None = None
    shorter: tuple[Snapshot, ...] = ()  # matured at shorter horizons, where none of this one has
    zone: tzinfo = UTC  # of the shop
    vectors: Array | None = None  # (N, V) float32: what another model says of each customer, for trees to read
    sequences: Sequences | None = None  # of the whole log: who reads them stops at the cutoff

    def __len__(self) -> int:
        return len(self.customer_ids)

    def __getitem__(self, rows: Any) -> Snapshot:
        outcome = self.outcome and Outcome(self.outcome.amount[rows], self.outcome.orders[rows])
        vectors = None if self.vectors is None else self.vectors[rows]
        ids, features = self.customer_ids[rows], self.features[rows]
        return replace(self, customer_ids=ids, features=features, vectors=vectors, outcome=outcome)

    def unseen(self) -> Snapshot:
        """The snapshot without anything of its horizon: what models are given to forecast.

        Sequences go on; who reads them stops at the cutoff.
        """
        return replace(self, outcome=None, activity=float("nan"))

    @property
    def horizon_days(self) -> float:
        return (self.end - self.cutoff).total_seconds() / 86_400

    @property
    def year_share(self) -> float:
        """Which part of the shop's calendar year had passed at the cutoff, 0 to 1."""
        local = self.cutoff.astimezone(self.zone)
        first, following = (local.replace(year, 1, 1, 0, 0, 0, 0) for year in (local.year, local.year + 1))
        return (local - first) / (following - first)

    def column(self, name: str) -> Array:  # (N,) float64
        return self.features[:, self.names.index(name)].astype(np.float64)

    def columns(self, names: Sequence[str]) -> Array:  # (N, len(names)) float32
        return self.features[:, [self.names.index(name) for name in names]]
