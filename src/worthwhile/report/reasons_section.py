"""The report's section on reasons: figures, tables and sentences, in one language.

The customer who is expected to bring most is told at length, the other leading ones in a few lines that can be opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from worthwhile.report import charts_reasons
from worthwhile.report.reasons_content import ReasonsFacts, Row
from worthwhile.report.tables import Cell, Table, short
from worthwhile.report.texts import Voice, read_texts

AT_LENGTH, IN_SHORT = 5, 4  # reasons in words of the first customer, and of each other


def reasons_section(facts: ReasonsFacts | None, voice: Voice) -> dict[str, Any] | None:
    """What the template `reasons.html` shows; None where no reasons of the forecast are recorded, or nothing sets any
    customer apart."""
    if facts is None or not facts.importance:
        return None
    language, n = voice.numbers.language, voice.numbers
    voice = replace(voice, texts={**voice.texts, **read_texts(language, page="reasons-")})
    customers = [
        _customer(facts, customer_id, rows, voice, at_length=place == 0)
        for place, (customer_id, rows) in enumerate(facts.customers_told(language))
    ]
    return {
        "t": voice,
        "title": voice("section.title"),
        "made": facts.made.said(voice),
        "intro": voice(
            "section.intro",
            amount=n.money(facts.typical[f"{facts.amount_name}_mean"]),
            chance=n.share(facts.typical["p_active"]),
        ),
        "importance": charts_reasons.importance_figure(facts, voice),
        "by_quantity": _by_quantity(facts, voice),
        "first": customers[0] if customers else None,
        "others": customers[1:],
    }


def _customer(
    facts: ReasonsFacts, customer_id: str, rows: Sequence[Row], voice: Voice, *, at_length: bool
) -> dict[str, Any]:
    n, name = voice.numbers, facts.amount_name
    return {
        "id": short(customer_id),
        "waterfall": charts_reasons.waterfall_figure(facts, customer_id, rows, voice, in_pair=at_length),
        "timeline": charts_reasons.timeline_figure(facts.steps_of(customer_id), customer_id, voice, is_wide=at_length),
        "reasons": [
            {
                "effect": n.money_change(row[f"{name}_effect"], short=True),
                "is_up": row[f"{name}_effect"] > 0,
                "points": voice("section.points", points=n.points(row["p_active_effect"])),
                "text": row["text"],
            }
            for row in rows[: AT_LENGTH if at_length else IN_SHORT]
        ],
    }


def _by_quantity(facts: ReasonsFacts, voice: Voice) -> Table | None:
    """By how much each reason moves the amount, the chance to buy and the orders, beside each other."""
    if not facts.importance:
        return None
    n = voice.numbers
    columns = (f"{facts.amount_name}_effect_mean", "p_active_effect_mean", "orders_effect_mean")
    sums = {column: sum(row[column] for row in facts.importance) for column in columns}

    def cell(row: Row, column: str) -> Cell:
        moved = {columns[0]: n.money_short(row[column]), columns[1]: n.decimal(row[column] * 100, 1)}
        written = moved.get(column) or n.decimal(row[column], 2)
        return Cell(written, n.share(row[column] / sums[column] if sums[column] > 0 else None))

    rows = [
        [Cell(charts_reasons.name_of(row["reason"], voice)), *(cell(row, column) for column in columns)]
        for row in facts.importance
    ]
    head = [voice(f"quantities.{key}") for key in ("reason", "amount", "chance", "orders")]
    return Table(head, rows, [True, False, False, False])
