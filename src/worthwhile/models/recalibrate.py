"""Moving a forecast's level: more or less buying, with each customer's distribution following."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.distribution import Forecast, Histogram, from_prob
from worthwhile.features.snapshot import Snapshot

Array = np.ndarray[Any, Any]

HALF_LIFE_DAYS = 180.0  # of what a past window's level tells of the level to come: customer bases age
WINDOW_WIDTH = 0.25  # sd of the log of a level between windows, over shops
WINDOW_NOISE = 0.25  # sd of what windows say of the next one's level where its season is unknown
SEASON_NOISE = 0.10  # the same where it is known from the year before
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
    age_days: float  # from its cutoff to the one asked about


def past_level(forecast: Forecast, snapshot: Snapshot, asked: Snapshot) -> PastLevel:
    """The level of a matured snapshot under a forecast of it (or of a sample of its customers)."""
    assert snapshot.outcome is not None
    age = (asked.cutoff - snapshot.cutoff).total_seconds() / 86_400
    total = float(forecast.amount.mean().sum())
    return PastLevel(total, float(snapshot.outcome.amount.sum()), snapshot.activity, age)


def level_factor(past: Sequence[PastLevel], activity_ahead: float) -> float:
    """By what the forecast total should be multiplied, from how totals of past windows came out.

    A window's log(actual / forecast) is the customer base's level then, plus its season. Where the year before tells
    the activity ahead, each window is moved from its own season to that one; the mean favours late windows, and is
    shrunk towards 0 by how much two windows differ for reasons that nobody sees coming.
    """
    usable = [p for p in past if p.forecast > 0 and p.actual > 0]
    seasonal = [p for p in usable if np.isfinite(p.activity) and p.activity > 0]
    known = bool(seasonal) and np.isfinite(activity_ahead) and activity_ahead > 0
    if known:
        usable = seasonal
    if not usable:
        return 1.0
    logs = np.array([np.log(p.actual / p.forecast) for p in usable])
    if known:
        logs += np.array([np.log(activity_ahead / p.activity) for p in usable])
    weight = np.array([0.5 ** (p.age_days / HALF_LIFE_DAYS) for p in usable])
    noise = SEASON_NOISE if known else WINDOW_NOISE
    trust = WINDOW_WIDTH**2 / (WINDOW_WIDTH**2 + noise**2)
    return float(np.clip(np.exp(trust * np.average(logs, weights=weight)), *FACTOR_LIMITS))
