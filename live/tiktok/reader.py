"""TikTok's messages read: events of the LIVE come out, in the same order.

A `Reader` stands between a stream's connections and the stream. What can't be read is counted, and
hurts nothing.
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

# Names of unknown methods come from outside: no more than that many are told apart.
_MAX_METHODS = 500
_BEYOND = "others"  # the name under which those beyond that are counted
# Real messages that become frames have a few kB. The log keeps thousands of them.
_MAX_PAYLOAD = 64 * 1024
# Those that become `other` frames are many, and few ask for them.
_MAX_OTHER = 16 * 1024
_MAX_METHOD = 100


class Listener(Protocol):
    """Whom a reader reports to. Called on the event loop; must neither block nor raise."""

    def on_open(self, room: Room) -> None:
        """A connection is open. Called once per connection, before any event of it."""

    def on_events(self, events: Iterable[Event]) -> None:
        """TikTok sent messages, which say this; it may be nothing.

        Messages are decoded while the events are iterated, which has to happen before this
        returns. Those that are not taken are not read, and so not counted.
        """

    def on_heartbeat(self) -> None:
        """TikTok sent something else: the connection is alive."""

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        """Something could not be decoded, for the first time of its kind."""

    def on_unknown(self, method: str) -> None:
        """TikTok sent the first message of a method that TikTokLive does not map."""


class Reader:
    """Reads the messages of one stream, over all its connections. Is their `MessageListener`.

    Attributes:
        tells_others: messages without a frame of their own become `other` events.
        undecodable: what could not be decoded, counted by method.
        unknown: messages of methods that TikTokLive does not map, counted by method.
    """

    def __init__(self, listener: Listener, clock: Clock = SYSTEM_CLOCK) -> None:
        self.tells_others = False
        self.undecodable: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._listener = listener
        self._clock = clock

    def read(self, messages: Iterable[RawMessage]) -> Iterator[Event]:
        """What the messages say. One is read when its event is asked for."""
        at = self._clock.unix_ms()
        for message in messages:
            event = self._read(message, at)
            if event is not None:
                yield event

    # --- MessageListener: called by the connection ---------------------------------------------

    def on_open(self, room: Room) -> None:
        self._listener.on_open(room)

    def on_messages(self, messages: Iterable[RawMessage]) -> None:
        self._listener.on_events(self.read(messages))

    def on_heartbeat(self) -> None:
        self._listener.on_heartbeat()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        self._listener.on_heartbeat()
        self._note_undecodable(what, failure)

    # -------------------------------------------------------------------------------------------

    def _read(self, message: RawMessage, at: int) -> Event | None:
        """What a message says to those who listen."""
        method = message.method
        whole = None
        try:
            if method in METHODS and (event := _event_of(message, at)) is not None:
                return event
            if self.tells_others and len(message.payload) <= _MAX_OTHER:
                whole = decode_whole_message(method, message.payload)
        except DecodeError as failure:
            self._note_undecodable(method, failure)
        if method not in EVENT_MAPPINGS:
            self._note_unknown(_shown(method))
        return _other(message, whole, at) if self.tells_others else None

    def _note_unknown(self, method: str) -> None:
        if _count(self.unknown, method) == 1:
            self._listener.on_unknown(method)

    def _note_undecodable(self, what: str, failure: DecodeError) -> None:
        if _count(self.undecodable, what) == 1:
            self._listener.on_undecodable(what, failure)


def _count(counter: Counter[str], method: str) -> int:
    """Count it; the new count."""
    if method not in counter and len(counter) >= _MAX_METHODS:
        method = _BEYOND
    counter[method] += 1
    return counter[method]


def _shown(method: str) -> str:
    """A method's name, which is TikTok's to choose, as it may stand in a log or on a page."""
    return "".join(filter(str.isprintable, method[:_MAX_METHOD]))


def _event_of(message: RawMessage, at: int) -> Event | None:
    if len(message.payload) > _MAX_PAYLOAD:
        raise DecodeError(f"too large: {len(message.payload)} bytes")
    decoded = decode_message(message.method, message.payload)
    return event_of(message.method, decoded, at, message.msg_id)


def _other(message: RawMessage, whole: dict[str, Any] | None, at: int) -> Event:
    """What there is to tell of a message without a frame of its own.

    Args:
        whole: what it says, if that can be told.
    """
    # As in every frame, the message's own id comes before the envelope's.
    number = int((whole or {}).get("common", {}).get("msg_id", 0)) or message.msg_id
    data = Other(_shown(message.method), len(message.payload), UNSET if whole is None else whole)
    return Event(FrameType.OTHER, id_text(unsigned(number)) if number else "", at, data)
