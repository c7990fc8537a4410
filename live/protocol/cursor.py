"""The cursor: it marks the place in a stream's log up to which a client has seen everything.

Frames contain it as text, such as "k3f9abcd-1742". A client that connects again sends the last
cursor that it has seen as the option `since`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Cursor"]

_CURSOR = re.compile(r"(?P<epoch>[a-z0-9]{1,16})-(?P<offset>\d{1,15})", re.ASCII)


class Cursor(NamedTuple):
    """Marks a place in one stream's log.

    Attributes:
        epoch: the name of the log. Each log has its own, so a cursor fits one log only.
        offset: the number of the last frame that has been seen; the first frame of a log has 1.
    """

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that a client sent.

        Raises:
            ValueError: if the text is not a cursor.
        """
        if not (match := _CURSOR.fullmatch(text)):
            raise ValueError("not a cursor")
        return cls(match["epoch"], int(match["offset"]))
