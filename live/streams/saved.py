"""What is written down of streams, to go on with them in another process.

Each object of a stream that is worth keeping says what it is as a value of one of these classes
(`save`), and is made from one again (`restore`): the log, the streaks, the snapshot, the feed. Here
is the form of these values, and how they become bytes and back: msgpack, with a version.

Whatever is read is foreign until it has been checked. Types, sizes of numbers and texts of frames
are checked here and in `restore`; all that can be wrong with it is one error, `RestoreError`.

Times are ms since the epoch, or ages in seconds: monotonic clocks mean nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType, Gift, TopGifter, User
from live.tiktok.rooms import Room

__all__ = [
    "OLDEST",
    "Age",
    "Ms",
    "RestoreError",
    "SavedBorder",
    "SavedComment",
    "SavedEntry",
    "SavedError",
    "SavedFeed",
    "SavedKeeper",
    "SavedLog",
    "SavedOffline",
    "SavedPlace",
    "SavedRoomBegan",
    "SavedRunEnded",
    "SavedSnapshot",
    "SavedStreak",
    "SavedStream",
    "check_frame",
    "decode_feed",
    "decode_versioned",
    "encode_feed",
    "encode_versioned",
]

# Raised when something in the form of these classes, or in what it means, is no longer as before.
_VERSION = 1
# A cursor has offsets of at most 15 digits. Nothing else that is counted is larger.
_MOST = 10**15 - 1

Number = Annotated[int, Meta(ge=0, le=_MOST)]
Ms = Annotated[int, Meta(ge=-_MOST, le=_MOST)]
# What TikTok's numbers add up to; it may be more than a cursor has room for.
Count = Annotated[int, Meta(ge=0)]
OLDEST = 1e9
Age = Annotated[float, Meta(ge=0, le=OLDEST)]
Epoch = Annotated[str, Meta(pattern=r"\A[a-z0-9]{1,16}\Z")]

T = TypeVar("T")


class RestoreError(Exception):
    """What was read is not what this version of the relay has written."""


class SavedEntry(Struct, frozen=True, array_like=True, gc=False):
    """A frame of a log. A border's place has no text."""

    offset: Number
    type: FrameType
    at: Ms
    text: str


class SavedError(Struct, frozen=True, array_like=True):
    """A `RelayError`, which contains no secrets."""

    code: ErrorCode
    username: str
    reason: str
    retry_after: Annotated[int, Meta(ge=0, le=_MOST)] | None
    said: str
    told: str
    more_hint: str
    tried: list[tuple[str, ErrorCode]]

    @classmethod
    def of(cls, error: RelayError) -> SavedError:
        return cls(
            error.code,
            error.username,
            error.reason,
            error.retry_after,
            error.said,
            error.told,
            error.more_hint,
            list(error.tried),
        )

    def restore(self) -> RelayError:
        """Raises:
        RestoreError: its texts can't be shown.
        """
        error = RelayError(
            self.code,
            username=self.username,
            reason=self.reason,
            retry_after=self.retry_after,
            said=self.said,
            told=self.told,
            more_hint=self.more_hint,
            tried=self.tried,
        )
        try:
            error.explain("en")
        except Exception as failure:  # a text with places for values that do not exist
            raise RestoreError("an error's text") from failure
        return error


class SavedSnapshot(Struct, frozen=True, array_like=True):
    """A snapshot as it was told where a LIVE began. `gifts` and `comments` are frames' texts."""

    viewers: Count | None
    likes: Count | None
    gifts: list[str]
    top: list[TopGifter]
    comments: list[str]
    diamonds: Count | None = None  # (what older versions have written is without)


class SavedRoomBegan(Struct, frozen=True, array_like=True, tag="room"):
    room: Room
    snapshot: SavedSnapshot


class SavedOffline(Struct, frozen=True, array_like=True, tag="offline"):
    run: Number
    error: SavedError


class SavedRunEnded(Struct, frozen=True, array_like=True, tag="ended"):
    run: Number
    error: SavedError | None


SavedBorder = SavedRoomBegan | SavedOffline | SavedRunEnded


class SavedPlace(Struct, frozen=True, array_like=True):
    """A border at its place in the log."""

    offset: Number
    border: SavedBorder


