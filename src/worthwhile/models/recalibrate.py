"""Moving a forecast's level: more or less buying, with each customer's distribution following."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.features.snapshot import Snapshot
from worthwhile.forecast import Forecast, Histogram, from_prob

Array = np.ndarray[Any, Any]

# Widths (sd of the log of a total) that the shrinkage of past errors assumes. A window's level wanders by about a
# fifth for reasons that do not come again (stock, promotions, weather); a model's own lasting error is as large.
WINDOW_NOISE = 0.2
LASTING_ERROR = 0.2
SEASON_WIDTH = 0.3  # sd of the log of true seasonal ratios between windows, over shops
SEASON_NOISE = 0.15  # sd of what the year before tells of this year's ratio, beside it
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
    of the factor goes into the number and the amount of orders given any.
    """
    if abs(factor - 1) < 1e-6:
        return forecast
    p_old = forecast.p_active
    p_new = 1 - np.maximum(1 - p_old, 1e-12) ** factor
    rest = np.where(p_new > 1e-12, factor * p_old / np.maximum(p_new, 1e-12), 1.0)  # on the means given any order
    amount = forecast.amount.given_positive().scaled(rest).with_p_positive(p_new)
    mean_given_any = forecast.orders.given_positive().mean()
    orders = _tilted(forecast.orders, np.maximum(mean_given_any * rest, 1.0)).with_p_positive(p_new)
    return replace(forecast, amount=amount, orders=orders)


def season_factor(trained_on: Sequence[Snapshot], asked: Snapshot) -> float:
    """How much busier the asked horizon should be than those trained on, if the year before repeats; 1 if unknown.

    The ratio of activities (orders for each one in the span before), its log shrunk by how differently two years may go.
    """
    known = [s.activity for s in trained_on if np.isfinite(s.activity)]
    if not known or not np.isfinite(asked.activity_year_before):
        return 1.0
    ratio = np.log(asked.activity_year_before) - np.mean(np.log(known))
    trust = SEASON_WIDTH**2 / (SEASON_WIDTH**2 + SEASON_NOISE**2)
    return float(np.clip(np.exp(ratio * trust), *FACTOR_LIMITS))


@dataclass(frozen=True)
class PastTotal:
    """One past window's totals: what was forecast, what came, and the noise of the latter."""

    forecast: float
    actual: float
    noise: float  # sd of the actual total that independent customers make, relative to the forecast total


def past_total(forecast: Forecast, actual: Array) -> PastTotal:
    mean = forecast.amount.mean()
    total = float(mean.sum())
    return PastTotal(total, float(actual.sum()), float(np.sqrt(np.sum((actual - mean) ** 2)) / max(total, 1e-12)))


def total_factor(past: Sequence[PastTotal]) -> float:
    """The lasting error of the total, learned from past windows and shrunk to 1: an empirical-Bayes mean of log ratios.

    Each window's log(actual / forecast) is its lasting error plus noise of the window and of its customers.
    """
    usable = [p for p in past if p.forecast > 0 and p.actual > 0]
    if not usable:
        return 1.0
    ratios = np.log([p.actual / p.forecast for p in usable])
    precision = np.array([1 / (WINDOW_NOISE**2 + p.noise**2) for p in usable])
    lasting = float(np.sum(precision * ratios) / (np.sum(precision) + 1 / LASTING_ERROR**2))
    return float(np.clip(np.exp(lasting), *FACTOR_LIMITS))
