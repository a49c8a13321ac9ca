"""A plan from a table of candidates: who gets what, what it brings, and what more or less of a budget would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from worthwhile.decide.budget.candidates import Candidates, candidates_of, column_or_none
from worthwhile.decide.budget.limits import OBJECTIVES, Asked, Limits, asked_of
from worthwhile.decide.budget.multipliers import Prices, prices_of
from worthwhile.decide.budget.problem import Array, Problem, best_rows, reduced_values
from worthwhile.decide.budget.solve import Point, Solution, solve, sweep
from worthwhile.decide.holdout import held_out, strata_of
from worthwhile.decide.tables import refuse_rows
from worthwhile.decide.words import words_of
from worthwhile.errors import InputError
from worthwhile.progress import Progress, part, silent

ERRORS = ("expected_margin_se", "effect_se_shared")  # columns of standard errors: own, and shared by an action
SURE = 0.9  # of intervals
# Shares of the budget at which the curve is shown.
CURVE = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
AMPLE = 0.5  # share of the budget that a plan costs, below which they are shares of that cost


@dataclass(frozen=True)
class How:
    """How a plan is made, beside what it must keep."""

    objective: str = "margin"  # or profit: margin less cost
    risk: float | None = None  # plan on this quantile of each row's margin; None: on the mean
    method: str = "auto"  # or exact, lagrangian
    holdout: float = 0.0  # share of the customers, or from 1 on their number, who are left alone
    curve: bool = True  # whether to work out what other budgets would do
    seed: int = 0
    lots_of: str = ""  # what those left alone are drawn for; plans of a shop draw for their forecast


@dataclass(frozen=True)
class Plan:
    """Who gets what. `table` has the chosen rows of the candidates, customers and actions ascending."""

    table: pa.Table
    holdout: pa.Table  # customer_id, stratum, action: what each would have got; null for nothing
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Plan({len(self.table):,} contacts, cost {self.facts['cost']:,.2f})"

    def sentences(self, lang: str = "en") -> list[str]:
        """The answer in plain words, `en` or `zh`. Raises InputError `bad-argument` for another language."""
        from worthwhile.decide.budget.wording import grounds, plan_sentences

        words = words_of(lang, self.facts.get("currency", ""))
        return [*plan_sentences(self.facts, words), *grounds(self.facts, words)]

    def warning_sentences(self, lang: str = "en") -> list[str]:
        """What a reader has to know before. Raises InputError `bad-argument`."""
        from worthwhile.decide.budget.wording import plan_warnings

        return plan_warnings(self.facts, words_of(lang, self.facts.get("currency", "")))

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """The whole answer, sentences in one language. Raises InputError `bad-argument`."""
        return {**self.facts, "answer": self.sentences(lang), "warnings": self.warning_sentences(lang)}

    def write(self, path: Path | str) -> Path:
        """Write the chosen rows as Parquet, CSV or JSON lines, by the suffix. Raises InputError `bad-argument`."""
        from worthwhile.runs.tables import check_out, write_table

        path = check_out(path)
        write_table(self.table, path)
        return path


def plan_candidates(
    table: pa.Table,
    budget: float | None = None,
    *,
    limits: Limits | None = None,
    how: How | None = None,
    where: str = "candidates",
    progress: Progress = silent,
) -> Plan:
    """Choose rows of candidates so that the sum of their expected margins is highest and every limit is kept.

    `table` has the columns `customer_id`, `action`, `cost` (>= 0) and `expected_margin` (before the cost, in the same
    currency), a row for each customer and action. Where there are `expected_margin_se` (the standard error of a row's
    margin, its own) and `effect_se_shared` (that which all rows of an action share), the return has an interval; other
    columns are carried through. `budget` is the one of `limits`, where both are given.
    Raises InputError `bad-columns`, `bad-values`, `bad-argument`.
    """
    how, limits = how or How(), limits or Limits()
    if budget is not None:
        limits = replace(limits, budget=float(budget))
    progress("read", 0.0)
    candidates = candidates_of(table, where=where)
    margin = planned_on(candidates, how.risk)
    nobody = np.zeros(candidates.customers, bool)
    progress("set up", 0.1)
    asked = asked_of(candidates, margin, limits, how.objective, nobody)
    left_alone = nobody
    strata = _strata(candidates, margin, asked)
    if how.holdout:
        left_alone = held_out(candidates.ids.to_pylist(), strata, how.holdout, seed=how.seed, of=how.lots_of)
        asked = asked_of(candidates, margin, limits, how.objective, left_alone)
    progress("solve", 0.2)
    solution = solve(asked.problem, method=how.method, seed=how.seed)
    rows = asked.rows[solution.chosen]
    wide = _wide(candidates, margin, limits, how, left_alone, asked, solution)
    others = asked_of(candidates, margin, limits, how.objective, ~left_alone) if how.holdout else None
    held = _held_table(candidates, strata, left_alone, others, solution)
    facts = _facts(candidates, margin, rows, asked, solution) | _limited(asked, solution, wide)
    facts |= _choice(candidates, limits, asked)
    facts |= {"objective": how.objective, "risk": how.risk, "seed": how.seed, "held_out": int(left_alone.sum())}
    facts["eligible"] = int((strata >= 0).sum())  # customers among whom those held out were drawn
    facts["held_out_planned"] = len(held) - held["action"].null_count
    facts["curve"] = _curve(wide, facts, limits, how, part(progress, 0.6, 1.0)) if how.curve else []
    progress("done", 1.0)
    return Plan(candidates.table.take(rows), held, facts)


def planned_on(candidates: Candidates, risk: float | None) -> Array:  # (R,)
    """The margin that is planned on: the mean, or a lower quantile of each row's.

    The quantile is the column `expected_margin_q10` for a risk of 0.1, where there is one; else it is the normal one,
    mean + z(risk) sqrt(se^2 + se_shared^2). Raises InputError `bad-argument`, `bad-columns`.
    """
    if risk is None:
        return candidates.margin
    if not 0 < risk <= 0.5:
        raise InputError("bad-argument", f"{risk:g} is no lower quantile", where="--risk", remedy="give 0.05 to 0.5")
    given = column_or_none(candidates, f"expected_margin_q{round(risk * 100):02d}")
    if given is not None:
        return given
    own, shared = _errors(candidates)
    if own is None and shared is None:
        raise InputError(
            "bad-columns",
            "the candidates do not say how uncertain their margins are",
            where="--risk",
            remedy=f"add a column expected_margin_se or expected_margin_q{round(risk * 100):02d}",
        )
    variance = sum(column**2 for column in (own, shared) if column is not None)
    return candidates.margin + float(norm.ppf(risk)) * np.sqrt(variance)


def _errors(candidates: Candidates) -> tuple[Array | None, Array | None]:
    """Standard errors of each row's own, and of what all rows of its action share."""
    own, shared = (column_or_none(candidates, name) for name in ERRORS)
    for name, found in zip(ERRORS, (own, shared), strict=True):
        if found is not None:
            refuse_rows(candidates.table, name, pa.array(found < 0), "is below zero", where="candidates")
    return own, shared


