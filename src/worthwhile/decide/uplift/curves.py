"""Qini, AUUC and deciles: is a ranking by effects right, shown on customers that were not learned from.

Customers with one action or the control are ordered by their effect, highest first. Among the first n, let N_t, N_c be
how many had the action and the control, Y_t, Y_c the sums of their outcomes.

Qini curve: Q(n) = Y_t - Y_c N_t / N_c, what the action added among those treated (Radcliffe 2007, section 3). Its
coefficient is the area between the curve and the straight line from (0, 0) to its end (random targeting), over the same
area for the perfect order: treated with the outcome first, untreated with it last (as in scikit-uplift, whose perfect
order is of 0/1 outcomes too). AUUC: the area under U(n) = (Y_t / N_t - Y_c / N_c) (N_t + N_c), the uplift of the first
n (Devriendt, Van Belle, Guns and Verbeke 2020, equation 10), less that of random targeting, over the perfect order's.

For amounts no order is perfect, so areas stay in the outcome's unit: `area` is what the order adds beyond random
targeting for each customer treated, on average over all shares of customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

POINTS = 100  # of a curve that is written
DECILES = 10
Z = 1.959964


@dataclass(frozen=True)
class Curve:
    """Points from 0 to all customers: x the number of them, y the gain."""

    x: Array  # (P,)
    y: Array  # (P,)

    def area(self) -> float:
        """Under the curve, less that under the line to its end."""
        return float(np.trapezoid(self.y, self.x) - self.y[-1] * self.x[-1] / 2)


def qini_curve(effect: Array, treated: Array, outcome: Array) -> Curve:
    """Q(n) by effects (N,), of bool (N,) and outcomes (N,). Customers of equal effect are taken together."""
    n_t, n_c, y_t, y_c, last = _sums(effect, treated, outcome)
    gained = y_t - np.divide(y_c * n_t, n_c, out=np.zeros_like(y_c), where=n_c > 0)
    return Curve(np.concatenate([[0.0], last]), np.concatenate([[0.0], gained]))


def uplift_curve(effect: Array, treated: Array, outcome: Array) -> Curve:
    """U(n) by effects (N,)."""
    n_t, n_c, y_t, y_c, last = _sums(effect, treated, outcome)
    mean_t = np.divide(y_t, n_t, out=np.zeros_like(y_t), where=n_t > 0)
    mean_c = np.divide(y_c, n_c, out=np.zeros_like(y_c), where=n_c > 0)
    return Curve(np.concatenate([[0.0], last]), np.concatenate([[0.0], (mean_t - mean_c) * (n_t + n_c)]))


def _sums(effect: Array, treated: Array, outcome: Array) -> tuple[Array, ...]:
    order = np.argsort(-effect, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(effect[order]) != 0, True))
    t = treated[order].astype(np.float64)
    y = outcome[order].astype(np.float64)
    sums = (np.cumsum(v)[ends] for v in (t, 1 - t, t * y, (1 - t) * y))
    return (*sums, (ends + 1).astype(np.float64))


def perfect_effect(treated: Array, outcome: Array) -> Array:
    """Numbers that order 0/1 outcomes perfectly, customer by customer, which nobody can know."""
    return np.where(treated, outcome, -outcome.astype(np.float64))


@dataclass(frozen=True)
class Ranking:
    """How well effects rank: coefficients (NaN for amounts) and the Qini curve's area per customer."""

    qini: float
    auuc: float
    area: float


def ranking(effect: Array, treated: Array, outcome: Array) -> Ranking:
    """Of customers with one action or the control: effects (N,), bool (N,), outcomes (N,)."""
    qini = qini_curve(effect, treated, outcome)
    n = len(effect)
    area = qini.area() / n / max(int(treated.sum()), 1)
    if not np.isin(outcome, (0, 1)).all():
        return Ranking(float("nan"), float("nan"), area)
    perfect = perfect_effect(treated, outcome)
    best = qini_curve(perfect, treated, outcome).area()
    uplift, best_uplift = uplift_curve(effect, treated, outcome).area(), uplift_curve(perfect, treated, outcome).area()
    return Ranking(
        qini.area() / best if best > 0 else float("nan"),
        uplift / best_uplift if best_uplift > 0 else float("nan"),
        area,
    )


def thinned(curve: Curve) -> Curve:
    """The curve at POINTS + 1 shares of the customers."""
    x = np.linspace(0, curve.x[-1], POINTS + 1)
    return Curve(x, np.interp(x, curve.x, curve.y))


@dataclass(frozen=True)
class Decile:
    """A tenth of the customers, of highest effect first: what was said and what came of it."""

    decile: int
    customers: int
    said: float  # mean effect
    seen: float  # mean doubly robust score of the effect
    low: float  # 95 % interval of it
    high: float


def deciles(effect: Array, gain: Array) -> list[Decile]:
    """From effects (N,) and held-out scores of the effect (N,)."""
    found = []
    for i, rows in enumerate(parts_by(effect, DECILES)):
        mean, error = float(gain[rows].mean()), float(gain[rows].std() / np.sqrt(len(rows)))
        found.append(Decile(i + 1, len(rows), float(effect[rows].mean()), mean, mean - Z * error, mean + Z * error))
    return found


def parts_by(effect: Array, count: int) -> list[Array]:
    """The places of customers in `count` equal parts by their effects (N,), the highest first."""
    return np.array_split(np.argsort(-effect, kind="stable"), count)
