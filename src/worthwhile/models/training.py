"""Training rows: all matured snapshots stacked, thinned where there are very many, and split forward in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot

Array = np.ndarray[Any, Any]

HALF_LIFE_DAYS = 365.0  # a window whose cutoff lies a year before the latest one's counts half
WINDOW_REACH = 3.0  # size of a window's indicator: a penalty on its coefficient weighs a ninth of that on a feature's
BIG_SHARE = 0.01  # of buyers: those who spend most, always kept when rows are thinned
VALID_SHARE = 0.25  # of customers, where there is no later window to validate on


@dataclass(frozen=True)
class Training:
    """Rows of several snapshots, one under the other. Amounts are in units of the shop's scale."""

    snapshots: tuple[Snapshot, ...]  # not empty, oldest first, thinned
    window: Array  # (N,) int: place in `snapshots`
    weight: Array  # (N,) float64 with mean 1
    amount: Array  # (N,) float64 >= 0, over the scale
    orders: Array  # (N,) float64 >= 0

    def __len__(self) -> int:
        return len(self.window)

    @property
    def active(self) -> Array:  # (N,) bool
        return self.orders > 0

    @property
    def customer_ids(self) -> Array:  # (N,) str objects
        return np.concatenate([s.customer_ids for s in self.snapshots])

    def window_columns(self) -> Array:
        """An indicator of each window (N, W), zero in the mean: it takes up the level of a window (season, promotions).

        Without them a model lays a window's level on the features that tell windows apart, such as tenure, and then
        carries the latest one's level on. A forecast leaves them at zero: the mean level of the windows.
        """
        shares = np.bincount(self.window, self.weight) / self.weight.sum()
        return WINDOW_REACH * (np.eye(len(self.snapshots))[self.window] - shares)

    def matrix(self, of: Callable[[Snapshot], Array]) -> Array:
        """The rows (N, D) that `of` makes of each snapshot, stacked."""
        return np.concatenate([of(s) for s in self.snapshots])


def training_rows(matured: Sequence[Snapshot], *, cap: int, seed: int) -> Training:
    """All rows of the matured snapshots, at most about `cap` of them, with weights that make up for the thinning.

    Buyers are thinned last and the biggest never, since the total hangs on them.
    Raises InputError `no-history` where there is no row, or nobody bought in any horizon.
    """
    kept = [s for s in matured if len(s) and s.outcome is not None]
    if not any(s.outcome is not None and s.outcome.active.any() for s in kept):
        raise InputError(
            "no-history",
            "no customer is seen to buy in any past horizon, so there is nothing to learn from",
            remedy="ask for a shorter horizon, or for in-context, last-period or past-rate",
        )
    assert all(s.names == kept[-1].names for s in kept), "snapshots of one run share their features"
    rng = np.random.default_rng(seed)
    total = sum(len(s) for s in kept)
    thinned, weights = [], []
    for snapshot in kept:
        rows, weight = _thin(snapshot, cap * len(snapshot) / total, rng)
        age = (kept[-1].cutoff - snapshot.cutoff).total_seconds() / 86_400
        thinned.append(snapshot[rows] if len(rows) < len(snapshot) else snapshot)
        weights.append(weight * 0.5 ** (age / HALF_LIFE_DAYS))
    weight = np.concatenate(weights)
    return Training(
        tuple(thinned),
        np.repeat(np.arange(len(thinned)), [len(s) for s in thinned]),
        weight / weight.mean(),
        np.concatenate([np.maximum(s.outcome.amount, 0.0) / s.scale for s in thinned if s.outcome]),
        np.concatenate([s.outcome.orders for s in thinned if s.outcome]).astype(np.float64),
    )


def _thin(snapshot: Snapshot, cap: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows to keep, ascending, and what each stands for (inverse of its chance to be kept)."""
    n = len(snapshot)
    chance = np.ones(n)
    if n > cap:
        assert snapshot.outcome is not None
        active, amount = snapshot.outcome.active, snapshot.outcome.amount
        buyers = int(active.sum())
        room = max(cap / 2, cap - (n - buyers))  # for buyers
        chance[active] = min(1.0, room / max(buyers, 1))
        chance[~active] = min(1.0, max(cap - min(buyers, room), 1.0) / max(n - buyers, 1))
        big = active & (amount >= np.quantile(amount[active], 1 - BIG_SHARE)) if buyers else active
        chance[big] = 1.0
    rows = np.flatnonzero(rng.random(n) < chance)
    return rows, 1 / chance[rows]


def split_forward(training: Training, seed: int) -> tuple[Array, Array]:
    """Rows (N,) bool to fit on and rows to validate on.

    The latest window validates those earlier ones whose horizon had ended by its cutoff, so that no outcome is seen
    from both sides. Without such a window, or without buyers on either side, a random part of the customers does.
    """
    cutoffs, ends = [s.cutoff for s in training.snapshots], [s.end for s in training.snapshots]
    latest = training.window == len(cutoffs) - 1
    past = np.array([end <= cutoffs[-1] for end in ends])[training.window]
    if (latest & training.active).any() and (past & training.active).any():
        return past, latest
    valid = customer_folds(training, round(1 / VALID_SHARE), seed) == 0
    return ~valid, valid


def customer_folds(training: Training, folds: int, seed: int) -> Array:  # (N,) int
    """A random fold for each customer; all rows of a customer are in the same."""
    ids, place = np.unique(training.customer_ids.astype(str), return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(ids)) % folds)[place]
