"""Recordings that tests make."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from live.recordings.format import Header, Message, RecordingWriter
from standin.messages import Message as Sent

__all__ = ["ROOM_ID", "write_recording"]

ROOM_ID = "7300000000000000001"


def write_recording(file: Path, sent: Iterable[Sent], every: int = 10) -> Path:
    """A recording of these messages, `every` ms one."""
    writer = RecordingWriter(file, Header("tiktok-live-recording", 1, "anna", ROOM_ID, 10**12))
    for number, message in enumerate(sent):
        writer.write(Message(number * every, message.method, str(message.msg_id), message.payload))
    writer.close()
    return file
