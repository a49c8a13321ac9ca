"""The chart of a plan: what other budgets would bring."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from worthwhile.report import svg
from worthwhile.report.charts_forecast import NARROW, WIDE, Figure
from worthwhile.report.plan_content import PlanFacts
from worthwhile.report.svg import Frame
from worthwhile.report.texts import Voice


def curve_figure(plan: PlanFacts, following: tuple[float, float] | None, voice: Voice) -> Figure | None:
    """Expected margin against budget, with this plan's; `following` is a step beyond it and what that returns."""
    points, n = plan.facts["curve"], voice.numbers
    if len(points) < 2:
        return None
    if following is not None:
        title = voice("curve.title", step=n.money(following[0]), next=n.money(following[1]))
    elif plan.facts.get("too_dear"):
        title = voice("curve.title_dear", cost=n.money(plan.facts["too_dear_from"]))
    else:
        title = voice("curve.title_enough")
    wide, narrow = (_draw_curve(plan, voice, frame, title) for frame in (WIDE, NARROW))
    return Figure(title, voice("curve.note"), wide, narrow)


def _draw_curve(plan: PlanFacts, voice: Voice, frame: Frame, title: str) -> Markup:
    n = voice.numbers
    points = [{"budget": 0.0, "cost": 0.0, "margin": 0.0}, *plan.facts["curve"]]
    across = svg.nice_ticks(points[-1]["budget"])
    up = svg.nice_ticks(max(*(p["margin"] for p in points), points[-1]["budget"] * 0.02))
    plot = replace(frame, left=84, right=40).plot((0.0, across[-1]), (0.0, up[-1]))
    line = [(plot.x(p["budget"]), plot.y(p["margin"])) for p in points]
    marks = [
        svg.path([*line, (line[-1][0], plot.bottom), (line[0][0], plot.bottom)], "plan-area", closed=True),
        svg.path(line, "plan-line"),
        svg.path([(plot.x(0), plot.y(0)), _even(plot, min(across[-1], up[-1]))], "even"),
    ]
    for point in points[1:]:
        tip = voice("curve.tip", budget=n.money(point["budget"]), margin=n.money(point["margin"]))
        marks.append(svg.dot(plot.x(point["budget"]), plot.y(point["margin"]), 3.5, kind="first", tip=tip))
    budget = plan.budget()
    if budget is not None:
        x, y = plot.x(budget), plot.y(plan.facts["expected_margin"])
        marks.append(svg.line((x, plot.top), (x, plot.bottom), "cutoff"))
        marks.append(svg.dot(x, y, 6, kind="effect-median"))
        marks.append(svg.text(x - 8, plot.top + 10, voice("curve.here"), anchor="end", kind="axis"))
    axes = (
        svg.y_axis(plot, up, n.money_short, voice("curve.y")),
        svg.x_axis(plot, across, n.money_short, voice("curve.x")),
    )
    return svg.svg(plot, title, *axes, *marks)


def _even(plot: svg.Plot, most: float) -> svg.Point:
    """The end of the line on which a contact brings as much as it costs."""
    return plot.x(most), plot.y(most)
