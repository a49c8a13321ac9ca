"""The report's section on a measured campaign: what it brought against those held out, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from worthwhile.decide.campaign.wording import expectations, worth_sentence
from worthwhile.decide.words import words_of
from worthwhile.evaluation.numbers import Numbers
from worthwhile.report import charts_campaign
from worthwhile.report.campaign_content import CampaignFacts
from worthwhile.report.tables import Cell, Table
from worthwhile.report.texts import Voice, read_texts

Row = Mapping[str, Any]


def campaign_voice(facts: CampaignFacts, voice: Voice) -> Voice:
    """The voice of a report that knows the texts of this section too, over the campaign's horizon and currency."""
    language = voice.numbers.language
    texts = {**voice.texts, **read_texts(language, page="campaign-")}
    numbers = Numbers(language, facts.measured["currency"])
    return replace(voice, texts=texts, numbers=numbers, horizon=facts.measured["horizon"], amount_name="spend")


def campaign_section(facts: CampaignFacts | None, voice: Voice) -> dict[str, Any] | None:
    """What the template `campaign.html` shows; None where no campaign is measured."""
    if facts is None:
        return None
    voice = campaign_voice(facts, voice)
    figures = [charts_campaign.differences_figure(facts, outcome, voice) for outcome in charts_campaign.DRAWN]
    return {
        "t": voice,
        "title": voice("section.title"),
        "made": facts.said(voice),
        "lead": _lead(facts, voice),
        "warnings": words_of(voice.numbers.language).notes(facts.measured["notes"]),
        "arms": [_arm(arm, facts, voice) for arm in facts.measured["arms"]],
        "figures": [figure for figure in figures if figure is not None],
        "table": _table(facts, voice),
    }


def _lead(facts: CampaignFacts, voice: Voice) -> str:
    """When, for how long, who got what, and where it is known from what they then did."""
    n, sizes = voice.numbers, dict(facts.manifest["test"]["sizes"])
    held = sizes.pop("none")
    groups = [voice("section.group", arm=arm, customers=n.count(size)) for arm, size in sizes.items()]
    said = [
        voice(
            "section.lead",
            day=n.day(date.fromisoformat(facts.manifest["start_day"])),
            customers=voice.count_of("customer", held + sum(sizes.values())),
            held=n.count(held),
            groups=voice("section.comma").join(groups),
        )
    ]
    if facts.manifest["plan"]:
        said.append(voice("section.plan", plan=facts.manifest["plan"]))
    said.append(voice(f"section.from_{facts.measured['source']}"))
    return voice("page.space").join(said)


def _arm(arm: Row, facts: CampaignFacts, voice: Voice) -> dict[str, Any]:
    """What an arm did, what that was worth, and what it says of what was expected."""
    n = voice.numbers
    title = voice(
        "arm.title",
        arm=arm["arm"],
        treated=voice.count_of("customer", arm["treated"]),
        held=n.count(arm["held_out"]),
    )
    seen = [_seen(arm["outcomes"][name], name, voice) for name in charts_campaign.DRAWN]
    words = words_of(n.language, facts.measured["currency"])
    said = [*seen, worth_sentence(arm, words, matured=facts.measured["matured"]), *expectations(arm, words)]
    return {"title": title, "said": [text for text in said if text]}


def _seen(of: Row, outcome: str, voice: Voice) -> str:
    """How an outcome changed; nothing where too few say anything."""
    if of["low"] is None or of["high"] is None:
        return ""
    key = "same" if of["low"] <= 0 <= of["high"] else "more" if of["low"] > 0 else "less"
    write = charts_campaign.writer_of(outcome, voice)
    effect, low, high = (write(of[name]) for name in ("effect", "low", "high"))
    if key == "more":
        effect = effect.removeprefix("+")  # "rose by" says it
    return voice(f"arm.{outcome}_{key}", effect=effect, low=low, high=high, without=_level(of, outcome, voice))


def _level(of: Row, outcome: str, voice: Voice, key: str = "held_out_mean") -> str:
    n = voice.numbers
    return n.money(of[key]) if outcome == "spend" else n.share(of[key]) if outcome == "active" else n.decimal(of[key])


def _table(facts: CampaignFacts, voice: Voice) -> Table:
    """Each outcome of each arm: both means and the difference with its interval."""
    rows = []
    for arm in facts.measured["arms"]:
        for outcome, of in arm["outcomes"].items():
            write = charts_campaign.writer_of(outcome, voice)
            low, high = write(of["low"]), write(of["high"])
            rows.append(
                [
                    Cell(arm["arm"]),
                    Cell(voice(f"outcomes.{outcome}")),
                    Cell(_level(of, outcome, voice, "treated_mean")),
                    Cell(_level(of, outcome, voice)),
                    Cell(write(of["effect"]), kind="strong"),
                    Cell("" if of["low"] is None else voice("table.range", low=low, high=high)),
                ]
            )
    head = [voice(f"table.{name}") for name in ("arm", "outcome", "treated", "held_out", "difference", "interval")]
    return Table(head, rows, [True, True, False, False, False, False])
