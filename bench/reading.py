"""A reader whose messages a benchmark reads itself. To be imported once Django is set up."""

from __future__ import annotations

from collections.abc import Iterable

from live.tiktok.decoding import DecodeError
from live.tiktok.events import Event
from live.tiktok.reader import Reader
from live.tiktok.rooms import Room

__all__ = ["reader"]


def reader() -> Reader:
    return Reader(_Nobody())


class _Nobody:
    """A `Listener` that hears nothing: events are asked for."""

    def on_open(self, room: Room, route: str) -> None: ...

    def on_events(self, events: Iterable[Event]) -> None: ...

    def on_heartbeat(self) -> None: ...

    def on_undecodable(self, what: str, failure: DecodeError) -> None: ...

    def on_unknown(self, method: str) -> None: ...
