"""Describes the newest frames of a stream's log in a few words each, for the staff's pages.

Texts that TikTok's users wrote are not changed, only cut. The template escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from live.clock import from_ms
from live.protocol.frames import FrameType
from live.streams.log import Entry, EventLog

__all__ = ["LoggedEvent", "newest_events"]

# The largest length of a description, in characters.
_MAX_TEXT = 200


class LoggedEvent(NamedTuple):
    """A frame, described in a few words.

    Attributes:
        offset: its offset in the log.
        at: when it was written to the log.
        type: the type of the frame.
        text: the description.
    """

    offset: int
    at: datetime
    type: str
    text: str


def newest_events(log: EventLog, count: int) -> list[LoggedEvent]:
    """Describe the newest frames of the log, at most `count` of them, the newest first."""
    entries = log.read(max(0, log.end - count), count)
    # Borders have no text.
    return [_event(entry) for entry in reversed(entries) if entry.text]


def _event(entry: Entry) -> LoggedEvent:
    data = msgspec.json.decode(entry.text)["data"]
    who, what = _who(data), _TEXTS.get(entry.type, _anything)(data)
    text = f"{who}: {what}" if who and what else who or what
    at = from_ms(entry.at)
    return LoggedEvent(entry.offset, at, entry.type.value, text[:_MAX_TEXT])


def _who(data: Mapping[str, Any]) -> str:
    user = data.get("user") or data.get("sender") or {}
    return str(user.get("username") or user.get("nickname") or user.get("id") or "")


def _gift(data: Mapping[str, Any]) -> str:
    return f"{data['gift']['name']} × {data['count']}"


def _like(data: Mapping[str, Any]) -> str:
    return f"+{data['count']} = {data['total']}"


def _viewers(data: Mapping[str, Any]) -> str:
    return f"{data['count']} / {data['total']}"


def _caption(data: Mapping[str, Any]) -> str:
    return " · ".join(caption["text"] for caption in data["texts"])


def _status(data: Mapping[str, Any]) -> str:
    return " ".join(str(data[name]) for name in ("state", "attempt") if name in data)


def _gap(data: Mapping[str, Any]) -> str:
    if data["from"] is None:
        return str(data["side"])
    return f"{data['side']}, {(data['to'] - data['from']) / 1000:g} s"


def _other(data: Mapping[str, Any]) -> str:
    return f"{data['method']}, {data['size']} B"


def _anything(data: Mapping[str, Any]) -> str:
    """Describe a frame of another type, by the fields of it that have words."""
    words = (data.get(name) for name in ("state", "kind", "title", "text", "reason"))
    return " · ".join(word for word in words if isinstance(word, str) and word)


_TEXTS: Mapping[FrameType, Callable[[Mapping[str, Any]], str]] = {
    FrameType.GIFT: _gift,
    FrameType.LIKE: _like,
    FrameType.VIEWERS: _viewers,
    FrameType.CAPTION: _caption,
    FrameType.STATUS: _status,
    FrameType.GAP: _gap,
    FrameType.OTHER: _other,
}
