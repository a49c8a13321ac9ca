"""The report's section on reasons."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from worthwhile.languages import LANGUAGES
from worthwhile.report.chosen import Made
from worthwhile.report.reasons_content import ReasonsFacts
from worthwhile.report.reasons_section import reasons_section
from worthwhile.report.texts import read_texts, voice_of


def effect(reason, amount, points=0.1, text="19 orders so far", customer="C<1>"):
    return {"customer_id": customer, "reason": reason, "spend_effect": amount, "p_active_effect": points, "text": text}


@pytest.fixture
def facts():
    importance = {"reason": "frequency", "share": 0.6, "spend_effect_mean": 12.0, "p_active_effect_mean": 0.1}
    importance["orders_effect_mean"] = 0.25
    importance |= {"spend_effect_q05": -20.0, "spend_effect_q50": 1.0, "spend_effect_q95": 60.0}
    step = {"customer_id": "C<1>", "kind": "order_line", "count": 2, "p_active_effect": 0.01}
    return ReasonsFacts(
        made=Made("reasons-1", datetime(2024, 7, 1, 9, 5, tzinfo=UTC)),
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_section_leads_from_the_typical_customer_to_the_own_forecast(facts, language):
    voice = voice_of(language, "GBP", "90d", "spend")
    section = reasons_section(facts, voice)
    customer = section["first"]
    assert section["others"] == [] and "reasons-1" in section["made"] and "09:05" in section["made"]
    assert "£420" in customer["waterfall"].title and "£50" in customer["waterfall"].title
    assert [reason["effect"] for reason in customer["reasons"]] == ["+£400", "−£30"]
    assert "£25" in customer["timeline"].title
    assert "<1>" not in customer["waterfall"].image and "19 orders so far" in customer["waterfall"].image
    assert section["importance"].image.count("effect-median") == 2


def test_without_recorded_reasons_there_is_no_section(facts):
    assert reasons_section(None, voice_of("en", "GBP", "90d", "spend")) is None


def test_one_step_is_no_timeline(facts):
    one = replace(facts, timelines=facts.timelines[:1])
    assert reasons_section(one, voice_of("en", "GBP", "90d", "spend"))["first"]["timeline"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_moves_the_chance_and_the_orders_stands_beside_the_amount(facts, language):
    table = reasons_section(facts, voice_of(language, "GBP", "90d", "spend"))["by_quantity"]
    assert [(cell.text, cell.small) for cell in table.rows[0][1:]] == [
        ("£12", "100%"),
        ("10.0", "50%"),
        ("0.25", "50%"),
    ]


def test_one_customer_is_told_at_length_and_the_others_in_short(facts):
    rows = [effect("frequency", 40.0, customer="C2"), effect("recency", -30.0, customer="C2")]
    two = replace(facts, leading={key: [*facts.leading[key], *rows] for key in LANGUAGES})
    section = reasons_section(two, voice_of("en", "GBP", "90d", "spend"))
    assert section["first"]["waterfall"].is_wide and section["first"]["timeline"].is_wide
    [other] = section["others"]
    assert other["id"] == "C2" and not other["waterfall"].is_wide and len(other["reasons"]) == 2


def test_titles_words_and_bars_write_an_amount_alike(facts):
    large = [effect("frequency", 27_619.3), effect("recency", -1_187.4)]
    section = reasons_section(replace(facts, leading=dict.fromkeys(LANGUAGES, large)), voice_of("en", "GBP", "90d"))
    first = section["first"]
    assert "£26.5k" in first["waterfall"].title and "£26.5k" in first["waterfall"].image
    assert [reason["effect"] for reason in first["reasons"]] == ["+£27.6k", "−£1,190"]
    assert "+£27.6k" in first["waterfall"].image and "−£1,190" in first["waterfall"].image


def test_a_timeline_of_the_latest_steps_says_of_how_many(facts):
    voice = voice_of("en", "GBP", "90d", "spend")
    assert reasons_section(facts, voice)["first"]["timeline"].note.startswith("All that the customer did, ")
    cut = replace(facts, timelines=[row | {"in_all": 212} for row in facts.timelines])
    assert reasons_section(cut, voice)["first"]["timeline"].note.startswith(
        "The last 2 of 212 things that the customer"
    )
