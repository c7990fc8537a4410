"""What a stream knows of the processes that follow it, while this one leads it (see `sharing`)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from live.protocol.frames import State
from live.streams.borders import Border
from live.streams.log import Entry

__all__ = ["MAX_AHEAD", "NOBODY", "Elsewhere", "LogCopy", "Seen"]

# How many offsets a leader may have used, and its own sockets have seen, that others do not have.
MAX_AHEAD = 16_384


class Elsewhere(NamedTuple):
    """The listeners of other processes that follow a stream: how many there are, how many of them
    would wait for an offline streamer, how many want `other` frames, and how many are no sockets
    but accounts that are watched."""

    listeners: int = 0
    waiters: int = 0
    others: int = 0
    watchers: int = 0

    @property
    def sockets(self) -> int:
        return self.listeners - self.watchers


NOBODY = Elsewhere()


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a stream, whichever process leads it.

    Attributes:
        state: as in status frames.
        route: by which it is connected; empty while it is not.
        room_id: of the LIVE; None if there is none.
        sockets: how many receive it.
        looked_at, next_look_at: as `live.streams.waiting.LookTimes`, while it waits for the
            streamer.
    """

    state: State
    route: str
    room_id: str | None
    sockets: int
    looked_at: int | None = None
    next_look_at: int | None = None


class LogCopy(Protocol):
    """Gets what a leader appends to its log, and hands it to those who follow. Neither blocks nor
    raises.

    Attributes:
        written: the newest offset that those who follow can have.
    """

    written: int

    @property
    def has_entries(self) -> bool:
        """Some are not written yet."""

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
