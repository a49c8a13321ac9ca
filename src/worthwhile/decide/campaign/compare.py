"""Two groups compared: the difference of their means with an interval, plain and adjusted by a forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, t

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Difference:
    """Mean of the treated less mean of the held out, with its interval and two-sided p-value."""

    effect: float
    low: float
    high: float
    se: float
    p_value: float


def difference(treated: Array, held: Array, *, sure: float = 0.95) -> Difference:
    """Welch's comparison: se^2 = s1^2/n1 + s0^2/n0, degrees of freedom after Satterthwaite (Welch 1947).

    NaN throughout where a group has fewer than two customers.
    """
    if len(treated) < 2 or len(held) < 2:
        return Difference(*[math.nan] * 5)
    parts = treated.var(ddof=1) / len(treated), held.var(ddof=1) / len(held)
    effect, se = float(treated.mean() - held.mean()), math.sqrt(sum(parts))
    if se == 0:
        return Difference(effect, effect, effect, 0.0, 1.0 if effect == 0 else 0.0)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(treated) - 1) + parts[1] ** 2 / (len(held) - 1))
    reach = float(t.ppf((1 + sure) / 2, freedom)) * se
    return Difference(effect, effect - reach, effect + reach, se, float(2 * t.sf(abs(effect / se), freedom)))


def adjusted(treated: Array, held: Array, by_treated: Array, by_held: Array, *, sure: float = 0.95) -> Difference:
    """The same of outcomes less what a forecast made before explains: y - b (x - mean x).

    CUPED (Deng et al. 2013, equation 4). b is the slope within the groups, so that the effect itself does not bend it;
    where x has no spread, this is the plain comparison.
    """
    x = np.concatenate([by_treated, by_held])
    if min(len(treated), len(held)) < 2:
        return difference(treated, held, sure=sure)
    inner = np.concatenate([by_treated - by_treated.mean(), by_held - by_held.mean()])
    spread = float(inner @ inner)
    if spread <= 1e-12 * max(1.0, float(x @ x)):
        return difference(treated, held, sure=sure)
    outcomes = np.concatenate([treated - treated.mean(), held - held.mean()])
    slope = float(inner @ outcomes) / spread
    centre = x.mean()
    return difference(treated - slope * (by_treated - centre), held - slope * (by_held - centre), sure=sure)


def sample_ratio(seen: Array, expected: Array) -> float:
    """The p-value of group sizes (G,) against designed ones: chi-squared, as Fabijan et al. 2019 use it."""
    total, kept = seen.sum(), expected > 0
    if not total or kept.sum() < 2:
        return 1.0
    due = expected[kept] / expected[kept].sum() * total
    return float(chi2.sf(float(((seen[kept] - due) ** 2 / due).sum()), int(kept.sum()) - 1))
