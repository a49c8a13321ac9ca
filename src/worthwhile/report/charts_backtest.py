"""The charts of the backtest: what was forecast at past cutoffs, beside what then happened. Each returns a Figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo

import numpy as np
import pyarrow as pa
from markupsafe import Markup

from worthwhile.evaluation.verdict import RULES
from worthwhile.report import facts, svg
from worthwhile.report.charts_forecast import NARROW, Figure
from worthwhile.report.facts import CurvePoint, PastTotal, ScoreTable
from worthwhile.report.svg import Frame
from worthwhile.report.texts import Voice

SHARES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
EVEN_PIT = 0.05  # a largest distance from even below this is called even
TOTALS_SHOWN = 8


def _middle(plot: svg.Plot) -> float:
    return (plot.left + plot.right) / 2


def _share_axes(plot: svg.Plot, voice: Voice, chart: str) -> Markup:
    """Both axes from 0 to 100 %."""
    n = voice.numbers
    return svg.y_axis(plot, SHARES, n.share, voice(f"{chart}.y")) + svg.x_axis(
        plot, SHARES, n.share, voice(f"{chart}.x")
    )


def _diagonal(plot: svg.Plot) -> Markup:
    return svg.line((plot.x(0), plot.y(0)), (plot.x(1), plot.y(1)), "reference")


def totals_figure(past: Sequence[PastTotal], voice: Voice, zone: tzinfo) -> Figure | None:
    """Total forecast and actual total at each past cutoff."""
    known = [p for p in past if math.isfinite(p.miss)]
    if not known:
        return None
    n = voice.numbers
    worst = max(known, key=lambda p: abs(p.miss))
    title = voice(
        "totals.title" if len(known) > 1 else "totals.title_one",
        tests=voice.count_of("test", len(known)),
        typical=n.share(float(np.mean([abs(p.miss) for p in known]))),
        worst=n.change(worst.miss),
    )
    shown = list(past)[-TOTALS_SHOWN:]
    ticks = svg.nice_ticks(max(max(p.forecast, p.actual) for p in shown) * 1.06)  # room for the number above
    plot = NARROW.plot((0, len(shown)), (0, ticks[-1]))
    step = plot.x(1) - plot.x(0)
    width = min(step * 0.36, 44)
    marks = []
    for i, p in enumerate(shown):
        middle, day = (plot.x(i) + plot.x(i + 1)) / 2, facts.local_day(p.cutoff, zone)
        marks.append(svg.bar(middle - width, middle - 1, plot.y(0), plot.y(p.forecast), kind="hatched"))
        marks.append(svg.bar(middle + 1, middle + width, plot.y(0), plot.y(p.actual), kind="second"))
        top = plot.y(max(p.forecast, p.actual))
        marks.append(svg.text(middle, top - 6, n.change(p.miss), anchor="middle", kind="strong"))
        tip = voice(
            "totals.tip", day=n.day(day), forecast=n.money(p.forecast), actual=n.money(p.actual), miss=n.change(p.miss)
        )
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    marks += svg.band_labels(plot, [n.span_tick(facts.local_day(p.cutoff, zone)) for p in shown])
    words = svg.text(_middle(plot), plot.height - 8, voice("totals.x"), anchor="middle", kind="axis")
    legend = svg.legend(plot, [("hatched", voice("legend.forecast")), ("second", voice("legend.actual"))])
    axis = svg.y_axis(plot, ticks, n.money_short, voice("totals.y"))
    return Figure(title, voice("totals.note"), svg.svg(plot, title, axis, *marks, words, legend))


def calibration_figure(curves: pa.Table, model: str, voice: Voice) -> Figure | None:
    """Ten groups by forecast, best first: mean forecast beside mean actual."""
    groups = facts.pooled_curve(curves, "deciles", model)[::-1]
    if len(groups) < 2:
        return None
    n = voice.numbers
    title = voice("calibration.title", forecast=n.money(groups[0].x), actual=n.money(groups[0].y))
    ticks = svg.nice_ticks(max(max(g.x, g.y) for g in groups))
    plot = NARROW.plot((0, len(groups)), (0, ticks[-1]))
    step = plot.x(1) - plot.x(0)
    marks = []
    for i, group in enumerate(groups):
        middle = (plot.x(i) + plot.x(i + 1)) / 2
        marks.append(svg.bar(middle - step * 0.4, middle - 1, plot.y(0), plot.y(group.x), kind="hatched"))
        marks.append(svg.bar(middle + 1, middle + step * 0.4, plot.y(0), plot.y(group.y), kind="second"))
        marks.append(svg.text(middle, plot.bottom + 18, str(i + 1), anchor="middle"))
        tip = voice(
            "calibration.tip",
            number=i + 1,
            customers=voice.count_of("customer", group.n),
            forecast=n.money(group.x),
            actual=n.money(group.y),
        )
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    words = svg.text(_middle(plot), plot.height - 8, voice("deciles.x"), anchor="middle", kind="axis")
    legend = svg.legend(plot, [("hatched", voice("legend.forecast")), ("second", voice("legend.actual"))])
    axis = svg.y_axis(plot, ticks, n.money_short, voice("calibration.y"))
    return Figure(title, voice("calibration.note"), svg.svg(plot, title, axis, *marks, words, legend))


def reliability_figure(curves: pa.Table, model: str, voice: Voice) -> Figure | None:
    """Chance of buying as forecast, against the share that bought."""
    points = facts.pooled_curve(curves, "reliability", model)
    customers = sum(p.n for p in points)
    if not customers:
        return None
    n = voice.numbers
    likely = [p for p in points if p.x >= 0.5]
    forecast, bought = _mean_of(likely or points)
    key = "reliability.title_likely" if likely else "reliability.title_all"
    title = voice(key, forecast=n.share(forecast), bought=n.share(bought))
    plot = NARROW.plot((0, 1), (0, 1))
    marks = [_share_axes(plot, voice, "reliability"), _diagonal(plot)]
    marks.append(svg.path([(plot.x(p.x), plot.y(p.y)) for p in points], "line"))
    for p in points:
        radius = 3 + 9 * math.sqrt(p.n / customers)  # the area says how many customers a point stands for
        tip = voice(
            "reliability.tip", forecast=n.share(p.x), bought=n.share(p.y), customers=voice.count_of("customer", p.n)
        )
        marks.append(svg.dot(plot.x(p.x), plot.y(p.y), radius, kind="first", tip=tip))
    return Figure(title, voice("reliability.note"), svg.svg(plot, title, *marks))


def _mean_of(points: Sequence[CurvePoint]) -> tuple[float, float]:
    weights = [p.n for p in points]
    x, y = (float(np.average([getattr(p, axis) for p in points], weights=weights)) for axis in "xy")
    return x, y


def gain_figure(curves: pa.Table, model: str, voice: Voice) -> Figure | None:
    """The share of what came that the customers ranked best brought, between chance and foresight."""
    points = facts.pooled_curve(curves, "gain", model)
    if len(points) < 2:
        return None
    n = voice.numbers
    xs, ys = np.array([p.x for p in points]), np.array([p.y for p in points])
    title = voice("gain.title", held=n.share(float(np.interp(0.1, xs, ys))))
    plot = NARROW.plot((0, 1), (0, 1))
    marks = [_share_axes(plot, voice, "gain"), _diagonal(plot)]
    perfect = facts.pooled_curve(curves, "gain_perfect", model)
    entries = [("first", voice("gain.forecast")), ("reference-mark", voice("gain.random"))]
    if perfect:
        marks.append(svg.path([(plot.x(p.x), plot.y(p.y)) for p in perfect], "line-perfect"))
        entries.insert(1, ("perfect", voice("gain.perfect")))
    marks.append(svg.path([(plot.x(p.x), plot.y(p.y)) for p in points], "line"))
    x, y = plot.x(0.1), plot.y(float(np.interp(0.1, xs, ys)))
    marks.append(svg.dot(x, y, 4.5, kind="first"))
    half = (plot.x(1) - plot.x(0)) / (len(points) - 1) / 2
    marks += [
        svg.touch_area(
            plot,
            plot.x(p.x) - half,
            plot.x(p.x) + half,
            voice("gain.tip", share=n.share(p.x), held=n.share(p.y)),
        )
        for p in points[1:]
    ]
    return Figure(title, voice("gain.note"), svg.svg(plot, title, *marks, svg.legend(plot, entries)))


def coverage_figure(curves: pa.Table, model: str, voice: Voice) -> Figure | None:
    """Nominal against actual coverage of the intervals given purchase."""
    points = facts.pooled_curve(curves, "coverage", model)
    if not points:
        return None
    n = voice.numbers
    nearest = min(points, key=lambda p: abs(p.x - 0.9))
    title = voice("coverage.title", nominal=n.share(nearest.x), actual=n.share(nearest.y))
    plot = NARROW.plot((0, 1), (0, 1))
    marks = [_share_axes(plot, voice, "coverage"), _diagonal(plot)]
    marks.append(svg.path([(plot.x(p.x), plot.y(p.y)) for p in points], "line"))
    for p in points:
        tip = voice("coverage.tip", nominal=n.share(p.x), actual=n.share(p.y), customers=voice.count_of("buyer", p.n))
        marks.append(svg.dot(plot.x(p.x), plot.y(p.y), 5, kind="first", tip=tip))
    return Figure(title, voice("coverage.note"), svg.svg(plot, title, *marks))


def pit_figure(curves: pa.Table, model: str, voice: Voice) -> Figure | None:
    """Where in their forecast distributions the outcomes fell."""
    points = facts.pooled_pit(curves, model)
    if len(points) < 2:
        return None
    n, step = voice.numbers, 1 / len(points)
    title = voice(f"pit.title_{_lean(points)}")
    ticks = svg.nice_ticks(max(1.6, *(p.y for p in points)))
    plot = NARROW.plot((0, 1), (0, ticks[-1]))
    marks = [svg.y_axis(plot, ticks, lambda v: n.decimal(v, 1), voice("pit.y"))]
    marks.append(svg.x_axis(plot, SHARES, n.share, voice("pit.x")))
    for p in points:
        left, right = plot.x(p.x) + 1, plot.x(min(p.x + step, 1.0)) - 1
        share = n.share(p.y * step)
        tip = voice("pit.tip", low=n.share(p.x), high=n.share(min(p.x + step, 1.0)), share=share)
        marks.append(svg.bar(left, right, plot.y(0), plot.y(p.y), kind="first"))
        marks.append(svg.touch_area(plot, left, right, tip))
    marks.append(svg.line((plot.left, plot.y(1)), (plot.right, plot.y(1)), "reference"))
    marks.append(svg.text(plot.right, plot.y(1) - 5, voice("pit.even"), anchor="end", kind="small"))
    return Figure(title, voice("pit.note"), svg.svg(plot, title, *marks))


def _lean(points: Sequence[CurvePoint]) -> str:
    """even, low (outcomes above what was forecast), high, narrow (outcomes in both ends) or wide."""
    density = np.array([p.y for p in points])
    step = 1 / len(density)
    if np.max(np.abs(np.cumsum(density - 1) * step)) < EVEN_PIT:
        return "even"
    center = float(np.sum(density * (np.arange(len(density)) + 0.5)) * step**2) - 0.5
    if abs(center) >= EVEN_PIT / 2:
        return "low" if center > 0 else "high"
    quarter = len(density) // 4
    outer = float(density[:quarter].sum() + density[-quarter:].sum()) * step
    return "narrow" if outer > 0.5 else "wide"


def models_figure(table: ScoreTable, voice: Voice) -> Figure | None:
    """The leading error of every model, relative to the better simple rule at each cutoff: mean and single cutoffs."""
    rules = [m for m in table.models if m in RULES]
    cells = table.cells.get(table.leading, {})
    known = [m for m in table.models if math.isfinite(table.mean(table.leading, m))]
    if len(known) < 2:
        return None
    base = rules[0] if rules else known[0]  # models are in order of it
    ratios = {m: _relative(cells[m], cells[base]) for m in known}
    # A model that is far off would press all others together; it is set at the edge with its number beside it.
    means = {m: float(np.nanmean(r)) for m, r in ratios.items() if np.isfinite(r).any()}
    if not means:
        return None
    title = _models_title(means, base, bool(rules), voice)
    low, high = _range(means, ratios)
    row = 24
    frame = Frame(width=520, height=80 + row * len(means), left=128, right=52)
    plot = frame.plot((low, high), (0, len(means)))
    zero = plot.x(0.0)
    marks = [svg.line((zero, plot.top), (zero, plot.bottom), "reference")]
    for i, (model, mean) in enumerate(means.items()):
        y = plot.top + row * (i + 0.5)
        marks.append(svg.line((plot.left, y), (plot.right, y), "grid"))
        marks.append(svg.text(plot.left - 8, y + 4, model, anchor="end", kind="small"))
        marks += [svg.dot(plot.x(float(v)), y, 3, kind="single") for v in ratios[model] if math.isfinite(v)]
        tip = voice("models.tip", model=model, change=voice.numbers.change(mean), base=base)
        marks.append(svg.dot(plot.x(mean), y, 6, kind="second" if model in RULES else "first", tip=tip))
        marks.append(svg.text(frame.width - 4, y + 4, voice.numbers.change(mean), anchor="end", kind="small"))
    ticks = [t for t in svg.nice_ticks(high, low=low, about=4) if low <= t <= high]
    axis = svg.x_axis(plot, ticks, voice.numbers.change, voice("models.x", base=base))
    legend = svg.legend(plot, [("first", voice("models.model")), ("second", voice("models.rule"))])
    note = voice("models.note", error=voice(f"metrics.{table.leading}.name"))
    return Figure(title, note, svg.svg(plot, title, *marks, axis, legend))


def _relative(errors: np.ndarray, base: np.ndarray) -> np.ndarray:  # (C,), NaN where the base made no error
    return errors / np.where(base > 0, base, np.nan) - 1


def _models_title(means: dict[str, float], base: str, has_rules: bool, voice: Voice) -> str:
    best = min(means, key=lambda m: means[m])
    if not has_rules or best in RULES:
        return voice("models.title_rule" if has_rules else "models.title_no_rule", best=best)
    return voice("models.title", best=best, gap=voice.numbers.share(-means[best]), base=base)


def _range(means: dict[str, float], ratios: dict[str, np.ndarray]) -> tuple[float, float]:
    values = np.concatenate([r[np.isfinite(r)] for m, r in ratios.items() if m in means])
    low, high = float(values.min()), float(min(values.max(), max(0.5, 2 * np.median(np.abs(values)))))
    pad = max((max(high, 0.0) - min(low, 0.0)) * 0.06, 0.01)
    return min(low, 0.0) - pad, max(high, 0.0) + pad
