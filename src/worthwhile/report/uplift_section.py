"""The report's section on uplift: what a campaign did, who responds, what policies are worth, in one language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from worthwhile.decide.uplift import wording
from worthwhile.decide.uplift.words import Words, words_of
from worthwhile.report import charts_uplift
from worthwhile.report.charts_forecast import Figure
from worthwhile.report.charts_uplift import Teller
from worthwhile.report.tables import Cell, Table
from worthwhile.report.texts import Voice, read_texts
from worthwhile.report.uplift_content import Row, UpliftFacts

PAIRS = 2  # actions of an outcome whose tenths and curves are drawn, the surest differences first
OUTCOMES = 4  # shown


def uplift_section(facts: UpliftFacts | None, voice: Voice) -> dict[str, Any] | None:
    """What the template `uplift.html` shows; None where no uplift is recorded."""
    if facts is None:
        return None
    language = voice.numbers.language
    words = _typographic(words_of(facts.document, language))
    voice = replace(voice, texts={**voice.texts, **read_texts(language, page="uplift-")}, numbers=words.numbers)
    teller = Teller(voice, words)
    outcomes = wording.outcomes_of(facts.document)[:OUTCOMES]
    return {
        "t": voice,
        "title": voice("section.title"),
        "made": facts.made.said(voice),
        "lead": _lead(facts, voice),
        "warnings": wording.warnings_of(facts.document, words),
        "outcomes": [_outcome(facts, outcome, teller) for outcome in outcomes],
        "policies_note": words("note.chosen"),
        "single": words("note.single"),
    }


def _lead(facts: UpliftFacts, voice: Voice) -> str:
    """Which run this is, of which log, and how many got what."""
    document, n = facts.document, voice.numbers
    groups = [voice("section.group", action=a, customers=n.count(c)) for a, c in document["groups"].items()]
    campaign = document["date"]
    when = voice("section.campaign", day=n.day(date.fromisoformat(campaign[:10]))) if campaign else ""
    return voice(
        "section.lead",
        log=document["log"],
        when=when,
        customers=voice.count_of("customer", document["customers"]),
        groups=voice("section.comma").join(groups),
    )


def _outcome(facts: UpliftFacts, outcome: str, teller: Teller) -> dict[str, Any]:
    """All that is said of one outcome: averages, who responds, policies."""
    words, document = teller.words, facts.document
    shown = wording.policies_shown(document, outcome, words)
    figures: list[Figure | None] = [
        charts_uplift.averages_figure(facts, outcome, teller),
        charts_uplift.policies_figure(shown, outcome, teller),
    ]
    return {
        "name": teller.voice("section.outcome", outcome=teller.words.outcome(outcome)),
        "said": [_told(text, outcome, words) for text in wording.average_sentences(document, outcome, words)],
        "figures": [figure for figure in figures if figure is not None],
        "responders": _responders(document, outcome, teller),
        "do": [_told(text, outcome, words) for text in wording.policy_lines(document, outcome, words)],
        "pairs": _pair_figures(facts, outcome, teller),
        "given": _given(document, outcome, teller),
        "policies": _policies(shown, outcome, teller),
    }


def _told(text: str, outcome: str, words: Words) -> str:
    """A sentence without the outcome in front of it, which is the heading here."""
    named = words.outcome(outcome)
    for mark in (": ", "：", ", ", "，"):
        if text.startswith(named + mark):
            text = text.removeprefix(named + mark)
            return text[:1].upper() + text[1:]
    return text


def _typographic(words: Words) -> Words:
    """Names between typographic quotes: a page shows no backticks."""
    return replace(words, texts={key: re.sub(r"`([^`]*)`", "“\\1”", text) for key, text in words.texts.items()})


def _responders(document: Row, outcome: str, teller: Teller) -> dict[str, Any]:
    """A table of who gains most and least by each action, and what has to be said of it."""
    words, voice = teller.words, teller.voice
    here = [one for one in document["responders"] if one["outcome"] == outcome]
    groups = [group for one in here for group in one["groups"]]
    notes = [text for one in here for text in wording.within_chance(one, words)]
    same = [one["action"] for one in here if not one["told_apart"]]
    if same:
        notes.append(words("responders.same", outcome=outcome, actions=words.listed(same)))
    rows = [[Cell(group["action"]), Cell(_which(group, voice)), *_cells(group, words)] for group in groups]
    head = [voice(f"responders.{name}") for name in ("action", "which", "traits", "seen", "said")]
    table = Table(head, rows, [True, True, True, False, False]) if rows else None
    return {"table": table, "notes": [_told(text, outcome, words) for text in notes]}


def _which(group: Row, voice: Voice) -> str:
    return voice(f"responders.{group['who']}_{wording.part_of(group)}")


def _cells(group: Row, words: Words) -> list[Cell]:
    """Who they are, what the action did there, and what was expected of it."""
    told = words.effect(group["outcome"], group["seen"], group["low"], group["high"])
    [said] = words.changes(group["outcome"], group["said"])
    traits = wording.traits_text(group, words) if group["traits"] or group["who"] in ("first", "last") else "–"
    return [Cell(traits), Cell(told["effect"], told["range"], "strong"), Cell(said)]


def _given(document: Row, outcome: str, teller: Teller) -> Table | None:
    """Who would get what, where the policy for full contact tells customers apart."""
    words, voice = teller.words, teller.voice
    rows = []
    for group in (group for group in document["given"] if group["outcome"] == outcome):
        is_alone = group["who"] == "alone"
        traits, seen, said = _cells(group, words)
        action = voice("given.alone") if is_alone else group["action"]
        rest = [Cell(""), Cell("")] if is_alone else [seen, said]
        rows.append([Cell(action, kind="strong"), Cell(voice.numbers.share(group["share"])), traits, *rest])
    head = [
        voice("given.action"),
        voice("given.share"),
        *(voice(f"responders.{n}") for n in ("traits", "seen", "said")),
    ]
    return Table(head, rows, [True, False, True, False, False]) if rows else None


def _policies(shown: Sequence[wording.PolicyShown], outcome: str, teller: Teller) -> Table:
    words, voice = teller.words, teller.voice
    rows = []
    for row in shown:
        value, *ends = words.levels(outcome, row.value, row.low, row.high)
        kind = "strong" if row.kind == "chosen" else ""
        share = voice.numbers.share(row.share)
        rows.append([Cell(share), Cell(row.name, kind=kind), Cell(value, kind=kind), Cell(words.between(*ends))])
    head = [voice(f"policies.{name}") for name in ("contacted", "policy", "value", "interval")]
    return Table(head, rows, [False, True, False, False])


def _pair_figures(facts: UpliftFacts, outcome: str, teller: Teller) -> list[Figure]:
    """Tenths and Qini curves of the actions of which it is surest that customers respond differently."""
    averages = [average for average in facts.document["averages"] if average["outcome"] == outcome]
    found: list[Figure | None] = []
    for average in sorted(averages, key=lambda a: -a["differences"])[:PAIRS]:
        found.append(charts_uplift.deciles_figure(facts, outcome, average["action"], teller))
        found.append(charts_uplift.qini_figure(facts, outcome, average["action"], teller))
    return [figure for figure in found if figure is not None]
