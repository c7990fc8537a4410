"""What a stream knows of the processes that follow it, while this one leads it (see `sharing`)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from live.streams.borders import Border
from live.streams.log import Entry

__all__ = ["NOBODY", "Elsewhere", "LogCopy"]


class Elsewhere(NamedTuple):
    """The sockets of other processes that follow a stream: how many there are, how many of them
    would wait for an offline streamer, and how many want `other` frames."""

    listeners: int = 0
    waiters: int = 0
    others: int = 0


NOBODY = Elsewhere()


class LogCopy(Protocol):
    """Gets what a leader appends to its log, and hands it to those who follow. Neither blocks nor
    raises."""

    @property
    def is_full(self) -> bool:
        """It holds so much that it could not hand on that nothing more may be appended."""

    def on_frame(self, entry: Entry, id: str) -> None:
        """A frame was appended.

        Args:
            id: of TikTok's message; empty for a frame that the relay made itself.
        """

    def on_border(self, offset: int, at: int, border: Border) -> None:
        """A border was appended, at a time in ms since the epoch."""
