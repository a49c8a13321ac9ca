"""Qini, uplift and doubly robust values by plain loops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def qini(effect: Sequence[float], treated: Sequence[bool], outcome: Sequence[float]) -> list[tuple[int, float]]:
    """Points (n, Q(n)) after each group of customers of equal effect, highest first."""
    points = [(0, 0.0)]
    for value in sorted(set(effect), reverse=True):
        first = [i for i in range(len(effect)) if effect[i] >= value]
        n_t = sum(1 for i in first if treated[i])
        n_c = len(first) - n_t
        y_t = sum(outcome[i] for i in first if treated[i])
        y_c = sum(outcome[i] for i in first if not treated[i])
        points.append((len(first), y_t - (y_c * n_t / n_c if n_c else 0.0)))
    return points


def area(points: Sequence[tuple[int, float]]) -> float:
    """By trapezoids, less the triangle below the line to the end."""
    whole = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return whole - points[-1][0] * points[-1][1] / 2


def score(mean: float, outcome: float, got: bool, chance: float) -> float:
    """The doubly robust score of one customer and one action."""
    return mean + ((outcome - mean) / chance if got else 0.0)
