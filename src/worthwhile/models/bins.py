"""Coarse bins of a buyer's amount, which trees and networks learn chances of, and how each lies on the fine grid.

Letters: N customers, B coarse bins, M columns of the amount grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, log_ndtr, logit

from worthwhile.distribution import TAIL_LIMIT, amount_grid

Array = np.ndarray[Any, Any]

BIN_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)  # of buyers, below each edge
BIN_BUYERS = 15  # that a coarse bin has at least
LARGEST_ODDS = 30.0  # log-odds are held within it, up and down
SMOOTH_ROWS = 10.0  # buyers' worth of a smooth law that is mixed into each coarse bin


@dataclass(frozen=True)
class Bins:
    """Coarse bins of a buyer's amount: B - 1 closed ones, each with its shape on the fine grid, and an open one."""

    last: Array  # (B - 1,) int64: the last column of the amount grid in each closed bin
    base: Array  # (B - 1,) log-odds of lying in a bin for those who reach it, beside those of the lines' law
    shape: Array  # (B - 1, M) rows sum to 1

    def bin_of(self, amount: Array) -> Array:  # (N,) int
        """The bin of amounts over the scale."""
        return np.searchsorted(self.last, np.maximum(amount_grid(1.0).column_of(amount), 1), side="left")


def fit_bins(amount: Array, weight: Array) -> Bins:
    """Bins for buyers' amounts over the scale, and their weights, both (N,) with N >= 1."""
    grid = amount_grid(1.0)
    column = np.maximum(grid.column_of(amount), 1)  # free orders stand in the lowest bin
    reached = np.cumsum(np.bincount(column, minlength=grid.columns))
    last: list[int] = []
    for share in BIN_SHARES:
        cut = int(np.searchsorted(reached, share * len(amount), side="left"))
        inside = reached[cut] - (reached[last[-1]] if last else 0)
        if inside >= BIN_BUYERS and len(amount) - reached[cut] >= BIN_BUYERS:
            last.append(cut)
    edges = np.array(last, dtype=np.int64)
    bins = np.searchsorted(edges, column, side="left")
    mass = np.bincount(bins, weight, minlength=len(last) + 1)
    left = np.cumsum(mass[::-1])[::-1]
    base = logit(np.clip(mass[:-1] / left[:-1], 1e-4, 1 - 1e-4))
    shape = np.zeros((len(last), grid.columns))
    for b, final in enumerate(last):
        shape[b] = _shape(column[bins == b], weight[bins == b], last[b - 1] + 1 if b else 1, final)
    return Bins(edges, base, shape)


def _shape(column: Array, weight: Array, first: int, final: int) -> Array:  # (M,)
    """How the buyers of a bin of columns `first` to `final` lie on the fine grid, mixed with a law without holes.

    That law falls off geometrically from the upper edge, with the mean of the buyers: even where they are, and short
    in the lowest bin, which is wide and nearly empty at its lower end.
    """
    steps = final - np.arange(first, final + 1)
    away = np.average(final - column, weights=weight)
    smooth = (away / (1 + away)) ** steps
    shape = np.bincount(column, weight, minlength=amount_grid(1.0).columns).astype(np.float64)
    shape[first : final + 1] += SMOOTH_ROWS * weight.mean() * smooth / smooth.sum()
    return shape / shape.sum()


def log_odds_of_bins(bins: Bins, mu: Array, sigma: float) -> Array:  # (N, B - 1)
    """Log-odds of lying in each bin but the open one, given that it is reached: those of a log-normal law with this
    median exp(mu) (N,) and log-sd, and `bins.base`."""
    edges = np.log(amount_grid(1.0).points[bins.last])
    beyond = log_ndtr((mu[:, None] - edges) / sigma)  # log P(amount > edge)
    step = np.diff(beyond, axis=1, prepend=0.0)  # log P(goes on | reached) < 0
    return np.clip(np.log(np.expm1(np.clip(-step, 1e-6, LARGEST_ODDS))), -LARGEST_ODDS, LARGEST_ODDS) + bins.base


def chances_of_bins(log_odds: Array) -> Array:  # (N, B)
    """P(bin) of customers who buy, from the log-odds of staying in each bin but the open one (N, B - 1)."""
    stop = expit(log_odds)
    go_on = np.cumprod(1 - stop, axis=1)
    reached = np.concatenate([np.ones((len(stop), 1)), go_on], axis=1)
    return np.concatenate([reached[:, :-1] * stop, reached[:, -1:]], axis=1)


def centred(bins: Bins, amount: Array, weight: Array, mu: Array, sigma: float) -> Bins:
    """The bins with `base` moved so that the law around `mu` stops as many buyers in each bin as there are.

    Amounts over the scale, weights and log medians of buyers: (n,).
    """
    law = expit(log_odds_of_bins(replace(bins, base=np.zeros_like(bins.base)), mu, sigma))  # (n, B - 1)
    w = weight[:, None] * (bins.bin_of(amount)[:, None] >= np.arange(len(bins.last)))
    expected = (w * law).sum(axis=0) / w.sum(axis=0)
    return replace(bins, base=bins.base - logit(np.clip(expected, 1e-4, 1 - 1e-4)))


def spread_bins(bins: Bins, chances: Array, mu: Array, sigma: float) -> tuple[Array, Array]:
    """Amounts given active over the fine grid (N, M), and the mean beyond its end (N,) over the scale.

    The mass of a closed bin (`chances` (N, B)) lies as the buyers of the training rows do, that of the open one as the
    tail of the lines' log-normal law, whose median is exp(mu): one shape for all would shrink the largest buyers.
    """
    points = amount_grid(1.0).points
    lowest = int(bins.last[-1]) if len(bins.last) else 0
    with np.errstate(divide="ignore"):
        log_points = np.log(points[lowest:])
    beyond = log_ndtr((mu[:, None] - log_points) / sigma)  # log P(amount > point)
    beyond = np.exp(beyond - beyond[:, :1])  # given that it is in the open bin
    prob = chances[:, :-1] @ bins.shape
    prob[:, lowest + 1 : -1] += chances[:, -1:] * -np.diff(beyond, axis=1)
    prob[:, -1] += chances[:, -1] * beyond[:, -1]
    far = (log_points[-1] - mu) / sigma
    log_tail = mu + sigma**2 / 2 + log_ndtr(sigma - far) - log_ndtr(-far)
    return prob, np.exp(np.clip(log_tail, log_points[-1], log_points[-1] + np.log(TAIL_LIMIT)))
