"""The predictive distribution: a histogram over fixed bins for each entity. numpy and scipy only.

Amounts have an atom at zero, then bins equal in log(amount / scale), spread evenly within each bin, and an open end
with a Pareto tail whose mean each entity carries. Counts have a mass point at each whole number, further up at points
about 10 % apart. Mean, quantiles, CRPS, pooling and recalibration then follow once for every model.

Letters: N entities, M columns of probabilities, K inner bins (M = K + 2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import log_ndtr, ndtr

Array = np.ndarray[Any, Any]

LOG_STEP = 0.125  # of amount bins: 13 % wide, so that a mean read off the midpoints is right to 0.3 %
LOG_LOW, LOG_HIGH = -4.0, 8.0  # in log(amount / scale): from 2 % of a median order to 3,000 of them
# By how much spreading a smooth law evenly within each bin raises its mean: a bin's middle is cosh(LOG_STEP / 2) times
# its middle on the log scale, which is sinh(LOG_STEP / 2) / (LOG_STEP / 2) times the law on average.
EVEN_BINS = np.sinh(LOG_STEP) / LOG_STEP
TAIL_LIMIT = 20.0  # a tail's mean is at most this many times the last edge; a Pareto law of index 1.05
CHUNK_ROWS = 16_384  # entities read at once: in double precision their rows take 13 MB, a million's 0.8 GB


@dataclass(frozen=True)
class Grid:
    """The bins. `points` are edges for amounts (points[0] = 0) and mass points for counts (points[0] = 0).

    Columns of a histogram: 0 is the atom at zero; then K inner bins; the last is the open end.
    """

    points: Array  # amounts: (K + 1,) edges; counts: (K + 2,) mass points, the last standing for all beyond it
    discrete: bool

    @property
    def columns(self) -> int:
        return len(self.points) if self.discrete else len(self.points) + 1

    @property
    def centers(self) -> Array:  # (M,)
        """Each column's mean; the open end's is its lower bound, to be replaced by the entity's tail mean."""
        if self.discrete:
            return self.points
        return np.concatenate([[0.0], (self.points[1:] + self.points[:-1]) / 2, [self.points[-1]]])

    @property
    def scale(self) -> float:
        """The amount that the grid was made for; 1 for counts."""
        return 1.0 if self.discrete else float(self.points[-1] / np.exp(LOG_HIGH))

    def column_of(self, values: Array) -> Array:
        """The column that each value falls into; counts between two points go to the nearer."""
        values = np.asarray(values, dtype=np.float64)
        if self.discrete:
            middles = (self.points[1:] + self.points[:-1]) / 2
            return np.searchsorted(middles, values, side="left")
        return np.where(values <= 0, 0, np.searchsorted(self.points, values, side="left"))


@lru_cache(maxsize=64)
def amount_grid(scale: float) -> Grid:
    """The grid of amounts for a shop whose median order is `scale` (> 0, in its currency)."""
    assert scale > 0 and np.isfinite(scale), scale
    steps = round((LOG_HIGH - LOG_LOW) / LOG_STEP)
    return Grid(np.concatenate([[0.0], scale * np.exp(LOG_LOW + LOG_STEP * np.arange(steps + 1))]), discrete=False)


def _count_points() -> Array:
    points = list(range(33))
    while points[-1] < 1000:
        points.append(max(points[-1] + 2, round(points[-1] * 1.1)))
    return np.array(points, dtype=np.float64)


COUNT_GRID = Grid(_count_points(), discrete=True)


def _in_chunks(read: Callable[..., Array]) -> Callable[..., Array]:
    """Make a method of Histogram, which gives a number for each entity, work on CHUNK_ROWS entities at a time."""

    @wraps(read)
    def chunked(self: Histogram, *args: Array | float) -> Array:
        n = len(self)
        if n <= CHUNK_ROWS:
            return read(self, *args)
        each = [np.broadcast_to(np.asarray(a, dtype=np.float64), (n,)) for a in args]
        slices = [slice(start, start + CHUNK_ROWS) for start in range(0, n, CHUNK_ROWS)]
        return np.concatenate([read(self[rows], *(a[rows] for a in each)) for rows in slices])

    return chunked


