"""A place among rows that stand in the order of time, as addresses of pages have it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

__all__ = ["PATTERN", "Position"]

# Microseconds since the epoch, and a row's id, of 64 bits. Each text of this form is a position:
# the largest one is in the year 5138.
PATTERN = "[0-9]{1,17}-[0-9]{1,18}"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POSITION = re.compile(PATTERN, re.ASCII)


class Position(NamedTuple):
    """Where among the rows: at this one.

    Attributes:
        at: the time by which the rows are ordered.
        pk: the row's primary key, which tells rows of the same microsecond apart.
    """

    at: datetime
    pk: int

    def __str__(self) -> str:
        """As an address has it."""
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a position; None if the text is none."""
        if _POSITION.fullmatch(text) is None:
            return None
        microseconds, pk = map(int, text.split("-"))
        return cls(_EPOCH + timedelta(microseconds=microseconds), pk)