class SavedLog(Struct, frozen=True, kw_only=True):
    """An `EventLog`.

    Attributes:
        ring, others, lasting: the frames that it holds, oldest first: the newest that are not
            `other`, the newest that are, and older ones that last.
        types: of the newest frames, oldest first: each a place in `type_names`.
        gone, forgotten: by type, the offset of the newest frame that is gone; and of the newest one
            whose type is not remembered. Types of which none is are left out.
        rooms, ends: the borders where LIVEs begin, and the others, oldest first.
        missing_until: when the newest `gap` ended that is gone.
    """

    epoch: Epoch
    first: Annotated[int, Meta(ge=1, le=_MOST)]
    first_with_others: Annotated[int, Meta(ge=1, le=_MOST)]
    end: Number
    ring: list[SavedEntry]
    others: list[SavedEntry]
    lasting: list[SavedEntry]
    types: bytes
    type_names: list[FrameType]
    gone: dict[FrameType, Number]
    forgotten: dict[FrameType, Number]
    rooms: list[SavedPlace]
    ends: list[SavedPlace]
    missing_until: Number = 0


class SavedStreak(Struct, frozen=True, array_like=True):
    """A streak that is open, or has ended lately: then without a gift.

    Attributes:
        counted: gifts in the frames that ended.
        silent: seconds since its last message.
    """

    user_id: str
    gift_id: str
    group_id: str
    gift: Gift | None
    counted: Count
    silent: Age


class SavedComment(Struct, frozen=True, array_like=True):
    id: str
    user_id: str
    text: str


class SavedKeeper(Struct, frozen=True, kw_only=True):
    """A `SnapshotKeeper`. `streaks` are frames' texts by user, gift and group, oldest first;
    `gifters` are diamonds by user, and `top` those who have given most. `diamonds` is None in what
    older versions have written."""

    viewers: Count | None
    likes: Count | None
    comments: list[SavedComment]
    streaks: list[tuple[str, str, str, str]]
    gifters: dict[str, Count]
    top: list[User]
    diamonds: Count | None = None


class SavedFeed(Struct, frozen=True, kw_only=True):
    """A `Feed`: all that the next stream of a username needs to go on with its log.

    Attributes:
        at: when it was written down (ms).
        ids: of the events that were seen, oldest first.
        streaks: in the order of their newest messages.
        heard_the_end: the run before this one was told that the LIVE is over.
        gap_since: when TikTok was last heard (ms), while it is not.
    """

    at: Ms
    log: SavedLog
    run: Number
    live_ended: bool
    heard_the_end: bool
    room: Room | None
    is_in_room: bool
    gap_since: Ms | None
    ids: list[str]
    streaks: list[SavedStreak]
    snapshot: SavedKeeper


class SavedStream(Struct, frozen=True, array_like=True):
    """The feed of a stream that runs or is over.

    Attributes:
        keep_for: seconds for which it is kept for the next stream.
    """

    username: str
    feed: SavedFeed
    keep_for: Age


class _Head(Struct):
    """Of a frame's text. What else is in it need only be JSON."""

    type: FrameType
    ts: int
    data: msgspec.Raw
    cursor: str = ""


_head_of = msgspec.json.Decoder(_Head).decode


def check_frame(text: str, type: FrameType, cursor: str | None = None) -> None:
    """Check that a text is a frame of that type, with that cursor.

    Raises:
        RestoreError: it is not.
    """
    # As bytes, since Python would keep these beside a text that is not ASCII.
    head = _parsed(_head_of, text.encode())
    if head.type is not type or (cursor is not None and head.cursor != cursor):
        raise RestoreError("a frame that is not what its place says")


class _Versioned(Struct, array_like=True):
    version: int
    value: msgspec.Raw


_encode = msgspec.msgpack.Encoder().encode
_versioned = msgspec.msgpack.Decoder(_Versioned).decode


def encode_versioned(version: int, value: Struct) -> bytes:
    """The value as msgpack, with the version of its form.

    Raises:
        RestoreError: it has a number that does not fit.
    """
    try:
        return _encode((version, value))
    except (msgspec.MsgspecError, ValueError, OverflowError) as failure:
        raise RestoreError(str(failure)) from failure


def decode_versioned(given: bytes, version: int, kind: type[T]) -> T:
    """The value that `encode_versioned` has made bytes of.

    Raises:
        RestoreError: the bytes are no such value, or of another version.
    """
    versioned = _parsed(_versioned, given)
    if versioned.version != version:
        raise RestoreError(f"version {versioned.version}, not {version}")
    return _parsed(msgspec.msgpack.Decoder(kind).decode, bytes(versioned.value))


def encode_feed(feed: SavedFeed) -> bytes:
    """As `encode_versioned`."""
    return encode_versioned(_VERSION, feed)


def decode_feed(given: bytes) -> SavedFeed:
    """As `decode_versioned`."""
    return decode_versioned(given, _VERSION, SavedFeed)


def _parsed(decode: Callable[[bytes], T], given: bytes) -> T:
    try:
        return decode(given)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as failure:
        raise RestoreError(str(failure)) from failure
