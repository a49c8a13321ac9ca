"""The report's section on segments: figures, tables and sentences, in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from worthwhile.decide.segments import sentences
from worthwhile.decide.segments.words import action_of, name_of
from worthwhile.report import charts_segments
from worthwhile.report.charts_forecast import Figure
from worthwhile.report.charts_segments import Row, upper
from worthwhile.report.segments_content import SegmentsFacts
from worthwhile.report.tables import Cell, Table
from worthwhile.report.texts import Voice, read_texts


def segments_voice(voice: Voice) -> Voice:
    """The voice of a report that knows the texts of this section too."""
    return replace(voice, texts={**voice.texts, **read_texts(voice.numbers.language, page="segments-")})


def segments_section(facts: SegmentsFacts | None, voice: Voice) -> dict[str, Any] | None:
    """What the template `segments.html` shows; None where there are no segments of the forecast."""
    if facts is None:
        return None
    voice = segments_voice(voice)
    lang, segments = voice.numbers.language, facts.segments
    figures: dict[str, Sequence[Figure | None]] = {
        "stages": [charts_segments.stages_figure(facts, voice)],
        "flow": [charts_segments.flow_figure(facts, voice)],
        "evidence": [charts_segments.then_figure(facts, voice), charts_segments.silence_figure(facts, voice)],
        "rfm": charts_segments.rfm_figures(facts, voice),
    }
    return {
        "t": voice,
        "title": voice("section.title"),
        "made": facts.made.said(voice),
        "figures": {name: [f for f in found if f is not None] for name, found in figures.items()},
        "stages": _stage_rows(facts, voice),
        "evidence": _evidence(facts, voice),
        "honest": sentences.honest_label(lang),
        "warnings": segments.warnings(lang),
        "past_note": sentences.past_note(segments, lang),
        "evidence_note": sentences.evidence_note(segments, lang),
        "clusters": _clusters(facts, voice),
        "clusters_note": sentences.clusters_note(segments, lang),
        "tiers": _segments_table(facts.rows("tier"), voice),
        "rfm": _segments_table(facts.rows("rfm"), voice),
        "rfm_note": sentences.rfm_note(segments, lang),
        "aipl": _aipl_table(facts, voice),
    }


def _stage_rows(facts: SegmentsFacts, voice: Voice) -> list[tuple[str, str]]:
    """Each stage with what it means."""
    lang = voice.numbers.language
    return [
        (upper(name_of("stage", row["segment"], lang)), sentences.definition_of(row["segment"], facts.segments, lang))
        for row in facts.rows("stage")
    ]


def _evidence(facts: SegmentsFacts, voice: Voice) -> list[dict[str, Any]]:
    """For each stage its usual action and the sentences that speak for it."""
    lang, n = voice.numbers.language, voice.numbers
    shown = []
    for row in facts.rows("stage"):
        stage = row["segment"]
        said = sentences.evidence_sentences(stage, facts.segments, lang, n.money)
        shown.append(
            {
                "kind": f"stage-{stage}",
                "stage": upper(name_of("stage", stage, lang)),
                "action": action_of(stage, lang),
                "size": voice.count_of("customer", row["customers"]),
                "held": n.money_short(row["spend"]),
                "said": voice("page.space").join(said),
            }
        )
    return shown


def _clusters(facts: SegmentsFacts, voice: Voice) -> Table | None:
    n, lang = voice.numbers, voice.numbers.language
    rows_by_number = {row["segment"]: row for row in facts.rows("cluster")}
    clusters = facts.segments.facts["clusters"]["clusters"]
    if not clusters:
        return None
    comma = sentences.text("comma", lang)
    rows = []
    for one in clusters:
        row = rows_by_number[str(one["number"])]
        traits = comma.join(sentences.cluster_traits(one, lang, n.money))
        rows.append([Cell(str(one["number"]), kind="strong"), Cell(upper(traits)), *_cells(row, voice)])
    head = [voice("tables.number"), voice("tables.traits"), *_head(voice)]
    return Table(head, rows, [False, True, *[False] * 5])


def _segments_table(rows: Sequence[Row], voice: Voice) -> Table | None:
    if not rows:
        return None
    lang = voice.numbers.language
    cells = [
        [Cell(upper(name_of(row["dimension"], row["segment"], lang)), kind="strong"), *_cells(row, voice)]
        for row in rows
    ]
    return Table([voice("tables.segment"), *_head(voice)], cells, [True, *[False] * 5])


def _aipl_table(facts: SegmentsFacts, voice: Voice) -> Table | None:
    """The stages of Chinese platforms with what they mean; None where nobody browses."""
    rows, lang = facts.rows("aipl"), voice.numbers.language
    if not rows:
        return None
    cells = [
        [
            Cell(upper(name_of("aipl", row["segment"], lang)), kind="strong"),
            Cell(sentences.aipl_definition(row["segment"], facts.segments, lang)),
            *_cells(row, voice),
        ]
        for row in rows
    ]
    return Table([voice("tables.segment"), voice("tables.meaning"), *_head(voice)], cells, [True, True, *[False] * 5])


def _head(voice: Voice) -> list[str]:
    return [voice(f"tables.{key}") for key in ("customers", "held", "share", "shortfall", "chance")]


def _cells(row: Mapping[str, Any], voice: Voice) -> list[Cell]:
    n = voice.numbers
    return [
        Cell(n.count(row["customers"])),
        Cell(n.money_short(row["spend"]), kind="strong"),
        Cell(n.share(row["spend_share"])),
        Cell(n.money_short(row["shortfall"])),
        Cell(n.share(row["p_active_mean"])),
    ]
