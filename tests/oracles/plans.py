"""What a plan must keep, row by row and in plain Python; and the best plan, by asking HiGHS about all rows at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

CLOSE = 1e-9  # what rounding of sums may come to, of the limit


def broken(candidates: list[dict[str, Any]], plan: list[dict[str, Any]], limits: Any, held: set[str] = frozenset()):
    """What a plan does that it must not, as sentences; nothing where all is well."""
    said = []
    rows = {(c["customer_id"], c["action"]): c for c in candidates}
    chosen = [(p["customer_id"], p["action"]) for p in plan]
    said += [f"{key} is chosen twice" for key, n in Counter(chosen).items() if n > 1]
    said += [f"{key} is no candidate" for key in chosen if key not in rows]
    if said:
        return said
    for name, n in Counter(customer for customer, _ in chosen).items():
        if n > (limits.per_customer or 1) - limits.contacted.get(name, 0):
            said.append(f"{name} has {n} contacts")
        if name in limits.excluded or name in held:
            said.append(f"{name} is excluded")
    taken = [rows[key] for key in chosen]
    least, whole = limits.least_return or 0.0, limits.plan_return or 0.0
    said += [f"{r} returns too little" for r in taken if r["expected_margin"] < least * r["cost"]]

    def above(name: str, sum_: float, most: float) -> None:
        if sum_ > most + CLOSE * max(1.0, abs(most)):
            said.append(f"{name}: {sum_} of {most}")

    if limits.budget is not None:
        above("budget", sum(r["cost"] for r in taken), limits.budget)
    for channel, most in limits.channel_budgets.items():
        above(channel, sum(r["cost"] for r in taken if r["channel"] == channel), most)
    for channel, most in limits.capacities.items():
        above(channel, sum(1 for r in taken if r["channel"] == channel), most)
    for action, most in limits.action_capacities.items():
        above(action, sum(1 for r in taken if r["action"] == action), most)
    above("return", whole * sum(r["cost"] for r in taken), sum(r["expected_margin"] for r in taken))
    for fair in limits.fairness:
        _unfair(candidates, taken, fair, limits, held, above)
    return said


def _unfair(candidates, taken, fair, limits, held, above) -> None:
    group = {c["customer_id"]: c[fair.column] for c in candidates}
    may = [
        g
        for name, g in group.items()
        if name not in limits.excluded
        and name not in held
        and (limits.per_customer or 1) - limits.contacted.get(name, 0) > 0
    ]
    counts = Counter(r[fair.column] for r in taken)
    for name in set(group.values()):
        low = fair.least.get(name, 0.0) if isinstance(fair.least, Mapping) else fair.least
        low = max(low, fair.parity * may.count(name) / max(len(may), 1))
        high = fair.most.get(name, 1.0) if isinstance(fair.most, Mapping) else fair.most
        above(f"least of {name}", low * len(taken), counts[name])
        above(f"most of {name}", counts[name], high * len(taken))


def best_value(problem: Any) -> float:
    """The value of the best plan of a solver's problem, to 1e-8 of it."""
    rows = np.arange(problem.rows)
    each = np.zeros((problem.customers, problem.rows))
    each[problem.owner, rows] = 1.0
    found = milp(
        -problem.value,
        integrality=np.ones(problem.rows),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(
            np.vstack([each, problem.coefficients(rows)]), -np.inf, np.concatenate([problem.limit, problem.most])
        ),
        options={"mip_rel_gap": 1e-8},
    )
    return float(-found.fun)
