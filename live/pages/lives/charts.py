"""Charts as SVG, made here: pages show them without a script, in the colours of their style sheet.

A chart is stretched to the place that it has, so it has no texts: these stand beside it, in HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from live.history.course import Course
from live.history.models import Battle, Hole

__all__ = [
    "Chart",
    "Mark",
    "Span",
    "Tick",
    "area",
    "bars",
    "chart_of",
    "line",
    "small_curve",
    "ticks",
]

# The size of a chart in the units of its paths.
WIDTH, HEIGHT = 1000, 200
# The same of a small one.
_SMALL_WIDTH, _SMALL_HEIGHT = 120, 32
# The least share of the width that a span has, so that it can be seen.
_SEEN = 0.003
_TICKS = 5


@dataclass(frozen=True)
class Span:
    """A part of the chart's time, in its units."""

    x: float
    width: float


@dataclass(frozen=True)
class Mark:
    """A moment on the chart.

    Attributes:
        x: where, in the chart's units.
        y: how high, in its units.
    """

    x: float
    y: float


@dataclass(frozen=True)
class Tick:
    """A time below the charts."""

    at: datetime


@dataclass(frozen=True)
class Chart:
    """What a template draws of one chart.

    Attributes:
        name: of its data, and of its CSS class.
        title: in the viewer's language.
        path: the filled shape.
        line: the line above it; empty for bars.
        top: the number at the upper edge.
        middle: the number halfway.
        marks: moments that are marked on it.
    """

    name: str
    title: str
    path: str
    line: str
    top: int
    middle: int | None
    marks: Sequence[Mark] = field(default_factory=list)


# --- Shapes --------------------------------------------------------------------------------------


def line(values: Sequence[float | None], top: float, width: int, height: int) -> str:
    """Write a line through the values, as an SVG path. It is continued where a value is missing.

    Args:
        values: at equal distances.
        top: the value at the upper edge.
        width: of the chart, in its units.
        height: the same.
    """
    points = _points(values, top, width, height)
    if len(points) == 1:  # a line needs two
        [(_x, y)] = points
        points = [(0, y), (width, y)]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def area(values: Sequence[float | None], top: float, width: int, height: int) -> str:
    """Write the area below such a line."""
    path = line(values, top, width, height)
    if not path:
        return ""
    first, last = path[1:].split(" ")[0], path.rpartition("L")[2].split(" ")[0]
    return f"{path}L{last} {height}L{first} {height}Z"


def bars(values: Sequence[float], top: float, width: int, height: int) -> str:
    """Write a bar for each value that is not 0, as one SVG path."""
    each = width / max(1, len(values))
    gap = each / 5
    return "".join(
        f"M{number * each + gap / 2:.1f} {height}v{-_high(value, top, height):.1f}"
        f"h{each - gap:.1f}V{height}z"
        for number, value in enumerate(values)
        if value
    )


def _points(
    values: Sequence[float | None], top: float, width: int, height: int
) -> list[tuple[float, float]]:
    each = width / max(1, len(values))
    return [
        (round((number + 0.5) * each, 1), round(height - _high(value, top, height), 1))
        for number, value in enumerate(values)
        if value is not None
    ]


def _high(value: float, top: float, height: int) -> float:
    # A little that is not nothing is seen.
    return max(1.0, value / top * height) if value and top else 0.0


def rounded_up(value: float) -> int:
    """The next number that people like to read at an axis: 1, 2, 3, 4, 5, 6, 8, 10, 20, …"""
    if value <= 1:
        return 1
    power: int = 10 ** int(math.log10(value))
    for step in (1, 2, 3, 4, 5, 6, 8, 10):
        if step * power >= value:
            return step * power
    return 20 * power


# --- In lists ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SmallCurve:
    """The viewers as an area, and the diamonds as bars before it; either may be empty."""

    viewers: str
    diamonds: str


def small_curve(curve: Sequence[Sequence[float | None]]) -> SmallCurve:
    """Make the shapes of a LIVE's small curve, 120 × 32.

    Args:
        curve: the LIVE's `curve`: pairs of viewers and diamonds.
    """
    viewers = [pair[0] for pair in curve]
    diamonds = [pair[1] or 0 for pair in curve]
    size = _SMALL_WIDTH, _SMALL_HEIGHT
    return SmallCurve(
        area(viewers, max(filter(None, viewers), default=1), *size),
        bars(diamonds, max(diamonds, default=0) * 2, *size),
    )


# --- On the page of a LIVE -----------------------------------------------------------------------


def chart_of(
    name: str,
    title: str,
    values: Sequence[float | None],
    *,
    as_line: bool,
    marks: Iterable[tuple[float, float | None]] = (),
) -> Chart:
    """Make a chart.

    Args:
        name: of its data.
        title: in the viewer's language.
        values: of equal parts of the time.
        as_line: draw a line with the area below it, not bars.
        marks: what is to be marked: when, as a share of the time, and how high. None for what
            the chart shows there.
    """
    known = [value or 0 for value in values]
    marked = [(share, _at(known, share) if value is None else value) for share, value in marks]
    top = rounded_up(max([*known, *(value for _share, value in marked)], default=0))
    shape = area(values, top, WIDTH, HEIGHT) if as_line else bars(known, top, WIDTH, HEIGHT)
    return Chart(
        name,
        title,
        shape,
        line(values, top, WIDTH, HEIGHT) if as_line else "",
        top,
        top // 2 if top % 2 == 0 else None,
        [
            Mark(round(share * WIDTH, 1), round(HEIGHT - _high(value, top, HEIGHT), 1))
            for share, value in marked
        ],
    )


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def spans_of(course: Course, parts: Iterable[Hole | Battle]) -> list[Span]:
    """Where holes or battles are on the charts of a course."""
    return [
        _span(course.share(part.began_at), course.share(part.ended_at or part.began_at))
        for part in parts
    ]


def _span(start: float, end: float) -> Span:
    width = max(_SEEN, end - start)
    return Span(round(min(start, 1 - width) * WIDTH, 1), round(width * WIDTH, 1))


def ticks(course: Course) -> list[Tick]:
    """The times below the charts: the first stands at their beginning, the last at their end."""
    step = course.seconds / (_TICKS - 1)
    return [Tick(course.begins_at + timedelta(seconds=step * n)) for n in range(_TICKS)]
