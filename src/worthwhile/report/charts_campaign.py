"""The chart of a measured campaign: what each arm changed against those held out, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from worthwhile.report import svg
from worthwhile.report.campaign_content import CampaignFacts
from worthwhile.report.charts_forecast import Figure
from worthwhile.report.charts_uplift import interval
from worthwhile.report.svg import Frame
from worthwhile.report.tables import short
from worthwhile.report.texts import Voice

DRAWN = ("spend", "active")  # the outcomes that a design says something of
STEP = 64  # px, an arm's row
NAME_SHOWN = 26  # characters of an arm's name beside a chart


def writer_of(outcome: str, voice: Voice) -> Callable[[float | None], str]:
    """How a change of an outcome is written: money, percentage points, or a number."""
    if outcome == "spend":
        return voice.numbers.money_change
    return voice.numbers.points if outcome == "active" else voice.numbers.decimal


def differences_figure(facts: CampaignFacts, outcome: str, voice: Voice) -> Figure | None:
    """What each arm changed in an outcome, beside what was expected of it; None where nothing can be said of any."""
    found = [(arm["arm"], arm["outcomes"][outcome]) for arm in facts.measured["arms"]]
    rows = [(name, of) for name, of in found if of["low"] is not None and of["high"] is not None]
    if not rows:
        return None
    write = writer_of(outcome, voice)
    title = _title(rows, outcome, voice)
    names = [short(name, NAME_SHOWN) for name, _ in rows]
    left = int(max(map(svg.text_width, names))) + 18
    room = int(max(svg.text_width(write(of["effect"])) for _, of in rows)) + 16  # for the number behind a whisker
    frame = Frame(width=520, height=84 + STEP * len(rows), left=left, right=room, top=36, bottom=48)
    ends = [of[key] for _, of in rows for key in ("low", "high", "expected") if of[key] is not None]
    ticks = svg.nice_ticks(max(0.0, *ends), low=min(0.0, *ends), about=4)
    plot = frame.plot((ticks[0], ticks[-1]), (0, 1))
    marks = [svg.line((plot.x(0), plot.top), (plot.x(0), plot.bottom), "base")]
    for i, ((name, of), shown) in enumerate(zip(rows, names, strict=True)):
        y = plot.top + STEP * (i + 0.5)
        marks.append(svg.text(left - 10, y + 4, shown, anchor="end"))
        marks += interval(plot, (of["low"], of["high"]), y)
        marks.append(svg.dot(plot.x(of["effect"]), y, 6, kind="first", tip=_tip(name, of, outcome, voice)))
        if of["expected"] is not None:
            tip = voice("chart.tip_expected", arm=name, expected=write(of["expected"]))
            marks.append(svg.dot(plot.x(of["expected"]), y, 4.5, kind="second", tip=tip))
        marks.append(svg.text(plot.x(of["high"]) + 9, y + 4, write(of["effect"]), kind="strong"))
    entries = [("first", voice("chart.measured"))]
    if any(of["expected"] is not None for _, of in rows):
        entries.append(("second", voice("chart.expected")))
    axis = svg.x_axis(plot, ticks, lambda value: write(value) if value else "0", voice(f"chart.x_{outcome}"))
    return Figure(title, voice("chart.note"), svg.svg(plot, title, axis, *marks, svg.legend(plot, entries)))


def _title(rows: list[tuple[str, Mapping[str, Any]]], outcome: str, voice: Voice) -> str:
    """The arm that surely did most; else that nothing is sure."""
    name, best = max(rows, key=lambda row: row[1]["effect"])
    if best["low"] <= 0:
        return voice(f"chart.{outcome}_none")
    return voice(f"chart.{outcome}_title", arm=name, effect=writer_of(outcome, voice)(best["effect"]))


def _tip(name: str, of: Mapping[str, Any], outcome: str, voice: Voice) -> str:
    effect, low, high = (writer_of(outcome, voice)(of[key]) for key in ("effect", "low", "high"))
    return voice("chart.tip", arm=name, effect=effect, low=low, high=high)
