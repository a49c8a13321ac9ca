"""The report's section on a measured campaign."""

import re
from dataclasses import replace

import pytest

from oracles.made_campaign import ALL_NOTES, NOTHING, arm, effect, made_campaign
from oracles.made_report import made_content
from worthwhile.decide.words import words_of
from worthwhile.languages import LANGUAGES
from worthwhile.report import campaign_section as campaign_section_module
from worthwhile.report.build import report_html
from worthwhile.report.campaign_section import campaign_section, campaign_voice
from worthwhile.report.texts import read_texts, voice_of


def section_in(language, facts=None):
    return campaign_section(facts or made_campaign(), voice_of(language, "EUR", "30d"))


def places(text):
    return sorted(set(re.findall(r"{(\w+)", text)) - {"span", "spend"})


def test_both_languages_have_the_same_texts_with_the_same_places():
    english, chinese = (read_texts(language, page="campaign-") for language in LANGUAGES)
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_section_is_said(language, monkeypatch):
    class Heard(dict):
        def __getitem__(self, key):
            said.add(key)
            return super().__getitem__(key)

    said = set()

    def heard(facts, voice):
        spoken = campaign_voice(facts, voice)
        return replace(spoken, texts=Heard(spoken.texts))

    monkeypatch.setattr(campaign_section_module, "campaign_voice", heard)
    down = arm("call", effect(-9.0, 3.0), effect(-0.05, 0.02))
    section_in(language)
    section_in(language, made_campaign([down], source="table"))
    in_template = {"section.warnings", "table.title", "table.note"}
    assert set(read_texts(language, page="campaign-")) - said - in_template == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_a_measured_campaign_with_its_warnings_first(language):
    page = report_html(replace(made_content(), campaign=made_campaign(notes=ALL_NOTES)), language)
    section = page[page.index('<section id="campaign">') :]
    section = section[: section.index("</section>")]
    assert 'href="#campaign"' in page and section.count("<svg") == 2 and section.count('class="whisker"') == 12
    for text in words_of(language).notes(ALL_NOTES):
        assert text.replace("'", "&#39;") in section
    assert section.index("1,234") < section.index("“email”")
    assert "{" not in section and "None" not in section
    assert 'id="campaign"' not in report_html(made_content(), language)


def test_what_was_expected_is_held_against_what_was_seen():
    email, card = (" ".join(one["said"]) for one in section_in("en")["arms"])
    assert "Nothing shows that it changed spend: +£1.00 a customer (95% interval −£3.00 to +£5.00)" in email
    assert "(assumption: lift_spend = 0.03): the result does not contradict that, but shows no effect either" in email
    assert "Spend rose by £8.00 a customer (95% interval +£5.00 to +£11.00)" in card
    assert "bring +£12.00 (assumption: lift_spend = 0.03): it brought less" in card
    assert "+2.0 percentage points of customers who order" in card and "it brought more" in card
    assert "It brought £50.00 of margin" in card and "not certain" in card
    chinese = " ".join(section_in("zh")["arms"][1]["said"])
    assert "假设：lift_spend = 0.03" in chinese and "实际低于预期" in chinese


def test_the_chart_names_the_arm_that_surely_did_most():
    spend, active = section_in("en")["figures"]
    assert spend.title == "“card” raised spend most: +£8.00 a customer"
    assert active.title == "“card” made most customers order: +5.0 percentage points"
    assert spend.image.count("<circle") == 4 and active.image.count("<circle") == 3  # with what was expected
    [unsure, _] = section_in("en", made_campaign([arm("email", effect(1.0, 4.0), effect(0.01, 0.02))]))["figures"]
    assert unsure.title == "Nothing shows that anything raised spend" and "Expected" not in unsure.image


def test_money_is_the_campaigns_and_what_too_few_customers_say_is_nothing():
    section = section_in("en", made_campaign([arm("email", NOTHING, NOTHING)]))
    assert section["figures"] == [] and section["table"].rows[0][5].text == ""
    assert "From 1\u00a0Jan 2024, over 90 days: 3,000 customers took part" in section["lead"]
    assert "plan-made" in section["lead"] and "2\u00a0Apr 2024, 09:05" in section["made"]
    assert "£50.00" in section["arms"][0]["said"][0]


def test_names_that_a_stranger_chose_are_escaped():
    facts = made_campaign([arm("<b>mail</b>", effect(9.0, 4.0, 1.0), effect(0.1, 0.02))])
    assert "<b>mail</b>" not in report_html(replace(made_content(), campaign=facts), "en")
