"""Charts as SVG: scales, ticks, axes and marks. Every text and attribute goes through one escaping function.

SVG instead of a charting script: a report is a few hundred kilobytes rather than five megabytes, can be mailed,
prints as sharp as its text, and needs no script to be seen; a few lines of script show values under the mouse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

LABEL_SIZE = 12  # px, of all texts in charts
Label = Callable[[float], str]
Point = tuple[float, float]


def tag(name: str, *inside: Markup | str, **attributes: object) -> Markup:
    """An element; `class_` and `stroke_width` become `class` and `stroke-width`; None leaves an attribute out."""
    parts = [
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _plain(value))
        for key, value in attributes.items()
        if value is not None
    ]
    return Markup("<{0}{1}>{2}</{0}>").format(
        Markup(name), Markup("").join(parts), Markup("").join(escape(i) for i in inside)
    )


def _plain(value: object) -> str:
    """Coordinates to a tenth of a pixel: finer is not seen and doubles the file."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Scale:
    """A linear map of values in [low, high] to pixels in [start, stop]."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)


def nice_ticks(high: float, *, low: float = 0.0, about: int = 5) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten) from at most `low` to at least `high`."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low, low + 1.0]
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= span / about * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


@dataclass(frozen=True)
class Plot:
    """The drawing area of one chart, in pixels of its own view box."""

    width: int
    height: int
    x: Scale
    y: Scale

    @property
    def left(self) -> float:
        return min(self.x.start, self.x.stop)

    @property
    def right(self) -> float:
        return max(self.x.start, self.x.stop)

    @property
    def bottom(self) -> float:
        return self.y.start

    @property
    def top(self) -> float:
        return self.y.stop


@dataclass(frozen=True)
class Frame:
    """Outer size and margins of a chart; the margins hold the tick labels and axis titles."""

    width: int = 520
    height: int = 320
    left: int = 76
    right: int = 16
    top: int = 30
    bottom: int = 50

    def plot(self, x: tuple[float, float], y: tuple[float, float]) -> Plot:
        return Plot(
            self.width,
            self.height,
            Scale(*x, self.left, self.width - self.right),
            Scale(*y, self.height - self.bottom, self.top),
        )


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str | None = None) -> Markup:
    return tag("text", words, x=float(x), y=float(y), text_anchor=anchor, class_=kind)


def line(start: Point, end: Point, kind: str) -> Markup:
    (x1, y1), (x2, y2) = start, end
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=kind)


def path(points: Sequence[Point], kind: str, *, closed: bool = False) -> Markup:
    steps = " ".join(f"{'L' if i else 'M'}{_plain(float(x))} {_plain(float(y))}" for i, (x, y) in enumerate(points))
    return tag("path", d=steps + (" Z" if closed else ""), class_=kind)


def bar(left: float, right: float, base: float, top: float, *, kind: str, tip: str | None = None) -> Markup:
    """A bar from base to top; a value that is not zero shows at least half a pixel."""
    y, height = min(base, top), abs(base - top)
    return tag(
        "rect",
        x=float(left),
        y=float(y if height >= 0.5 else base - 0.5),
        width=float(max(right - left, 0.5)),
        height=float(max(height, 0.5 if height > 0 else 0.0)),
        class_=kind,
        data_tip=tip,
    )


def flat_bar(
    left: float, right: float, middle: float, thickness: float, *, kind: str, tip: str | None = None
) -> Markup:
    """A bar that lies: from left to right around a height."""
    x, width = min(left, right), abs(right - left)
    return tag(
        "rect",
        x=float(x),
        y=float(middle - thickness / 2),
        width=float(max(width, 0.5)),
        height=float(thickness),
        class_=kind,
        data_tip=tip,
    )


def ribbon(
    ends: tuple[float, float], start: tuple[float, float], stop: tuple[float, float], *, kind: str, tip: str
) -> Markup:
    """A band that swings from one side to another: `ends` are its x, `start` and `stop` its upper and lower y there."""
    (x1, x2), (a1, b1), (a2, b2) = ends, start, stop
    middle = (x1 + x2) / 2

    def at(*numbers: float) -> str:
        return " ".join(_plain(float(number)) for number in numbers)

    steps = [f"M{at(x1, a1)} C{at(middle, a1, middle, a2, x2, a2)} L{at(x2, max(b2, a2 + 0.5))}"]
    steps.append(f"C{at(middle, max(b2, a2 + 0.5), middle, max(b1, a1 + 0.5), x1, max(b1, a1 + 0.5))} Z")
    return tag("path", d=" ".join(steps), class_=kind, data_tip=tip)


def dot(x: float, y: float, radius: float, *, kind: str, tip: str | None = None) -> Markup:
    return tag("circle", cx=float(x), cy=float(y), r=float(radius), class_=kind, data_tip=tip)


def touch_area(plot: Plot, left: float, right: float, tip: str) -> Markup:
    """An invisible column that shows the tip wherever the mouse meets it, so that thin marks can be read."""
    return tag(
        "rect",
        x=float(left),
        y=float(plot.top),
        width=float(max(right - left, 1.0)),
        height=float(plot.bottom - plot.top),
        class_="touch",
        data_tip=tip,
    )


def y_axis(plot: Plot, ticks: Sequence[float], label: Label, title: str) -> Markup:
    """Grid lines with labels, and the title above the axis, where it reads without turning the head."""
    marks = []
    for value in ticks:
        y = plot.y(value)
        marks.append(line((plot.left, y), (plot.right, y), "base" if value == 0 else "grid"))
        marks.append(text(plot.left - 8, y + 4, label(value), anchor="end"))
    return Markup("").join([*marks, text(4, 14, title, kind="axis")])


def x_axis(plot: Plot, ticks: Sequence[float], label: Label, title: str) -> Markup:
    """Labels below the drawing area, and the title below them in the middle."""
    marks = [text(plot.x(value), plot.bottom + 18, label(value), anchor="middle") for value in ticks]
    middle = (plot.left + plot.right) / 2
    return Markup("").join([*marks, text(middle, plot.height - 8, title, anchor="middle", kind="axis")])


def band_labels(plot: Plot, words: Sequence[str]) -> list[Markup]:
    """A label in the middle of each of the equal bands of the x axis; where they would touch, only some, the last one
    always."""
    band = (plot.right - plot.left) / len(words)
    every = math.ceil((max(map(text_width, words)) + 6) / band)
    return [
        text(plot.left + band * (i + 0.5), plot.bottom + 18, label, anchor="middle")
        for i, label in enumerate(words)
        if (len(words) - 1 - i) % every == 0
    ]


def legend(plot: Plot, entries: Sequence[tuple[str, str]], *, y: float = 14.0) -> Markup:
    """(class of the mark, words), set from the right end of the first line leftwards."""
    marks: list[Markup] = []
    x = plot.right
    for kind, words in reversed(entries):
        x -= text_width(words)
        marks.append(text(x, y, words))
        marks.append(tag("rect", x=float(x - 17), y=y - 9, width=12, height=10, class_=kind))
        x -= 32
    return Markup("").join(marks)


def text_width(words: str) -> float:
    """About how many pixels a label takes; Chinese characters are as wide as they are high."""
    return sum(LABEL_SIZE if ord(c) > 0x2E7F else LABEL_SIZE * 0.56 for c in words)


def svg(plot: Plot, label: str, *marks: Markup) -> Markup:
    """The whole chart; `label` is what a screen reader says."""
    return tag(
        "svg",
        *marks,
        viewBox=f"0 0 {plot.width} {plot.height}",
        role="img",
        aria_label=label,
        style=f"max-width:{plot.width * 1.25:.0f}px",
    )
