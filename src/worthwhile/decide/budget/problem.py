"""The planner's problem in arrays: rows to choose from, whose they are, and the linear limits on what is chosen.

Letters: R rows (a customer and an action), N customers, J limits that hold for the whole plan, U cells.

A limit is `sum over chosen rows of its coefficient <= most`. A row's coefficient hangs on its cell (its channel, action
and groups, whatever limits ask about) and is linear in its value and its cost, so that J limits on R rows are three
small matrices (J, U) and not one of J times R.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

Array = np.ndarray[Any, Any]

# What rounding may add to a sum: of 0.1 and 0.2 it makes more than 0.3.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Problem:
    """Choose rows: at most `limit` of each customer, all limits kept, the sum of `value` highest. All values > 0."""

    value: Array  # (R,) float64
    cost: Array  # (R,) float64, >= 0
    cell: Array  # (R,) int32
    owner: Array  # (R,) int32: the customer, ascending; each has a row at least
    start: Array  # (N + 1,) int64: where each customer's rows begin
    limit: Array  # (N,) int64, >= 1
    names: Sequence[str]  # (J,)
    count: Array  # (J, U): of a row's coefficient, what it has for being chosen
    money: Array  # (J, U): what it has for each unit of cost
    gain: Array  # (J, U): what it has for each unit of value
    most: Array  # (J,)

    @property
    def rows(self) -> int:
        return len(self.value)

    @property
    def customers(self) -> int:
        return len(self.limit)

    def coefficients(self, rows: Array) -> Array:  # (J, len(rows))
        """What each of these rows takes of each limit."""
        cell = self.cell[rows]
        return self.count[:, cell] + self.money[:, cell] * self.cost[rows] + self.gain[:, cell] * self.value[rows]

    def taken(self, rows: Array) -> Array:  # (J,)
        """What these rows take of each limit together."""
        cells, cell = self.count.shape[1], self.cell[rows]
        counts = np.bincount(cell, minlength=cells)
        costs = np.bincount(cell, self.cost[rows], cells)
        values = np.bincount(cell, self.value[rows], cells)
        return self.count @ counts + self.money @ costs + self.gain @ values

    def breaks(self, rows: Array) -> Array:  # (J,) of bool
        """Which limits these rows break, by more than the rounding of their sums."""
        size = np.abs(self.coefficients(rows)).sum(axis=1) + np.abs(self.most)
        return self.taken(rows) > self.most + ROUNDING * size

    def of_customers(self, customers: Array) -> Problem:
        """The problem of some of the customers (ascending), with as large a part of all that is limited."""
        sizes = np.diff(self.start)[customers]
        start = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.repeat(self.start[customers] - start[:-1], sizes) + np.arange(start[-1])
        return replace(
            self,
            value=self.value[rows],
            cost=self.cost[rows],
            cell=self.cell[rows],
            owner=np.repeat(np.arange(len(customers), dtype=np.int32), sizes),
            start=start,
            limit=self.limit[customers],
            most=self.most * (len(customers) / self.customers),
        )


@dataclass(frozen=True)
class Relaxed:
    """The best choice under some multipliers, with no limit but each customer's, and what it says of the bound."""

    bound: float  # no plan is worth more
    chosen: Array  # rows, ascending
    value: float
    taken: Array  # (J,)


def reduced_values(problem: Problem, multipliers: Array) -> Array:  # (R,)
    """Each row's value less what it takes of the limits, at their prices (J,)."""
    cell = problem.cell
    reduced = problem.value.copy()
    if problem.gain.any():
        reduced *= (1.0 - multipliers @ problem.gain)[cell]
    price = multipliers @ problem.money
    if price.any():
        reduced -= (price[cell] if len(price) > 1 else price[0]) * problem.cost
    fee = multipliers @ problem.count
    if fee.any():
        reduced -= fee[cell]
    return reduced


def relaxed(problem: Problem, multipliers: Array) -> Relaxed:
    """The Lagrangian relaxation at multipliers >= 0 (J,): its value bounds every plan's (Geoffrion 1974, section 2).

    L(m) = sum over customers of their best rows' reduced values above zero, and m . most.
    """
    reduced = reduced_values(problem, multipliers)
    chosen = best_rows(problem, reduced)
    bound = float(reduced[chosen].sum() + multipliers @ problem.most)
    return Relaxed(bound, chosen, float(problem.value[chosen].sum()), problem.taken(chosen))


def best_rows(problem: Problem, reduced: Array) -> Array:
    """Each customer's best rows of reduced value above zero, as many as may be; ascending. Of equals the first."""
    found, left = [], reduced
    for times in range(int(problem.limit.max(initial=0))):
        best = np.maximum.reduceat(left, problem.start[:-1])
        best[(problem.limit <= times) | (best <= 0)] = np.inf
        hit = np.flatnonzero(left == best[problem.owner])
        if not len(hit):
            break
        hit = hit[np.flatnonzero(np.diff(problem.owner[hit], prepend=-1))]
        found.append(hit)
        if times + 1 < problem.limit.max():
            left = left.copy() if times == 0 else left
            left[hit] = -np.inf
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)


def regrets(problem: Problem, reduced: Array, chosen: Array) -> Array:  # (R,) >= 0
    """By how much the bound falls where a row is taken against the relaxed choice, or left out against it."""
    is_chosen = np.zeros(problem.rows, bool)
    is_chosen[chosen] = True
    first = problem.start[:-1]
    has = np.bincount(problem.owner[chosen], minlength=problem.customers)
    worst = np.minimum.reduceat(np.where(is_chosen, reduced, np.inf), first)
    enter = np.where(has >= problem.limit, worst, 0.0)  # what makes room for one more row
    leave = np.maximum(np.maximum.reduceat(np.where(is_chosen, -np.inf, reduced), first), 0.0)
    owner = problem.owner
    return np.maximum(np.where(is_chosen, reduced - leave[owner], enter[owner] - reduced), 0.0)


def nearest(doubt: Array, size: int) -> Array:
    """The rows in most doubt, ascending; ties at the edge by the order of rows."""
    if size >= len(doubt):
        return np.arange(len(doubt))
    edge = np.partition(doubt, size - 1)[size - 1]
    below = np.flatnonzero(doubt < edge)
    return np.sort(np.concatenate([below, np.flatnonzero(doubt == edge)[: size - len(below)]]))


def each_customer(problem: Problem, free: Array, room: Array) -> tuple[csr_array, Array]:
    """The limit on the rows of each customer with more free rows than room."""
    owner = problem.owner[free]
    bound = np.flatnonzero(np.bincount(owner, minlength=problem.customers) > room)
    place = np.full(problem.customers, -1)
    place[bound] = np.arange(len(bound))
    column = np.flatnonzero(place[owner] >= 0)
    matrix = csr_array((np.ones(len(column)), (place[owner[column]], column)), shape=(len(bound), len(free)))
    return matrix, room[bound].astype(float)
