"""The cursor: it marks the place in a stream's log up to which a client has seen everything.

Frames contain it as text, such as "k3f9abcd-1742". A client that connects again sends the last
cursor that it has seen as the option `since`.

Old frames that come behind a `gap` have a third number, such as "k3f9abcd-1742-2100": the gap has
told what was missed up to there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Cursor"]

_CURSOR = re.compile(
    r"(?P<epoch>[a-z0-9]{1,16})-(?P<offset>\d{1,15})(-(?P<announced>\d{1,15}))?", re.ASCII
)


class Cursor(NamedTuple):
    """Marks a place in one stream's log.

    Attributes:
        epoch: the name of the log. Each log has its own, so a cursor fits one log only.
        offset: the number of the last frame that has been seen; the first frame of a log has 1.
        announced: up to this offset, a gap has announced the frames that don't last. It means
            something only where it is larger than `offset`.
    """

    epoch: str
    offset: int
    announced: int = 0

    def __str__(self) -> str:
        text = f"{self.epoch}-{self.offset}"
        return f"{text}-{self.announced}" if self.announced > self.offset else text

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that a client sent.

        Raises:
            ValueError: if the text is not a cursor.
        """
        if not (match := _CURSOR.fullmatch(text)):
            raise ValueError("not a cursor")
        cursor = cls(match["epoch"], int(match["offset"]), int(match["announced"] or 0))
        if match["announced"] and cursor.announced <= cursor.offset:
            raise ValueError("not a cursor")
        return cursor
