"""The charts of uplift: what actions did on average and by tenths of customers, and what policies are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from worthwhile.decide.uplift.wording import PolicyShown, part_of
from worthwhile.decide.uplift.words import CHANCE, Words
from worthwhile.report import svg
from worthwhile.report.charts_forecast import NARROW, Figure
from worthwhile.report.svg import Frame
from worthwhile.report.tables import short
from worthwhile.report.texts import Voice
from worthwhile.report.uplift_content import UpliftFacts

ROW = 44, 110  # px, an action's row at least and at most
HEIGHT = 330  # px, of a chart beside another
NAME_SHOWN = 26  # characters of an action's name beside a chart
CONTACTED = 0.3  # the share of customers whose gain a Qini curve's title tells
SHARES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
KINDS = {"chosen": "first", "single": "second", "usual": "fifth"}  # kind of a policy -> how it is coloured


@dataclass(frozen=True)
class Teller:
    """The section's texts and the words of uplift, which write effects."""

    voice: Voice
    words: Words

    def effect(self, outcome: str, value: float) -> str:
        """An effect with its unit: 7.6 percentage points, £0.76 a customer."""
        return self.words.effect(outcome, value, value, value)["effect"]

    def tick(self, outcome: str) -> Callable[[float], str]:
        """How the axis of an effect is labelled."""
        return lambda value: self.words.changes(outcome, value)[0] if value else "0"

    def unit(self, outcome: str) -> str:
        """What the axis of an effect is headed with."""
        is_chance = self.words.kinds.get(outcome) == CHANCE
        return self.voice("axis.points" if is_chance else "axis.each", outcome=self.words.outcome(outcome))


def interval(plot: svg.Plot, ends: tuple[float, float], y: float) -> list[Markup]:
    """A lying whisker."""
    low, high = (plot.x(value) for value in ends)
    return [
        svg.line((low, y), (high, y), "whisker"),
        *(svg.line((x, y - 5), (x, y + 5), "whisker") for x in (low, high)),
    ]


def standing(plot: svg.Plot, x: float, ends: tuple[float, float]) -> list[Markup]:
    """A standing whisker."""
    low, high = (plot.y(value) for value in ends)
    return [
        svg.line((x, low), (x, high), "whisker"),
        *(svg.line((x - 5, y), (x + 5, y), "whisker") for y in (low, high)),
    ]


# ---- averages -------------------------------------------------------------------------------------------------------


def averages_figure(facts: UpliftFacts, outcome: str, teller: Teller) -> Figure:
    """What each action added to the mean of an outcome, with its interval."""
    voice, words = teller.voice, teller.words
    rows = [row for row in facts.document["averages"] if row["outcome"] == outcome]
    best = max(rows, key=lambda row: row["effect"])
    key = "averages.title_none" if best["low"] <= 0 else "averages.title_one" if len(rows) == 1 else "averages.title"
    title = voice(
        key, action=best["action"], effect=teller.effect(outcome, best["effect"]), outcome=teller.words.outcome(outcome)
    )
    names = [short(row["action"], NAME_SHOWN) for row in rows]
    left = int(max(map(svg.text_width, names))) + 18
    step = min(max(ROW[0], (HEIGHT - 84) / len(rows)), ROW[1])
    frame = Frame(width=520, height=int(84 + step * len(rows)), left=left, right=56, top=36, bottom=48)
    ticks = svg.nice_ticks(max(0.0, *(row["high"] for row in rows)), low=min(0.0, *(row["low"] for row in rows)))
    plot = frame.plot((ticks[0], ticks[-1]), (0, 1))
    marks = [svg.line((plot.x(0), plot.top), (plot.x(0), plot.bottom), "base")]
    sizes = words.changes(outcome, *(row["effect"] for row in rows))  # with as many decimals each
    for i, (row, name, size) in enumerate(zip(rows, names, sizes, strict=True)):
        y = plot.top + step * (i + 0.5)
        told = words.effect(outcome, row["effect"], row["low"], row["high"])
        [without] = words.levels(outcome, row["control_mean"])
        tip = voice("averages.tip", action=row["action"], without=without, **told)
        marks.append(svg.text(left - 10, y + 4, name, anchor="end"))
        marks += interval(plot, (row["low"], row["high"]), y)
        marks.append(svg.dot(plot.x(row["effect"]), y, 6, kind="first", tip=tip))
        marks.append(svg.text(plot.x(row["high"]) + 9, y + 4, size, kind="strong"))
    axis = svg.x_axis(plot, ticks, teller.tick(outcome), teller.unit(outcome))
    return Figure(title, voice("averages.note"), svg.svg(plot, title, axis, *marks))


