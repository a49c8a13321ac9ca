"""Solves the planner's problem: exactly where it is small enough, else to a gap that the Lagrangian bound proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from worthwhile.decide.budget.multipliers import Prices, lowest, prices_of
from worthwhile.decide.budget.problem import Array, Problem
from worthwhile.decide.budget.repair import proven, repaired, short_of
from worthwhile.errors import InputError

METHODS = ("auto", "exact", "lagrangian")
AIM = 1e-4  # of the bound: a plan this near to it is not looked at further
EXACT_GAP = 1e-7  # what counts as the optimum
EXACT_ROWS = 10_000  # rows in doubt that `auto` solves to the end
MOST_EXACT_ROWS = 200_000  # rows in doubt that `exact` takes on
CURVE_ROWS = 100_000  # up to which a curve is that of all customers and not of a sample


@dataclass(frozen=True)
class Solution:
    """A plan that keeps every limit, how good it is, and what the limits cost."""

    chosen: Array  # rows, ascending
    value: float
    bound: float  # no plan is worth more
    method: str  # exact or lagrangian
    prices: Prices | None  # None where there was nothing to choose from

    @property
    def gap(self) -> float:
        """By which share of the bound the plan may be short of the best one."""
        return max(1.0 - self.value / self.bound, 0.0) if self.bound > 0 else 0.0


def solve(problem: Problem, *, method: str = "auto", seed: int = 0) -> Solution:
    """The best plan. Raises InputError `bad-argument` for an unknown method, and where `exact` cannot be had."""
    if method not in METHODS:
        raise InputError(
            "bad-argument", f"there is no method `{method}`", where="--method", remedy=f"take {', '.join(METHODS)}"
        )
    if not problem.rows:
        return Solution(np.empty(0, np.int64), 0.0, 0.0, "exact", None)
    prices = prices_of(problem, seed=seed)
    aim = EXACT_GAP if method == "exact" else AIM
    chosen, bound = np.empty(0, np.int64), prices.relaxed.bound
    for rounds in (1, 3):  # a wider core only where the rows that a proof leaves open are too many
        chosen = _better(problem, chosen, repaired(problem, prices, aim=AIM, rounds=rounds))
        if method != "lagrangian" and short_of(problem, chosen, bound) > aim:
            most_rows = MOST_EXACT_ROWS if method == "exact" else EXACT_ROWS
            chosen, bound = proven(problem, prices, chosen, most_rows=most_rows, gap=EXACT_GAP / 2)
        if short_of(problem, chosen, bound) <= aim or bound < prices.relaxed.bound:
            break
    short = short_of(problem, chosen, bound)
    if method == "exact" and short > EXACT_GAP:
        raise InputError(
            "bad-argument",
            f"the best plan was not found: one that is at most {short:.2g} of it short was",
            where="--method",
            remedy="take --method auto, which gives that plan",
        )
    name = "exact" if short <= EXACT_GAP else "lagrangian"
    return Solution(chosen, float(problem.value[chosen].sum()), bound, name, prices)


def _better(problem: Problem, one: Array, other: Array) -> Array:
    return one if problem.value[one].sum() > problem.value[other].sum() else other


@dataclass(frozen=True)
class Point:
    """The best that a budget can do."""

    budget: float
    spent: float
    value: float


def sweep(
    problem: Problem, prices: Prices, which: int, budgets: Sequence[float], *, plan: Point, seed: int = 0
) -> list[Point]:
    """What other amounts of the limit `which` would do, all else equal, in the order given (ascending).

    `plan` is what was found for the problem's own. The planes found for one budget serve for all. Each point is a plan.
    Of more than CURVE_ROWS rows it is that of a sample of customers, and all points are multiplied by one number, so
    that the curve goes through the plan.
    """
    asked, own = problem, plan.budget
    if problem.rows > CURVE_ROWS:
        size = max(1, CURVE_ROWS * problem.customers // problem.rows)
        drawn = np.random.default_rng(seed).choice(problem.customers, size, replace=False)
        asked = problem.of_customers(np.sort(drawn))
        prices = prices_of(asked, seed=seed)
    share = asked.customers / problem.customers
    found = [_point(asked, prices, which, budget * share) for budget in budgets]
    drawn_plan = _point(asked, prices, which, own * share) if asked is not problem else None
    factor = plan.value / drawn_plan.value if drawn_plan and drawn_plan.value else 1.0
    costs = plan.spent / drawn_plan.spent if drawn_plan and drawn_plan.spent else 1.0
    points, before = [], Point(0.0, 0.0, 0.0)
    for budget, point in zip(budgets, found, strict=True):
        point = Point(budget, min(point.spent * costs, budget), point.value * factor)
        if budget >= own and point.value < plan.value:  # the plan itself is one that this budget can have
            point = Point(budget, plan.spent, plan.value)
        before = point if point.value > before.value else replace(before, budget=budget)
        points.append(before)
    return points


def _point(problem: Problem, prices: Prices, which: int, budget: float) -> Point:
    most = problem.most.copy()
    most[which] = budget
    asked = replace(problem, most=most)
    radius = np.maximum(prices.multipliers, 1e-3 * float(problem.value.mean()))
    found = lowest(asked, prices.multipliers, radius, prices.planes, close=1e-5)
    chosen = repaired(asked, found, aim=1e-3, rounds=1, nodes=20)
    return Point(budget, float(asked.cost[chosen].sum()), float(asked.value[chosen].sum()))
