"""What is played to a stream, under virtual time."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from live.protocol.errors import UPSTREAM_CODES, ErrorCode
from live.streams.registry import Streams
from live.streams.stream import LiveStream, StreamOptions
from rehearsal.plan import Plan
from rehearsal.upstream import RehearsalUpstreams
from standin import messages
from standin.messages import Message
from tests.support.clock import VirtualClock, now, settle, virtual_time
from tests.support.recordings import ROOM_ID, write_recording
from tests.support.samples import read_frame

LOST = ErrorCode.CONNECTION_LOST
OPTIONS = StreamOptions(reconnect_for=1.5, linger=0)


@asynccontextmanager
async def playing(
    plan: Plan, *, wait: bool = False, options: StreamOptions = OPTIONS
) -> AsyncIterator[LiveStream]:
    """A stream of that plan, with one socket."""
    streams = Streams(RehearsalUpstreams(plan), options, clock=VirtualClock())
    access = streams.access("")
    stream = streams.join("anna", access, wait=wait, since=None)
    try:
        yield stream
    finally:
        streams.leave(stream, access, wait=wait)
        await streams.close()


def frames(stream: LiveStream, *types: str) -> list[Any]:
    """What it has said so far; of some types only, or all."""
    told = [read_frame(entry.text) for entry in stream.log.read(0, stream.log.end) if entry.text]
    return [frame for frame in told if not types or frame["type"] in types]


def states(stream: LiveStream) -> list[str]:
    return [frame["data"]["state"] for frame in frames(stream, "status")]


async def is_over(stream: LiveStream) -> None:
    while not stream.over:
        await stream.log.changed(stream.log.end)
    await settle()


class TestTheProgramme:
    @virtual_time
    async def test_generated_events_are_those_of_a_live(self) -> None:
        async with playing(Plan()) as stream:
            assert states(stream) == []
            await asyncio.sleep(60)
            assert states(stream) == ["connecting", "live"]
            assert stream.room is not None
            assert stream.room.title == "Rehearsal"
            types = {frame["type"] for frame in frames(stream)}
            assert {"comment", "gift", "like", "join", "viewers", "follow"} <= types
            assert len(frames(stream)) > 100

    @virtual_time
    async def test_it_goes_on(self) -> None:
        async with playing(Plan(), options=StreamOptions(backlog=16)) as stream:
            await asyncio.sleep(300)
            assert stream.status.state == "live"
            assert stream.log.end > 600
            assert not stream.undecodable
            assert not stream.unknown
            assert not stream.findings

    @virtual_time
    async def test_it_names_no_picture(self) -> None:
        async with playing(Plan()) as stream:
            await asyncio.sleep(60)
            told = [entry.text for entry in stream.log.read(0, stream.log.end) if entry.text]
            assert not [text for text in told if "http" in text]

    @virtual_time
    async def test_it_ends_with_its_stream(self) -> None:
        async with playing(Plan()) as stream:
            await asyncio.sleep(5)
        assert stream.over


class TestFailures:
    @pytest.mark.parametrize("code", sorted(UPSTREAM_CODES - {LOST}))
    def test_a_rehearsed_failure_ends_the_stream(self, code: ErrorCode) -> None:
        @virtual_time
        async def test() -> None:
            async with playing(Plan(fail=code)) as stream:
                began = now()
                await is_over(stream)
                assert 0 < now() - began < 2
                assert stream.error is not None
                assert (stream.error.code, stream.error.username) == (code, "anna")
                assert (stream.error.retry_after is None) is (code is not ErrorCode.RATE_LIMITED)
                assert states(stream) == ["connecting"]

        test()

    @virtual_time
    async def test_a_connection_is_lost_while_it_is_live(self) -> None:
        async with playing(Plan(fail=LOST)) as stream:
            await is_over(stream)
            assert stream.error is not None
            assert stream.error.code is LOST
            # How many attempts the time is enough for is left to the jitter.
            began, gone_live, *after = states(stream)
            assert (began, gone_live) == ("connecting", "live")
            assert set(after) == {"reconnecting"}
            assert frames(stream, "comment")

    @virtual_time
    async def test_who_waits_for_an_offline_streamer_sees_them_come(self) -> None:
        async with playing(Plan(fail=ErrorCode.USER_OFFLINE, waits=True), wait=True) as stream:
            await asyncio.sleep(200)
            assert states(stream) == ["connecting", "waiting", "live"]
            assert frames(stream, "comment")


class TestRecordings:
    @pytest.mark.parametrize("name", ["evening.jsonl", "evening.jsonl.gz"])
    def test_a_recording_is_played_in_its_own_time(self, name: str, tmp_path: Path) -> None:
        sent = [messages.chat("bob", "hello"), messages.like("bob"), messages.chat("bob", "bye")]
        file = write_recording(tmp_path / name, sent, every=2000)

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await is_over(stream)
                assert stream.error is None
                assert stream.room is not None
                assert stream.room.id == ROOM_ID
                told = frames(stream)[2:]
                assert [frame["type"] for frame in told] == [
                    *("comment", "like", "comment"),
                    "live_end",
                ]
                assert [frame["id"] for frame in told[:-1]] == [str(m.msg_id) for m in sent]

        test()

    def test_it_takes_its_time(self, tmp_path: Path) -> None:
        texts = ["first", "second"]
        sent = [messages.chat("bob", text) for text in texts]
        file = write_recording(tmp_path / "evening", sent, every=100_000)

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await asyncio.sleep(100)
                assert [f["data"]["text"] for f in frames(stream, "comment")] == texts[:1]
                # There are heartbeats, as there are TikTok's.
                assert states(stream) == ["connecting", "live", "quiet"]
                await asyncio.sleep(1)
                assert [f["data"]["text"] for f in frames(stream, "comment")] == texts

        test()

    def test_its_own_end_is_the_end(self, tmp_path: Path) -> None:
        sent = [messages.end(), messages.chat("bob", "anybody there?")]
        file = write_recording(tmp_path / "evening", sent, every=1000)

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await is_over(stream)
                assert [frame["type"] for frame in frames(stream)[2:]] == ["live_end"]

        test()

    def test_an_id_is_that_of_the_envelope_where_the_message_has_none(self, tmp_path: Path) -> None:
        comment = messages.chat("bob", "hello", msg_id=0)
        file = write_recording(
            tmp_path / "evening", [Message(comment.method, comment.payload, 2**64 - 1)]
        )

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await is_over(stream)
                (frame,) = frames(stream, "comment")
                assert frame["id"] == str(2**64 - 1)

        test()

    @pytest.mark.parametrize(
        "content",
        [b"", b"no recording\n", gzip.compress(b"zipped", mtime=0), b"\xff" * 100],
        ids=["nothing", "text", "zipped text", "bytes"],
    )
    def test_what_is_no_recording_can_not_be_played(self, content: bytes, tmp_path: Path) -> None:
        file = tmp_path / "evening"
        file.write_bytes(content)

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await is_over(stream)
                assert stream.error is not None
                assert stream.error.code is ErrorCode.INTERNAL_ERROR
                assert stream.error.said.startswith("the recording can't be played: line 1")

        test()

    def test_one_that_is_broken_is_played_up_to_there(self, tmp_path: Path) -> None:
        file = write_recording(tmp_path / "evening", [messages.chat("bob", "hello")])
        with file.open("ab") as more:
            more.write(b"{}\n")

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await is_over(stream)
                assert len(frames(stream, "comment")) == 1
                assert stream.error is not None
                assert stream.error.code is ErrorCode.INTERNAL_ERROR
                assert "line 3" in stream.error.said

        test()

    @virtual_time
    async def test_one_that_is_gone_says_nothing_of_its_folder(self) -> None:
        async with playing(Plan(recording=Path("/nowhere/evening"))) as stream:
            await is_over(stream)
            assert stream.error is not None
            assert stream.error.code is ErrorCode.INTERNAL_ERROR
            assert "nowhere" not in stream.error.said

    def test_it_begins_again_after_a_cut(self, tmp_path: Path) -> None:
        sent = [messages.chat("bob", str(number)) for number in range(20)]
        file = write_recording(tmp_path / "evening", sent, every=1000)

        @virtual_time
        async def test() -> None:
            async with playing(Plan(recording=file)) as stream:
                await asyncio.sleep(5)
                stream.reconnect()
                await is_over(stream)
                said = [frame["data"]["text"] for frame in frames(stream, "comment")]
                assert said == [str(number) for number in range(20)]  # nothing twice
                assert [frame["data"]["side"] for frame in frames(stream, "gap")] == ["upstream"]

        test()
