"""The charts of segments: stages with their money, the RFM grid, movement, and what stages then did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from markupsafe import Markup

from worthwhile.decide.segments.rfm import LEVELS
from worthwhile.decide.segments.words import name_of
from worthwhile.report import svg
from worthwhile.report.charts_forecast import NARROW, WIDE, Figure
from worthwhile.report.segments_content import SegmentsFacts
from worthwhile.report.svg import Frame, Scale
from worthwhile.report.texts import Voice

STAYING = ("growing", "loyal")
FADING = ("cooling", "at_risk", "lost")  # the later, the further gone
NODE = 12.0  # px, width of a stage in the flow
LEAST_STRETCHES = 20  # of silence, from which on a share is shown
Row = Mapping[str, Any]


def _stage(stage: str, voice: Voice) -> str:
    return name_of("stage", stage, voice.numbers.language)


def upper(words: str) -> str:
    return words[:1].upper() + words[1:]


# ---- stages ---------------------------------------------------------------------------------------------------------


def stages_figure(facts: SegmentsFacts, voice: Voice) -> Figure | None:
    """How many customers are at each stage, what they hold and how far they fall short of last year."""
    rows = facts.rows("stage")
    if not rows:
        return None
    n = voice.numbers
    customers, spend = sum(row["customers"] for row in rows), sum(row["spend"] for row in rows)
    staying = [row for row in rows if row["segment"] in STAYING]
    title = voice(
        "stages.title",
        customers=n.share(sum(row["customers"] for row in staying) / customers),
        held=n.share(sum(row["spend"] for row in staying) / spend if spend > 0 else None),
        shortfall=n.money_short(sum(row["shortfall"] for row in rows)),
    )
    wide, narrow = (_draw_stages(rows, voice, frame, title) for frame in (WIDE, NARROW))
    return Figure(title, voice("stages.note"), wide, narrow)


def _draw_stages(rows: Sequence[Row], voice: Voice, frame: Frame, title: str) -> Markup:
    """Two panels beside each other over the same stages: people, and money."""
    n, step = voice.numbers, 46
    names = [upper(_stage(row["segment"], voice)) for row in rows]
    left = int(max(map(svg.text_width, names))) + 16
    frame = replace(frame, height=60 + step * len(rows), left=left, top=44, bottom=16)
    plot = frame.plot((0, 1), (0, 1))
    middle = left + (frame.width - left) * 0.38
    room = 58  # for the number behind the longest bar
    people = Scale(0, max(row["customers"] for row in rows), left, middle - room)
    most = max(max(row["spend"], row["shortfall"]) for row in rows)
    money = Scale(0, most if most > 0 else 1.0, middle + 10, frame.width - room - 8)
    marks = [
        svg.text(left, 34, voice("stages.customers"), kind="axis"),
        svg.text(money.start, 34, voice("stages.money"), kind="axis"),
    ]
    for i, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = plot.top + step * (i + 0.5)
        tip = voice(
            "stages.tip",
            stage=name,
            customers=voice.count_of("customer", row["customers"]),
            share=n.share(row["customers_share"]),
            held=n.money(row["spend"]),
            held_share=n.share(row["spend_share"]),
            shortfall=n.money(row["shortfall"]),
            chance=n.share(row["p_active_mean"]),
        )
        marks.append(svg.text(left - 8, y + 4, name, anchor="end"))
        marks.append(svg.flat_bar(left, people(row["customers"]), y, 26, kind=f"stage-{row['segment']}", tip=tip))
        marks.append(svg.text(people(row["customers"]) + 6, y + 4, n.count(row["customers"]), kind="small"))
        for value, dy, kind in ((row["spend"], -7, "first"), (row["shortfall"], 7, "second")):
            marks.append(svg.flat_bar(money.start, money(value), y + dy, 12, kind=kind, tip=tip))
            marks.append(svg.text(money(value) + 6, y + dy + 4, n.money_short(value), kind="small"))
    ends = (plot.top, plot.top + step * len(rows))
    marks += [svg.line((x, ends[0]), (x, ends[1]), "base") for x in (left, money.start)]
    entries = [("first", voice("stages.held")), ("second", voice("stages.shortfall"))]
    return svg.svg(plot, title, *marks, svg.legend(plot, entries, y=14.0))


# ---- the RFM grid ---------------------------------------------------------------------------------------------------


def rfm_figures(facts: SegmentsFacts, voice: Voice) -> list[Figure]:
    """The grid of recency and frequency: where the customers are, and where the expected spend is."""
    grid = facts.segments.facts["rfm"]["grid"]
    if not grid:
        return []
    n = voice.numbers
    customers, spend = sum(cell["customers"] for cell in grid), sum(cell["spend"] for cell in grid)
    best = [cell for cell in grid if cell["recency"] >= LEVELS - 1 and cell["frequency"] >= LEVELS - 1]
    shares = {
        "customers": n.share(sum(cell["customers"] for cell in best) / customers),
        "spend": n.share(sum(cell["spend"] for cell in best) / spend if spend > 0 else None),
    }
    writers: dict[str, Callable[[float], str]] = {"customers": n.count, "spend": n.money_short}
    found = []
    for name, write in writers.items():
        title = voice(f"rfm.title_{name}", share=shares[name])
        image = _draw_grid(grid, (name, write), voice, title)
        found.append(Figure(title, voice(f"rfm.note_{name}"), image))
    return found


def _draw_grid(grid: Sequence[Row], shown: tuple[str, Callable[[float], str]], voice: Voice, title: str) -> Markup:
    name, write = shown
    n, top = voice.numbers, max(cell[name] for cell in grid)
    frame = Frame(width=520, height=336, left=76, right=12, top=30, bottom=50)
    plot = frame.plot((0.5, LEVELS + 0.5), (0.5, LEVELS + 0.5))
    wide, high = plot.x(2) - plot.x(1), plot.y(1) - plot.y(2)
    marks = []
    for cell in grid:
        x, y = plot.x(cell["frequency"]), plot.y(cell["recency"])
        strength = (max(cell[name], 0.0) / top) ** 0.5 if top > 0 else 0.0
        tip = voice(
            "rfm.tip",
            recency=cell["recency"],
            frequency=cell["frequency"],
            customers=voice.count_of("customer", cell["customers"]),
            held=n.money(cell["spend"]),
        )
        marks.append(
            svg.tag(
                "rect", x=x - wide / 2 + 2, y=y - high / 2 + 2, width=wide - 4, height=high - 4, rx=4,
                class_="first heat", fill_opacity=f"{0.06 + 0.94 * strength:.2f}", data_tip=tip,
            )
        )  # fmt: skip
        kind = "on-dark" if strength > 0.6 else "on-pale"
        marks.append(svg.text(x, y + 4, write(cell[name]), anchor="middle", kind=kind))
    for level in range(1, LEVELS + 1):
        marks.append(svg.text(plot.left - 8, plot.y(level) + 4, str(level), anchor="end"))
        marks.append(svg.text(plot.x(level), plot.bottom + 18, str(level), anchor="middle"))
    axes = svg.text(4, 14, voice("rfm.recency"), kind="axis") + svg.text(
        (plot.left + plot.right) / 2, plot.height - 8, voice("rfm.frequency"), anchor="middle", kind="axis"
    )
    return svg.svg(plot, title, axes, *marks)


# ---- movement -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A stage on one side of the flow, and where it lies in pixels."""

    stage: str
    customers: int
    top: float
    height: float

    def at(self, customers: int) -> float:
        """How far down so many of its customers reach."""
        return self.top + self.height * customers / self.customers


