"""Entries of a stream's log that are no events: where a LIVE begins, and how a stream ends.

They stand in the log in order with the events, so that each socket learns of them at the right
place, however far behind it is. A socket is told of them in its own words: a `connected` frame, or
an `error` frame and the close.

A log outlives its stream for some minutes, and another stream of the same username then goes on
with it. Each stream is a *run* of the log, and runs are counted: a socket passes over the end of a
run that was over before it joined.
"""

from __future__ import annotations

from dataclasses import dataclass

from live.protocol.errors import RelayError
from live.protocol.frames import FrameType, Snapshot
from live.streams.saved import (
    SavedBorder,
    SavedError,
    SavedOffline,
    SavedRoomBegan,
    SavedRunEnded,
)
from live.streams.snapshot import restore_snapshot, save_snapshot
from live.tiktok.rooms import Room

__all__ = [
    "Border",
    "RoomBegan",
    "RunEnded",
    "StreamerOffline",
    "frame_type",
    "restore_border",
    "save_border",
]


@dataclass(frozen=True, slots=True)
class RoomBegan:
    """What follows is of this LIVE.

    Attributes:
        snapshot: the LIVE so far. It is empty when a LIVE begins, and is not when a run goes on
            with the LIVE of the run before.
    """

    room: Room
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class StreamerOffline:
    """The streamer is not live. The stream waits for the next LIVE, if one of its sockets does.

    Attributes:
        error: `user_offline`, for sockets that don't wait.
    """

    run: int
    error: RelayError


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The stream is over: nothing more of this run follows.

    Attributes:
        error: why; None after the end of a LIVE, and when nobody listens any more.
    """

    run: int
    error: RelayError | None


Border = RoomBegan | StreamerOffline | RunEnded


def frame_type(border: Border) -> FrameType:
    """The type of the frame that a socket is sent at this place."""
    return FrameType.CONNECTED if isinstance(border, RoomBegan) else FrameType.ERROR


def save_border(border: Border) -> SavedBorder:
    """The border, to be written down."""
    match border:
        case RoomBegan():
            return SavedRoomBegan(border.room, save_snapshot(border.snapshot))
        case StreamerOffline():
            return SavedOffline(border.run, SavedError.of(border.error))
        case RunEnded():
            error = None if border.error is None else SavedError.of(border.error)
            return SavedRunEnded(border.run, error)


def restore_border(saved: SavedBorder) -> Border:
    """The border that was saved.

    Raises:
        RestoreError: its error or its snapshot has a text that is none.
    """
    match saved:
        case SavedRoomBegan():
            return RoomBegan(saved.room, restore_snapshot(saved.snapshot))
        case SavedOffline():
            return StreamerOffline(saved.run, saved.error.restore())
        case SavedRunEnded():
            return RunEnded(saved.run, None if saved.error is None else saved.error.restore())
