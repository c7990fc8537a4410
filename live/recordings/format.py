"""Writes and reads recordings: files with TikTok's messages of one LIVE and their times.

A recording is a text file with one JSON value in each line (JSON Lines). The first line is a
`Header`; each further line is a `Message`, in the order of their times. A file whose name ends in
.gz is compressed with gzip. docs/operate/recordings.md describes the format for operators.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from live.protocol.frames import FrameType
from live.tiktok.decoding import DecodeError, decode_message
from live.tiktok.events import event_of
from live.tiktok.values import ID_LIMIT

__all__ = [
    "MAX_LINE",
    "Header",
    "Message",
    "RecordingError",
    "RecordingWriter",
    "ends_live",
    "open_recording",
]

# Bytes that one line may have. The messages that `live.tiktok.connection` accepts fit in it, also
# when they are encoded in base64.
MAX_LINE = 32 * 1024 * 1024
# Characters of a parse error's text that are shown.
_MAX_SAID = 200
# The end of a compressed file's name.
_ZIPPED = ".gz"

# TikTok's method for messages that say that the LIVE is paused, resumed or over.
_CONTROL = "WebcastControlMessage"

_Number = Annotated[int, Meta(ge=0, lt=2**53)]
_Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,20}\Z")]
_Line = TypeVar("_Line", bound=Struct)


class Header(Struct):
    """The first line of a recording: what was recorded, and when.

    Attributes:
        username: the streamer.
        room_id: TikTok's id of the LIVE.
        started_at: when the recording began, in ms since the epoch.
    """

    format: Literal["tiktok-live-recording"]
    version: Literal[1]
    username: str
    room_id: _Digits
    started_at: _Number


class Message(Struct):
    """One recorded message.

    Attributes:
        at: when it came, in ms since the recording began.
        method: TikTok's name for this kind of message.
        id: the id in TikTok's envelope, as unsigned decimal digits.
        payload: the message, encoded by protobuf; base64 in the file.
    """

    at: _Number
    method: str
    id: _Digits
    payload: bytes

    def __post_init__(self) -> None:
        if int(self.id) >= ID_LIMIT:
            raise ValueError("an id has 64 bits")


class RecordingError(ValueError):
    """A file can't be read as a recording. The error's text names the line and what is wrong."""


class RecordingWriter:
    """Writes a recording to a file.

    Each message is given to the operating system at once, so that a crash of the process loses
    nothing. The file may hold personal data, so only its owner may read it.

    Args:
        path: the file; it is compressed if its name ends in .gz.
        overwrite: whether an existing file may be replaced.

    Raises:
        FileExistsError: the file exists already, and `overwrite` is false.
        OSError: the file can't be created or written.
    """

    def __init__(self, path: Path, header: Header, *, overwrite: bool = False) -> None:
        opener = functools.partial(os.open, mode=0o600)
        self._raw = open(path, "wb" if overwrite else "xb", opener=opener)  # noqa: SIM115
        os.fchmod(self._raw.fileno(), 0o600)  # for an overwritten file, which had its own mode
        self._file: BinaryIO = self._raw
        if path.suffix == _ZIPPED:
            # gzip would store the file's name, which may be a person's.
            zipped = gzip.GzipFile(filename="", fileobj=self._raw, mode="wb", mtime=0)
            self._file = cast(BinaryIO, zipped)
        self.messages = 0
        try:
            self._write(header)
        except OSError:
            with contextlib.suppress(OSError):
                self.close()
            if not overwrite:
                path.unlink()
            raise

    def write(self, message: Message) -> None:
        """Write one message.

        Raises:
            OSError: writing failed, for example because the disk is full.
        """
        self._write(message)
        self.messages += 1

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: the last data could not be written; the file is closed anyway.
        """
        try:
            self._file.close()
        finally:
            self._raw.close()

    def _write(self, line: Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()


@contextlib.contextmanager
def open_recording(path: Path) -> Iterator[tuple[Header, Iterator[Message]]]:
    """Open a recording: gives its header, and an iterator that reads one message at a time.

    Raises:
        OSError: the file can't be opened.
        RecordingError: the file is no recording. The iterator raises this too, at a broken line.
    """
    with gzip.open(path) if path.suffix == _ZIPPED else path.open("rb") as file:
        lines = _lines(cast(BinaryIO, file))
        number, line = next(lines, (1, b""))
        header = _parse(number, line, Header)
        yield header, _messages(lines)


def ends_live(method: str, payload: bytes) -> bool:
    """Whether a message says that the LIVE is over.

    Args:
        method: TikTok's method of the message.
        payload: the message, encoded by protobuf.
    """
    if method != _CONTROL:
        return False
    try:
        event = event_of(method, decode_message(method, payload), 0)
    except DecodeError:
        return False
    return event is not None and event.type is FrameType.LIVE_END


def _messages(lines: Iterator[tuple[int, bytes]]) -> Iterator[Message]:
    at = 0
    for number, line in lines:
        message = _parse(number, line, Message)
        if message.at < at:
            raise RecordingError(f"line {number}: is earlier than the line before")
        at = message.at
        yield message


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MAX_LINE + 1)
        except EOFError:
            return  # a compressed file, cut short by a crash: all complete lines have been read
        except (zlib.error, gzip.BadGzipFile) as refused:
            raise RecordingError(f"line {number}: can't be unzipped: {refused}") from None
        if not line:
            return
        if len(line) > MAX_LINE:
            raise RecordingError(f"line {number}: is longer than {MAX_LINE} bytes")
        if not line.endswith(b"\n"):
            raise RecordingError(f"line {number}: is cut short; without it, the rest can be played")
        yield number, line


def _parse(number: int, line: bytes, kind: type[_Line]) -> _Line:
    try:
        return msgspec.json.decode(line, type=kind)
    except (ValueError, RecursionError) as refused:  # msgspec's errors are ValueErrors
        said = "".join(filter(str.isprintable, str(refused)))[:_MAX_SAID]
        raise RecordingError(f"line {number}: {said}") from None
