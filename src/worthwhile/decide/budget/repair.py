"""From prices to a plan that keeps every limit: the rows that the prices leave in doubt are decided by HiGHS.

All but few rows are clear under good prices: to take or leave them against the relaxed choice would cost more than the
plan can still be short of its bound. The rest, the core (Balas & Zemel 1980), is a small integer program whose limits
are what the clear rows leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack

from worthwhile.decide.budget.highs import best_binary
from worthwhile.decide.budget.multipliers import Prices
from worthwhile.decide.budget.problem import Array, Problem, each_customer, nearest, reduced_values, regrets, relaxed

CORE = 200  # rows in doubt that are decided at first
MOST_CORE = 50_000  # and at most
NODES = 2_000  # of a branch and bound
TRIES = 6  # to find a plan that keeps the limits exactly, not only to the solver's tolerance
TOLERANCE = 1e-9  # by which a limit that was broken is tightened beyond that, of its size


@dataclass(frozen=True)
class Decided:
    """A plan found with some rows free, and the best value that any plan with those rows free can have."""

    chosen: Array | None  # rows, ascending; None where no plan was found
    bound: float


def repaired(problem: Problem, prices: Prices, *, aim: float, rounds: int = 3, nodes: int = NODES) -> Array:
    """A plan near the bound: rows, ascending. The core grows until a plan is found that is within `aim` of the bound;
    after so many rounds any plan will do. In the worst case nobody is contacted, which keeps all limits.
    """
    start = prices.relaxed.chosen
    best = start if not problem.breaks(start).any() else np.empty(0, np.int64)
    doubt = regrets(problem, reduced_values(problem, prices.multipliers), start)
    size = CORE
    while rounds > 0 or not len(best):
        if short_of(problem, best, prices.relaxed.bound) <= aim:
            break
        found = decided(
            problem,
            start,
            core(problem, prices, doubt, size),
            gap=aim / 2 * prices.relaxed.bound,
            nodes=max(20, nodes * CORE // size),
        )
        if found.chosen is not None and problem.value[found.chosen].sum() > problem.value[best].sum():
            best = found.chosen
        if size >= min(problem.rows, MOST_CORE):
            break
        size, rounds = size * 4, rounds - 1
    return best if len(best) else _dearer(problem, prices)


def _dearer(problem: Problem, prices: Prices) -> Array:
    """What customers get at prices so much higher that the limits are kept; nothing where that does not do it."""
    for more in (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0):
        chosen = relaxed(problem, prices.multipliers * (1 + more)).chosen
        if not problem.breaks(chosen).any():
            return chosen
    return np.empty(0, np.int64)


def proven(problem: Problem, prices: Prices, plan: Array, *, most_rows: int, gap: float) -> tuple[Array, float]:
    """The best plan and a bound on it: rows whose other choice cannot lead to a better plan than the given one are
    fixed, and the rest is solved. The plan and its bound as they were where more than `most_rows` are left.
    """
    value = float(problem.value[plan].sum())
    doubt = regrets(problem, reduced_values(problem, prices.multipliers), prices.relaxed.chosen)
    free = np.flatnonzero(doubt <= (prices.relaxed.bound - value) * (1 + 1e-9) + 1e-12 * abs(value))
    if not 0 < len(free) <= most_rows:
        return plan, prices.relaxed.bound
    found = decided(problem, prices.relaxed.chosen, free, gap=gap * max(value, 1e-300))
    if found.chosen is not None and problem.value[found.chosen].sum() > value:
        plan, value = found.chosen, float(problem.value[found.chosen].sum())
    return plan, min(prices.relaxed.bound, max(found.bound, value))


def core(problem: Problem, prices: Prices, doubt: Array, size: int) -> Array:
    """The rows in most doubt, and of each limit with a price that asks about some of the rows alone a fifth as many.

    What is dear in one channel is in doubt among hundreds of cheap rows of another, and would not be among the nearest.
    """
    free = [nearest(doubt, size)]
    touched = (problem.count != 0) | (problem.money != 0) | (problem.gain != 0)  # (J, U)
    for j in np.flatnonzero(prices.multipliers > 0):
        if not touched[j].all():
            own = np.flatnonzero(touched[j][problem.cell])
            free.append(own[nearest(doubt[own], max(size // 5, 1))])
    return np.unique(np.concatenate(free))


def short_of(problem: Problem, chosen: Array, bound: float) -> float:
    """By which part of the bound a plan may be short of the best."""
    return max(1.0 - float(problem.value[chosen].sum()) / bound, 0.0) if bound > 0 else 0.0


def decided(problem: Problem, start: Array, free: Array, *, gap: float, nodes: int = NODES) -> Decided:
    """The best plan in which all rows but the free ones are as in the relaxed choice, to `gap` (of value).

    A plan that breaks a limit by the solver's tolerance is asked for again under tighter limits.
    """
    kept = np.setdiff1d(start, free, assume_unique=True)
    base = float(problem.value[kept].sum())
    takes = problem.coefficients(free)
    left = problem.most - problem.taken(kept)
    room = problem.limit - np.bincount(problem.owner[kept], minlength=problem.customers)
    each, most_each = each_customer(problem, free, room)
    matrix = csr_array(vstack([each, csr_array(takes)]))
    size = np.maximum(np.abs(takes).max(axis=1, initial=0.0), np.abs(problem.most))
    tighter, bound = np.zeros(len(left)), np.inf
    for _ in range(TRIES):
        most = np.concatenate([most_each, left - tighter])
        found = best_binary(problem.value[free], matrix, most, gap=gap, nodes=nodes)
        bound = found.bound + base if not tighter.any() else bound
        if found.chosen is None:
            break
        chosen = np.sort(np.concatenate([kept, free[found.chosen]]))
        broken = problem.breaks(chosen)
        if not broken.any() and not _exceeds(problem, chosen):
            return Decided(chosen, bound)
        tighter = tighter + np.where(broken, problem.taken(chosen) - problem.most + TOLERANCE * size, 0.0)
    return Decided(None, bound)


def _exceeds(problem: Problem, chosen: Array) -> bool:
    """Whether any customer has more rows than may be."""
    return bool((np.bincount(problem.owner[chosen], minlength=problem.customers) > problem.limit).any())
