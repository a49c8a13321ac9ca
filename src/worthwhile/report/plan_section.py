"""The report's section on a plan: what to do for whom, what it brings, and what it rests on, in one language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worthwhile.decide.budget.planning import next_of
from worthwhile.decide.budget.wording import gap_text
from worthwhile.decide.responses import LARGE
from worthwhile.decide.words import words_of
from worthwhile.report import charts_plan
from worthwhile.report.plan_content import PlanFacts
from worthwhile.report.tables import Cell, Table
from worthwhile.report.texts import Voice, read_texts


def plan_section(plan: PlanFacts | None, voice: Voice) -> dict[str, Any] | None:
    """What the template `plan.html` shows; None where no plan of the forecast is recorded."""
    if plan is None:
        return None
    voice = replace(voice, texts={**voice.texts, **read_texts(voice.numbers.language, page="plan-")})
    facts, n = plan.facts, voice.numbers
    following = next_of(facts)
    budget = plan.budget()
    low, high = facts["expected_margin_low"], facts["expected_margin_high"]
    lead = voice(
        "section.lead" if facts["contacts"] else "section.lead_none",
        customers=voice.count_of("customer", facts["customers_contacted"]),
        cost=n.money(facts["cost"]),
        margin=n.money(facts["expected_margin"]),
        profit=n.money(facts["profit"]),
    )
    return {
        "t": voice,
        "title": voice("section.title"),
        "made": plan.made.said(voice),
        "lead": lead,
        "said": [
            text
            for text in (
                None if low is None else voice("section.range", low=n.money(low), high=n.money(high)),
                None if budget is None else voice("section.budget", budget=n.money(budget)),
                _how_good(plan, voice),
                _held_out(plan, voice),
            )
            if text
        ],
        "figure": charts_plan.curve_figure(plan, following, voice),
        "actions": _actions(plan, voice),
        "assumptions": [_assumption(one, voice) for one in facts["assumptions"]],
        "measured": facts["uplift"] is not None,
        "warnings": words_of(n.language, n.currency).notes(facts.get("notes", ())),
        "margin_note": None if facts["margin_is_set"] else voice("section.margin_note"),
    }


def _how_good(plan: PlanFacts, voice: Voice) -> str | None:
    facts = plan.facts
    if not facts["contacts"]:
        return None
    if facts["method"] == "exact":
        return voice("section.exact")
    return voice("section.gap", gap=gap_text(facts["gap"]))


def _held_out(plan: PlanFacts, voice: Voice) -> str | None:
    held = plan.facts["held_out"]
    return (
        voice("section.held_out", customers=voice.count_of("customer", held)) if held else voice("section.no_holdout")
    )


def _actions(plan: PlanFacts, voice: Voice) -> Table:
    n = voice.numbers
    rows = [
        [
            Cell(one["action"]),
            Cell(n.count(one["contacts"])),
            Cell(n.money(one["cost"])),
            Cell(n.money(one["expected_margin"])),
            Cell(n.decimal(one["expected_margin"] / one["cost"], 1) if one["cost"] > 0 else ""),
        ]
        for one in plan.facts["actions"]
    ]
    head = [voice(f"table.{name}") for name in ("action", "contacts", "cost", "margin", "ratio")]
    return Table(head, rows, [True, False, False, False, False])


def _assumption(one: dict[str, Any], voice: Voice) -> str:
    key = f"assumed.{one['assumption']}"
    n = voice.numbers
    how = "no_se" if not one["lift_se"] else "half_se" if one.get("lift_se_is") == "assumed" else "se"
    in_points = one["assumption"] == "points_active"
    se = voice("assumed.points", points=n.decimal(one["lift_se"] * 100, 1)) if in_points else n.share(one["lift_se"])
    sure = voice(f"assumed.{how}", se=se)
    if one["value"] > LARGE[one["assumption"]]:
        sure += voice("page.space") + voice("assumed.large")
    told = {"action": one["action"], "share": n.change(one["value"]), "points": n.decimal(one["value"] * 100, 1)}
    return voice(key, **told) + voice("page.space") + sure
