"""The prices of the limits: multipliers at which the Lagrangian bound is lowest, by cutting planes.

Each relaxed choice k, with its value V_k and what it takes of the limits, is a plane below the bound:
L(m) >= V_k + m . (most - taken_k). The least point of all planes, within a box about the best multipliers so far, is
asked next (Kelley 1960; the box as in Marsten, Hogan & Blankenship 1975). The planes do not hang on `most`: those that
were found for one budget serve for every other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, vstack

from worthwhile.decide.budget.problem import (
    Array,
    Problem,
    Relaxed,
    each_customer,
    nearest,
    reduced_values,
    regrets,
    relaxed,
)

SAMPLE = 20_000  # customers among whom prices are looked for first
CLOSE = 1e-7  # of the bound: nearer to its least value nothing is gained
ROUGH = 3e-6  # of the bound: as near as planes are asked to come where rows in doubt are then asked
POLISHED = 20_000  # rows in doubt that the last word on prices is taken from
MOST_ASKED = 300  # relaxed choices for one set of prices


@dataclass
class Planes:
    """What relaxed choices were found of a problem."""

    values: list[float] = field(default_factory=list)
    taken: list[Array] = field(default_factory=list)

    def add(self, found: Relaxed) -> None:
        self.values.append(found.value)
        self.taken.append(found.taken)

    def least(self, most: Array, low: Array, high: Array) -> tuple[Array, float]:
        """The multipliers within a box at which the highest of the planes is lowest, and how low."""
        slopes, values = most - np.array(self.taken), np.array(self.values)
        unit = max(float(np.abs(values).max()), 1e-300)
        largest = np.abs(slopes).max(axis=0)
        largest = np.where(largest > 1e-200, largest, 1.0)
        size = largest / unit  # a multiplier times its size is of order one
        planes = np.column_stack([slopes / largest, -np.ones(len(values))])
        bounds = [*zip(low * size, high * size, strict=True), (None, None)]
        cost = np.append(np.zeros(len(most)), 1.0)
        found = linprog(cost, A_ub=planes, b_ub=-values / unit, bounds=bounds, method="highs")
        if found.x is None:
            return low, -np.inf
        return np.clip(found.x[:-1] / size, low, high), float(found.x[-1] * unit)


@dataclass(frozen=True)
class Prices:
    """Multipliers (J,) >= 0, the relaxed choice under them, and how far its bound can still be from the lowest."""

    multipliers: Array
    relaxed: Relaxed
    planes: Planes
    open: float  # what further asking could gain at most; infinite where that is not known


def prices_of(problem: Problem, *, seed: int) -> Prices:
    """The prices at which the bound is lowest or near it: of a sample of the customers first, then of all."""
    scale = _scale(problem)
    start, radius = np.zeros(len(problem.most)), scale
    if problem.customers > 2 * SAMPLE:
        drawn = np.random.default_rng(seed).choice(problem.customers, SAMPLE, replace=False)
        part = problem.of_customers(np.sort(drawn))
        start = lowest(part, start, radius, Planes(), close=1e-5).multipliers
        # A price that a sample tells is off by about one in the square root of its size.
        radius = 4 / np.sqrt(SAMPLE) * np.maximum(start, 0.1 * scale)
        return polished(problem, lowest(problem, start, radius, Planes(), close=ROUGH))
    return lowest(problem, start, radius, Planes())


def polished(problem: Problem, prices: Prices, *, times: int = 8) -> Prices:
    """Better prices, from the linear program of the rows in most doubt when all others stay as they are.

    Among millions of rows the bound is flat about its lowest point: prices that are off by a thousandth cost it a
    millionth, and yet leave thousands of rows on the wrong side. The duals of the small program set them right.
    """
    width, floor = 0.03, 1e-3 * _scale(problem)
    for _ in range(times):
        chosen = prices.relaxed.chosen
        free = nearest(regrets(problem, reduced_values(problem, prices.multipliers), chosen), POLISHED)
        reach = width * prices.multipliers + floor
        low, high = np.maximum(prices.multipliers - reach, 0.0), prices.multipliers + reach
        multipliers = _duals(problem, chosen, free, low, high)
        found = relaxed(problem, multipliers)
        prices.planes.add(found)
        gained = prices.relaxed.bound - found.bound
        if gained > 0:
            prices = Prices(multipliers, found, prices.planes, prices.open)
        else:
            width, floor = width / 4, floor / 4
        if abs(gained) <= 1e-8 * abs(found.bound):
            break
    return prices


def _duals(problem: Problem, chosen: Array, free: Array, low: Array, high: Array) -> Array:
    """The prices of the limits, between `low` and `high`, when only the free rows can change and may be taken in part.

    Bounds on prices are columns of the program: what is sold of a limit at its lowest price, and bought at its highest.
    """
    kept = np.setdiff1d(chosen, free, assume_unique=True)
    room = problem.limit - np.bincount(problem.owner[kept], minlength=problem.customers)
    each, most_each = each_customer(problem, free, room)
    takes, left = problem.coefficients(free), problem.most - problem.taken(kept)
    largest = np.maximum(np.abs(takes).max(axis=1), 1e-200)
    unit = max(float(problem.value[free].max()), 1e-300)
    count = len(left)
    limits = csr_array(np.hstack([takes / largest[:, None], np.eye(count), -np.eye(count)]))
    matrix = csr_array(vstack([hstack([each, csr_array((len(most_each), 2 * count))]), limits]))
    value = np.concatenate([problem.value[free], low * largest, -high * largest]) / unit
    bounds = np.concatenate([np.ones(len(free)), np.full(2 * count, np.inf)])
    found = linprog(
        -value,
        A_ub=matrix,
        b_ub=np.concatenate([most_each, left / largest]),
        bounds=np.column_stack([np.zeros(len(bounds)), bounds]),
        method="highs",
    )
    if found.x is None:  # the solver gave up
        return (low + high) / 2
    return np.clip(-found.ineqlin.marginals[len(most_each) :] * unit / largest, low, high)


def _scale(problem: Problem) -> Array:  # (J,)
    """The size that a price of each limit may be of: what a row is worth against what it takes."""
    rows = np.arange(0, problem.rows, max(1, problem.rows // 20_000))
    takes = np.abs(problem.coefficients(rows))
    has = (takes > 0).sum(axis=1)
    mean = np.where(has > 0, takes.sum(axis=1) / np.maximum(has, 1), 1.0)
    return problem.value[rows].mean() / mean


def lowest(problem: Problem, start: Array, radius: Array, planes: Planes, *, close: float = CLOSE) -> Prices:
    """Multipliers at which the bound is lowest, to `close` of it, from `start` on in boxes of at first this radius."""
    centre, best = start, relaxed(problem, start)
    planes.add(best)
    left = np.inf
    for _ in range(MOST_ASKED if len(start) else 0):
        low, high = np.maximum(centre - radius, 0.0), centre + radius
        trial, floor = planes.least(problem.most, low, high)
        hoped = best.bound - floor
        at_edge = (trial >= high * (1 - 1e-9)) | ((trial <= low * (1 + 1e-9)) & (low > 0))
        if hoped <= close * abs(best.bound):
            if not at_edge.any():
                left = max(hoped, 0.0)
                break
            radius = np.where(at_edge, radius * 8, radius)
            continue
        found = relaxed(problem, trial)
        planes.add(found)
        if found.bound < best.bound:
            if best.bound - found.bound > 0.5 * hoped:
                radius = np.where(at_edge, radius * 4, radius)
            centre, best = trial, found
        elif found.bound - best.bound > hoped:
            radius = radius / 4
    return Prices(centre, best, planes, left)
