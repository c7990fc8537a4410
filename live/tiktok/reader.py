"""Reads the messages of a stream's connections and gives their events to the stream, in order.

Messages that can't be decoded are counted and left out; the rest is read as usual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from msgspec import UNSET
from TikTokLive.events.proto_events import EVENT_MAPPINGS

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.frames import FrameType, Other
from live.tiktok.decoding import METHODS, DecodeError, decode_message, decode_whole_message
from live.tiktok.events import Event, event_of
from live.tiktok.rooms import Room
from live.tiktok.upstream import RawMessage
from live.tiktok.values import id_text, unsigned

__all__ = ["Listener", "Reader"]

# How many methods are counted each by its name. TikTok chooses the names, so there could be any
# number of them; further methods are counted together, as `_BEYOND`.
_MAX_METHODS = 500
_BEYOND = "others"
# Names under which all streams together count what can't be decoded: these, and one for the rest.
_COUNTED, _UNCOUNTED = {*METHODS, "push frame"}, "other"
# Bytes of the largest message that is made into a frame. Real ones have a few kB. The event log
# keeps thousands of frames, so larger messages would fill the memory.
_MAX_PAYLOAD = 64 * 1024
# Bytes of the largest message that is decoded for an `other` frame; larger ones have no content.
# The limit is lower, since there are many such messages, and few apps ask for them.
_MAX_OTHER = 16 * 1024
# Characters of a method's name that are shown in logs, pages and frames.
_MAX_METHOD = 100


class Listener(Protocol):
    """Gets a reader's events and news. Called on the event loop; must neither block nor raise."""

    def on_open(self, room: Room, route: str) -> None:
        """A connection is open. Called once per connection, before the first event from it.

        Args:
            route: the name of the route that it took; empty where there are no routes.
        """

    def on_events(self, events: Iterable[Event]) -> None:
        """TikTok has sent messages, and these are their events; there may be none.

        The messages are decoded while `events` is iterated, so iterate it before returning.
        Messages of events that are not taken are not decoded and not counted.
        """

    def on_heartbeat(self) -> None:
        """TikTok has sent something that is no message, so the connection is alive."""

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        """For the first time, data of this kind could not be decoded.

        Args:
            what: the message's method, or "push frame".
            failure: why it could not be decoded.
        """

    def on_unknown(self, method: str) -> None:
        """TikTok has sent the first message of a method that TikTokLive has no class for."""


class Reader:
    """Turns the messages of one stream into events. Is the `MessageListener` of its connections.

    Args:
        listener: gets the events.
        undecodable_of_all: counts what can't be decoded for all readers together, by the methods
            that become frames; all others are "other".

    Attributes:
        tells_others: whether messages without a frame of their own become `other` events.
        undecodable: how many messages and push frames could not be decoded, by method.
        unknown: how many messages TikTokLive has no class for, by method.
    """

    def __init__(
        self,
        listener: Listener,
        clock: Clock = SYSTEM_CLOCK,
        undecodable_of_all: Counter[str] | None = None,
    ) -> None:
        self.tells_others = False
        self.undecodable: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._listener = listener
        self._clock = clock
        self._undecodable_of_all = Counter() if undecodable_of_all is None else undecodable_of_all

    def read(self, messages: Iterable[RawMessage]) -> Iterator[Event]:
        """Yield the events of some messages. Each message is decoded when its event is taken."""
        at = self._clock.unix_ms()
        for message in messages:
            event = self._read(message, at)
            if event is not None:
                yield event

    # --- MessageListener: called by the connection ---------------------------------------------

    def on_open(self, room: Room, route: str) -> None:
        self._listener.on_open(room, route)

    def on_messages(self, messages: Iterable[RawMessage]) -> None:
        self._listener.on_events(self.read(messages))

    def on_heartbeat(self) -> None:
        self._listener.on_heartbeat()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        self._listener.on_heartbeat()
        self._note_undecodable(what, failure)

    # -------------------------------------------------------------------------------------------

    def _read(self, message: RawMessage, at: int) -> Event | None:
        """Return the event of a message; None if it makes no frame, or can't be decoded.

        With `tells_others`, every message has an event.
        """
        # Each access to a field of a decoded message makes a new object: so each is read once.
        method, payload = message.method, message.payload
        whole = None
        try:
            if method in METHODS:
                event = _event_of(method, payload, message.msg_id, at)
                if event is not None:
                    return event
            if self.tells_others and len(payload) <= _MAX_OTHER:
                whole = decode_whole_message(method, payload)
        except DecodeError as failure:
            self._note_undecodable(method, failure)
        if method not in EVENT_MAPPINGS:
            self._note_unknown(_shown(method))
        return _other(message, whole, at) if self.tells_others else None

    def _note_unknown(self, method: str) -> None:
        if _count(self.unknown, method) == 1:
            self._listener.on_unknown(method)

    def _note_undecodable(self, what: str, failure: DecodeError) -> None:
        self._undecodable_of_all[what if what in _COUNTED else _UNCOUNTED] += 1
        if _count(self.undecodable, what) == 1:
            self._listener.on_undecodable(what, failure)


def _count(counter: Counter[str], method: str) -> int:
    """Count one more message of a method, and return the method's new count."""
    if method not in counter and len(counter) >= _MAX_METHODS:
        method = _BEYOND
    counter[method] += 1
    return counter[method]


def _shown(method: str) -> str:
    """Make a method's name safe for logs and pages: TikTok could send any text as a name."""
    return "".join(filter(str.isprintable, method[:_MAX_METHOD]))


def _event_of(method: str, payload: bytes, msg_id: int, at: int) -> Event | None:
    if len(payload) > _MAX_PAYLOAD:
        raise DecodeError(f"too large: {len(payload)} bytes")
    return event_of(method, decode_message(method, payload), at, msg_id)


def _other(message: RawMessage, whole: dict[str, Any] | None, at: int) -> Event:
    """Build the `other` event of a message without a frame of its own.

    Args:
        whole: all fields of the message; None if they are not known or not decoded.
    """
    # As for every other event, the message's own id is used first, then the envelope's.
    number = int((whole or {}).get("common", {}).get("msg_id", 0)) or message.msg_id
    data = Other(_shown(message.method), len(message.payload), UNSET if whole is None else whole)
    return Event(FrameType.OTHER, id_text(unsigned(number)) if number else "", at, data)
