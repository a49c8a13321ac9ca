"""From raw scores to calibrated chances, means and spreads, by groups of the score.

Both curves here are a plain law plus a correction that is learned in groups of equal size and shrunk where a group
is small, and interpolated in between: flexible where there is much data, plain where there is little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

Array = np.ndarray[Any, Any]

GROUP_ROWS = 100  # rows that a group has at least
MOST_GROUPS = 20
PRIOR_ROWS = 50.0  # the plain law counts as much as this many rows in every group
LOWEST_AMOUNT = 0.01  # of the scale; half the lowest edge of the amount grid. Stands for free orders on the log scale
LEAST_SIGMA, MOST_SIGMA = 0.05, 2.5


@dataclass(frozen=True)
class Spread:
    """The positive amount given a predicted log amount: its mean, and the log-sd of a log-normal law around it."""

    knots: Array  # (G,) predicted log amounts, ascending
    shift: Array  # (G,) log of mean amount over exp(prediction): the smearing factor (Duan 1983), by group
    sigma: Array  # (G,) log-sd of amounts around the prediction
    low: float  # predictions are held within [low, high], those seen in training
    high: float

    def mean_sigma(self, mu: Array) -> tuple[Array, Array]:
        """Mean and log-sd (N,), (N,) for predicted log amounts (N,)."""
        mu = np.clip(mu, self.low, self.high)
        return np.exp(mu + np.interp(mu, self.knots, self.shift)), np.interp(mu, self.knots, self.sigma)

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        ends = np.array([self.low, self.high])
        parts = {"knots": self.knots, "shift": self.shift, "sigma": self.sigma, "ends": ends}
        return {prefix + key: array for key, array in parts.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Spread:
        low, high = arrays[f"{prefix}ends"]
        knots, shift, sigma = (arrays[prefix + key] for key in ("knots", "shift", "sigma"))
        return cls(knots, shift, sigma, float(low), float(high))


def log_amount(amount: Array) -> Array:
    """Log of amounts >= 0 in units of the scale, free orders standing at the lowest amount."""
    return np.log(np.maximum(amount, LOWEST_AMOUNT))


def fit_spread(mu: Array, amount: Array, weight: Array) -> Spread:
    """Learn from predicted log amounts, actual amounts and weights of buyers, all (N,) with N >= 1.

    The weighted sum of the means then equals that of the amounts. Predictions should be ones that have not seen
    the amounts, where the model is flexible enough to remember them.
    """
    residual = log_amount(amount) - mu
    centre = np.average(residual, weights=weight)
    spread = np.average((residual - centre) ** 2, weights=weight)
    plain = centre + spread / 2  # the log-normal law's own smearing
    groups = _groups(mu, weight)
    knots, shift, variance = (np.empty(len(groups)) for _ in range(3))
    for g, rows in enumerate(groups):
        w, n = weight[rows], len(rows)
        knots[g] = np.average(mu[rows], weights=w)
        own = np.log(max(np.sum(w * amount[rows]), 1e-9) / np.sum(w * np.exp(mu[rows])))
        shift[g] = (n * own + PRIOR_ROWS * plain) / (n + PRIOR_ROWS)
        around = np.average((residual[rows] - np.average(residual[rows], weights=w)) ** 2, weights=w)
        variance[g] = (n * around + PRIOR_ROWS * spread) / (n + PRIOR_ROWS)
    sigma = np.clip(np.sqrt(variance), LEAST_SIGMA, MOST_SIGMA)
    curve = Spread(knots, shift, sigma, float(mu.min()), float(mu.max()))
    total = np.sum(weight * curve.mean_sigma(mu)[0])
    level = np.log(max(np.sum(weight * amount), 1e-9) / total)
    return Spread(knots, shift + level, sigma, curve.low, curve.high)


@dataclass(frozen=True)
class Chance:
    """P(active) given a score: Platt's logistic curve, corrected by groups of the score."""

    intercept: float
    slope: float
    knots: Array  # (G,) scores, ascending
    shift: Array  # (G,) correction in log-odds
    limit: float  # chances are held within [limit, 1 - limit]

    def p(self, score: Array) -> Array:  # (N,)
        held = np.clip(score, self.knots[0] - 10.0, self.knots[-1] + 10.0)
        odds = self.intercept + self.slope * held + np.interp(score, self.knots, self.shift)
        return np.clip(expit(odds), self.limit, 1 - self.limit)

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        line = np.array([self.intercept, self.slope, self.limit])
        return {f"{prefix}line": line, f"{prefix}knots": self.knots, f"{prefix}shift": self.shift}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Chance:
        intercept, slope, limit = (float(v) for v in arrays[f"{prefix}line"])
        return cls(intercept, slope, arrays[f"{prefix}knots"], arrays[f"{prefix}shift"], limit)


def least_chance(rows: int) -> float:
    """The smallest chance that this many rows can speak for, by Laplace's rule of succession."""
    return 1.0 / (rows + 2.0)


def fit_chance(score: Array, active: Array, weight: Array) -> Chance:
    """Learn from scores, whether active, and weights, all (N,) with N >= 1.

    Platt, "Probabilistic outputs for support vector machines" (1999): targets are moved in from 0 and 1, so that
    separable data give finite slopes.
    """
    positives = np.sum(weight * active)
    negatives = np.sum(weight) - positives
    target = np.where(active, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre = np.average(score, weights=weight)
    spread = np.sqrt(np.average((score - centre) ** 2, weights=weight))
    spread = spread if spread > 1e-9 else 1.0
    z = (score - centre) / spread

    def loss(line: Array) -> tuple[float, Array]:
        odds = line[0] + line[1] * z
        off = weight * (expit(odds) - target)
        value = np.sum(weight * (np.logaddexp(0.0, odds) - target * odds)) + line[1] ** 2 / 2
        return float(value), np.array([off.sum(), off @ z + line[1]])

    a, b = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    intercept, slope = a - b * centre / spread, b / spread
    groups = _groups(score, weight)
    knots, shift = np.empty(len(groups)), np.empty(len(groups))
    for g, rows in enumerate(groups):
        w, n = weight[rows], len(rows)
        knots[g] = np.average(score[rows], weights=w)
        plain = np.average(expit(intercept + slope * score[rows]), weights=w)
        own = np.average(active[rows], weights=w)
        shift[g] = logit((n * own + PRIOR_ROWS * plain) / (n + PRIOR_ROWS)) - logit(plain)
    return Chance(float(intercept), float(slope), knots, shift, least_chance(len(score)))


def _groups(score: Array, weight: Array) -> list[Array]:
    """Rows in groups of about equal weight by score; one group where there are few rows or few distinct scores."""
    count = int(np.clip(len(score) // GROUP_ROWS, 1, MOST_GROUPS))
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(weight[order])
    edges = np.searchsorted(reached, reached[-1] * np.arange(1, count) / count)
    cuts = np.searchsorted(score[order], score[order][edges], side="left")  # equal scores stay together
    parts = [part for part in np.split(order, np.unique(cuts)) if len(part)]
    merged: list[Array] = []
    for part in parts:  # too small ones join their neighbour, so that knots are strictly ascending
        if merged and (len(part) < GROUP_ROWS // 2 or len(merged[-1]) < GROUP_ROWS // 2):
            merged[-1] = np.concatenate([merged[-1], part])
        else:
            merged.append(part)
    return merged
