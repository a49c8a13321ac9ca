"""The verdict on the model that made the forecast, beside the verdict on all models."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.evaluation.verdict import LEADING_METRIC, RULES, Verdict, verdict
from worthwhile.report import facts
from worthwhile.report.content import ReportContent

# Topics that compare models are about the best of the backtest; these are about what the reader holds in hands.
OWN_TOPICS = ("total", "intervals", "top", "conclusion")


def verdict_on(content: ReportContent, lang: str) -> dict[str, str]:
    """Topic -> sentence, in the order they are read; {} without a backtest.

    Another model than the forecast's may lead the backtest. How far totals were off, how honest the intervals are and
    what to conclude is therefore said of the model whose forecast is shown, and of no other.
    """
    backtest = content.backtest
    if backtest is None:
        return {}
    scores, metric = backtest.scores, LEADING_METRIC[content.forecast.target]

    def on(some: pa.Table) -> Verdict:
        return verdict(some, lang=lang, metric=metric, zone=ZoneInfo(content.timezone))

    said = dict(on(scores).sentences)
    own = facts.shown_model(content.forecast, backtest)
    beside_rules = on(_only(scores, own, *RULES))
    # Where a rule does better, it would lead that table; the model's own numbers then come from its scores alone.
    alone = beside_rules if beside_rules.leader == own else on(_only(scores, own))
    for topic in OWN_TOPICS:
        said.pop(topic, None)
        if topic in alone.sentences:
            said[topic] = alone.sentences[topic]
    if alone is not beside_rules and own not in RULES and "rule" in beside_rules.sentences:
        said["caution"] = beside_rules.sentences["rule"]
    return said


def lead_of(said: dict[str, str]) -> str:
    """The sentence to begin with: what to conclude, else that nothing can be, else how good the model's total was."""
    return next((said[topic] for topic in ("conclusion", "nothing", "total", "leader") if topic in said), "")


def _only(scores: pa.Table, *models: str) -> pa.Table:
    return scores.filter(pc.is_in(scores["model"], value_set=pa.array(models)))
