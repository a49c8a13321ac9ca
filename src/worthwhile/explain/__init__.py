"""Reasons: which facts and events move a customer's forecast, in the shop's currency and in words."""

from worthwhile.explain.build import Explanations, explain_forecast
from worthwhile.explain.counterfactual import Changed, Step, Timeline
from worthwhile.explain.questions import Answers, explain_customers

__all__ = ["Answers", "Changed", "Explanations", "Step", "Timeline", "explain_customers", "explain_forecast"]