@dataclass(frozen=True)
class Histogram:
    """Probabilities over a grid, one row for each entity. `tail_mean` is each entity's mean given the open end."""

    grid: Grid
    prob: Array  # (N, M) float32, rows sum to 1
    tail_mean: Array  # (N,) >= the last point

    def __post_init__(self) -> None:
        assert self.prob.ndim == 2 and self.prob.shape[1] == self.grid.columns, self.prob.shape
        assert self.tail_mean.shape == (len(self.prob),)

    def __len__(self) -> int:
        return len(self.prob)

    def __getitem__(self, rows: Any) -> Histogram:
        return Histogram(self.grid, self.prob[rows], self.tail_mean[rows])

    # ---- reading it -------------------------------------------------------------------------------------------

    @property
    def p_positive(self) -> Array:  # (N,)
        return 1.0 - self.prob[:, 0].astype(np.float64)

    @_in_chunks
    def mean(self) -> Array:  # (N,)
        last = self.grid.points[-1]
        return self.prob @ self.grid.centers + self.prob[:, -1] * (self.tail_mean - last)

    @_in_chunks
    def variance(self) -> Array:  # (N,)
        """Even within each bin; the open end counts as a point at its mean, since its own need not exist."""
        low, high = self.grid.points[:-1], self.grid.points[1:]
        squares = np.concatenate([[0.0], (low**2 + low * high + high**2) / 3])
        found = self.prob[:, :-1] @ squares + self.prob[:, -1] * self.tail_mean**2
        return np.maximum(found - self.mean() ** 2, 0.0)

    def cumulative(self) -> Array:  # (N, M - 1): P(X <= point) at every grid point
        # Summed from the far end: rows of float32 sum to 1 only within 1e-7, which is nothing beside the atom at zero
        # but would weigh as much as a true tail in a mean.
        above = np.cumsum(self.prob[:, :0:-1], axis=1, dtype=np.float64)[:, ::-1]
        total = above[:, :1]
        return 1.0 - above * (self.p_positive[:, None] / np.where(total > 0, total, 1.0))

    def _tail_index(self) -> Array:  # (N,) Pareto index of the open end, from its mean
        last = self.grid.points[-1]
        mean = np.clip(self.tail_mean, last * 1.001, last * TAIL_LIMIT)
        return mean / (mean - last)

    @_in_chunks
    def cdf(self, x: Array | float) -> Array:  # (N,)
        """P(X <= x), x a number or one for each entity."""
        x = np.broadcast_to(np.asarray(x, dtype=np.float64), (len(self),))
        if not self.grid.discrete:
            return self._cdf_amounts(x[:, None])[:, 0]
        points, cum = self.grid.points, self.cumulative()
        k = np.clip(np.searchsorted(points, x, side="right") - 1, 0, len(points) - 2)  # the last point that is <= x
        inner = cum[np.arange(len(self)), k]
        return np.where(x < 0, 0.0, np.where(x >= np.maximum(self.tail_mean, points[-1]), 1.0, inner))

    def _cdf_amounts(self, x: Array) -> Array:
        """P(X <= x) for J amounts of each entity: (N, J)."""
        points, cum = self.grid.points, self.cumulative()
        k = np.clip(np.searchsorted(points, x, side="right") - 1, 0, len(points) - 1)
        up = np.minimum(k + 1, len(points) - 1)
        low = np.take_along_axis(cum, k, axis=1)
        width = np.where(up > k, points[up] - points[k], 1.0)
        inner = low + (np.take_along_axis(cum, up, axis=1) - low) * (x - points[k]) / width
        beyond = 1 - (1 - low) * (np.maximum(x, points[-1]) / points[-1]) ** -self._tail_index()[:, None]
        return np.where(x < 0, 0.0, np.where(up == k, beyond, inner))

    @_in_chunks
    def quantile(self, q: float | Array) -> Array:  # (N,)
        """The smallest x with P(X <= x) >= q; q in (0, 1), a number or one for each entity."""
        q = np.broadcast_to(np.asarray(q, dtype=np.float64), (len(self),))
        points, cum = self.grid.points, self.cumulative()
        k = np.sum(cum < q[:, None] - 1e-9, axis=1)  # the column that holds the quantile
        rows = np.arange(len(self))
        if self.grid.discrete:
            return np.where(
                k >= len(points) - 1, np.maximum(points[-1], self.tail_mean), points[np.minimum(k, len(points) - 1)]
            )
        inner = np.clip(k, 1, len(points) - 1)
        low, high = cum[rows, inner - 1], cum[rows, inner]
        share = np.clip((q - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
        value = points[inner - 1] + share * (points[inner] - points[inner - 1])
        left = np.maximum(1 - cum[:, -1], 1e-12)  # mass of the open end
        tail = points[-1] * np.minimum(np.maximum((1 - q) / left, 1e-12), 1.0) ** (-1 / self._tail_index())
        return np.where(k == 0, 0.0, np.where(k > len(points) - 1, tail, value))

    @_in_chunks
    def crps(self, y: Array) -> Array:  # (N,)
        """Continuous ranked probability score of outcomes y >= 0, exact for this distribution.

        CRPS = integral of (F(x) - 1{x >= y})^2 dx (Gneiting & Raftery 2007, eq. 20).
        """
        y = np.asarray(y, dtype=np.float64)
        if self.grid.discrete:
            return self._crps_points(y)
        points, cum = self.grid.points, self.cumulative()
        width = np.diff(points)  # (K,)
        low, high = cum[:, :-1], cum[:, 1:]  # (N, K)
        below = width * (low**2 + low * high + high**2) / 3  # integral of F^2 over each bin
        above = width * ((1 - low) ** 2 + (1 - low) * (1 - high) + (1 - high) ** 2) / 3
        k = np.clip(np.searchsorted(points, y, side="right") - 1, 0, len(points) - 2)  # the bin of y
        rows, columns = np.arange(len(self)), np.arange(len(width))
        score = np.where(columns < k[:, None], below, np.where(columns > k[:, None], above, 0.0)).sum(axis=1)
        inside = np.clip(y, points[k], points[k + 1]) - points[k]
        at_y = low[rows, k] + (high[rows, k] - low[rows, k]) * inside / width[k]
        rest = width[k] - inside
        score += inside * (low[rows, k] ** 2 + low[rows, k] * at_y + at_y**2) / 3
        score += rest * ((1 - at_y) ** 2 + (1 - at_y) * (1 - high[rows, k]) + (1 - high[rows, k]) ** 2) / 3
        return score + self._crps_tail(y)

    def _crps_tail(self, y: Array) -> Array:
        """The integral over the open end, where 1 - F(x) = p (x / last)^-a."""
        last, a = self.grid.points[-1], self._tail_index()
        p = np.maximum(1 - self.cumulative()[:, -1], 0.0)
        z = np.maximum(y / last, 1.0)
        up_to_y = last * ((z - 1) - 2 * p * (1 - z ** (1 - a)) / (a - 1) + p**2 * (1 - z ** (1 - 2 * a)) / (2 * a - 1))
        beyond_y = last * p**2 * z ** (1 - 2 * a) / (2 * a - 1)
        return up_to_y + beyond_y

    def _crps_points(self, y: Array) -> Array:
        points, cum = self.grid.points, self.cumulative()
        ends = np.concatenate(
            [
                np.broadcast_to(points[1:-1], (len(self), len(points) - 2)),
                np.maximum(self.tail_mean, points[-1])[:, None],
            ],
            axis=1,
        )
        starts = points[:-1]  # (M - 1,)
        part_below = np.clip(y[:, None] - starts, 0.0, ends - starts)
        score = (part_below * cum**2 + (ends - starts - part_below) * (1 - cum) ** 2).sum(axis=1)
        return score + np.maximum(y - ends[:, -1], 0.0)

    # ---- making others of it ----------------------------------------------------------------------------------

    def given_positive(self) -> Histogram:
        """The distribution given that it is above zero: the positive part, renormalised."""
        prob = self.prob.astype(np.float64).copy()
        prob[:, 0] = 0.0
        total = prob.sum(axis=1, keepdims=True)
        empty = total[:, 0] <= 0
        prob = np.where(empty[:, None], np.eye(1, self.grid.columns, 1), prob / np.where(total > 0, total, 1.0))
        return replace(self, prob=prob.astype(np.float32))

    def with_p_positive(self, p: Array) -> Histogram:
        """The same positive part under another probability of being above zero."""
        prob = self.given_positive().prob * p[:, None]
        prob[:, 0] = 1.0 - p
        return replace(self, prob=prob.astype(np.float32))

    def scaled(self, factor: float | Array) -> Histogram:
        """The distribution of factor * X on the same grid (amounts only); factor > 0, one number or one an entity."""
        assert not self.grid.discrete
        n = len(self)
        factor = np.broadcast_to(np.asarray(factor, dtype=np.float64), (n,))
        prob, tail_mean = np.empty_like(self.prob), np.empty(n)
        for start in range(0, n, CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            part = self[rows]
            cum = part._cdf_amounts(self.grid.points / factor[rows, None])
            tail_mean[rows] = part._scaled_tail(factor[rows])
            prob[rows] = from_cdf(self.grid, cum).prob
        return Histogram(self.grid, prob, tail_mean)

    def _scaled_tail(self, factor: Array) -> Array:  # (N,)
        """E[factor * X | factor * X > last]. A shrunk Pareto tail keeps its mean; a grown one takes in bins below."""
        points, last = self.grid.points, self.grid.points[-1]
        start = np.maximum(points[:-1], (last / factor)[:, None])  # (N, K): of the part of each bin that crosses
        mass = self.prob[:, 1:-1] * np.clip(points[1:] - start, 0.0, None) / np.diff(points)
        total = mass.sum(axis=1) + self.prob[:, -1]
        amount = (mass * (points[1:] + start) / 2).sum(axis=1) + self.prob[:, -1] * self.tail_mean
        grown = factor * amount / np.where(total > 0, total, 1.0)
        return np.where((factor > 1) & (total > 0), np.clip(grown, last, last * TAIL_LIMIT), self.tail_mean)


def from_cdf(grid: Grid, cum: Array, *, tail_mean: Array | None = None) -> Histogram:
    """A histogram from P(X <= point) at every grid point: (N, M - 1), non-decreasing along the row, within [0, 1]."""
    cum = np.clip(np.maximum.accumulate(cum, axis=1), 0.0, 1.0)
    prob = np.diff(cum, axis=1, prepend=0.0, append=1.0).astype(np.float32)
    if tail_mean is None:
        tail_mean = np.full(len(prob), grid.points[-1] * 1.5)
    return Histogram(grid, prob, tail_mean)


def from_prob(grid: Grid, prob: Array, *, tail_mean: Array | None = None) -> Histogram:
    """A histogram from weights (N, M) >= 0; rows are normalised."""
    prob = np.asarray(prob, dtype=np.float64)
    total = prob.sum(axis=1, keepdims=True)
    assert np.all(total > 0) and np.all(prob >= 0)
    if tail_mean is None:
        tail_mean = np.full(len(prob), grid.points[-1] * 1.5)
    return Histogram(grid, (prob / total).astype(np.float32), tail_mean)


def from_lognormal(grid: Grid, p: Array, mean: Array, sigma: Array) -> Histogram:
    """Zero-inflated log-normal: zero with 1 - p, else log-normal of this mean (of the positive part) and log-sd sigma.

    All (N,). The open end's mean is E[X | X > last] in closed form. The mean is kept to 0.05 % where the law lies on
    the grid and sigma is 0.1 or more; a narrower one lies within a bin or two, and its mean within their width.
    """
    mean = np.maximum(np.asarray(mean, dtype=np.float64), 1e-12)
    sigma = np.clip(np.asarray(sigma, dtype=np.float64), 0.02, 4.0)
    mu = np.log(mean / EVEN_BINS) - sigma**2 / 2
    z = (np.log(grid.points[1:])[None, :] - mu[:, None]) / sigma[:, None]  # (N, K)
    cum = np.concatenate([np.zeros((len(mu), 1)), ndtr(z)], axis=1) * p[:, None] + (1 - p)[:, None]
    far = z[:, -1]
    log_tail = log_ndtr(sigma - far) - log_ndtr(-far)  # of E[X | X > last] / mean
    last = grid.points[-1]
    tail_mean = np.clip(mean * np.exp(np.minimum(log_tail, 50.0)), last, last * TAIL_LIMIT)
    return from_cdf(grid, cum, tail_mean=tail_mean)


def from_pmf(pmf: Array, *, tail_mean: Array | None = None) -> Histogram:
    """Counts from P(X = n), n = 0 .. L - 1: (N, L). Mass missing from 1 lies beyond the last point, at 1.2 times it
    on average where `tail_mean` is not given.

    A count between two points of the grid is split between them so that its mean is kept.
    """
    length = pmf.shape[1]
    points = COUNT_GRID.points
    counts = np.minimum(np.arange(length, dtype=np.float64), points[-1])
    upper = np.clip(np.searchsorted(points, counts, side="left"), 1, len(points) - 1)
    share = (counts - points[upper - 1]) / (points[upper] - points[upper - 1])
    spread = np.zeros((length, COUNT_GRID.columns))
    spread[np.arange(length), upper] = share
    spread[np.arange(length), upper - 1] += 1 - share
    prob = np.clip(pmf @ spread, 0.0, None)
    missing = np.clip(1 - prob.sum(axis=1), 0.0, 1.0)
    prob[:, -1] += missing
    if tail_mean is None:
        excess = pmf @ np.clip(np.arange(length) - points[-1], 0.0, None) + missing * points[-1] * 0.2
        tail_mean = points[-1] + excess / np.maximum(prob[:, -1], 1e-12)
    return from_prob(COUNT_GRID, prob, tail_mean=tail_mean)


def from_geometric(p: Array, mean: Array) -> Histogram:
    """Counts: zero with 1 - p, else geometric on 1, 2, ... of this mean (of the positive part, >= 1). All (N,).

    As in `from_pmf`, a count between two points is split so that the mean is kept: the masses are the second
    differences of E[max(X - point, 0)], which for this law is mean * (1 - 1 / mean)^point.
    """
    mean = np.maximum(mean, 1.0)
    points = COUNT_GRID.points
    excess = mean[:, None] * np.power((1 - 1 / mean)[:, None], points)  # (N, M)
    above = -np.diff(excess, axis=1) / np.diff(points)  # (N, M - 1)
    prob = np.clip(-np.diff(above, axis=1, prepend=1.0, append=0.0), 0.0, None)
    tail_mean = points[-1] + excess[:, -1] / np.maximum(prob[:, -1], 1e-300)
    prob *= p[:, None]
    prob[:, 0] = 1 - p
    return from_prob(COUNT_GRID, prob, tail_mean=tail_mean)


def pool(histograms: Sequence[Histogram], weights: Sequence[float] | Array) -> Histogram:
    """The linear pool: a mixture with these weights (>= 0; normalised), the same for all entities."""
    w = np.asarray(weights, dtype=np.float64)
    assert len(w) == len(histograms) > 0 and np.all(w >= 0) and w.sum() > 0
    w = w / w.sum()
    grid = histograms[0].grid
    assert all(np.array_equal(h.grid.points, grid.points) for h in histograms), "pooled forecasts share one grid"
    prob = sum(wi * h.prob.astype(np.float64) for wi, h in zip(w, histograms, strict=True))
    tail = sum(wi * h.prob[:, -1].astype(np.float64) * h.tail_mean for wi, h in zip(w, histograms, strict=True))
    mass = prob[:, -1]
    flat = sum(wi * h.tail_mean for wi, h in zip(w, histograms, strict=True))
    return Histogram(grid, prob.astype(np.float32), np.where(mass > 1e-12, tail / np.maximum(mass, 1e-12), flat))


@dataclass(frozen=True)
class Forecast:
    """What is expected of each customer of a snapshot: amount and number of orders, as distributions.

    Both agree on the chance of no order, so that P(active) is one number.
    """

    customer_ids: Array  # (N,) str objects
    cutoff: datetime
    horizon: str
    amount: Histogram
    orders: Histogram
    model: str
    amount_name: str = "spend"

    def __post_init__(self) -> None:
        assert len(self.customer_ids) == len(self.amount) == len(self.orders)

    def __len__(self) -> int:
        return len(self.customer_ids)

    def __getitem__(self, rows: Any) -> Forecast:
        return replace(self, customer_ids=self.customer_ids[rows], amount=self.amount[rows], orders=self.orders[rows])

    @property
    def p_active(self) -> Array:  # (N,)
        return self.orders.p_positive

    def table(self, run_id: str) -> pa.Table:
        """The contract of a forecast table (docs/design.md), one row for each customer in their order."""
        n, name = len(self), self.amount_name
        columns = {
            "customer_id": pa.array(self.customer_ids, pa.string()),
            "cutoff": pa.array([self.cutoff] * n, pa.timestamp("us", tz="UTC")),
            "horizon": pa.array([self.horizon] * n, pa.string()),
            "p_active": self.p_active,
            "orders_mean": self.orders.mean(),
            f"{name}_mean": self.amount.mean(),
            f"{name}_median": self.amount.quantile(0.5),
        }
        columns |= {f"{name}_q{round(q * 100):02d}": self.amount.quantile(q) for q in (0.05, 0.25, 0.75, 0.95)}
        columns |= {"model": pa.array([self.model] * n, pa.string()), "run_id": pa.array([run_id] * n, pa.string())}
        return pa.table(columns)


def agree_over_horizons(forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Forecasts of the same customers, shortest horizon first, made to agree: more time, never less of anything.

    Each longer distribution is moved up to stochastically dominate the shorter one: F_long <= F_short everywhere.
    """
    agreed = [forecasts[0]]
    for longer in forecasts[1:]:
        shorter = agreed[-1]
        amount = _at_least(longer.amount, shorter.amount)
        agreed.append(replace(longer, amount=amount, orders=_at_least(longer.orders, shorter.orders)))
    return agreed


def _at_least(longer: Histogram, shorter: Histogram) -> Histogram:
    cum = np.minimum(longer.cumulative(), shorter.cumulative())
    return from_cdf(longer.grid, cum, tail_mean=np.maximum(longer.tail_mean, shorter.tail_mean))


def concatenate(forecasts: Sequence[Forecast]) -> Forecast:
    """One forecast of all customers of several that differ in nothing else."""
    first = forecasts[0]
    if len(forecasts) == 1:
        return first

    def joined(histograms: list[Histogram]) -> Histogram:
        prob = np.concatenate([h.prob for h in histograms])
        return Histogram(histograms[0].grid, prob, np.concatenate([h.tail_mean for h in histograms]))

    return replace(
        first,
        customer_ids=np.concatenate([f.customer_ids for f in forecasts]),
        amount=joined([f.amount for f in forecasts]),
        orders=joined([f.orders for f in forecasts]),
    )
