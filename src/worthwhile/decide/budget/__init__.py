"""What to do for whom under a budget: candidates, limits, the plan."""

from worthwhile.decide.budget.arms import arms_of
from worthwhile.decide.budget.channels import Split, split_budget
from worthwhile.decide.budget.limits import Fairness, Limits
from worthwhile.decide.budget.planning import How, Plan, plan_candidates
from worthwhile.decide.budget.shop_plan import PlanRun, plan

__all__ = [
    "Fairness",
    "How",
    "Limits",
    "Plan",
    "PlanRun",
    "Split",
    "arms_of",
    "plan",
    "plan_candidates",
    "split_budget",
]
