"""The verdict on the model that made the forecast, beside the verdict on all models."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from worthwhile.evaluation.verdict import LEADING_METRIC, verdict_about
from worthwhile.report import facts
from worthwhile.report.content import ReportContent


def verdict_on(content: ReportContent, lang: str) -> dict[str, str]:
    """Topic -> sentence, in the order they are read; {} without a backtest."""
    backtest = content.backtest
    if backtest is None:
        return {}
    own = facts.shown_model(content.forecast, backtest)
    metric, zone = LEADING_METRIC[content.forecast.target], ZoneInfo(content.timezone)
    return dict(verdict_about(backtest.scores, own, lang=lang, metric=metric, zone=zone).sentences)


def lead_of(said: dict[str, str]) -> str:
    """The sentence to begin with: what to conclude, else that nothing can be, else how good the model's total was."""
    return next((said[topic] for topic in ("conclusion", "nothing", "total", "leader") if topic in said), "")
