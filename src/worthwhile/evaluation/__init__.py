"""How good forecasts were: metrics, scores, curves, and the verdict in words."""

from worthwhile.evaluation.curves import CURVES, curves
from worthwhile.evaluation.metrics import METRICS, Metric
from worthwhile.evaluation.scores import evaluate, join_scores, mean_ranks, score, summary
from worthwhile.evaluation.verdict import LEADING_METRIC, Verdict, verdict

__all__ = [
    "CURVES",
    "LEADING_METRIC",
    "METRICS",
    "Metric",
    "Verdict",
    "curves",
    "evaluate",
    "join_scores",
    "mean_ranks",
    "score",
    "summary",
    "verdict",
]