def flow_figure(facts: SegmentsFacts, voice: Voice) -> Figure | None:
    """The stages of an earlier date and of now, and how many went from each to each."""
    if not facts.flow:
        return None
    n, day = voice.numbers, _day_of(facts.segments.facts["past"]["start"], voice)
    faded = sum(way["customers"] for way in facts.flow if _is_worse(way["from_stage"], way["to_stage"]))
    back = sum(w["customers"] for w in facts.flow if w["from_stage"] in FADING and w["to_stage"] in STAYING)
    came = sum(way["customers"] for way in facts.flow if way["from_stage"] == "not_yet")
    title = voice("flow.title", day=day, faded=n.count(faded), back=n.count(back), came=n.count(came))
    today = _day_of(facts.segments.facts["day"], voice)
    wide, narrow = (_draw_flow(facts.flow, (day, today), voice, frame, title) for frame in (WIDE, NARROW))
    return Figure(title, voice("flow.note", day=day, today=today), wide, narrow)


def _is_worse(before: str, after: str) -> bool:
    if after not in FADING:
        return False
    return before in ("new", *STAYING) or (before in FADING and FADING.index(after) > FADING.index(before))


def _day_of(iso: str, voice: Voice) -> str:
    return voice.numbers.day(date.fromisoformat(iso))


