"""record_stream and replay_stream as they are run: processes, against the stand-in and a relay."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import pty
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pytest
from pytest_django import Settings

from live.recordings.format import Header, Message, RecordingWriter, open_recording
from live.recordings.recorder import Recorder
from live.tiktok.access import Access
from live.tiktok.connection import TikTokUpstreams
from live.tiktok.network import Networks
from live.tiktok.signgate import SignGate
from standin import Failure, Room, TikTok, captures, messages
from standin import Message as Sent
from tests.support.captures import each_once, ends_live
from tests.support.phone import Phone
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 60


class Manage:
    """A manage.py command that is running. `async with Manage(environment, *arguments)`."""

    def __init__(
        self, environment: Mapping[str, str], *arguments: str, stderr: int = asyncio.subprocess.PIPE
    ) -> None:
        self._stderr = stderr
        self._arguments = arguments
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "SECRET_KEY": "of the tests",
            "DATABASE_URL": "sqlite://:memory:",
            "RELAY_CONNECT_TIMEOUT": "3",
            "PYTHONASYNCIODEBUG": "1",
            **environment,
        }
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            *self._arguments,
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._stderr,
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        async with asyncio.timeout(WITHIN):
            return (await self._process.stdout.readline()).decode().rstrip("\n")

    async def exports(self) -> dict[str, str]:
        """The variables that replay_stream prints, as a shell would take them."""
        lines = [(await self.line()).removeprefix("export ") for _ in range(5)]
        return dict(line.split("=", 1) for line in lines)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    async def end(self) -> tuple[int, str, str]:
        """The exit code, and what it printed to stdout and stderr since."""
        async with asyncio.timeout(WITHIN):
            out, errors = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, out.decode(), (errors or b"").decode()


def record(
    tiktok: TikTok,
    name: str,
    file: Path,
    *arguments: str,
    stderr: int = asyncio.subprocess.PIPE,
) -> Manage:
    return Manage(
        tiktok.environment(),
        *("record_stream", f"@{name}", "--minutes", "1", "--out", str(file), *arguments),
        stderr=stderr,
    )


def recorded(file: Path) -> list[Message]:
    with open_recording(file) as (_header, messages):
        return list(messages)


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def without_times(messages: list[Message]) -> list[tuple[str, str, bytes]]:
    return [(message.method, message.id, message.payload) for message in messages]


def files_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def some_messages() -> list[Sent]:
    """Built ones, and captured ones where there are any; the LIVE's end is the last."""
    built = [
        messages.chat("bob", "hello"),
        *messages.streak("carol", count=3),
        messages.unknown(payload=b"\xff"),
    ]
    captured = captures.load_captures() if captures.captures_available() else []
    return [*built, *(m for m in each_once(captured) if not ends_live(m)), messages.end()]


async def push_all(room: Room, sent: list[Sent]) -> None:
    for start in range(0, len(sent), 100):
        await room.push(*sent[start : start + 100])


def written(file: Path, username: str, sent: list[Sent]) -> Path:
    """A recording of these messages, ten milliseconds apart."""
    header = Header("tiktok-live-recording", 1, username, "7300000000000000001", 1_700_000_000_000)
    writer = RecordingWriter(file, header)
    for number, message in enumerate(sent):
        writer.write(Message(number * 10, message.method, str(message.msg_id), message.payload))
    writer.close()
    return file


def replay(file: Path, *arguments: str) -> Manage:
    return Manage({}, "replay_stream", str(file), "--port", "0", *arguments)


