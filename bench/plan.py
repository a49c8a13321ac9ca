"""Plans under a budget: time, memory and proven gap at 1 million customers and 5 actions, and 100 shops of 2,000
customers against the exact optimum.

    python bench/plan.py large      # about two minutes and 2 GB
    python bench/plan.py exact      # about eight minutes

Candidates are drawn: effects with a long tail, some below zero, that hang together within a customer; costs that hang
on action and customer.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pyarrow as pa
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from worthwhile.cli.solver_output import standard_output_to_nowhere
from worthwhile.decide.budget import Fairness, How, Limits, plan_candidates
from worthwhile.decide.budget.candidates import candidates_of
from worthwhile.decide.budget.limits import asked_of

ACTIONS = ("e-mail", "voucher", "sms", "card", "call")
CHANNELS = ("email", "email", "sms", "post", "phone")
COSTS = (0.02, 2.0, 0.08, 1.1, 4.0)
REGIONS = np.array(["north", "south", "east"], object)
EFFECTS = (0.6, 3.0, 0.9, 2.4, 6.0)


def candidates(customers: int, seed: int) -> pa.Table:
    """A table of 5 candidates a customer."""
    rng = np.random.default_rng(seed)
    actions = len(ACTIONS)
    level = rng.lognormal(0.0, 1.0, customers)[:, None]
    margin = np.array(EFFECTS) * level * rng.gamma(1.0, 1.0, (customers, actions)) - 0.2 * np.array(EFFECTS)
    cost = np.array(COSTS) * rng.uniform(0.7, 1.3, (customers, actions))
    return pa.table(
        {
            "customer_id": np.repeat(np.array([f"C{k:07d}" for k in rng.permutation(customers)], object), actions),
            "action": pa.array(np.tile(np.array(ACTIONS, object), customers)),
            "channel": pa.array(np.tile(np.array(CHANNELS, object), customers)),
            "region": np.repeat(rng.choice(REGIONS, customers, p=[0.5, 0.3, 0.2]), actions),
            "cost": cost.ravel(),
            "expected_margin": margin.ravel(),
            "expected_margin_se": np.abs(margin).ravel() * 0.3,
        }
    )  # fmt: skip


def limit_sets(customers: int) -> dict[str, tuple[Limits, How]]:
    """Sets of limits, from one budget to all that there are."""
    how = How(curve=False)
    budget = 0.25 * customers
    channels = {
        "channel_budgets": {"phone": 0.05 * customers},
        "capacities": {"email": 0.4 * customers, "post": 0.03 * customers},
    }
    return {
        "budget": (Limits(budget), how),
        "budget, capacities, channel budgets": (Limits(budget, **channels), how),
        "two actions a customer, return of 3": (Limits(budget, per_customer=2, least_return=1.0, plan_return=3.0), how),
        "fairness: parity of 0.8, at most 45 % each": (
            Limits(budget, fairness=[Fairness("region", most=0.45, parity=0.8)]), how,
        ),
        "all of these, on the 10 % quantile": (
            Limits(
                budget, per_customer=2, least_return=1.0, plan_return=3.0, **channels,
                fairness=[Fairness("region", most=0.45, parity=0.8)],
            ),
            How(curve=False, risk=0.1),
        ),
        "budget, with its curve and a holdout of 5 %": (Limits(budget), How(holdout=0.05)),
    }  # fmt: skip


def large(customers: int = 1_000_000) -> None:
    """Time and gap for each set of limits."""
    table = candidates(customers, seed=0)
    print(f"{customers:,} customers, {len(table):,} candidates\n")
    columns = ("limits", "limits in all", "contacts", "proven gap", "processor seconds", "peak memory")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name, (limits, how) in limit_sets(customers).items():
        begun = time.process_time()
        made = plan_candidates(table, limits=limits, how=how)
        seconds = time.process_time() - begun
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        facts = made.facts
        print(
            f"| {name} | {len(facts['limits'])} | {facts['contacts']:,} | {facts['gap']:.1e} | {seconds:.0f} |"
            f" {memory:.1f} GB |",
            flush=True,
        )


def exact(shops: int = 100, customers: int = 2_000, asked: int = 10) -> None:
    """The default method on shops with limits drawn of every kind: how far from the optimum its plans are at most.

    The bound on the optimum is the planner's own, or HiGHS's on all rows at once where that is lower, which
    is asked for `asked` of the shops for ten seconds each.
    """
    proven, short, seconds, above = [], [], [], 0
    for seed in range(shops):
        table, limits = candidates(customers, seed), drawn_limits(customers, seed)
        begun = time.process_time()
        made = plan_candidates(table, limits=limits, how=How(curve=False))
        seconds.append(time.process_time() - begun)
        proven.append(made.facts["gap"])
        if seed < asked:
            known = candidates_of(table)
            problem = asked_of(known, known.margin, limits, "margin", np.zeros(customers, bool)).problem
            best, bound = optimum(problem)
            value = made.facts["expected_margin"]
            short.append(max(1 - value / min(bound, made.facts["bound"]), 0.0))
            above += best > value * (1 + 1e-9)
    print(f"{shops} shops of {customers:,} customers and {len(ACTIONS)} actions, limits drawn of every kind\n")
    print("| | mean | largest |\n|---|---|---|")
    print(f"| gap that was proven | {np.mean(proven):.1e} | {np.max(proven):.1e} |")
    print(f"| short of the lower of both bounds, {asked} shops | {np.mean(short):.1e} | {np.max(short):.1e} |")
    print(f"| processor seconds | {np.mean(seconds):.1f} | {np.max(seconds):.1f} |")
    print(f"\nIn {above} of {asked} shops HiGHS found a better plan within ten seconds.")


def drawn_limits(customers: int, seed: int) -> Limits:
    """Limits of every kind, each there or not."""
    rng = np.random.default_rng(10_000 + seed)

    def maybe(value: object, otherwise: object) -> object:
        return value if rng.random() < 0.5 else otherwise

    return Limits(
        budget=float(customers * rng.uniform(0.02, 0.6)),
        channel_budgets=maybe({"phone": customers * rng.uniform(0.01, 0.1)}, {}),
        capacities=maybe({"email": customers * rng.uniform(0.05, 0.5), "post": customers * rng.uniform(0.01, 0.1)}, {}),
        action_capacities=maybe({"voucher": customers * rng.uniform(0.01, 0.1)}, {}),
        per_customer=int(rng.integers(1, 3)),
        least_return=maybe(1.0, 0.0),
        plan_return=maybe(float(rng.uniform(1, 8)), 0.0),
        fairness=maybe([Fairness("region", most=0.45, parity=0.8)], ()),
    )


def optimum(problem: object) -> tuple[float, float]:
    """The best value, and HiGHS's bound on it, of all rows at once."""
    n = problem.rows
    each = csr_array((np.ones(n), (problem.owner, np.arange(n))), shape=(problem.customers, n))
    matrix = vstack([each, csr_array(problem.coefficients(np.arange(n)))])
    most = np.concatenate([problem.limit, problem.most])
    with standard_output_to_nowhere():
        found = milp(
            -problem.value,
            integrality=np.ones(n),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(matrix, -np.inf, most),
            options={"mip_rel_gap": 1e-6, "time_limit": 10},
        )
    bound = -found.mip_dual_bound if found.mip_dual_bound is not None else np.inf
    return (-np.inf if found.fun is None else -found.fun), bound


if __name__ == "__main__":
    parts = {"large": large, "exact": exact}
    for name in sys.argv[1:] or ["large", "exact"]:
        parts[name]()
