"""The report's section on a plan."""

import re
from datetime import UTC, datetime

import pytest

from worthwhile.decide.budget.actions import ASSUMED
from worthwhile.languages import LANGUAGES
from worthwhile.report.chosen import Made
from worthwhile.report.plan_content import PlanFacts
from worthwhile.report.plan_section import plan_section
from worthwhile.report.texts import read_texts, voice_of


def facts_with(**changed):
    facts = {
        "contacts": 30,
        "customers_contacted": 30,
        "cost": 100.0,
        "expected_margin": 400.0,
        "expected_margin_low": 300.0,
        "expected_margin_high": 500.0,
        "profit": 300.0,
        "method": "lagrangian",
        "gap": 0.0004,
        "objective": "margin",
        "held_out": 12,
        "actions": [{"action": "call", "contacts": 30, "cost": 100.0, "expected_margin": 400.0}],
        "limits": [{"limit": "budget", "most": 100.0, "taken": 100.0, "price": 1.4}],
        "curve": [{"budget": b, "cost": b, "margin": m} for b, m in ((50.0, 300.0), (100.0, 400.0), (200.0, 450.0))],
        "assumptions": [{"action": "call", "assumption": "lift_active", "value": 0.06, "lift_se": 0.02, "means": ""}],
        "uplift": None,
        "margin_is_set": False,
    }
    return PlanFacts(Made("plan-1", datetime(2024, 7, 1, 9, 5, tzinfo=UTC)), facts | changed)


def test_both_languages_have_the_same_texts_and_parts():
    english, chinese = (read_texts(language, page="plan-") for language in LANGUAGES)
    parts = [{key: sorted(set(re.findall(r"{(\w+)}", text))) for key, text in t.items()} for t in (english, chinese)]
    assert parts[0] == parts[1]
    assert {f"assumed.{name}" for name in ASSUMED} <= english.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_section_says_what_the_next_money_returns_and_what_is_assumed(language):
    section = plan_section(facts_with(), voice_of(language, "GBP", "90d", "spend"))
    assert "£100" in section["figure"].title and "£50" in section["figure"].title and "£300" in section["lead"]
    assert "plan-1" in section["made"] and "2024" in section["made"] and "09:05" in section["made"]
    assert any("0.1%" in text for text in section["said"])
    assert "+6.0%" in section["assumptions"][0] and "2.0%" in section["assumptions"][0]
    assert section["margin_note"] and not section["measured"]
    flat = [{"budget": b, "cost": 90.0, "margin": 400.0} for b in (100.0, 200.0)]
    dear = facts_with(curve=flat, too_dear=3, too_dear_from=500.0)
    assert "£500" in plan_section(dear, voice_of(language, "GBP", "90d", "spend"))["figure"].title


@pytest.mark.parametrize(
    ("language", "half", "large"), [("en", "half of it, 30%", "large effect"), ("zh", "一半（30%）", "提升幅度很大")]
)
def test_an_assumption_is_told_with_how_sure_it_is_and_whether_it_is_large(language, half, large):
    one = {"action": "call", "assumption": "lift_active", "value": 0.6, "lift_se": 0.3, "lift_se_is": "assumed"}
    told = plan_section(facts_with(assumptions=[one]), voice_of(language, "GBP", "90d", "spend"))["assumptions"][0]
    assert half in told and large in told
    points = {**one, "assumption": "points_active", "value": 0.02, "lift_se": 0.01}
    told = plan_section(facts_with(assumptions=[points]), voice_of(language, "GBP", "90d", "spend"))["assumptions"][0]
    assert "1.0%" not in told and ("1.0 percentage points" in told or "1.0 个百分点" in told)
    modest = {**one, "value": 0.1, "lift_se": 0.1, "lift_se_is": "given"}
    told = plan_section(facts_with(assumptions=[modest]), voice_of(language, "GBP", "90d", "spend"))["assumptions"][0]
    assert "10%" in told and half[:3] not in told and large not in told


def test_a_plan_of_nobody_and_without_a_budget_is_told_plainly():
    nobody = facts_with(contacts=0, customers_contacted=0, limits=[], curve=[], held_out=0, expected_margin_low=None)
    section = plan_section(nobody, voice_of("en", "GBP", "90d", "spend"))
    assert section["figure"] is None and section["lead"].startswith("Nobody should be contacted")
    assert section["said"] == [read_texts("en", page="plan-")["section.no_holdout"]]
    assert plan_section(None, voice_of("en", "GBP", "90d", "spend")) is None
