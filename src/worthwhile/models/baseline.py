"""Where the trees start: a plain linear model of buying, amount and orders, which they then correct.

Trees are flat beyond what they have seen and shrink what is rare; on Online Retail II trees alone forecast the
largest buyer at a third of what they spent. Lines on the log scale carry on, and know each window's level. So the
boosters take the lines' answers as their initial scores and learn only what lines cannot tell.

Letters: N customers or rows, D columns of the standardised matrix, W matured windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.calibrate import log_amount
from worthwhile.models.lines import Line, fit_within_windows, least_squares, logistic
from worthwhile.models.preprocess import Standardizer, standardizer_of
from worthwhile.models.training import Training

Array = np.ndarray[Any, Any]

PENALTY = 10.0
ROWS = 60_000  # that the lines are fitted on
LEAST_MORE = 0.05  # orders of a buyer beyond the first
LARGEST = 20.0  # of log-odds and log means


@dataclass(frozen=True)
class Guess:
    """What the lines say of each customer (N,): a start for boosters, each on its link's scale."""

    odds: Array  # log-odds of buying
    amount: Array  # log amount, over the scale, given buying: its median
    more: Array  # log of the orders beyond the first, given buying


@dataclass(frozen=True)
class Baseline:
    standard: Standardizer
    odds: Line
    amount: Line
    orders: Line
    level: float  # added to `more`, so that the orders of the training rows add up
    sigma: float  # log-sd of amounts around `amount`

    def read(self, snapshot: Snapshot) -> Guess:
        """At the mean level of the training windows."""
        return self.guess_of(self.lines(snapshot))

    def lines(self, snapshot: Snapshot) -> Array:
        """(N, 3) log-odds of buying, log amount and log orders given buying, as the lines give them."""
        return _answers(self.standard, (self.odds, self.amount, self.orders), snapshot)

    def guess_of(self, lines: Array) -> Guess:
        """What follows from `lines` (N, 3)."""
        odds, amount, orders = lines.T
        return _guess(odds, amount, _log_more(orders) + self.level)

    def contributions(self, snapshot: Snapshot, group_of: Mapping[str, int], count: int) -> Array:
        """(N, count, 3) what the features of each group add to each of `lines`, against features at their mean."""
        matrix = self.standard.apply(snapshot).astype(np.float64)  # (N, D)
        groups = [group_of[name.removesuffix("_missing")] for name in self.standard.columns]
        belongs = np.eye(count)[groups]  # (D, G)
        lines = (self.odds, self.amount, self.orders)
        return np.stack([matrix @ (line.weights[:, None] * belongs) for line in lines], axis=2)

    def to_arrays(self) -> dict[str, Array]:
        arrays = self.standard.to_arrays("base.standard.") | {"base.more": np.array([self.level, self.sigma])}
        return (
            arrays
            | self.odds.to_arrays("base.odds.")
            | self.amount.to_arrays("base.amount.")
            | self.orders.to_arrays("base.orders.")
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Baseline:
        level, sigma = (float(value) for value in arrays["base.more"])
        odds, amount, orders = (Line.from_arrays(arrays, f"base.{part}.") for part in ("odds", "amount", "orders"))
        return cls(Standardizer.from_arrays(arrays, "base.standard."), odds, amount, orders, level, sigma)


def _log_more(log_orders: Array) -> Array:
    return np.log(np.maximum(np.expm1(np.clip(log_orders, 0.0, LARGEST)), LEAST_MORE))


def fit_baseline(matured: Sequence[Snapshot], training: Training, seed: int) -> tuple[Baseline, Guess]:
    """The lines, and what they say of the training rows of `matured` with the level of each row's own window."""
    standard = standardizer_of(matured)
    windows = training.window_columns()
    chosen = _sample(training, seed)
    buyers = chosen[training.active[chosen]]
    matrix = _rows(training, standard, chosen)
    bought = training.active[chosen]
    ridge = partial(least_squares, penalty=PENALTY, l1_ratio=0.0)
    separate = partial(logistic, penalty=PENALTY, l1_ratio=0.0)
    weight = training.weight
    odds = fit_within_windows(separate, matrix, bought, weight[chosen], windows[chosen])
    logs = [log_amount(training.amount[buyers]), np.log(training.orders[buyers])]
    amount, orders = (fit_within_windows(ridge, matrix[bought], t, weight[buyers], windows[buyers]) for t in logs)
    residual = logs[0] - amount.answers
    sigma = float(np.sqrt(np.average(residual**2, weights=weight[buyers])))
    start = np.exp(_log_more(orders.answers))
    w = weight[buyers]
    level = np.log(max(np.sum(w * (training.orders[buyers] - 1)), LEAST_MORE) / np.sum(w * start))
    baseline = Baseline(standard, odds.line, amount.line, orders.line, float(level), max(sigma, 0.05))
    lines = [part.line for part in (odds, amount, orders)]
    said = training.matrix(lambda s: _answers(standard, lines, s))  # (N, 3)
    said += windows @ np.stack([part.levels for part in (odds, amount, orders)], axis=1)
    return baseline, _guess(said[:, 0], said[:, 1], _log_more(said[:, 2]) + baseline.level)


def _answers(standard: Standardizer, lines: Sequence[Line], snapshot: Snapshot) -> Array:  # (n, number of lines)
    matrix = standard.apply(snapshot)
    return np.stack([line(matrix) for line in lines], axis=1)


def _guess(odds: Array, amount: Array, more: Array) -> Guess:
    return Guess(*(np.clip(part, -LARGEST, LARGEST) for part in (odds, amount, more)))


def _sample(training: Training, seed: int) -> Array:  # places of rows, ascending
    if len(training) <= ROWS:
        return np.arange(len(training))
    return np.sort(np.random.default_rng(seed).choice(len(training), ROWS, replace=False))


def _rows(training: Training, standard: Standardizer, chosen: Array) -> Array:  # (n, D) float64
    parts = []
    for place, snapshot in enumerate(training.snapshots):
        first = int(np.searchsorted(training.window, place))
        here = chosen[training.window[chosen] == place] - first
        parts.append(standard.apply(snapshot[here]).astype(np.float64))
    return np.concatenate(parts)
