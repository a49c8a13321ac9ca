"""The timeline of the quality page: events by day, week or month, with the stretches in which there is none."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta

from markupsafe import Markup

from worthwhile.report import svg
from worthwhile.report.charts_forecast import Figure, _in_two_widths
from worthwhile.report.quality_content import QualityContent, Stretch
from worthwhile.report.svg import Frame
from worthwhile.report.texts import Voice

SALES = ("order_line", "refund")
# Two charts, since visits are a hundred times as many as orders. Colours from the bottom of a bar upwards.
_COLOURS = ("first", "second", "third", "fourth", "fifth")


def timeline_figures(content: QualityContent, voice: Voice) -> list[Figure]:
    """One chart of orders and refunds, one of all other kinds, where there are such."""
    others = tuple(kind for kind in content.kinds if kind not in SALES)
    sales = tuple(kind for kind in content.kinds if kind in SALES)
    return [_figure(content, kinds, name, voice) for kinds, name in ((sales, "sales"), (others, "others")) if kinds]


def _figure(content: QualityContent, kinds: Sequence[str], name: str, voice: Voice) -> Figure:
    days = sum(length for _, length in content.gaps)
    title = voice(f"timeline.{name}_name") + voice(
        "timeline.title_gaps" if content.gaps else "timeline.title_none",
        days=voice.count_of("day", days),
        gaps=voice.count_of("gap", len(content.gaps)),
    )
    note = voice(f"timeline.note_{content.step}")
    if content.outside:
        note += voice("page.space") + voice("timeline.outside", events=voice.count_of("event", content.outside))
    wide, narrow = _in_two_widths(lambda frame: _draw(content, kinds, voice, frame))
    return Figure(title, note, wide, narrow)


def _draw(content: QualityContent, kinds: Sequence[str], voice: Voice, frame: Frame) -> Markup:
    n, timeline = voice.numbers, content.timeline
    most = max(sum(stretch.events.get(kind, 0) for kind in kinds) for stretch in timeline)
    ticks = svg.nice_ticks(max(most, 4))  # of whole events
    plot = frame.plot((0, len(timeline)), (0, ticks[-1]))
    step = plot.x(1) - plot.x(0)
    marks = []
    for start, length in content.gaps:
        left, right = (plot.x(_place(timeline, start + timedelta(days=days))) for days in (0, length))
        marks.append(svg.bar(left, max(right, left + 2), plot.bottom, plot.top, kind="gap"))
    for i, stretch in enumerate(timeline):
        margin = step * 0.1 if step > 4 else 0.0
        base = 0
        for kind, colour in zip(kinds, _COLOURS, strict=False):
            top = base + stretch.events.get(kind, 0)
            marks.append(svg.bar(plot.x(i) + margin, plot.x(i + 1) - margin, plot.y(base), plot.y(top), kind=colour))
            base = top
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), _tip(stretch, kinds, content.step, voice)))
    marks += _labels(timeline, content.step, plot, voice)
    entries = [(colour, voice(f"kinds.{kind}")) for kind, colour in zip(kinds, _COLOURS, strict=False)]
    if content.gaps:
        entries.append(("gap", voice("timeline.gap")))
    axis = svg.y_axis(plot, ticks, n.count, voice(f"timeline.y_{content.step}"))
    return svg.svg(plot, voice("timeline.name"), axis, *marks, svg.legend(plot, entries))


def _place(timeline: Sequence[Stretch], day: date) -> float:
    """Where a day begins on the axis of stretches."""
    i = max(bisect_right([stretch.start for stretch in timeline], day) - 1, 0)
    start = timeline[i].start
    end = timeline[i + 1].start if i + 1 < len(timeline) else start + (start - timeline[i - 1].start or timedelta(1))
    return i + min((day - start) / (end - start), 1.0)


def _tip(stretch: Stretch, kinds: Sequence[str], step: str, voice: Voice) -> str:
    n = voice.numbers
    when = n.month(stretch.start) if step == "month" else n.day(stretch.start)
    told = [
        voice("timeline.tip", kind=voice(f"kinds.{kind}"), count=n.count(stretch.events.get(kind, 0))) for kind in kinds
    ]
    if stretch.silent:
        told.append(voice("timeline.silent", days=voice.count_of("day", stretch.silent)))
    return "\n".join([voice(f"timeline.when_{step}", day=when), *told])


def _labels(timeline: Sequence[Stretch], step: str, plot: svg.Plot, voice: Voice) -> list[Markup]:
    """Dates below the axis, as many as there is room for; months carry the year where it begins."""
    n = voice.numbers
    texts = [n.month(s.start) if step == "month" else n.span_tick(s.start) for s in timeline]
    room = max(svg.text_width(text) for text in texts) + 14
    width = plot.right - plot.left
    every = max(1, -(-len(timeline) // max(1, int(width // room))))
    ends = [plot.width - svg.text_width(text) / 2 - 2 for text in texts]  # beyond, a label would be cut off
    return [
        svg.text(min(plot.x(i + 0.5), ends[i]), plot.bottom + 18, texts[i], anchor="middle")
        for i in range(every // 2, len(timeline), every)
    ]
