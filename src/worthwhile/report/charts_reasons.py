"""The charts of reasons: what moves forecasts in the shop, what makes one forecast, and what hangs on each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from markupsafe import Markup

from worthwhile.explain.reasons import MINOR, MINOR_NAME, REASONS
from worthwhile.explain.sentences import Teller
from worthwhile.report import svg
from worthwhile.report.charts_forecast import NARROW, WIDE, Figure
from worthwhile.report.reasons_content import ReasonsFacts, Row
from worthwhile.report.svg import Frame, Scale
from worthwhile.report.tables import short
from worthwhile.report.texts import Voice

BAR = 28  # px, a reason's row
STRIP = 190  # px, a timeline's height
PAIRED = Frame(width=640)  # beside the reasons in words
LEAST_BELOW = 0.15  # of what lies above the line
LARGEST_DOT, SMALLEST_DOT = 11.0, 3.0


def name_of(reason: str, voice: Voice) -> str:
    english, chinese = (REASONS | {MINOR: MINOR_NAME})[reason]
    said = english if voice.numbers.language == "en" else chinese
    return said[:1].upper() + said[1:]


# ---- importance -----------------------------------------------------------------------------------------------------


def importance_figure(facts: ReasonsFacts, voice: Voice) -> Figure | None:
    """How much each reason moves the expected amount, on average, and how far it reaches up and down."""
    if not facts.importance:
        return None
    first = facts.importance[0]
    title = voice("importance.title", reason=name_of(first["reason"], voice), share=voice.numbers.share(first["share"]))
    wide, narrow = (_draw_importance(facts, voice, frame, title) for frame in (WIDE, NARROW))
    return Figure(title, voice("importance.note", customers=voice.count_of("customer", facts.customers)), wide, narrow)


def _draw_importance(facts: ReasonsFacts, voice: Voice, frame: Frame, title: str) -> Markup:
    """Two panels over the same reasons: the mean effect, and where nine in ten effects lie."""
    rows, name, n = facts.importance, facts.amount_name, voice.numbers
    names = [name_of(row["reason"], voice) for row in rows]
    left = int(max(map(svg.text_width, names))) + 16
    frame = replace(frame, height=70 + BAR * len(rows), left=left, top=44, bottom=20)
    plot = frame.plot((0, 1), (0, 1))
    middle = left + (frame.width - left) * 0.42
    mean = Scale(0, max(row[f"{name}_effect_mean"] for row in rows) or 1.0, left, middle - 62)
    reach = max(abs(row[f"{name}_effect_{q}"]) for row in rows for q in ("q05", "q95")) or 1.0
    spread = Scale(-reach, reach, middle + 14, frame.width - 14.0)
    marks = [
        svg.text(left, 34, voice("importance.mean"), kind="axis"),
        _headed(spread, voice("importance.spread"), frame.width),
        svg.line((spread(0), plot.top), (spread(0), plot.top + BAR * len(rows)), "base"),
    ]
    for i, (row, label) in enumerate(zip(rows, names, strict=True)):
        y = plot.top + BAR * (i + 0.5)
        low, high, median = (row[f"{name}_effect_{q}"] for q in ("q05", "q95", "q50"))
        tip = voice(
            "importance.tip",
            reason=label,
            mean=n.money(row[f"{name}_effect_mean"]),
            share=n.share(row["share"]),
            points=n.decimal(row["p_active_effect_mean"] * 100, 1),
            low=n.money(low),
            high=n.money(high),
        )
        end = mean(row[f"{name}_effect_mean"])
        marks += [
            svg.text(left - 10, y + 4, label, anchor="end"),
            svg.flat_bar(left, end, y, 16, kind="first", tip=tip),
            svg.text(end + 6, y + 4, n.money_short(row[f"{name}_effect_mean"])),
            svg.flat_bar(spread(min(low, 0)), spread(0), y, 10, kind="effect-down", tip=tip),
            svg.flat_bar(spread(0), spread(max(high, 0)), y, 10, kind="effect-up", tip=tip),
            svg.dot(spread(median), y, 3.5, kind="effect-median", tip=tip),
        ]
    foot = plot.top + BAR * len(rows) + 14
    marks += [
        svg.text(spread.start, foot, n.money_short(-reach)),
        svg.text(spread.stop, foot, n.money_short(reach), anchor="end"),
    ]
    return svg.svg(plot, title, *marks)


def _headed(panel: Scale, words: str, width: int) -> Markup:
    """Words in the middle above a panel; where they are wider than it, they end at the chart's edge."""
    middle = (panel.start + panel.stop) / 2
    if middle + svg.text_width(words) / 2 > width:
        return svg.text(width - 2.0, 18, words, anchor="end", kind="axis")
    return svg.text(middle, 34, words, anchor="middle", kind="axis")


# ---- one customer ---------------------------------------------------------------------------------------------------


def waterfall_figure(
    facts: ReasonsFacts, customer_id: str, rows: Sequence[Row], voice: Voice, *, in_pair: bool = False
) -> Figure:
    """From the typical customer's expected amount to this one's, reason after reason; `in_pair` it is drawn for more
    than half of the page."""
    n, name = voice.numbers, facts.amount_name
    start = facts.typical[f"{name}_mean"]
    end = start + sum(row[f"{name}_effect"] for row in rows)
    title = voice(
        "waterfall.title", customer=short(customer_id), amount=n.money_short(end), typical=n.money_short(start)
    )
    narrow = _draw_waterfall(facts, rows, voice, NARROW, title)
    image = _draw_waterfall(facts, rows, voice, PAIRED, title) if in_pair else narrow
    return Figure(title, voice("waterfall.note"), image, narrow if in_pair else None)


