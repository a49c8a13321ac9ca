import re
from dataclasses import replace
from itertools import pairwise

import pytest

from oracles.made_segments import made_segments
from worthwhile.decide.segments import words
from worthwhile.decide.segments.sentences import percent
from worthwhile.decide.segments.stages import STAGES
from worthwhile.languages import LANGUAGES
from worthwhile.report import segments_section as segments_section_module
from worthwhile.report.build import report_html
from worthwhile.report.charts_segments import flow_figure
from worthwhile.report.segments_section import segments_section, segments_voice
from worthwhile.report.texts import read_texts, voice_of

FLAT = [words.DEFINITIONS, words.AIPL_DEFINITIONS, words.ACTIONS, words.TEXTS, *words.NAMES.values()]


def places(text):
    return set(re.findall(r"{(\w+)}", text)) - {"span", "spend"}


def test_both_languages_have_the_same_texts_with_the_same_places():
    english, chinese = (read_texts(language, page="segments-") for language in LANGUAGES)
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}
    for table in FLAT:
        for key, (en, zh) in table.items():
            assert places(en) == places(zh), key
            assert re.search("[\u3400-\u9fff，]", zh), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_section_is_said(language):
    class Heard(dict):
        def __getitem__(self, key):
            said.add(key)
            return super().__getitem__(key)

    said = set()
    own = read_texts(language, page="segments-")
    in_template = {"section." + key for key in ("intro", "meanings", "meanings_note", "actions", "clusters", "rfm",
                   "rfm_note", "holds", "tiers", "tiers_note", "aipl", "aipl_note")}  # fmt: skip
    heard = segments_voice(voice_of(language, "CNY", "90d"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments_section_module, "segments_voice", lambda _: replace(heard, texts=Heard(heard.texts)))
        segments_section(made_segments(), heard)
    assert set(own) - said - in_template == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_segments_where_there_are_some(content, language):
    title = read_texts(language, page="segments-")["section.title"]
    page = report_html(replace(content, segments=made_segments()), language)
    assert title in page and 'href="#segments"' in page
    for stage in STAGES:
        assert words.action_of(stage, language) in page
    without = report_html(content, language)
    assert title not in without and "#segments" not in without


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_earlier_date_the_page_says_why(content, language):
    page = report_html(replace(content, segments=made_segments(with_past=False)), language)
    assert words.text("log_too_short", language)[:20] in page
    assert "ribbon" not in page.split("</style>")[1]


def test_the_page_says_that_stages_were_told_by_different_models(content):
    facts = made_segments()
    asked = {**facts.segments.asked, "from_model": "past-rate"}
    page = report_html(replace(content, segments=replace(facts, segments=replace(facts.segments, asked=asked))))
    assert "made by past-rate and this one by ensemble" in page
    assert "made by past-rate" not in report_html(replace(content, segments=facts))


def test_the_bands_of_a_stage_fill_it_and_no_label_covers_another():
    voice = segments_voice(voice_of("en", "GBP", "90d"))
    figure = flow_figure(made_segments(), voice)
    assert figure is not None and figure.image.count('class="ribbon') == 6
    label = r'<text x="[\d.]+" y="([\d.]+)" text-anchor="end" class="small"'
    heights = [float(y) for y in re.findall(label, figure.image)]
    assert len(heights) == 4 and all(below - above >= 12 for above, below in pairwise(heights))
    assert "60 cooled" not in figure.title and "140 customers cooled" in figure.title


def test_shares_are_never_a_false_none_or_all():
    assert [percent(share) for share in (0.0, 0.0004, 0.031, 0.31, 0.996, 1.0, None)] == [
        *("0%", "<0.1%", "3.1%", "31%", "99.6%", "100%", "–")
    ]
