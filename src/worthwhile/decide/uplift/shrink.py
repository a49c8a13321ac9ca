"""How far effects may differ from customer to customer: as far as customers who were not learned from bear out.

All learners' effects are put together into one direction, and doubly robust scores of held-out customers are regressed
on it (best linear predictor of the effect: Chernozhukov, Demirer, Duflo and Fernández-Val 2018, section 3). The slope
begins half way between none (an effect that is the same for all) and one that gives effects the spread that the outcome
surfaces alone say, which is mostly in proportion to what a customer is expected to do anyway; the scores move it as far
as they are sure.

All of that is per unit of size: of spend, of the amount expected of a buyer. Where nothing is there, everybody's effect
is the average, of spend in proportion to size. For other outcomes sizes are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from worthwhile.decide.uplift.learners import LEARNERS, Said

Array = np.ndarray[Any, Any]

SURFACES = [LEARNERS.index("common"), LEARNERS.index("T")]
PRIOR_SLOPE, PRIOR_SD = 0.5, 0.5  # of the surfaces' effect, before any score is seen
DISAGREEMENT = 2.0  # errors of effects, in standard deviations between learners: by simulated campaigns
RIDGE = 1.0  # of learners' weights, against their correlations


@dataclass(frozen=True)
class Shrunk:
    """One action's effect on one outcome: size * (level + slope * direction), a weighing of learners' rates."""

    average: float  # effect, of all
    level: float  # per unit of size, that gives effects this average
    mean: Array  # (F,) of the learners' rates
    weight: Array  # (F,) >= 0, that gives the direction the spread of the surfaces' rates
    slope: float  # 0 or more, moved from PRIOR_SLOPE by the scores
    scale: Array  # (L,) that gives each learner's own rates the same spread
    errors: Array  # (2,) standard errors of average and slope
    size: float  # mean, of those that it was learned from
    t: float  # of the slope by the scores alone: how sure it is that effects differ

    def direction(self, found: Array) -> Array:
        """(N,), with mean 0 over those that it was learned from."""
        return (found - self.mean) @ self.weight

    def effect(self, found: Array, size: Array) -> Array:
        """(N,) from the learners' rates (N, F) and sizes (N,)."""
        return size * (self.level + self.slope * self.direction(found))

    def variance(self, found: Array, size: Array) -> Array:
        """(N,) of the effect, by the uncertainty of average and slope and by what learners disagree about.

        The last stands for what no line tells: how far a customer's effect lies from what the learners together say.
        """
        own = len(self.scale)
        apart = ((found[:, :own] - self.mean[:own]) * self.scale).std(axis=1)
        told = (self.errors[0] / self.size) ** 2 + (self.direction(found) * self.errors[1]) ** 2
        return size**2 * (told + (DISAGREEMENT * self.slope * apart) ** 2)


def features_of(said: Said, outcome: int) -> Array:
    """(N, K, F) rates: by the learners of this outcome, and by the surfaces and doubly robust ones of the others. Who
    visits because of a mail is learned from thousands, who spends from a hundred."""
    others = [said.rates(j)[..., [*SURFACES, -1]] for j in range(said.size.shape[1]) if j != outcome]
    return np.concatenate([said.rates(outcome), *others], axis=-1)


def settled(whole: Array, calm: Array) -> tuple[float, float]:
    """A mean of scores (N,) and its standard error, from those of the outcome as it is and of the calm one.

    What the calm outcome leaves out, an effect on how much buyers spend, is shrunk as slopes are, so the mean is at
    most one standard error of that part away from the unbiased one, and the latter where the part is sure.
    """
    n = len(whole)
    rest, error = float((whole - calm).mean()), float((whole - calm).std() / np.sqrt(n))
    kept = max(0.0, 1.0 - (error / rest) ** 2) if rest != 0 else 0.0
    return float(calm.mean()) + rest * kept, float((calm + kept * (whole - calm)).std() / np.sqrt(n))