def _draw_waterfall(facts: ReasonsFacts, rows: Sequence[Row], voice: Voice, frame: Frame, title: str) -> Markup:
    n, name = voice.numbers, facts.amount_name
    start = facts.typical[f"{name}_mean"]
    levels = [start]
    for row in rows:
        levels.append(levels[-1] + row[f"{name}_effect"])
    names = [voice("waterfall.typical"), *(name_of(row["reason"], voice) for row in rows), voice("waterfall.own")]
    left = int(max(map(svg.text_width, names))) + 16
    step = 31 if frame is PAIRED else 27
    frame = replace(frame, height=24 + step * len(names), left=left, top=12, bottom=12)
    plot = frame.plot((0, 1), (0, 1))
    low, high = min(0.0, *levels), max(levels)
    x = Scale(low, high if high > low else low + 1, left, frame.width - 72.0)
    marks = [svg.line((x(0), plot.top), (x(0), frame.height - 12.0), "base")]
    for i, label in enumerate(names):
        y = plot.top + step * (i + 0.5)
        marks.append(
            svg.text(left - 10, y + 4, label, anchor="end", kind="strong" if i in (0, len(rows) + 1) else None)
        )
        if i in (0, len(rows) + 1):
            level = levels[0 if i == 0 else -1]
            marks.append(svg.flat_bar(x(0), x(level), y, 15, kind="first"))
            marks.append(svg.text(x(max(level, 0)) + 6, y + 4, n.money_short(level), kind="strong"))
            continue
        row = rows[i - 1]
        effect = row[f"{name}_effect"]
        kind = "effect-up" if effect > 0 else "effect-down"
        marks.append(svg.flat_bar(x(levels[i - 1]), x(levels[i]), y, 15, kind=kind, tip=row["text"]))
        end = x(max(levels[i - 1], levels[i])) + 6
        marks.append(svg.text(end, y + 4, n.money_change(effect, short=True)))
    return svg.svg(plot, title, *marks)


def timeline_figure(steps: Sequence[Row], customer_id: str, voice: Voice, *, is_wide: bool = True) -> Figure | None:
    """What a customer did, each step coloured by what the forecast would lose without it."""
    if len(steps) < 2:
        return None
    most = max(steps, key=lambda step: step["amount_effect"])
    title = voice(
        "timeline.title",
        customer=short(customer_id),
        day=voice.numbers.day(most["day"]),
        amount=voice.numbers.money_short(most["amount_effect"]),
    )
    count, in_all = len(steps), steps[0].get("in_all") or len(steps)
    shown = voice("timeline.all" if count == in_all else "timeline.last", steps=count, all=voice.numbers.count(in_all))
    narrow = _draw_timeline(steps, voice, NARROW, title)
    image = _draw_timeline(steps, voice, WIDE, title) if is_wide else narrow
    return Figure(title, voice("timeline.note", shown=shown), image, narrow if is_wide else None)


def _draw_timeline(steps: Sequence[Row], voice: Voice, frame: Frame, title: str) -> Markup:
    """Time to the right, effects up and down; the size of a dot is the size of the order."""
    first, last = steps[0]["day"], steps[-1]["day"]
    effects = [step["amount_effect"] for step in steps]
    low, high = min(*effects, 0.0), max(*effects, 0.0)
    is_low = low < -LEAST_BELOW * high  # else what lies below the line needs no grid of its own
    ticks = svg.nice_ticks(high, low=low if is_low else 0.0, about=3)
    frame = replace(frame, height=STRIP + 40, top=28, bottom=34)
    days = max((last - first).days, 1)
    plot = frame.plot((-0.02 * days, 1.02 * days), (ticks[0] if is_low else -LEAST_BELOW * ticks[-1], ticks[-1]))
    largest = max((step["amount"] for step in steps), default=0.0)
    marks: list[Any] = []
    for step in steps:
        x = plot.x((step["day"] - first).days)
        share = max(step["amount"], 0.0) / largest if largest > 0 else 0.0
        up = step["amount_effect"] > 0
        tip = voice(
            "timeline.tip",
            day=voice.numbers.day(step["day"]),
            what=Teller(voice.numbers).step(step["kind"], step["count"]),
            amount=voice.numbers.money(step["amount"]),
            effect=voice.numbers.money_change(step["amount_effect"]),
            points=voice.numbers.points(step["p_active_effect"]),
        )
        y = plot.y(step["amount_effect"])
        marks.append(svg.line((x, plot.y(0)), (x, y), "stem"))
        radius = SMALLEST_DOT + (LARGEST_DOT - SMALLEST_DOT) * share**0.5
        marks.append(svg.dot(x, y, radius, kind="effect-up" if up else "effect-down", tip=tip))
    axis = svg.y_axis(plot, ticks, voice.numbers.money_short, voice("timeline.y"))
    return svg.svg(plot, title, axis, *marks, *_days(first, last, plot, voice))


def _days(first: date, last: date, plot: svg.Plot, voice: Voice) -> list[Markup]:
    """The first day and the last below the strip."""
    ends = (((last - first).days, last, "end"), (0, first, "start"))
    return [
        svg.text(plot.x(place), plot.bottom + 20, voice.numbers.span_tick(day), anchor=anchor)
        for place, day, anchor in ends
    ]
