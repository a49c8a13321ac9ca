"""Shapley values: how a forecast's distance from a baseline is shared out among reasons.

A reason's share is its mean effect on the forecast when it is added to others, over all orders in which they can be
added (Shapley 1953; for forecasts Štrumbelj & Kononenko 2014). With few reasons all sets of them are asked about; else
orders are drawn in pairs, each with its reverse, which is exact where no more than two reasons act together
(Mitchell et al. 2022, antithetic sampling). Either way the shares add up to the whole distance.

Letters: N customers, P reasons, O outputs (expected amount, P(active), expected orders).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# From which reasons are present, (S, P) bool, to the forecasts with only those: (S, N, O).
Value = Callable[[Array], Array]
Plan = dict[tuple[bool, ...], Array]  # which reasons are present -> what its forecast counts for each reason (P,)


@dataclass(frozen=True)
class Shares:
    """Of each customer: the baseline, the forecast, and what each reason adds to the way from one to the other."""

    baseline: Array  # (N, O)
    forecast: Array  # (N, O)
    shares: Array  # (N, P, O); summed over reasons: forecast - baseline


def exact_plan(reasons: int) -> Plan:
    """All 2^P sets of reasons, weighted as in Shapley's formula."""
    plan: Plan = {}
    for size in range(reasons + 1):
        for present in combinations(range(reasons), size):
            mask = np.zeros(reasons, dtype=bool)
            mask[list(present)] = True
            weight = np.zeros(reasons)
            if size > 0:
                weight[mask] = 1 / (reasons * comb(reasons - 1, size - 1))
            if size < reasons:
                weight[~mask] = -1 / (reasons * comb(reasons - 1, size))
            plan[tuple(mask.tolist())] = weight
    return plan


def sampled_plan(reasons: int, pairs: int, seed: int) -> Plan:
    """The sets that `pairs` random orders and their reverses go through."""
    rng = np.random.default_rng(seed)
    plan: Plan = {}
    for _ in range(pairs):
        order = rng.permutation(reasons)
        for one in (order, order[::-1]):
            _add_walk(plan, one, 1 / (2 * pairs))
    return plan


def _add_walk(plan: Plan, order: Array, weight: float) -> None:
    """Count a walk that adds the reasons in this order: what each step gains is the share of the one added."""
    mask = np.zeros(len(order), dtype=bool)
    for step in range(len(order) + 1):
        counted = plan.setdefault(tuple(mask.tolist()), np.zeros(len(order)))
        if step > 0:
            counted[order[step - 1]] += weight
        if step < len(order):
            counted[order[step]] -= weight
            mask[order[step]] = True


def shapley(value: Value, plan: Plan, *, at_once: int = 1) -> Shares:
    """The shares of each reason by the sets of a plan. `at_once`: how many sets `value` is asked about together."""
    masks = list(plan)
    reasons = len(masks[0])
    shares: Any = 0.0
    ends: dict[int, Array] = {}
    for some in _batches(masks, at_once):
        said = value(np.array(some))  # (S, N, O)
        counted = np.array([plan[mask] for mask in some])  # (S, P)
        shares = shares + np.einsum("sp,sno->npo", counted, said)
        ends |= {sum(mask): said[place] for place, mask in enumerate(some) if sum(mask) in (0, reasons)}
    return Shares(baseline=ends[0], forecast=ends[reasons], shares=shares)


def _batches(masks: list[tuple[bool, ...]], size: int) -> Iterable[list[tuple[bool, ...]]]:
    return (masks[start : start + size] for start in range(0, len(masks), size))
