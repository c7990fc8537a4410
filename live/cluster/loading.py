"""Makes a stream's feed from what Redis has of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from live.cluster.entries import BorderEntry, FrameEntry, Number, decode_entry
from live.cluster.store import StoredLog, offset_of
from live.protocol.errors import RelayError
from live.protocol.frames import FrameType, State, Status
from live.streams.borders import Border, StreamerOffline
from live.streams.feed import Feed
from live.streams.saved import RestoreError, SavedFeed, decode_feed, encode_feed

__all__ = ["LoadedFeed", "encode_state", "load_feed"]

# Entries that are taken over before others get a turn on the event loop.
_AT_ONCE = 128

_status = msgspec.json.Decoder(msgspec.defstruct("StatusFrame", [("data", Status)]))


class LoadedFeed(NamedTuple):
    """A feed, and what its leader has told of the stream.

    Attributes:
        last_id: of the newest thing that Redis has.
        status: the newest status; None if none is known.
        offline: that the streamer is offline, if that was told last.
    """

    feed: Feed
    last_id: str
    status: Status | None
    offline: RelayError | None


class _State(msgspec.Struct, array_like=True):
    """A feed without its log, as of an offset of the log."""

    end: Number
    feed: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def encode_state(feed: Feed, now: float) -> bytes:
    """What a feed knows beside its log, for Redis."""
    return _encode(_State(feed.log.end, encode_feed(feed.save(now, with_log=False))))


async def load_feed(
    stored: StoredLog,
    epoch: str,
    new_feed: Callable[[], Feed],
    restore: Callable[[SavedFeed], Feed],
) -> LoadedFeed:
    """Make the feed of a stored log.

    What the leader's state does not say, as it is missing or older, is made of the entries.

    Args:
        new_feed: makes one that knows nothing.
        restore: makes one that knows what was saved, with an empty log.

    Raises:
        RestoreError: an entry is not what it should be.
    """
    known, feed = _restored(stored.state, restore) or (0, new_feed())
    first = next((offset_of(each) for each, entry in stored.entries if entry), known + 1)
    feed.log.begin_behind(epoch, first - 1)
    status: Status | None = None
    offline: RelayError | None = None
    for number, (entry_id, given) in enumerate(stored.entries):
        if not number % _AT_ONCE:
            await asyncio.sleep(0)
        if not given:
            continue  # a leader that left
        offset, entry = offset_of(entry_id), decode_entry(given)
        try:
            if isinstance(entry, FrameEntry):
                _take_frame(feed, offset, entry, is_known=offset <= known)
                if entry.type is FrameType.STATUS:
                    status = _status.decode(entry.text).data  # type: ignore[attr-defined]
            elif isinstance(entry, BorderEntry):
                border = entry.restore()
                offline = border.error if isinstance(border, StreamerOffline) else None
                _take_border(feed, offset, entry.at, border, is_known=offset <= known)
            elif offset > feed.log.end:
                feed.log.skip_to(offset)
        except (ValueError, msgspec.MsgspecError) as failure:
            raise RestoreError(str(failure)) from failure
    if status is None and feed.room is not None:
        status = Status(State.LIVE)
    last_id = stored.entries[-1][0].decode() if stored.entries else "0-0"
    return LoadedFeed(feed, last_id, status, offline)


def _restored(state: bytes | None, restore: Callable[[SavedFeed], Feed]) -> tuple[int, Feed] | None:
    """The offset and the feed of a state; None if there is none that this version can read."""
    if state is None:
        return None
    try:
        known = _decode(state)
        return known.end, restore(decode_feed(known.feed))
    except (msgspec.MsgspecError, RestoreError, ValueError):
        return None


def _take_frame(feed: Feed, offset: int, entry: FrameEntry, *, is_known: bool) -> None:
    if is_known:
        feed.fill(offset, entry.at, (entry.type, entry.text))
    else:
        feed.copy_frame(offset, entry.at, entry.type, entry.id, entry.text)


def _take_border(feed: Feed, offset: int, at: int, border: Border, *, is_known: bool) -> None:
    if is_known:
        feed.fill(offset, at, border)
    else:
        feed.copy_border(offset, at, border)
