"""The charts of the forecast: sales by month, spans and forecast, who holds the value. Each returns a Figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from markupsafe import Markup

from worthwhile.report import facts, svg
from worthwhile.report.content import DataFacts, ForecastFacts, Month, Span
from worthwhile.report.facts import TotalInterval
from worthwhile.report.svg import Frame
from worthwhile.report.texts import Voice

NARROW = Frame(width=520, height=330)
WIDE = Frame(width=1080, height=330)
MONTHS_SHOWN, SPANS_SHOWN = 36, 6


@dataclass(frozen=True)
class Figure:
    """A chart with its takeaway as the title and a note on how to read it. `narrow` replaces it on small screens."""

    title: str
    note: str
    image: Markup
    narrow: Markup | None = None

    @property
    def is_wide(self) -> bool:
        return self.narrow is not None


def _in_two_widths(draw: Callable[[Frame], Markup]) -> tuple[Markup, Markup]:
    return draw(WIDE), draw(NARROW)


# ---- sales by month -------------------------------------------------------------------------------------------------


def months_figure(data: DataFacts, cutoff: date, voice: Voice) -> Figure | None:
    """Net sales by month, from customers known before the month and from new ones."""
    months = data.months[-MONTHS_SHOWN:]
    if len(months) < 2:
        return None
    recent = months[-12:]
    amount, known = sum(m.amount for m in recent), sum(m.amount_known for m in recent)
    title = voice(
        "months.title" if amount > 0 else "months.title_none",
        months=voice.count_of("month", len(recent)),
        share=voice.numbers.share(known / amount if amount > 0 else None),
    )
    wide, narrow = _in_two_widths(lambda frame: _draw_months(months, (data.last, cutoff), voice, frame, title))
    return Figure(title, voice("months.note"), wide, narrow)


def _draw_months(months: Sequence[Month], ends: tuple[date, date], voice: Voice, frame: Frame, title: str) -> Markup:
    last, cutoff = ends
    n = voice.numbers
    # A month of more refunds than sales goes below the base line; the parts are clipped at it, the tip has the truth.
    high = max([max(m.amount, m.amount_known, 0.0) for m in months])
    low = min([0.0, *(min(m.amount, 0.0) for m in months)])
    ticks = svg.nice_ticks(high, low=low)
    plot = frame.plot((0, len(months)), (ticks[0], ticks[-1]))
    step = plot.x(1) - plot.x(0)
    marks = []
    for i, month in enumerate(months):
        left, right = plot.x(i) + step * 0.12, plot.x(i + 1) - step * 0.12
        partial = " partial" if month.start <= last < _month_end(month.start) else ""
        known = min(max(month.amount_known, 0.0), max(month.amount, 0.0))
        marks.append(svg.bar(left, right, plot.y(0), plot.y(known), kind="first" + partial))
        marks.append(svg.bar(left, right, plot.y(known), plot.y(month.amount), kind="second" + partial))
        if i == 0 or month.start.month == 1 or _labelled(i, len(months), step):
            marks.append(_month_label(month.start, plot, (plot.x(i) + plot.x(i + 1)) / 2, i, voice))
        tip = voice(
            "months.tip",
            month=n.month(month.start),
            amount=n.money(month.amount),
            known=n.money(month.amount_known),
            orders=n.count(month.orders),
        )
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    place = _month_place(months, cutoff)
    if place is not None:
        x = plot.x(place)
        marks.append(svg.line((x, plot.top), (x, plot.bottom), "cutoff"))
        marks.append(svg.text(x - 5, plot.top + 10, voice("months.cutoff"), anchor="end", kind="axis"))
    legend = svg.legend(plot, [("first", voice("legend.known")), ("second", voice("legend.new"))])
    axis = svg.y_axis(plot, ticks, n.money_short, voice("months.y"))
    return svg.svg(plot, title, axis, *marks, legend)


def _month_end(start: date) -> date:
    """The last day of the month that begins on `start`."""
    return (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _labelled(i: int, count: int, step: float) -> bool:
    """Every month where there is room, else every third, else January only."""
    return step >= 34 or (step >= 12 and i % 3 == 0 and count - i > 0)


def _month_label(start: date, plot: svg.Plot, x: float, i: int, voice: Voice) -> Markup:
    label = svg.text(x, plot.bottom + 17, voice.numbers.month_tick(start), anchor="middle")
    if i == 0 or start.month == 1:
        label += svg.text(x, plot.bottom + 33, str(start.year), anchor="middle", kind="strong")
    return label


def _month_place(months: Sequence[Month], day: date) -> float | None:
    """Where a day lies on the axis of months; None at or beyond its end."""
    for i, month in enumerate(months):
        if (month.start.year, month.start.month) == (day.year, day.month):
            return None if i == 0 else i + (day.day - 1) / 31
    return None


# ---- spans and the forecast -----------------------------------------------------------------------------------------


def spans_figure(
    data: DataFacts, forecast: ForecastFacts, interval: TotalInterval | None, voice: Voice
) -> Figure | None:
    """Past spans as long as the horizon beside the forecast: like beside like, customers known before each span."""
    spans = data.spans[-SPANS_SHOWN:]
    if not spans:
        return None
    total = float(facts.amounts(forecast).sum())
    title = voice(
        "spans.title",
        total=voice.numbers.money_short(total),
        before=voice.numbers.money_short(spans[-1].amount_known),
    )
    note = voice("spans.note") + voice("page.space") + voice(f"interval.{interval.kind if interval else 'none'}")
    return Figure(title, note, _draw_spans(spans, forecast, interval, voice))


def _draw_spans(spans: Sequence[Span], forecast: ForecastFacts, interval: TotalInterval | None, voice: Voice) -> Markup:
    n, total = voice.numbers, float(facts.amounts(forecast).sum())
    tops = [total, interval.high if interval else 0.0, forecast.actual or 0.0]
    tops += [max(s.amount_known, 0.0) + max(s.amount_new, 0.0) for s in spans]
    ticks = svg.nice_ticks(max(tops))
    plot = NARROW.plot((0, len(spans) + 1), (0, ticks[-1]))
    step = plot.x(1) - plot.x(0)
    marks = []
    for i, span in enumerate(spans):
        left, right = plot.x(i) + step * 0.18, plot.x(i + 1) - step * 0.18
        known, new = max(span.amount_known, 0.0), max(span.amount_new, 0.0)
        marks.append(svg.bar(left, right, plot.y(0), plot.y(known), kind="first"))
        marks.append(svg.bar(left, right, plot.y(known), plot.y(known + new), kind="second"))
        tip = voice(
            "spans.tip",
            start=n.day(span.start),
            end=n.day(span.end),
            known=n.money(span.amount_known),
            new=n.money(span.amount_new),
        )
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    marks.append(_forecast_bar(plot, len(spans), total, interval, voice))
    if forecast.actual is not None:
        x1, x2 = plot.x(len(spans)) + step * 0.1, plot.x(len(spans) + 1) - step * 0.1
        marks.append(svg.line((x1, plot.y(forecast.actual)), (x2, plot.y(forecast.actual)), "actual"))
    starts = [*(s.start for s in spans), forecast.cutoff]
    labels = svg.band_labels(plot, [n.span_tick(start) for start in starts])
    middle = (plot.left + plot.right) / 2
    labels.append(svg.text(middle, plot.height - 8, voice("spans.x"), anchor="middle", kind="axis"))
    entries = [("first", voice("legend.known")), ("second", voice("legend.new")), ("hatched", voice("legend.forecast"))]
    axis = svg.y_axis(plot, ticks, n.money_short, "")
    return svg.svg(plot, voice("spans.y"), _HATCH, axis, *marks, *labels, svg.legend(plot, entries))


_HATCH = Markup(
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" class="hatch-ground"></rect><rect width="2.4" height="6" class="first"></rect>'
    "</pattern></defs>"
)


def _forecast_bar(plot: svg.Plot, place: int, total: float, interval: TotalInterval | None, voice: Voice) -> Markup:
    step = plot.x(1) - plot.x(0)
    left, right = plot.x(place) + step * 0.18, plot.x(place + 1) - step * 0.18
    marks = [svg.bar(left, right, plot.y(0), plot.y(total), kind="hatched")]
    n, middle = voice.numbers, (left + right) / 2
    tip = voice("spans.tip_forecast", total=n.money(total))
    if interval is not None:
        low, high = plot.y(interval.low), plot.y(interval.high)
        ends = [svg.line((middle - 7, y), (middle + 7, y), "whisker") for y in (low, high)]
        marks += [svg.line((middle, low), (middle, high), "whisker"), *ends]
        tip += "\n" + voice("spans.tip_interval", low=n.money(interval.low), high=n.money(interval.high))
    marks.append(svg.touch_area(plot, plot.x(place), plot.x(place + 1), tip))
    return Markup("").join(marks)


# ---- who holds the value --------------------------------------------------------------------------------------------


def bins_figure(forecast: ForecastFacts, voice: Voice) -> Figure | None:
    """Customers by expected spend, beside the share of the total that they hold."""
    bins = facts.spend_bins(facts.amounts(forecast))
    if len(bins) < 2:
        return None
    customers = np.cumsum([b.share for b in bins])
    k = min(int(np.searchsorted(customers, 0.5)), len(bins) - 2)
    title = voice(
        "bins.title",
        customers=voice.numbers.share(float(customers[k])),
        amount=voice.numbers.money_whole(bins[k].high),
        held=voice.numbers.share(float(sum(b.value_share for b in bins[: k + 1]))),
    )
    return Figure(title, voice("bins.note"), _draw_bins(bins, voice, title))


def _draw_bins(bins: Sequence[facts.SpendBin], voice: Voice, title: str) -> Markup:
    n, row = voice.numbers, 28
    frame = Frame(width=520, height=84 + row * len(bins), left=118, right=46)
    high = max(max(b.share, b.value_share) for b in bins)
    plot = frame.plot((0, high), (0, len(bins)))
    marks = []
    for i, spend_bin in enumerate(bins):
        y = plot.top + row * (i + 0.5)
        label = _bin_label(spend_bin, voice)
        marks.append(svg.text(plot.left - 8, y + 4, label, anchor="end"))
        tip = voice(
            "bins.tip",
            bin=label,
            customers=voice.count_of("customer", spend_bin.customers),
            share=n.share(spend_bin.share),
            held=n.share(spend_bin.value_share),
        )
        for value, dy, kind in ((spend_bin.share, -6, "first"), (spend_bin.value_share, 6, "second")):
            marks.append(svg.flat_bar(plot.left, plot.x(value), y + dy, 10, kind=kind, tip=tip))
            marks.append(svg.text(plot.x(value) + 5, y + dy + 4, n.share(value), kind="small"))
    base = svg.line((plot.left, plot.top), (plot.left, plot.bottom), "base")
    words = svg.text((plot.left + plot.right) / 2, plot.height - 14, voice("bins.x"), anchor="middle", kind="axis")
    entries = [("first", voice("legend.customers")), ("second", voice("legend.held"))]
    axis = svg.text(4, 14, voice("bins.y"), kind="axis")
    return svg.svg(plot, title, axis, *marks, base, words, svg.legend(plot, entries))


def _bin_label(spend_bin: facts.SpendBin, voice: Voice) -> str:
    n = voice.numbers
    if spend_bin.low == 0:
        return voice("bins.under", amount=n.money_whole(spend_bin.high))
    if math.isinf(spend_bin.high):
        return voice("bins.over", amount=n.money_whole(spend_bin.low))
    return f"{n.money_whole(spend_bin.low)} – {n.money_whole(spend_bin.high)}"


def concentration_figure(forecast: ForecastFacts, voice: Voice) -> Figure | None:
    """The Lorenz curve, read from the best customer down."""
    values = facts.amounts(forecast)
    shares, held = facts.concentration(values)
    if not np.isfinite(held).all():
        return None
    top, half = facts.held_by_top(values, 0.1), facts.held_by_top(values, 0.5)
    n = voice.numbers
    title = voice("concentration.title", held=n.share(top))
    plot = NARROW.plot((0, 1), (0, 1))
    points = [(plot.x(x), plot.y(y)) for x, y in zip(shares, held, strict=True)]
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    marks = [
        svg.y_axis(plot, ticks, n.share, voice("concentration.y")),
        svg.x_axis(plot, ticks, n.share, voice("concentration.x")),
        svg.path([*points, (plot.x(1), plot.y(0)), (plot.x(0), plot.y(0))], "area", closed=True),
        svg.line(points[0], points[-1], "reference"),
        svg.path(points, "line"),
        svg.text(plot.x(0.98), plot.y(0.38), voice("concentration.even"), anchor="end", kind="small"),
    ]
    for share, value in ((0.1, top), (0.5, half)):
        x, y = plot.x(share), plot.y(value)
        marks.append(svg.dot(x, y, 4.5, kind="first"))
        dy = 18 if value > 0.85 else 5
        words = voice("concentration.mark", share=n.share(share), held=n.share(value))
        marks.append(svg.text(x + 9, y + dy, words, kind="strong"))
    marks += _curve_tips(plot, shares[::4], held[::4], voice, "concentration.tip")
    return Figure(title, voice("concentration.note"), svg.svg(plot, title, *marks))


def _curve_tips(plot: svg.Plot, xs: np.ndarray, ys: np.ndarray, voice: Voice, key: str) -> list[Markup]:
    n, half = voice.numbers, (plot.x(1) - plot.x(0)) / (len(xs) - 1) / 2
    return [
        svg.touch_area(
            plot, plot.x(x) - half, plot.x(x) + half, voice(key, share=n.share(float(x)), held=n.share(float(y)))
        )
        for x, y in zip(xs[1:], ys[1:], strict=True)
    ]


def deciles_figure(forecast: ForecastFacts, voice: Voice) -> Figure | None:
    """Ten equal groups by expected spend: the share of the total that each holds."""
    groups = facts.deciles(forecast)
    if len(groups) < 2 or not all(math.isfinite(g.share) for g in groups):
        return None
    n = voice.numbers
    title = voice("deciles.title", top=n.money(groups[0].mean), bottom=n.money(groups[-1].mean))
    ticks = svg.nice_ticks(max(g.share for g in groups))
    plot = NARROW.plot((0, len(groups)), (0, ticks[-1]))
    step = plot.x(1) - plot.x(0)
    marks = []
    for i, group in enumerate(groups):
        left, right = plot.x(i) + step * 0.14, plot.x(i + 1) - step * 0.14
        marks.append(svg.bar(left, right, plot.y(0), plot.y(group.share), kind="first"))
        middle = (left + right) / 2
        marks.append(svg.text(middle, plot.y(group.share) - 6, n.share(group.share), anchor="middle", kind="small"))
        marks.append(svg.text(middle, plot.bottom + 18, str(group.number), anchor="middle"))
        tip = voice(
            "deciles.tip",
            number=group.number,
            customers=voice.count_of("customer", group.customers),
            mean=n.money(group.mean),
            share=n.share(group.share),
            p_active=n.share(group.p_active),
        )
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    axis = svg.y_axis(plot, ticks, n.share, voice("deciles.y"))
    middle = (plot.left + plot.right) / 2
    words = svg.text(middle, plot.height - 8, voice("deciles.x"), anchor="middle", kind="axis")
    return Figure(title, voice("deciles.note"), svg.svg(plot, title, axis, *marks, words))
