"""Recordings: TikTok's messages of one LIVE with their times, as JSON Lines.

The first line is a `Header`, each further one a `Message`, in the order of their times. A file
whose name ends in .gz is zipped. docs/recordings.md describes the format for others.
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

# Bytes. Whatever `live.tiktok.connection` takes from TikTok is smaller, in base64 too.
MAX_LINE = 32 * 1024 * 1024
_MAX_SAID = 200
_ZIPPED = ".gz"

_CONTROL = "WebcastControlMessage"

_Number = Annotated[int, Meta(ge=0, lt=2**53)]
_Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,20}\Z")]
_Line = TypeVar("_Line", bound=Struct)


class Header(Struct):
    """Whose LIVE it was, and when the recording began (ms since the epoch)."""

    format: Literal["tiktok-live-recording"]
    version: Literal[1]
    username: str
    room_id: _Digits
    started_at: _Number


class Message(Struct):
    """`at` is ms since the recording began, `id` what TikTok's envelope has."""

    at: _Number
    method: str
    id: _Digits
    payload: bytes

    def __post_init__(self) -> None:
        if int(self.id) >= ID_LIMIT:
            raise ValueError("an id has 64 bits")


class RecordingError(ValueError):
    """A file is no recording; the text names the line and says what is wrong, in one line."""


class RecordingWriter:
    """A file that is being recorded to. Each message is with the operating system at once.

    Only the owner may read the file, which is about people.

    Args:
        overwrite: an existing file's content is lost.

    Raises:
        OSError: the file can't be made; FileExistsError, there is one.
    """

    def __init__(self, path: Path, header: Header, *, overwrite: bool = False) -> None:
        opener = functools.partial(os.open, mode=0o600)
        self._raw = open(path, "wb" if overwrite else "xb", opener=opener)  # noqa: SIM115
        os.fchmod(self._raw.fileno(), 0o600)  # of one that is overwritten, too
        self._file: BinaryIO = self._raw
        if path.suffix == _ZIPPED:
            # Without the file's name, which may be someone's.
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
        """Raises OSError, such as for a full disk."""
        self._write(message)
        self.messages += 1

    def close(self) -> None:
        """Raises OSError where `write` has, for the same reason; the file is closed anyway."""
        try:
            self._file.close()
        finally:
            self._raw.close()

    def _write(self, line: Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()


@contextlib.contextmanager
def open_recording(path: Path) -> Iterator[tuple[Header, Iterator[Message]]]:
    """A recording's header and its messages, which are read as they are asked for.

    Raises:
        OSError: the file can't be opened.
        RecordingError: it is no recording; also when messages are asked for.
    """
    with gzip.open(path) if path.suffix == _ZIPPED else path.open("rb") as file:
        lines = _lines(cast(BinaryIO, file))
        number, line = next(lines, (1, b""))
        header = _parse(number, line, Header)
        yield header, _messages(lines)


def ends_live(method: str, payload: bytes) -> bool:
    """Whether this message says that the LIVE is over."""
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
            return  # zipped, and cut short by a crash: what was written has been read
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