def _draw_flow(flow: Sequence[Row], days: tuple[str, str], voice: Voice, frame: Frame, title: str) -> Markup:
    names = {stage for way in flow for stage in (way["from_stage"], way["to_stage"])}
    side = int(max(svg.text_width(_label(stage, 99_999, voice)) for stage in names)) + 22
    frame = replace(frame, height=520, left=side, right=side, top=40, bottom=12)
    plot = frame.plot((0, 1), (0, 1))
    sides = {end: _nodes(flow, end, (plot.top, plot.bottom)) for end in ("from_stage", "to_stage")}
    marks = _ribbons(flow, sides, (plot.left + NODE, plot.right - NODE), voice)
    places = ((plot.left, plot.left - 8, "end"), (plot.right - NODE, plot.right + 8, "start"))
    for day, nodes, (x, words_x, anchor) in zip(days, sides.values(), places, strict=True):
        marks.append(svg.text(words_x, 24, day, anchor=anchor, kind="axis"))
        for node in nodes.values():
            marks.append(svg.bar(x, x + NODE, node.top + node.height, node.top, kind=f"stage-{node.stage}"))
            words = _label(node.stage, node.customers, voice)
            marks.append(svg.text(words_x, node.top + node.height / 2 + 4, words, anchor=anchor, kind="small"))
    return svg.svg(plot, title, *marks)


def _ribbons(
    flow: Sequence[Row], sides: Mapping[str, Mapping[str, Node]], xs: tuple[float, float], voice: Voice
) -> list[Markup]:
    """A band for each way, one below the other at both ends."""
    n, used, marks = voice.numbers, {(end, stage): 0 for end, nodes in sides.items() for stage in nodes}, []
    for way in flow:
        ends = []
        for end, nodes in sides.items():
            stage = way[end]
            node, before = nodes[stage], used[end, stage]
            used[end, stage] = before + way["customers"]
            ends.append((node.at(before), node.at(used[end, stage])))
        tip = voice(
            "flow.tip",
            before=upper(_stage(way["from_stage"], voice)),
            after=_stage(way["to_stage"], voice),
            customers=voice.count_of("customer", way["customers"]),
            then=n.money(way["spend_then"]),
            now=n.money(way["spend"]),
        )
        marks.append(svg.ribbon(xs, ends[0], ends[1], kind=f"ribbon stage-{way['to_stage']}", tip=tip))
    return marks


def _label(stage: str, customers: int, voice: Voice) -> str:
    return f"{upper(_stage(stage, voice))} {voice.numbers.count(customers)}"


def _nodes(flow: Sequence[Row], end: str, span: tuple[float, float]) -> dict[str, Node]:
    """The stages of one side from top to bottom, each with room for its label, as high as fills the span."""
    sizes: dict[str, int] = {}
    for way in flow:
        sizes[way[end]] = sizes.get(way[end], 0) + way["customers"]
    order = ("not_yet", "prospect", "new", *STAYING, *FADING, "gone")
    stages = sorted(sizes, key=order.index)
    low, high, label, gap = 0.0, (span[1] - span[0]) / sum(sizes.values()), 14.0, 5.0

    def slots(scale: float) -> list[float]:
        return [max(sizes[stage] * scale, label) + gap for stage in stages]

    for _ in range(40):  # halved until the slots fill the span
        scale = (low + high) / 2
        low, high = (low, scale) if sum(slots(scale)) > span[1] - span[0] else (scale, high)
    nodes, y = {}, span[0]
    for stage, slot in zip(stages, slots(low), strict=True):
        height = sizes[stage] * low
        nodes[stage] = Node(stage, sizes[stage], y + (slot - height) / 2, height)
        y += slot
    return nodes


# ---- what stages then did -------------------------------------------------------------------------------------------