def shrink(found: Array, size: Array, whole: Array, calm: Array, fold: Array) -> Shrunk:
    """The line that scores bear out along learners' rates (M, F), held out by `fold` (M,).

    `whole` (M,) are the scores of the effect on the outcome as it is, `calm` (M,) on the calm one; `size` (M,). The
    error of the average is that of the outcome as it is.
    """
    gain = calm / size
    sd = found.std(axis=0)
    mean, sd = found.mean(axis=0), np.where(sd > 1e-9 * np.abs(found.mean(axis=0)) + 1e-12, sd, np.inf)
    z = (found - mean) / sd
    natural = float(found[:, SURFACES].mean(axis=1).std())
    weight = _weights(z, gain)
    spread = float((z @ weight).std())
    held = np.empty(len(z))  # the direction for each customer, weighed without their fold
    for each in np.unique(fold):
        here = fold == each
        held[here] = z[here] @ _weights(z[~here], gain[~here])
    along = (held - held.mean()) * (natural / max(float(held.std()), 1e-300))
    slope, error = _slope(along, gain - gain.mean())
    moved, moved_error = _between(slope, error)
    weight = weight / sd * (natural / max(spread, 1e-300))
    average = settled(whole, calm)[0]
    return Shrunk(
        average=average,
        level=_level(average, size, moved * ((found - mean) @ weight)),
        mean=mean,
        weight=weight,
        slope=moved,
        scale=natural / sd[: len(LEARNERS)],
        errors=np.array([whole.std() / np.sqrt(len(whole)), moved_error]),
        size=float(size.mean()),
        t=slope / error if error > 0 else 0.0,
    )


def _level(average: float, size: Array, beside: Array) -> float:
    """What, added to rates `beside` (M,), gives effects this average."""
    return float((average - (size * beside).mean()) / size.mean())


def _slope(along: Array, gain: Array) -> tuple[float, float]:
    """Least squares of centred numbers (M,) and its robust standard error (White 1980); zeros where nothing varies."""
    size = float(along @ along)
    if size <= 1e-300:
        return 0.0, 0.0
    slope = float(along @ gain) / size
    return slope, float(np.sqrt(((along * (gain - slope * along)) ** 2).sum())) / size


def _between(slope: float, error: float) -> tuple[float, float]:
    """The slope's posterior mean and sd under a normal prior; never below zero."""
    if error == 0:
        return 0.0, 0.0
    sure, prior = error**-2, PRIOR_SD**-2
    return max((slope * sure + PRIOR_SLOPE * prior) / (sure + prior), 0.0), (sure + prior) ** -0.5


def _weights(z: Array, gain: Array) -> Array:
    """Weights >= 0 of standardised learners by ridge regression. Each learner begins with a covariance of one standard
    error, so that without evidence all weigh the same, and with evidence hardly anything is changed."""
    n = len(z)
    lower = np.linalg.cholesky(z.T @ z / n + RIDGE * np.eye(z.shape[1]))
    target = z.T @ (gain - gain.mean()) / n + gain.std() / np.sqrt(n)
    return nnls(lower.T, solve_triangular(lower, target, lower=True))[0]


@dataclass(frozen=True)
class Coarse:
    """One action's effect by coarse groups: size * (level + slope * (group's rate - their mean)), shrunk alike."""

    level: float
    mean: float
    slope: float

    def effect(self, found: Array, size: Array) -> Array:  # (N,) from (N,), (N,)
        return size * (self.level + self.slope * (found - self.mean))


def shrink_groups(found: Array, size: Array, whole: Array, calm: Array) -> Coarse:
    """From the held-out rates of groups (M,), and sizes and scores (M,) as in `shrink`."""
    mean, rate = float(found.mean()), calm / size
    slope, error = _slope(found - mean, rate - rate.mean())
    kept = slope * max(0.0, 1.0 - (error / slope) ** 2) if slope > 0 else 0.0
    return Coarse(_level(settled(whole, calm)[0], size, kept * (found - mean)), mean, kept)
