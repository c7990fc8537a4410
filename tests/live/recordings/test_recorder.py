"""A LIVE recorded through the real upstream, in this process, against the stand-in."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from live.protocol.errors import ErrorCode, RelayError
from live.recordings.format import Message, RecordingWriter, open_recording
from live.recordings.recorder import Recorder, Result
from live.recordings.scrubbing import Scrubber
from live.tiktok.access import Access
from live.tiktok.connection import TikTokUpstreams
from live.tiktok.network import Networks
from live.tiktok.signgate import SignGate
from standin import Failure, Room, TikTok, messages
from standin import Message as Sent

LONG = 60.0
WITHIN = 10


@pytest.fixture
async def tiktok(tiktok: TikTok) -> AsyncIterator[TikTok]:
    yield tiktok
    await tiktok.wait_for(lambda: not tiktok.open_connections)  # nothing is left open


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice", history=[messages.chat("early", "bird")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recording"


@pytest.fixture
def precious_file(file: Path) -> Path:
    file.write_text("precious")
    return file


def recorder_to(file: Path, **options: Any) -> Recorder:
    return Recorder("alice", functools.partial(RecordingWriter, file), **options)


def exists(file: Path) -> bool:
    return file.exists()


def text_of(file: Path) -> str:
    return file.read_text()


def recorded(file: Path) -> list[Message]:
    """What is in the file so far."""
    if not file.exists():
        return []
    with open_recording(file) as (_header, recorded):
        return list(recorded)


def same(recorded: list[Message], sent: list[Sent]) -> bool:
    return [(m.method, m.id, m.payload) for m in recorded] == [
        (m.method, str(m.msg_id), m.payload) for m in sent
    ]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():
            await asyncio.sleep(0.01)


async def record(recorder: Recorder, seconds: float) -> Result:
    networks = Networks()
    try:
        return await recorder.record(TikTokUpstreams(networks), Access(SignGate("")), seconds)
    finally:
        await networks.close()


def start(recorder: Recorder, seconds: float = LONG) -> asyncio.Task[Result]:
    return asyncio.create_task(record(recorder, seconds))


class TestARecording:
    async def test_it_ends_with_the_live(self, room: Room, file: Path) -> None:
        task = start(recorder_to(file))
        await room.wait_for_socket()
        sent = [messages.chat("bob", "hello"), messages.unknown(payload=b"\xff"), messages.end()]
        await room.push(*sent, messages.chat("bob", "too late"))
        async with asyncio.timeout(WITHIN):
            result = await task
        assert (result.started, result.messages, result.dropped, result.error) == (True, 4, 0, None)
        assert same(recorded(file), [*room.history, *sent])
        with open_recording(file) as (header, _messages):
            assert (header.username, header.room_id) == ("alice", str(room.room_id))

    async def test_it_ends_when_its_time_is_up(self, room: Room, file: Path) -> None:
        async with asyncio.timeout(WITHIN):
            result = await start(recorder_to(file), 0.3)
        assert (result.messages, result.error) == (1, None)
        assert result.seconds == pytest.approx(0.3, abs=0.2)

    async def test_it_ends_when_it_is_told_to(self, room: Room, file: Path) -> None:
        recorder = recorder_to(file)
        task = start(recorder)
        await room.wait_for_socket()
        recorder.stop()
        async with asyncio.timeout(WITHIN):
            result = await task
        assert (result.started, result.error) == (True, None)

    async def test_it_keeps_what_came_before_the_connection_was_lost(
        self, room: Room, file: Path
    ) -> None:
        task = start(recorder_to(file))
        await room.wait_for_socket()
        sent = messages.chat("bob", "hello")
        await room.push(sent)
        await until(lambda: len(recorded(file)) == 2)
        await room.cut()
        async with asyncio.timeout(WITHIN):
            result = await task
        assert isinstance(result.error, RelayError)
        assert result.error.code is ErrorCode.CONNECTION_LOST
        assert same(recorded(file), [*room.history, sent])

    async def test_it_notices_a_connection_that_says_nothing(
        self, room: Room, file: Path, settings: Settings
    ) -> None:
        settings.RELAY_IDLE_TIMEOUT = 2.0  # a busy machine may take a second to connect
        room.deaf = True
        async with asyncio.timeout(WITHIN):
            result = await start(recorder_to(file))
        assert isinstance(result.error, RelayError)
        assert "Nothing was heard" in result.error.reason

    async def test_its_times_are_those_of_arrival(self, room: Room, file: Path) -> None:
        task = start(recorder_to(file))
        await room.wait_for_socket()
        await room.push(messages.like("bob"), messages.like("carol"))
        await until(lambda: len(recorded(file)) == 3)
        await asyncio.sleep(0.05)
        await room.push(messages.like("bob"), messages.like("carol"))
        await room.end()
        await task
        _history, first, second, third, *_rest = (message.at for message in recorded(file))
        assert first == second
        assert third >= second + 50


class TestWithoutPeople:
    async def test_a_message_that_cannot_be_read_is_dropped_and_counted(
        self, room: Room, file: Path
    ) -> None:
        task = start(recorder_to(file, scrubber=Scrubber()))
        await room.wait_for_socket()
        bob = messages.user("bob.the.builder", nickname="Bob the Builder")
        await room.push(messages.chat(bob, "hello"), Sent("WebcastChatMessage", b"\xff" * 9, 5))
        await room.end()
        result = await task
        assert (result.messages, result.dropped) == (3, 1)
        assert len(recorded(file)) == 3
        text = b"".join(message.payload for message in recorded(file))
        assert b"Builder" not in text
        with open_recording(file) as (header, _messages):
            assert header.username != "alice"
            assert header.room_id != str(room.room_id)


class TestAFailure:
    async def test_it_keeps_the_recording_that_was_to_be_overwritten(
        self, tiktok: TikTok, precious_file: Path
    ) -> None:
        file = precious_file
        tiktok.room("alice")
        make_writer = functools.partial(RecordingWriter, file, overwrite=True)
        result = await start(Recorder("alice", make_writer))
        assert isinstance(result.error, RelayError)
        assert result.error.code is ErrorCode.USER_OFFLINE
        assert text_of(file) == "precious"

    async def test_it_leaves_no_file(self, room: Room, file: Path) -> None:
        room.fail(Failure.SIGN_429)
        result = await start(recorder_to(file))
        assert isinstance(result.error, RelayError)
        assert result.error.code is ErrorCode.RATE_LIMITED
        assert not result.started
        assert not exists(file)

    async def test_stopped_while_connecting_it_leaves_no_file(
        self, tiktok: TikTok, room: Room, file: Path
    ) -> None:
        room.fail(Failure.SIGN_HANG)
        recorder = recorder_to(file)
        task = start(recorder)
        await tiktok.wait_for(lambda: tiktok.requests)
        recorder.stop()
        async with asyncio.timeout(WITHIN):
            result = await task
        assert (result.started, result.error) == (False, None)
        assert not exists(file)

    async def test_a_full_disk_ends_it(self, room: Room) -> None:
        full = functools.partial(RecordingWriter, Path("/dev/full"), overwrite=True)
        async with asyncio.timeout(WITHIN):
            result = await start(Recorder("alice", full))
        assert isinstance(result.error, OSError)
        assert "No space left" in str(result.error)
