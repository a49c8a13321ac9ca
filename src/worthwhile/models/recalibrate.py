"""Moving a forecast's level: more or less buying, with each customer's distribution following."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.distribution import Forecast, Histogram, from_prob

Array = np.ndarray[Any, Any]

LEVEL_SD = 0.25  # of the log of a level between shops
SLOPE_SD = 0.4  # of how a level follows the season, around 1
WINDOW_SD = 0.5  # of what one window says of the next: windows overlap, and each has its own luck
FACTOR_LIMITS = (0.25, 4.0)


def _tilted(orders: Histogram, target_mean: Array) -> Histogram:
    """The positive part of counts, tilted by theta^n so that its mean is `target_mean` >= 1; bisection on log theta."""
    prob = orders.given_positive().prob.astype(np.float64)[:, 1:]
    points = np.concatenate(
        [np.broadcast_to(orders.grid.points[1:-1], (len(orders), prob.shape[1] - 1)), orders.tail_mean[:, None]], axis=1
    )
    low, high = np.full(len(prob), -4.0), np.full(len(prob), 2.0)
    for _ in range(30):
        middle = (low + high) / 2
        exponent = middle[:, None] * np.minimum(points, 60.0)
        weight = prob * np.exp(exponent - exponent.max(axis=1, keepdims=True))
        mean = (weight * points).sum(axis=1) / weight.sum(axis=1)
        high = np.where(mean > target_mean, middle, high)
        low = np.where(mean > target_mean, low, middle)
    tilted = np.concatenate([np.zeros((len(prob), 1)), weight], axis=1)
    return from_prob(orders.grid, tilted, tail_mean=orders.tail_mean)


def recalibrated(forecast: Forecast, factor: float) -> Forecast:
    """The forecast with every mean (amount and orders) multiplied by `factor` > 0.

    The chance of no order becomes p0 ** factor, as for Poisson buyers whose rate is multiplied; what this leaves
    of the factor goes into the number and the amount of orders given any. Who orders at all orders at least once: a
    factor so small that less than one order given any would be left moves the mean of orders by less than itself.
    """
    if abs(factor - 1) < 1e-6:
        return forecast
    p, rest = _split(forecast.p_active, factor)
    amount = recalibrated_amount(forecast.amount, factor)
    mean_given_any = forecast.orders.given_positive().mean()
    orders = _tilted(forecast.orders, np.maximum(mean_given_any * rest, 1.0)).with_p_positive(p)
    return replace(forecast, amount=amount, orders=orders)


def recalibrated_amount(amount: Histogram, factor: float) -> Histogram:
    """The amount of `recalibrated` alone."""
    p, rest = _split(amount.p_positive, factor)
    return amount.given_positive().scaled(rest).with_p_positive(p)


def _split(p_active: Array, factor: float) -> tuple[Array, Array]:
    """The new chance of any order, and what of the factor is left for the means given any: (N,) each."""
    p = 1 - np.maximum(1 - p_active, 1e-12) ** factor
    return p, np.where(p > 1e-12, factor * p_active / np.maximum(p, 1e-12), 1.0)


@dataclass(frozen=True)
class PastLevel:
    """How a past window's total came out against the forecast for it."""

    forecast: float
    actual: float
    activity: float  # of the window (features/season.py); NaN or 0 where unknown


def season_factor(past: Sequence[PastLevel], activity_ahead: float) -> float:
    """By what a forecast total should be multiplied for the season to come, if last year tells what that will be.

    A window's log(actual / forecast) is a line in its log activity: a level, about 0, and a slope, about 1, since a
    forecast made from rates of buying knows no season. The line is the posterior mean of a Bayesian regression, so
    few windows move it little. 1 where the activity ahead or every window's is unknown: levels of windows whose
    season is not that of the horizon mislead as often as they help.
    """
    usable = [p for p in past if min(p.forecast, p.actual) > 0 and np.isfinite(p.activity) and p.activity > 0]
    if not (usable and np.isfinite(activity_ahead) and activity_ahead > 0):
        return 1.0
    log_ratio = np.array([np.log(p.actual / p.forecast) for p in usable])
    season = np.log([p.activity for p in usable])
    usual = season.mean()
    design = np.stack([np.ones(len(usable)), season - usual], axis=1)  # (W, 2)
    precision = np.diag([LEVEL_SD**-2, SLOPE_SD**-2])
    line = np.linalg.solve(
        design.T @ design / WINDOW_SD**2 + precision,
        design.T @ log_ratio / WINDOW_SD**2 + precision @ np.array([0.0, 1.0]),
    )
    return float(np.clip(np.exp(line @ [1.0, np.log(activity_ahead) - usual]), *FACTOR_LIMITS))
