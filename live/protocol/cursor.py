"""The cursor of a client: the place in a stream's log up to which it has seen everything.

Frames carry it as text, such as "k3f9abcd-1742", and a client sends the last one back as `since`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Cursor"]

_CURSOR = re.compile(r"(?P<epoch>[a-z0-9]{1,16})-(?P<offset>\d{1,15})", re.ASCII)


class Cursor(NamedTuple):
    """A place in a log: every frame up to `offset` has been seen.

    `epoch` names the log. Each log has an epoch of its own, so a cursor fits one log only.
    """

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what a client sent.

        Raises:
            ValueError: it is not a cursor.
        """
        if not (match := _CURSOR.fullmatch(text)):
            raise ValueError("not a cursor")
        return cls(match["epoch"], int(match["offset"]))
