"""Reasons: which facts and events move a customer's forecast, in the shop's currency and in words."""

from worthwhile.explain.build import Explanations, explain
from worthwhile.explain.counterfactual import Changed, Step
from worthwhile.explain.questions import Answers, ask_why

__all__ = ["Answers", "Changed", "Explanations", "Step", "ask_why", "explain"]
