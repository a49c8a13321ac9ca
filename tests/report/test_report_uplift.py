"""The report's section on uplift."""

import re
from dataclasses import replace

import pytest

from oracles.made_report import made_content
from oracles.made_uplift import made_document, made_uplift
from worthwhile.evaluation.numbers import LANGUAGES
from worthwhile.report.build import report_html
from worthwhile.report.texts import read_texts, voice_of
from worthwhile.report.uplift_section import uplift_section


def section_in(language, **changed):
    return uplift_section(made_uplift(**changed), voice_of(language, "EUR", "90d", "spend"))


def test_both_languages_have_the_same_texts_and_parts():
    english, chinese = (read_texts(language, page="uplift-") for language in LANGUAGES)
    parts = [{key: sorted(set(re.findall(r"{(\w+)}", text))) for key, text in t.items()} for t in (english, chinese)]
    assert parts[0] == parts[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_section_shows_averages_responders_tenths_curves_and_policies(language):
    section = section_in(language)
    assert "uplift-made" in section["made"] and "2024" in section["made"] and "9,000" in section["lead"]
    assert not section["warnings"]
    visit, spend = section["outcomes"]
    assert [len(one["figures"]) for one in (visit, spend)] == [2, 2]
    assert [len(one["pairs"]) for one in (visit, spend)] == [4, 4]
    first = visit["responders"]["table"].rows[0]
    assert "71%" in first[2].text and "12.0" in first[3].text and "14.0" in first[3].small
    assert spend["responders"]["table"] is None and len(spend["responders"]["notes"]) == 1
    assert [row[1].text for row in visit["given"].rows] == ["70%", "30%"] and spend["given"] is None
    assert len(visit["policies"].rows) == 7
    assert "effect_se" in section["single"]


def test_money_is_in_the_currency_that_the_run_was_made_in():
    assert "£1.00" in section_in("en")["outcomes"][1]["figures"][0].title


def test_charts_claim_no_differences_that_are_not_sure():
    visit, spend = section_in("en")["outcomes"]
    titles = [figure.title for figure in visit["pairs"]]
    assert titles[0] == "“mail a” on visit: 12.0 in the first tenth, −5.0 in the last"
    assert titles[2] == "“mail b” on visit: nothing sure shows that customers differ"
    assert spend["pairs"][0].title == "“mail a” on spend: nothing sure shows that customers differ"


def test_warnings_come_before_the_numbers_on_the_page():
    content = replace(made_content(), uplift=made_uplift(left_out=["clicks"]))
    page = report_html(content, "en")
    section = page[page.index('<section id="uplift">') :]
    assert section.index("“clicks”") < section.index("On visit")
    assert "`" not in section[: section.index("</section>")]
    assert '<a href="#uplift">' in page
    assert 'id="uplift"' not in report_html(made_content(), "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_action_and_one_share_are_enough(language):
    document = made_document()
    kept = {name: [row for row in document[name] if row["action"] == "mail a"] for name in ("averages", "responders")}
    chosen = [choice for choice in document["chosen"] if choice["share"] == 1]
    [visit, _] = section_in(language, **kept, chosen=chosen)["outcomes"]
    assert len(visit["figures"]) == 2 and len(visit["pairs"]) == 2 and len(visit["policies"].rows) == 4


def test_names_that_a_stranger_chose_are_escaped():
    document = made_document()
    for row in document["averages"] + document["responders"]:
        row["action"] = "<b>mail</b>" if row["action"] == "mail a" else row["action"]
    policies = [row | {"policy": row["policy"].replace("mail a", "<b>mail</b>")} for row in document["policies"]]
    facts = made_uplift(averages=document["averages"], responders=document["responders"], policies=policies)
    assert "<b>mail</b>" not in report_html(replace(made_content(), uplift=facts), "en")
