"""A histogram of times, as cheap as a list of counts, for whatever is measured on the event path.

Prometheus reads it in `live.server.metrics`. Its own class takes a lock for each value.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["Histogram"]


class Histogram:
    """Belongs to one event loop.

    Args:
        bounds: the upper bounds of the buckets, rising. Values above the last one are counted, too.

    Attributes:
        sum: of all values.
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.sum = 0.0
        self._bounds = list(bounds)
        self._counts = [0] * (len(self._bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value. A bound belongs to the bucket below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[str, int]]:
        """How many values were at most as high as each bound, as Prometheus has it: the bounds are
        texts, and the last one is "+Inf"."""
        names = [*map(str, self._bounds), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))