# ---- tenths ---------------------------------------------------------------------------------------------------------


def deciles_figure(facts: UpliftFacts, outcome: str, action: str, teller: Teller) -> Figure | None:
    """What the action did to each tenth of the customers, beside what was expected of it."""
    rows, voice, words = facts.deciles_of(outcome, action), teller.voice, teller.words
    if not rows:
        return None
    title = _deciles_title(facts, outcome, action, teller)
    ends = [row[name] for row in rows for name in ("said", "low", "high")]
    ticks = svg.nice_ticks(max(0.0, *ends), low=min(0.0, *ends))
    plot = NARROW.plot((0, len(rows)), (ticks[0], ticks[-1]))
    step, marks = plot.x(1) - plot.x(0), []
    for i, row in enumerate(rows):
        middle = plot.x(i + 0.5)
        told = words.effect(outcome, row["seen"], row["low"], row["high"])
        tip = voice(
            "deciles.tip",
            number=row["decile"],
            customers=voice.count_of("customer", row["customers"]),
            said=teller.effect(outcome, row["said"]),
            **told,
        )
        kind = "effect-up" if row["seen"] >= 0 else "effect-down"
        marks.append(svg.bar(middle - step * 0.34, middle + step * 0.34, plot.y(0), plot.y(row["seen"]), kind=kind))
        marks += standing(plot, middle, (row["low"], row["high"]))
        marks.append(svg.dot(middle, plot.y(row["said"]), 4.5, kind="second"))
        marks.append(svg.text(middle, plot.bottom + 18, str(row["decile"]), anchor="middle"))
        marks.append(svg.touch_area(plot, plot.x(i), plot.x(i + 1), tip))
    words_below = svg.text(_middle(plot), plot.height - 8, voice("deciles.x"), anchor="middle", kind="axis")
    entries = [("effect-up", voice("deciles.seen")), ("second", voice("deciles.said"))]
    axis = svg.y_axis(plot, ticks, teller.tick(outcome), teller.unit(outcome))
    drawn = svg.svg(plot, title, axis, *marks, words_below, svg.legend(plot, entries))
    return Figure(title, voice("deciles.note"), drawn)


def _deciles_title(facts: UpliftFacts, outcome: str, action: str, teller: Teller) -> str:
    """What was seen of the first and the last group, where they are surely apart."""
    sureness, named = facts.sureness(outcome, action), {"action": action, "outcome": teller.words.outcome(outcome)}
    if sureness != "apart":
        return teller.voice(f"deciles.{sureness}", **named)
    groups = facts.groups(outcome, action)
    first, last = teller.words.changes(outcome, *(group["seen"] for group in groups))
    return teller.voice(f"deciles.apart_{part_of(groups[0])}", first=first, last=last, **named)


# ---- Qini -----------------------------------------------------------------------------------------------------------


