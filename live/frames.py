"""Frames: what the relay says to a client, defined here and nowhere else.

Each class is the `data` of one frame type (`DATA`), or a part of it; `Frame` is the envelope, and
`encode` makes the finished JSON text. The published contract is generated from here.

TikTok's ids are strings here, since they are larger than 2**53; times are integers, milliseconds
since the Unix epoch. A field that may be absent defaults to `UNSET` and is then left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import UNSET, Struct, UnsetType

__all__ = ["DATA", "EVENT_TYPES", "Frame", "FrameType", "State", "StreakState", "encode"]


class FrameType(StrEnum):
    """`type` of a frame. The first group speaks of the socket, the second of the LIVE."""

    CONNECTED = "connected"
    STATUS = "status"
    GAP = "gap"
    BATCH = "batch"
    PONG = "pong"
    ERROR = "error"

    COMMENT = "comment"
    GIFT = "gift"
    LIKE = "like"
    FOLLOW = "follow"
    SHARE = "share"
    JOIN = "join"
    SUBSCRIBE = "subscribe"
    VIEWERS = "viewers"
    QUESTION = "question"
    EMOTE = "emote"
    LIVE_PAUSE = "live_pause"
    LIVE_RESUME = "live_resume"
    LIVE_END = "live_end"


EVENT_TYPES = frozenset(FrameType) - {
    FrameType.CONNECTED,
    FrameType.STATUS,
    FrameType.GAP,
    FrameType.BATCH,
    FrameType.PONG,
    FrameType.ERROR,
}


class State(StrEnum):
    """`state` of a status frame."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    RECONNECTING = "reconnecting"
    LIVE = "live"
    QUIET = "quiet"
    DEAF = "deaf"


class StreakState(StrEnum):
    ONGOING = "ongoing"
    ENDED = "ended"


class Badges(Struct):
    moderator: bool
    subscriber: bool
    fan_level: int | None


class User(Struct):
    id: str
    username: str
    nickname: str
    avatar: str
    badges: Badges


class Emote(Struct):
    id: str
    image: str
    # Where in the text it stands, in TikTok's count; absent where there is no text.
    index: int | UnsetType = UNSET


class Comment(Struct):
    user: User
    text: str
    emotes: list[Emote]
    mentions: list[User]
    language: str | UnsetType = UNSET


class GiftKind(Struct):
    id: str
    name: str
    diamonds: int
    image: str
    streakable: bool


class Gift(Struct):
    """A streak is many gifts of one group: `count` grows until `streak` is "ended"."""

    user: User
    gift: GiftKind
    count: int
    streak: StreakState | None
    diamonds_total: int
    group_id: str
    to_user: User | UnsetType = UNSET


class Like(Struct):
    """`merged`: so many frames in one, for a socket that lags; `user` is the last one's."""

    user: User
    count: int
    total: int
    merged: int | UnsetType = UNSET


class Follow(Struct):
    user: User


class Share(Struct):
    user: User
    joined_by_share: int | UnsetType = UNSET


class Join(Struct):
    """`merged`: as in `Like`."""

    user: User
    members: int | UnsetType = UNSET
    merged: int | UnsetType = UNSET


class Subscribe(Struct):
    user: User
    months: int | UnsetType = UNSET


class TopViewer(Struct):
    user: User
    coins: int


class Viewers(Struct):
    """`count` watch now, `total` have watched since the LIVE began."""

    count: int
    total: int
    top: list[TopViewer]


class Question(Struct):
    id: str
    user: User
    text: str


class EmoteMessage(Struct):
    user: User
    emotes: list[Emote]


class LiveChange(Struct):
    """Of live_pause, live_resume and live_end."""

    reason: str | UnsetType = UNSET


class Status(Struct):
    state: State
    attempt: int | UnsetType = UNSET
    retry_in: float | UnsetType = UNSET


class Side(StrEnum):
    """`side` of a gap: where the hole is."""

    CLIENT = "client"
    UPSTREAM = "upstream"


class Gap(Struct):
    """A hole that can't be replayed. `from` and `to` are ms since the epoch."""

    side: Side
    from_: int | None = msgspec.field(name="from")
    to: int
    missed: dict[str, int] | None
    cursor: str


class Error(Struct):
    """The last frame before the close. `retry_after` is in seconds."""

    code: str
    title: str
    detail: str
    close_code: int
    hint: str | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class Nothing(Struct):
    pass


class Frame(Struct, kw_only=True):
    """The envelope of every frame. A pong carries the id that its ping had."""

    type: FrameType
    cursor: str | UnsetType = UNSET
    ts: int
    id: str | int | float | UnsetType = UNSET
    data: Struct


class TopGifter(Struct):
    user: User
    diamonds: int


class Snapshot(Struct):
    """The LIVE so far, as this server has seen it: an app that starts late is right at once.

    `gifts` are the newest frames of the streaks that have not ended, `comments` the last ones.
    """

    viewers: int | None
    likes: int | None
    gifts: list[Frame]
    top: list[TopGifter]
    comments: list[Frame]


class Connected(Struct):
    username: str
    room_id: str
    cursor: str
    resumed: bool
    snapshot: Snapshot
    title: str | UnsetType = UNSET


class Batch(Struct):
    """Frames of the events that were gathered."""

    events: list[Frame]


# The class of `data`, by frame type.
DATA: Mapping[FrameType, type[Struct]] = {
    FrameType.CONNECTED: Connected,
    FrameType.STATUS: Status,
    FrameType.GAP: Gap,
    FrameType.BATCH: Batch,
    FrameType.PONG: Nothing,
    FrameType.ERROR: Error,
    FrameType.COMMENT: Comment,
    FrameType.GIFT: Gift,
    FrameType.LIKE: Like,
    FrameType.FOLLOW: Follow,
    FrameType.SHARE: Share,
    FrameType.JOIN: Join,
    FrameType.SUBSCRIBE: Subscribe,
    FrameType.VIEWERS: Viewers,
    FrameType.QUESTION: Question,
    FrameType.EMOTE: EmoteMessage,
    FrameType.LIVE_PAUSE: LiveChange,
    FrameType.LIVE_RESUME: LiveChange,
    FrameType.LIVE_END: LiveChange,
}


_encode = msgspec.json.Encoder().encode


def encode(frame: Frame) -> str:
    """The frame as JSON text."""
    return _encode(frame).decode()