def total_sd(candidates: Candidates, rows: Array) -> float | None:
    """The standard deviation of the rows' sum: own errors are independent, an action's shared one adds up.

    var = sum se_i^2 + sum over actions (sum se_shared_i)^2. None where nothing is known of errors.
    """
    own, shared = _errors(candidates)
    if own is None and shared is None:
        return None
    variance = 0.0 if own is None else float((own[rows] ** 2).sum())
    if shared is not None:
        codes, names = candidates.coded("action")
        variance += float((np.bincount(codes[rows], shared[rows], len(names)) ** 2).sum())
    return float(np.sqrt(variance))


def _strata(candidates: Candidates, margin: Array, asked: Asked) -> Array:
    """Customers who could be chosen, in groups by the best margin that they have among the candidates."""
    best = np.full(candidates.customers, -np.inf)
    np.maximum.at(best, candidates.owner, margin)
    may = np.zeros(candidates.customers, bool)
    if len(asked.rows):  # whatever the budget is, as far as it buys anything: another one leaves the same ones alone
        may[candidates.owner[asked.worth]] = True
    return strata_of(best, may)


@dataclass(frozen=True)
class _Wide:
    """The problem with the rows that the curve's largest budget buys, and its prices at the plan's own budget."""

    problem: Problem
    prices: Prices | None


def _wide(
    candidates: Candidates,
    margin: Array,
    limits: Limits,
    how: How,
    left_alone: Array,
    asked: Asked,
    solution: Solution,
) -> _Wide:
    """What a budget is short of: rows that cost more than all of it are no part of the plan's problem, but they are
    what the next money buys."""
    same = _Wide(asked.problem, solution.prices)
    if limits.budget is None:
        return same
    more = limits.budget * max(CURVE)
    cost = candidates.cost[asked.worth]
    if not ((cost > limits.budget) & (cost <= more)).any():
        return same
    problem = asked_of(candidates, margin, replace(limits, budget=more), how.objective, left_alone).problem
    if problem.rows == asked.problem.rows:
        return same
    most = problem.most.copy()
    most[problem.names.index("budget")] = limits.budget
    problem = replace(problem, most=most)
    return _Wide(problem, prices_of(problem, seed=how.seed))


def _choice(candidates: Candidates, limits: Limits, asked: Asked) -> dict[str, Any]:
    """Of all rows how many may not be contacted, how many would not pay, and how many there are to choose from; how
    many more would be worth a contact but cost more than the whole budget, and the lowest cost of these."""
    cost = candidates.cost[asked.worth]
    dear = cost[cost > (np.inf if limits.budget is None else limits.budget)]
    return {
        "rows": len(candidates.cost),
        "closed": int((~asked.open).sum()),
        "not_worth": int((asked.open & ~asked.worth).sum()),
        "affordable": len(asked.rows),
        "too_dear": len(dear),
        "too_dear_from": float(dear.min()) if len(dear) else None,
    }


