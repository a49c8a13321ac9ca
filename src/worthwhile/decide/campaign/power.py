"""How many customers a test needs, and what it can see: two groups compared by their means.

With groups of n0 and n1 customers, outcomes of standard deviation s and a two-sided test at level a, the difference
that is found with probability b is (Cohen 1988, chapter 2)

    d = (z(1 - a/2) + z(b)) s sqrt(1/n0 + 1/n1)

Adjusting each outcome by its forecast leaves of the variance what the forecast does not explain: s^2 (1 - r^2), with r
the correlation of forecast and outcome (Deng et al. 2013, equation 4, with the forecast as the covariate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class Noise:
    """What an outcome varies by among customers, and how much of it the forecast explains."""

    mean: float
    sd: float  # of outcomes between customers
    sd_adjusted: float  # of outcomes about their forecasts

    @property
    def correlation(self) -> float:
        return math.sqrt(max(0.0, 1.0 - (self.sd_adjusted / self.sd) ** 2)) if self.sd > 0 else 0.0


def detectable(sd: float, held: int, treated: int, *, level: float = 0.05, power: float = 0.8) -> float:
    """The least difference of means that groups of these sizes find with this power; infinite with an empty group."""
    if not held or not treated:
        return math.inf
    return _z(level, power) * sd * math.sqrt(1 / held + 1 / treated)


def found_with(sd: float, effect: float, held: int, treated: int, *, level: float = 0.05) -> float:
    """The power: how often groups of these sizes find an effect of this size, of either sign."""
    if not held or not treated:
        return 0.0
    if sd <= 0:
        return 1.0
    size, reach = abs(effect) / (sd * math.sqrt(1 / held + 1 / treated)), float(norm.ppf(1 - level / 2))
    return float(norm.cdf(size - reach) + norm.cdf(-size - reach))


def needed(sd: float, effect: float, total: int, arms: int, *, level: float = 0.05, power: float = 0.8) -> int | None:
    """How many of `total` customers to hold out, so that each of `arms` equal groups of the rest shows an effect.

    The fewest; None where no number does. With h held out and t in the smallest arm the variance of a difference is
    s^2 (1/h + 1/t). All h are looked at: t goes down by whole customers, so that a larger h may show less than a
    smaller one.
    """
    if effect <= 0 or total <= arms:
        return None
    held = np.arange(1, total - arms + 1)
    least = _z(level, power) * sd * np.sqrt(1 / held + 1 / ((total - held) // arms))
    shows = np.flatnonzero(least <= effect)
    return int(held[shows[0]]) if len(shows) else None


def share_to_leave(
    sd: float, effect: float, treated: int, reach: float, *, level: float = 0.05, power: float = 0.8
) -> float | None:
    """The least share of a plan's customers to leave alone by lot, so that its contacts show an effect.

    None where no share does. A budget that is used up goes on to other customers in place of those left alone, so of
    `reach` customers who are worth a contact t(s) = min(treated, (1 - s) reach) are contacted at a share s, and
    h(s) = t s / (1 - s) are left alone who would have been. The variance of a difference is then
    sd^2 (1/t + 1/h) = sd^2 / (t s), which falls with s up to 1 - treated / reach, or to one half if that is more.
    """
    if effect <= 0 or treated <= 0:
        return None
    wanted = (_z(level, power) * sd / effect) ** 2  # t s has to be so many
    if wanted <= treated * (1 - treated / reach):
        return wanted / treated
    if treated / reach <= 0.5 or 4 * wanted > reach:
        return None
    return (1 - math.sqrt(1 - 4 * wanted / reach)) / 2


def each_group(sd: float, effect: float, *, level: float = 0.05, power: float = 0.8) -> int:
    """How many customers each of two equal groups needs: n = 2 ((z(1 - a/2) + z(b)) s / d)^2."""
    return math.ceil(2 * (_z(level, power) * sd / effect) ** 2)


def _z(level: float, power: float) -> float:
    return float(norm.ppf(1 - level / 2) + norm.ppf(power))
