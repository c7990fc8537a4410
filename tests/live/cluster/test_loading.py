"""What is made of a log in Redis that is not what a leader has written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from live.cluster.entries import FrameEntry, encode
from live.cluster.loading import LoadedFeed, encode_state, load_feed
from live.cluster.store import StoredLog
from live.protocol.frames import Frame, FrameType
from live.protocol.frames import encode as encode_text
from live.streams.feed import Feed
from live.streams.saved import RestoreError
from live.tiktok.rooms import Room
from tests.support.samples import sample

EPOCH = "abcdefgh"


def entry(offset: int = 1, text: str | None = None) -> bytes:
    """That of a follow, with its text or another one."""
    kind = FrameType.FOLLOW
    cursor, number = f"{EPOCH}-{offset}", str(offset)
    frame = Frame(type=kind, cursor=cursor, ts=0, id=number, data=sample(kind))
    return encode(FrameEntry(0, kind, number, encode_text(frame) if text is None else text))


async def load(state: bytes | None, *entries: bytes) -> LoadedFeed:
    def restored(saved: Any) -> Feed:
        return Feed.restore(saved, 0, 100)

    stored = StoredLog(state, [(f"{n}-0".encode(), each) for n, each in enumerate(entries, 1)])
    return await load_feed(stored, EPOCH, lambda: Feed(100), restored)


def state(end: int = 0) -> bytes:
    """A leader's, as of that offset."""
    feed = Feed(100)
    feed.begin_run()
    feed.open(Room("7"))
    _end, inner = msgspec.msgpack.decode(encode_state(feed, 0))
    return msgspec.msgpack.encode((end, inner))


# Whether the leader's state knows the frame or not, phones are sent the entry's text as it is.
@pytest.mark.parametrize("end", [None, 5], ids=["a new frame", "one that the state knows"])
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (entry(text='{"type":"follow"]'), "JSON"),
        (entry(text=""), "truncated"),
        (entry(text='{"type":"share","ts":0,"cursor":"abcdefgh-1","data":{}}'), "a frame that"),
        (entry(2), "a frame that"),
        (entry(text='{"type":"follow","ts":0,"cursor":"another-1","data":{}}'), "a frame that"),
    ],
    ids=["no JSON", "nothing", "of another type", "of another place", "of another log"],
)
async def test_a_text_that_is_no_frame_of_its_place_is_refused(
    wrong: bytes, why: str, end: int | None
) -> None:
    with pytest.raises(RestoreError, match=why):
        await load(None if end is None else state(end), wrong)


@pytest.mark.parametrize("end", [None, 5], ids=["a new frame", "one that the state knows"])
async def test_a_frame_of_its_place_is_taken(end: int | None) -> None:
    loaded = await load(None if end is None else state(end), entry(1), entry(2))

    assert loaded.feed.log.end == 2
    assert [each.offset for each in loaded.feed.log.read(0, 9)] == [1, 2]


@pytest.mark.parametrize("end", [-1, 10**15])
async def test_a_state_of_a_place_that_no_log_has_is_not_taken(end: int) -> None:
    loaded = await load(state(end))

    assert loaded.feed.log.end == 0
    assert loaded.feed.room is None


async def test_a_state_is_taken_where_its_log_is_gone() -> None:
    loaded = await load(state(5))

    assert loaded.feed.log.end == 5
    assert loaded.feed.room is not None
    assert loaded.feed.room.id == "7"