def _held_table(
    candidates: Candidates, strata: Array, left_alone: Array, others: Asked | None, solution: Solution
) -> pa.Table:
    """Those held out, with the action that the plan's prices would have given them."""
    place = np.flatnonzero(left_alone)
    actions: dict[int, str] = {}
    if others is not None and others.problem.rows and solution.prices is not None:
        reduced = reduced_values(others.problem, solution.prices.multipliers)
        rows = others.rows[best_rows(others.problem, reduced)]
        codes, names = candidates.coded("action")
        # Of several the first: one is enough to say that the plan would have reached the customer.
        for row in rows[::-1].tolist():
            actions[int(candidates.owner[row])] = names[int(codes[row])]
    return pa.table(
        {
            "customer_id": candidates.ids.take(pa.array(place)),
            "stratum": pa.array(strata[place], pa.int32()),
            "action": pa.array([actions.get(int(k)) for k in place], pa.string()),
        }
    )


def _facts(candidates: Candidates, margin: Array, rows: Array, asked: Asked, solution: Solution) -> dict[str, Any]:
    cost, brings = float(candidates.cost[rows].sum()), float(candidates.margin[rows].sum())
    sd = total_sd(candidates, rows) or None  # where nothing is known to err, an interval of no width would mislead
    reach = None if sd is None else float(norm.ppf((1 + SURE) / 2)) * sd
    return {
        "candidates": len(candidates.owner),
        "customers": candidates.customers,
        "not_to_be_contacted": int(candidates.customers - len(np.unique(candidates.owner[asked.open]))),
        "contacts": len(rows),
        "customers_contacted": len(np.unique(candidates.owner[rows])),
        "cost": cost,
        "expected_margin": brings,
        "expected_margin_low": None if reach is None else brings - reach,
        "expected_margin_high": None if reach is None else brings + reach,
        "margin_planned_on": float(margin[rows].sum()),
        "profit": brings - cost,
        "rows_below_cost": int((candidates.margin[rows] < candidates.cost[rows]).sum()),
        "method": solution.method,
        "gap": solution.gap,
        "bound": solution.bound,
        "actions": _by_label(candidates, rows, "action"),
    }


def _limited(asked: Asked, solution: Solution, wide: _Wide) -> dict[str, Any]:
    """What the plan takes of each limit, and what the next unit of it would bring."""
    problem = asked.problem
    prices = np.zeros(len(problem.names)) if wide.prices is None else wide.prices.multipliers
    taken = problem.taken(solution.chosen) if problem.rows else np.zeros(len(problem.names))
    return {
        "limits": [
            {"limit": name, "most": float(most), "taken": float(used), "price": float(price)}
            for name, most, used, price in zip(problem.names, problem.most, taken, prices, strict=True)
        ]
    }


def _by_label(candidates: Candidates, rows: Array, column: str) -> list[dict[str, Any]]:
    codes, names = candidates.coded(column)
    count = np.bincount(codes[rows], minlength=len(names))
    cost = np.bincount(codes[rows], candidates.cost[rows], len(names))
    brings = np.bincount(codes[rows], candidates.margin[rows], len(names))
    return [
        {column: name, "contacts": int(count[k]), "cost": float(cost[k]), "expected_margin": float(brings[k])}
        for k, name in enumerate(names)
    ]


def _curve(
    wide: _Wide, facts: Mapping[str, Any], limits: Limits, how: How, progress: Progress
) -> list[dict[str, float]]:
    """What other budgets would bring, all other limits the same."""
    if not limits.budget or wide.prices is None:
        return []
    progress("curve", 0.0)
    weight = OBJECTIVES[how.objective]
    budgets = [share * limits.budget for share in CURVE]
    if 0 < facts["cost"] < AMPLE * limits.budget:  # then it is smaller budgets that bring something else
        budgets = [*(share * facts["cost"] for share in CURVE if share <= 1), limits.budget]
    plan = Point(limits.budget, facts["cost"], facts["margin_planned_on"] - weight * facts["cost"])
    points = sweep(wide.problem, wide.prices, wide.problem.names.index("budget"), budgets, plan=plan, seed=how.seed)
    return [{"budget": p.budget, "cost": p.spent, "margin": p.value + weight * p.spent} for p in points]


def next_of(facts: Mapping[str, Any]) -> tuple[float, float] | None:
    """A step beyond the budget, and what it would bring in margin: the first point of the curve that brings more than
    the budget does, less the budget's own. None where there is no curve, no price of the budget, or no such point.

    Of the curve and not of the price, which holds for the very next unit alone.
    """
    budget = next((one for one in facts["limits"] if one["limit"] == "budget"), None)
    if budget is None or budget["price"] <= 0:
        return None
    most = budget["most"] * (1 + 1e-9)
    within = [point["margin"] for point in facts["curve"] if point["budget"] <= most]
    beyond = (p for p in facts["curve"] if p["budget"] > most and within and p["margin"] > within[-1] * (1 + 1e-9))
    point = next(beyond, None)
    return None if point is None else (point["budget"] - budget["most"], point["margin"] - within[-1])
