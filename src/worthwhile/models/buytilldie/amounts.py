"""From chances of n orders to the histogram of their amount: the sum of n Gamma-Gamma orders, n itself unsure.

Given n, the sum is gamma' = gamma + x m times B ~ BetaPrime(p n, q + p x): the law of log B depends on x and n alone.
So it is tabulated on a grid of logarithms for each x, mixed over n with the chances at each age, and then only
shifted by log gamma' for each customer. Nothing is simulated.

Letters: N customers who share x, A distinct ages of them, C counts that are kept, S steps of the table,
M columns of the histogram, K + 1 = M - 1 edges of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincc, betaincinv, expit

from worthwhile.distribution import LOG_STEP, TAIL_LIMIT, Grid
from worthwhile.models.buytilldie.histories import Array

FINE = 2  # steps of the table in one bin of the histogram
EXACT_COUNTS = 12  # up to here every count is kept, beyond it one in about 8 %
NEGLIGIBLE = 1e-9  # a chance that is left out of the table
TAIL_MASS = 1e-7  # in the open end, from which on its mean is worked out


@dataclass(frozen=True)
class Buyers:
    """N customers with the same number x of orders behind them whose mean value is known (0 where none is)."""

    x: float
    scale: Array  # (N,) gamma' = gamma + x m, in the shop's currency
    p_alive: Array  # (N,)
    age: Array  # (N,) row of `orders`
    orders: Array  # (A, most + 1) P(n orders in the horizon | alive) at each age


def kept_counts(most: int) -> tuple[Array, Array]:
    """Counts 0 .. most thinned to C + 1 of them, and the matrix (most + 1, C + 1) that lays chances on them.

    A count in between is split over its neighbours so that its mean is kept: a sum of 12 orders is wider than 8 %.
    """
    kept = list(range(min(most, EXACT_COUNTS) + 1))
    while kept[-1] < most:
        kept.append(min(max(kept[-1] + 1, round(kept[-1] * 1.08)), most))
    points, counts = np.array(kept, dtype=np.float64), np.arange(most + 1, dtype=np.float64)
    return points, np.stack([np.interp(counts, points, row) for row in np.eye(len(points))], axis=1)


def sum_cdf(shape: Array, after: float, log_b: Array) -> Array:
    """P(log B <= log_b) of B ~ BetaPrime(shape, after), for shapes (C,) and log_b (S,) ascending: (C, S).

    The incomplete beta function is worked out only where it is neither 0 nor 1.
    """
    shape = shape[:, None]
    least, left = betaincinv(shape, after, NEGLIGIBLE), betaincinv(after, shape, NEGLIGIBLE)
    with np.errstate(divide="ignore"):  # the quantile of a small shape may underflow: log B is then open below
        below, above = np.log(least) - np.log1p(-least), np.log1p(-left) - np.log(left)
    cdf = np.where(log_b > above, 1.0, 0.0)
    row, column = np.nonzero((log_b >= below) & (log_b <= above))
    cdf[row, column] = betainc(shape[row, 0], after, expit(log_b[column]))
    return cdf


def amount_columns(grid: Grid, value_parameters: Array, buyers: Buyers) -> tuple[Array, Array]:
    """The amount's probabilities (N, M) on the grid, and the mean of its open end (N,).

    Laying a smooth law on bins of width h in the logarithm, evenly within each, makes its mean sinh(h) / h times as
    great (0.26 %). The law is shrunk by so much beforehand, so that sums over customers come out right.
    """
    p, q, _ = value_parameters
    counts, spread = kept_counts(buyers.orders.shape[1] - 1)
    chance = buyers.orders @ spread  # (A, C + 1)
    edges, step = np.log(grid.points[1:]), LOG_STEP / FINE
    log_scale = np.log(buyers.scale) - np.log(np.sinh(LOG_STEP) / LOG_STEP)
    # In whole steps from zero, so that a customer's numbers do not hang on who else is asked about.
    low, high = step * np.floor((edges[0] - log_scale.max()) / step), edges[-1] - log_scale.min()
    log_b = low + step * np.arange(int(np.ceil((high - low) / step)) + 2)  # (S,)
    table = chance[:, 1:] @ sum_cdf(p * counts[1:], q + p * buyers.x, log_b)  # (A, S): P(0 < sum <= gamma' B | alive)
    place = (edges[0] - log_scale - low) / step  # of the lowest edge in the table; the others follow in equal steps
    first = np.floor(place).astype(np.int64)
    # Halfway between two steps a plain mean of both would keep the mean of log B; these weights keep that of B.
    rest = (place - first)[:, None] * step
    share = np.expm1(rest) / (np.exp(rest) - np.exp(rest - step))
    at = (buyers.age * len(log_b) + first)[:, None] + FINE * np.arange(len(edges))  # (N, K + 1) in the flat table
    cum = buyers.p_alive[:, None] * ((1 - share) * table.ravel()[at] + share * table.ravel()[at + 1])
    buys = buyers.p_alive * chance[buyers.age, 1:].sum(axis=1)
    prob = np.empty((len(cum), grid.columns))
    prob[:, 0] = 1 - buys
    prob[:, 1] = cum[:, 0]
    prob[:, 2:-1] = np.diff(cum, axis=1)
    prob[:, -1] = buys - cum[:, -1]
    np.maximum(prob, 0.0, out=prob)  # differences of equal sums may be -1e-16
    last = float(grid.points[-1])
    tail_mean = np.full(len(cum), last * (q + p * buyers.x) / (q + p * buyers.x - 1))  # of the power law far out
    far = np.flatnonzero(prob[:, -1] > TAIL_MASS)
    tail_mean[far] = _tail_mean(last, p, q + p * buyers.x, counts[1:], buyers.scale[far], chance[buyers.age[far], 1:])
    return prob, np.clip(tail_mean, last, last * TAIL_LIMIT)


def _tail_mean(last: float, p: float, after: float, counts: Array, scale: Array, chance: Array) -> Array:
    """E[sum | sum > last] of customers with these scales (F,) and chances of the counts (F, C).

    Weighted by its own value, BetaPrime(a, b) becomes BetaPrime(a + 1, b - 1), with mean a / (b - 1).
    """
    tail_mean = np.empty(len(scale))
    for row in range(len(scale)):  # few are worth 3,000 median orders
        share = last / (last + scale[row])  # B / (1 + B) at the edge
        mass = chance[row] @ betaincc(p * counts, after, share)
        amount = chance[row] @ (p * counts / (after - 1) * betaincc(p * counts + 1, after - 1, share))
        tail_mean[row] = scale[row] * amount / max(mass, 1e-300)
    return tail_mean
