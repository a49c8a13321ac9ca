"""The report's section on reasons."""

import re
from dataclasses import replace
from datetime import date

import pytest

from worthwhile.evaluation.numbers import LANGUAGES
from worthwhile.report.reasons_content import ReasonsFacts
from worthwhile.report.reasons_section import reasons_section
from worthwhile.report.texts import read_texts, voice_of
from worthwhile.schema import EVENT_KINDS


def effect(reason, amount, points=0.1, text="19 orders so far"):
    return {"customer_id": "C<1>", "reason": reason, "spend_effect": amount, "p_active_effect": points, "text": text}


@pytest.fixture
def facts():
    importance = {"reason": "frequency", "share": 0.6, "spend_effect_mean": 12.0, "p_active_effect_mean": 0.1}
    importance |= {"spend_effect_q05": -20.0, "spend_effect_q50": 1.0, "spend_effect_q95": 60.0}
    step = {"customer_id": "C<1>", "kind": "order_line", "count": 2, "p_active_effect": 0.01}
    return ReasonsFacts(
        amount_name="spend",
        typical={"spend_mean": 50.0, "p_active": 0.3},
        customers=200,
        importance=[importance, importance | {"reason": "minor", "spend_effect_mean": 0.0, "share": 0.0}],
        leading={key: [effect("frequency", 400.0), effect("recency", -30.0, -0.05)] for key in LANGUAGES},
        timelines=[
            step | {"day": date(2011, 1, 5), "amount": 80.0, "amount_effect": 25.0},
            step | {"day": date(2011, 3, 5), "amount": 0.0, "amount_effect": -4.0, "kind": "view"},
        ],
    )


def test_both_languages_have_the_same_texts_and_parts():
    english, chinese = (read_texts(language, page="reasons-") for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    parts = {key: sorted(set(re.findall(r"{(\w+)}", text))) for key, text in english.items()}
    assert parts == {key: sorted(set(re.findall(r"{(\w+)}", text))) for key, text in chinese.items()}
    assert {f"kinds.{kind}" for kind in EVENT_KINDS} <= english.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_section_leads_from_the_typical_customer_to_the_own_forecast(facts, language):
    voice = voice_of(language, "GBP", "90d", "spend")
    section = reasons_section(facts, voice)
    [customer] = section["customers"]
    assert "£420" in customer["waterfall"].title and "£50.00" in customer["waterfall"].title
    assert [reason["effect"] for reason in customer["reasons"]] == ["+£400", "−£30.00"]
    assert "£25.00" in customer["timeline"].title
    assert "<1>" not in customer["waterfall"].image and "19 orders so far" in customer["waterfall"].image
    assert section["importance"].image.count("effect-median") == 2


def test_without_recorded_reasons_there_is_no_section(facts):
    assert reasons_section(None, voice_of("en", "GBP", "90d", "spend")) is None


def test_one_step_is_no_timeline(facts):
    one = replace(facts, timelines=facts.timelines[:1])
    assert reasons_section(one, voice_of("en", "GBP", "90d", "spend"))["customers"][0]["timeline"] is None