def qini_figure(facts: UpliftFacts, outcome: str, action: str, teller: Teller) -> Figure | None:
    """What contacting the first so many would have gained, beside what as many picked at random would have."""
    points, voice = facts.curve_of(outcome, action, "qini"), teller.voice
    if len(points) < 2:
        return None
    x, y = (np.array([point[name] for point in points]) for name in ("x", "y"))
    n, sureness = voice.numbers, facts.sureness(outcome, action)
    gained = n.share(float(np.interp(CONTACTED, x, y)) / y[-1]) if y[-1] > 0 else ""
    key = "none" if not gained else "title" if sureness == "apart" else "same"
    named = teller.words.outcome(outcome)
    title = voice(f"qini.{key}", action=action, share=n.share(CONTACTED), gained=gained, outcome=named)
    ticks = svg.nice_ticks(max(0.0, float(y.max())), low=min(0.0, float(y.min())))
    plot = NARROW.plot((0, 1), (ticks[0], ticks[-1]))
    line = [(plot.x(a), plot.y(b)) for a, b in zip(x, y, strict=True)]
    ends = (plot.x(0), plot.y(0)), (plot.x(1), plot.y(float(y[-1])))
    is_money = teller.words.kinds.get(outcome) != CHANCE and outcome == "spend"
    whole = max(map(abs, ticks)) >= 10
    label = n.money_short if is_money else n.count if whole else n.decimal
    marks = [svg.line(*ends, "reference"), svg.path(line, "line")]
    for share in np.arange(0.1, 1.01, 0.1):
        value, even = float(np.interp(share, x, y)), float(share * y[-1])
        tip = voice("qini.tip", share=n.share(float(share)), gained=label(value), even=label(even))
        marks.append(svg.touch_area(plot, plot.x(share - 0.1), plot.x(share), tip))
    axes = (
        svg.y_axis(plot, ticks, label, voice("qini.y", outcome=named)),
        svg.x_axis(plot, SHARES, n.share, voice("qini.x")),
    )
    entries = [("first", voice("qini.by_effect")), ("reference-mark", voice("qini.random"))]
    drawn = svg.svg(plot, title, *axes, *marks, svg.legend(plot, entries))
    return Figure(title, voice("qini.note"), drawn)


# ---- policies -------------------------------------------------------------------------------------------------------


def policies_figure(rows: Sequence[PolicyShown], outcome: str, teller: Teller) -> Figure | None:
    """What the chosen policy is worth at each share of customers contacted, beside plainer ones."""
    voice, words = teller.voice, teller.words
    shares = sorted({row.share for row in rows if row.kind != "alone"})
    chosen = {row.share: row for row in rows if row.kind == "chosen"}
    alone = next((row for row in rows if row.kind == "alone"), None)
    if not shares or not chosen or alone is None:
        return None
    title = voice("policies.title", outcome=words.outcome(outcome), **_title_parts(chosen, alone, words, voice))
    ends = [end for row in rows for end in (row.low, row.high)]
    ticks = svg.nice_ticks(max(ends), low=min(ends))  # not from zero: the chart is about differences
    plot = replace(NARROW, left=70).plot((0, len(shares)), (ticks[0], ticks[-1]))
    level = plot.y(alone.value)
    marks = [svg.line((plot.left, level), (plot.right, level), "reference")]
    for i, share in enumerate(shares):
        here = [row for row in rows if row.share == share and row.kind in KINDS]
        for k, row in enumerate(here):
            x = plot.x(i + 0.5 + (k - (len(here) - 1) / 2) * 0.22)
            value, *between = words.levels(outcome, row.value, row.low, row.high)
            tip = voice("policies.tip", policy=row.name, value=value, range=words.between(*between))
            marks += standing(plot, x, (row.low, row.high))
            marks.append(svg.dot(x, plot.y(row.value), 5, kind=KINDS[row.kind], tip=tip))
    marks.append(svg.text(plot.left + 5, level - 6, voice("policies.alone"), kind="axis halo"))  # above whiskers
    marks += svg.band_labels(plot, [voice.numbers.share(share) for share in shares])
    below = svg.text(_middle(plot), plot.height - 8, voice("policies.x"), anchor="middle", kind="axis")
    entries = [(kind, voice(f"policies.{name}")) for name, kind in KINDS.items()]
    axis = svg.y_axis(plot, ticks, lambda value: words.levels(outcome, value)[0] if value else "0", "")
    drawn = svg.svg(plot, title, axis, *marks, below, svg.legend(plot, entries))
    return Figure(title, voice("policies.note"), drawn)


def _title_parts(chosen: dict[float, PolicyShown], alone: PolicyShown, words: Words, voice: Voice) -> dict[str, str]:
    """What is gained at the least share of contacts, and with everybody contacted."""
    least = chosen[min(chosen)]
    first, everybody, nobody = words.levels(alone.outcome, least.value, chosen[max(chosen)].value, alone.value)
    return {"share": voice.numbers.share(least.share), "value": first, "all": everybody, "alone": nobody}


def _middle(plot: svg.Plot) -> float:
    return (plot.left + plot.right) / 2
