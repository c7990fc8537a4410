"""The file of a recording: what is written is read, and what is no recording is refused."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from live.recordings import format as recordings
from live.recordings.format import (
    Header,
    Message,
    RecordingError,
    RecordingWriter,
    ends_live,
    open_recording,
)
from standin import messages as build

HEADER = Header("tiktok-live-recording", 1, "anna.live", "7300000000000000001", 1_700_000_000_000)
MESSAGES = [
    Message(0, "WebcastChatMessage", "7300000000000000002", b"\x00\xff\n"),
    Message(0, "WebcastLikeMessage", "0", b""),
    Message(1500, "Webcast\nOddMessage ☃", str(2**64 - 1), b"x" * 100_000),
]
HEADER_LINE = json.dumps(
    {
        "format": "tiktok-live-recording",
        "version": 1,
        "username": "anna.live",
        "room_id": "7300000000000000001",
        "started_at": 1,
    }
)


def line(**changes: Any) -> str:
    message = {"at": 5, "method": "M", "id": "1", "payload": "AA=="}
    return json.dumps({k: v for k, v in {**message, **changes}.items() if v is not None})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


def write(file: Path) -> None:
    writer = RecordingWriter(file, HEADER)
    for message in MESSAGES:
        writer.write(message)
    writer.close()


def read(file: Path) -> tuple[Header, list[Message]]:
    with open_recording(file) as (header, messages):
        return header, list(messages)


class TestARecording:
    def test_what_is_written_is_read_again(self, file: Path) -> None:
        write(file)
        assert read(file) == (HEADER, MESSAGES)

    def test_it_is_json_lines(self, file: Path) -> None:
        write(file)
        header, first, *_rest = map(json.loads, file.read_text().splitlines())
        assert header == {
            "format": "tiktok-live-recording",
            "version": 1,
            "username": "anna.live",
            "room_id": "7300000000000000001",
            "started_at": 1_700_000_000_000,
        }
        assert first == {
            "at": 0,
            "method": "WebcastChatMessage",
            "id": "7300000000000000002",
            "payload": "AP8K",
        }

    def test_it_may_be_gzipped(self, file: Path) -> None:
        write(file)
        zipped = file.with_suffix(".jsonl.gz")
        write(zipped)
        assert read(zipped) == (HEADER, MESSAGES)
        assert gzip.decompress(zipped.read_bytes()) == file.read_bytes()
        assert file.name.encode() not in zipped.read_bytes()

    @pytest.mark.parametrize("name", ["recording.jsonl", "recording.jsonl.gz"])
    def test_each_message_is_in_the_file_at_once(self, tmp_path: Path, name: str) -> None:
        file = tmp_path / name
        writer = RecordingWriter(file, HEADER)
        for count, message in enumerate(MESSAGES, 1):
            writer.write(message)
            assert read(file)[1] == MESSAGES[:count]
        writer.close()

    def test_it_is_for_its_owner_only(self, file: Path) -> None:
        write(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_it_does_not_overwrite_unasked(self, file: Path) -> None:
        file.write_text("precious")
        with pytest.raises(FileExistsError):
            RecordingWriter(file, HEADER)
        assert file.read_text() == "precious"
        RecordingWriter(file, HEADER, overwrite=True).close()
        assert read(file) == (HEADER, [])

    def test_what_a_later_version_adds_is_left_out(self, file: Path) -> None:
        file.write_text(f"{HEADER_LINE}\n{line(mood='good')}\n")
        assert read(file)[1] == [Message(5, "M", "1", b"\0")]


class TestWhatIsNoRecording:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "line 1: Input data was truncated"),
            ("\n", "line 1: Input data was truncated"),
            ("hello\n", "line 1: JSON is malformed"),
            ('{"format": "something-else"}\n', "line 1: Invalid enum value 'something-else'"),
            (HEADER_LINE.replace('"version": 1', '"version": 2') + "\n", "line 1: Invalid enum"),
            (HEADER_LINE.replace("7300000000000000001", "x") + "\n", "line 1: Expected `str`"),
            (f"{HEADER_LINE}\n{line()}\n\n", "line 3: Input data was truncated"),
            (f"{HEADER_LINE}\n{line()}\n[1]\n", "line 3: Expected `object`"),
            (f"{HEADER_LINE}\n{line(at=None)}\n", "line 2: Object missing required field `at`"),
            (f"{HEADER_LINE}\n{line(at=-1)}\n", "line 2: Expected `int` >= 0"),
            (f"{HEADER_LINE}\n{line(at=2**60)}\n", "line 2: Expected `int`"),
            (f"{HEADER_LINE}\n{line(at=1.5)}\n", "line 2: Expected `int`"),
            (f"{HEADER_LINE}\n{line(id='1x')}\n", "line 2: Expected `str`"),
            (f"{HEADER_LINE}\n{line(id=str(2**64))}\n", "line 2: an id has 64 bits"),
            (f"{HEADER_LINE}\n{line(payload='?')}\n", "line 2: Invalid base64"),
            (f"{HEADER_LINE}\n{line()}\n{line(at=4)}\n", "line 3: is earlier than the line before"),
            (f"{HEADER_LINE}\n{line()}\n{line()[:20]}", "line 3: is cut short"),
            (f"{HEADER_LINE}\n{'[' * 100_000}\n", "line 2: "),
            (HEADER_LINE.replace("tiktok-live", "a\\u001b[2J") + "\n", "line 1: Invalid enum"),
        ],
    )
    def test_the_line_is_named(self, file: Path, text: str, said: str) -> None:
        file.write_text(text)
        with pytest.raises(RecordingError) as refused:
            read(file)
        assert str(refused.value).startswith(said)
        assert str(refused.value).isprintable()

    def test_bytes_that_are_no_text(self, file: Path) -> None:
        file.write_bytes(f"{HEADER_LINE}\n".encode() + b'{"method": "\xff"}\n')
        with pytest.raises(RecordingError, match="line 2: "):
            read(file)

    def test_a_line_without_end(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recordings, "MAX_LINE", 1000)
        file.write_text(f"{HEADER_LINE}\n{'x' * 1001}")
        with pytest.raises(RecordingError, match="line 2: is longer than 1000 bytes"):
            read(file)

    @pytest.mark.parametrize("damage", [b"no gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff"])
    def test_a_bad_gzip_file(self, tmp_path: Path, damage: bytes) -> None:
        file = tmp_path / "recording.jsonl.gz"
        file.write_bytes(damage)
        with pytest.raises(RecordingError, match="line 1: can't be unzipped"):
            read(file)


class TestTheEndOfALive:
    def test_it_is_known(self) -> None:
        for message in (build.end(), build.end(suspended=True)):
            assert ends_live(message.method, message.payload)

    def test_nothing_else_is(self) -> None:
        for message in (build.pause(), build.resume(), build.chat("bob", "the end")):
            assert not ends_live(message.method, message.payload)
        assert not ends_live("WebcastControlMessage", b"\xff")