def then_figure(facts: SegmentsFacts, voice: Voice) -> Figure | None:
    """The share of each stage that bought in the horizon after the earlier date, beside that at their own pace."""
    found = facts.segments.facts["stages"]
    by_stage = {one["stage"]: one for one in found}
    if not found or not {"loyal", "at_risk"} <= by_stage.keys():
        return None
    n, day = voice.numbers, _day_of(facts.segments.facts["past"]["start"], voice)
    loyal, risk = (n.share(by_stage[stage]["share"]) for stage in ("loyal", "at_risk"))
    title = voice("then.title", loyal=loyal, risk=risk, day=day)
    names = [upper(_stage(one["stage"], voice)) for one in found]
    step, left = 38, int(max(map(svg.text_width, names))) + 16
    frame = Frame(width=520, height=84 + step * len(found), left=left, right=40, top=36, bottom=48)
    plot = frame.plot((0, 1), (0, 1))
    marks = []
    for i, (one, name) in enumerate(zip(found, names, strict=True)):
        y = plot.top + step * (i + 0.5)
        tip = voice(
            "then.tip",
            stage=name,
            customers=voice.count_of("customer", one["customers"]),
            share=n.share(one["share"]),
            low=n.share(one["low"]),
            high=n.share(one["high"]),
        )
        marks.append(svg.text(left - 8, y + 4, name, anchor="end"))
        marks.append(svg.flat_bar(left, plot.x(one["share"]), y, 16, kind=f"stage-{one['stage']}", tip=tip))
        marks.append(svg.line((plot.x(one["low"]), y), (plot.x(one["high"]), y), "whisker"))
        words, words_x = n.share(one["share"]), max(plot.x(one["high"]), plot.x(one["share"])) + 6
        if one["usual"] is not None and one["stage"] != "new":
            x = plot.x(one["usual"])
            if words_x - 6 < x < words_x + svg.text_width(words) + 3:
                words_x = x + 6  # behind the mark, which would strike the number through
            marks.append(svg.line((x, y - 12), (x, y + 12), "usual"))
        marks.append(svg.text(words_x, y + 4, words, kind="small"))
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axis = svg.x_axis(plot, ticks, n.share, voice("then.x"))
    base = svg.line((left, plot.top), (left, plot.bottom), "base")
    entries = [("whisker-mark", voice("then.interval")), ("usual-mark", voice("then.usual"))]
    return Figure(title, voice("then.note"), svg.svg(plot, title, axis, base, *marks, svg.legend(plot, entries)))


def silence_figure(facts: SegmentsFacts, voice: Voice) -> Figure | None:
    """After how long a silence how many still came back within a horizon."""
    found = [one for one in facts.segments.facts["silences"] if one["stretches"] >= LEAST_STRETCHES]
    if len(found) < 2:
        return None
    n, shares = voice.numbers, [one["returned"] / one["stretches"] for one in found]
    title = voice(
        "silence.title",
        first=voice.count_of("day", found[0]["days"]), share=n.share(shares[0]),
        last=voice.count_of("day", found[-1]["days"]), rest=n.share(shares[-1]),
    )  # fmt: skip
    ticks = svg.nice_ticks(1.08 * max(shares) or 1.0)  # room for the number above the highest bar
    plot = NARROW.plot((0, len(found)), (0, ticks[-1]))
    step = plot.x(1) - plot.x(0)
    marks = []
    for i, (one, share) in enumerate(zip(found, shares, strict=True)):
        left, right = plot.x(i) + step * 0.18, plot.x(i + 1) - step * 0.18
        marks.append(svg.bar(left, right, plot.y(0), plot.y(share), kind="first"))
        middle = (left + right) / 2
        marks.append(svg.text(middle, plot.y(share) - 6, n.share(share), anchor="middle", kind="small"))
        marks.append(svg.text(middle, plot.bottom + 18, n.count(one["days"]), anchor="middle"))
        tip = voice(
            "silence.tip",
            days=voice.count_of("day", one["days"]), stretches=n.count(one["stretches"]), share=n.share(share),
        )  # fmt: skip
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    axis = svg.y_axis(plot, ticks, n.share, voice("silence.y"))
    words = svg.text((plot.left + plot.right) / 2, plot.height - 8, voice("silence.x"), anchor="middle", kind="axis")
    return Figure(title, voice("silence.note"), svg.svg(plot, title, axis, *marks, words))
