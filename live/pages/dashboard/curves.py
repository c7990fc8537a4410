"""The small curve of a LIVE's viewers in the last minutes, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from live.pages.lives.charts import area, line

__all__ = ["Spark", "spark"]

# The size, in the units of the paths.
_WIDTH, _HEIGHT = 100, 24


class Spark(NamedTuple):
    """The line, and the area below it."""

    line: str
    area: str


def spark(curve: Sequence[int | None]) -> Spark | None:
    """Draw the viewers, from zero upwards; None where there is too little to see."""
    if sum(value is not None for value in curve) < 2:
        return None
    # A little room above, so that the line's full width is seen at its highest.
    top = max(value or 0 for value in curve) * 1.08 or 1
    return Spark(line(curve, top, _WIDTH, _HEIGHT), area(curve, top, _WIDTH, _HEIGHT))