class TestRecording:
    async def test_it_shows_on_a_terminal_how_far_it_is(
        self, tiktok: TikTok, streamer: str, tmp_path: Path
    ) -> None:
        room = tiktok.go_live(streamer)
        shows, terminal = pty.openpty()
        async with record(tiktok, streamer, tmp_path / "file", stderr=terminal) as command:
            await room.wait_for_socket(within=WITHIN)
            await room.push(messages.chat("bob", "hello"), messages.chat("bob", "bye"))
            shown = ""
            async with asyncio.timeout(WITHIN):
                while "2 messages recorded" not in shown:
                    shown += (await asyncio.to_thread(os.read, shows, 1000)).decode()
            command.interrupt()
            code, printed, _none = await command.end()
        os.close(terminal)
        os.close(shows)
        assert (code, json.loads(printed)["messages"]) == (0, 2)
        assert re.search(r"0:\d\d 2 messages recorded\r", shown)

    async def test_ctrl_c_ends_it_in_order(
        self, tiktok: TikTok, streamer: str, tmp_path: Path
    ) -> None:
        bob = messages.user("bob.the.builder", nickname="Bob the Builder")
        room = tiktok.go_live(streamer, history=[messages.chat(bob, "my secret address")])
        file = tmp_path / "recording.jsonl"
        async with record(tiktok, streamer, file, "--minutes", "0.9", "--scrub") as command:
            await room.wait_for_socket(within=WITHIN)
            await tiktok.wait_for(lambda: room.heartbeats)
            command.interrupt()
            code, out, errors = await command.end()
        assert code == 0
        assert "Traceback" not in errors
        printed = json.loads(out)
        assert printed.pop("seconds") < WITHIN
        assert printed == {"messages": 1, "dropped": 0, "file": str(file)}
        content = text_of(file).encode() + recorded(file)[0].payload
        for person in (streamer, "uilder", "secret address", str(room.room_id)):
            assert person.encode() not in content
        await tiktok.wait_for(lambda: not room.sockets)

    async def test_a_failure_is_explained_and_leaves_no_file(
        self, tiktok: TikTok, streamer: str, tmp_path: Path
    ) -> None:
        tiktok.go_live(streamer).fail(Failure.SIGN_429)
        async with record(tiktok, streamer, tmp_path / "recording") as command:
            code, out, errors = await command.end()
        assert (code, out) == (1, "")
        assert "Too many connections started" in errors
        assert "Use an EulerStream API key to lift the limit" in errors
        assert "Traceback" not in errors
        assert files_in(tmp_path) == []


class TestReplaying:
    async def test_a_recording_of_the_replay_is_the_recording(
        self, tiktok: TikTok, streamer: str, tmp_path: Path
    ) -> None:
        room, sent = tiktok.go_live(streamer), some_messages()
        first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
        async with record(tiktok, streamer, first) as command:
            await room.wait_for_socket(within=WITHIN)
            await push_all(room, sent)
            code, out, _errors = await command.end()
        assert (code, json.loads(out)["messages"]) == (0, len(sent))
        async with replay(first, "--speed", "0") as command:
            environment = await command.exports()
            async with Manage(
                environment,
                *("record_stream", streamer, "--minutes", "1", "--out", str(second)),
            ) as recorder:
                assert (await recorder.end())[0] == 0
            code, _out, errors = await command.end()
        assert code == 0
        assert "Traceback" not in errors
        for file in (first, second):
            assert without_times(recorded(file)) == [
                (message.method, str(message.msg_id), message.payload) for message in sent
            ]

    async def test_a_phone_gets_it_through_the_relay(self, streamer: str, tmp_path: Path) -> None:
        chat = messages.chat("bob", "hello")
        file = written(tmp_path / "recording", streamer, [chat, *messages.streak("bob", count=2)])
        async with replay(file, "--speed", "0.1") as command:
            server = Server("uvicorn", tmp_path, await command.exports())
            await server.start()
            try:
                account = await server.add_account("phone", streamer)
                async with Phone(f"{server.address}/ws/{account.token}") as phone:
                    comment = await phone.until_type("comment")
                    gift = await phone.until(lambda frame: frame["type"] == "gift")
                    await phone.until_type("live_end")
                    assert await phone.until_closed() == 1000
            finally:
                await server.stop()
            code, _out, _errors = await command.end()
        assert code == 0
        assert (comment["id"], comment["data"]["text"]) == (str(chat.msg_id), "hello")
        assert gift["data"]["gift"]["name"] == "Rose"

    async def test_it_goes_round_and_round_until_ctrl_c(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        sent = [messages.chat("bob", "hello"), messages.like("bob"), messages.end()]
        file = written(tmp_path / "recording", "recorded.name", sent)
        again = tmp_path / "again"
        async with replay(file, "--speed", "0", "--loop", "--live", "Somebody.else") as command:
            for name, value in (await command.exports()).items():
                setattr(settings, name, value)
            recorder = Recorder("somebody.else", functools.partial(RecordingWriter, again))
            networks = Networks()
            recording = asyncio.create_task(
                recorder.record(TikTokUpstreams(networks), Access(SignGate("")), WITHIN)
            )
            async with asyncio.timeout(WITHIN):
                while text_of(again).count("\n") < 20:
                    await asyncio.sleep(0.05)
            recorder.stop()
            await recording
            await networks.close()
            command.interrupt()
            code, _out, errors = await command.end()
        assert code == 0
        assert "Traceback" not in errors
        ids = [message.id for message in recorded(again)]
        assert len(set(ids)) == len(ids) >= 19
