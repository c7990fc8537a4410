"""Small pieces that tests of the stream engine share."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET, Struct

from live.protocol.frames import (
    Badges,
    Comment,
    Follow,
    Frame,
    FrameType,
    Gift,
    GiftKind,
    Join,
    Like,
    Other,
    State,
    Status,
    StreakState,
    User,
    Viewers,
    encode,
)
from live.streams.log import Entry, EventLog
from tests.support.contract import check_frame

__all__ = ["append", "gift", "read_frame", "sample", "user"]


def user(name: str = "viewer") -> User:
    badges = Badges(False, False, False, None, None, None)
    return User(name, name, name.title(), "", "", False, badges)


def gift(
    count: int = 1,
    streak: StreakState | None = None,
    *,
    who: str = "viewer",
    kind: str = "5655",
    diamonds: int = 1,
    group: str = "g",
) -> Gift:
    """A gift as `event_of` makes it: `diamonds` are of one."""
    return Gift(
        user(who),
        GiftKind(kind, "Rose", diamonds, "", True),
        count,
        streak,
        diamonds * count,
        group,
    )


def sample(type: FrameType, count: int = 1) -> Struct:
    """Data for a frame of that type; `count` distinguishes one from another."""
    match type:
        case FrameType.COMMENT:
            return Comment(user(), f"comment {count}", [], [])
        case FrameType.GIFT:
            return gift(count)
        case FrameType.LIKE:
            return Like(user(), count, total=count)
        case FrameType.JOIN:
            return Join(user(), members=count)
        case FrameType.VIEWERS:
            return Viewers(count, count, [])
        case FrameType.STATUS:
            return Status(State.LIVE)
        case FrameType.OTHER:
            return Other("WebcastLinkLayerMessage", count)
        case _:
            return Follow(user())


def append(log: EventLog, type: FrameType, count: int = 1, *, at: int = 0) -> Entry:
    """Append a sample frame."""
    frame = Frame(type=type, cursor=log.next_cursor, ts=at, id=UNSET, data=sample(type, count))
    return log.append(type, at, encode(frame))


def read_frame(text: str) -> Any:
    """A frame as a client reads it. Raises AssertionError when it breaks the contract."""
    frame = json.loads(text)
    check_frame(frame)
    return frame
