"""The report's section on reasons: figures and sentences, in one language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worthwhile.explain.sentences import Teller
from worthwhile.report import charts_reasons
from worthwhile.report.reasons_content import ReasonsFacts
from worthwhile.report.tables import short
from worthwhile.report.texts import Voice, read_texts

TOLD = 4  # reasons of each customer in words


def reasons_section(facts: ReasonsFacts | None, voice: Voice) -> dict[str, Any] | None:
    """What the template `reasons.html` shows; None where no reasons of the forecast are recorded."""
    if facts is None:
        return None
    language, n, name = voice.numbers.language, voice.numbers, facts.amount_name
    voice = replace(voice, texts={**voice.texts, **read_texts(language, page="reasons-")})
    teller = Teller(n)
    customers = []
    for customer_id, rows in facts.customers_told(language):
        customers.append(
            {
                "id": short(customer_id),
                "waterfall": charts_reasons.waterfall_figure(facts, customer_id, rows, voice),
                "timeline": charts_reasons.timeline_figure(facts.steps_of(customer_id), customer_id, voice),
                "reasons": [
                    {
                        "effect": teller.signed(row[f"{name}_effect"]),
                        "is_up": row[f"{name}_effect"] > 0,
                        "points": voice("section.points", points=teller.points(row["p_active_effect"])),
                        "text": row["text"],
                    }
                    for row in rows[:TOLD]
                ],
            }
        )
    return {
        "t": voice,
        "title": voice("section.title"),
        "intro": voice(
            "section.intro",
            amount=n.money(facts.typical[f"{name}_mean"]),
            chance=n.share(facts.typical["p_active"]),
        ),
        "importance": charts_reasons.importance_figure(facts, voice),
        "customers": customers,
    }
