"""What TikTok sends: frames of its socket, with messages that become events and frames."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import deflate
import msgspec

from fuzz.mutation import ProtobufCorpus, spoilt_bytes
from fuzz.running import Target
from live.streams.feed import Feed
from live.tiktok.decoding import (
    DecodeError,
    decode_push_frame,
    decode_response,
    encode_ack,
    load_whole_messages,
)
from live.tiktok.events import Event
from live.tiktok.reader import Reader
from live.tiktok.rooms import Room
from standin import encode_push_frame, messages, wire
from standin.captures import captures_available, load_captures
from standin.frames import PAYLOAD
from tests.support.clock import FixedClock
from tests.support.contract import check_frame
from tests.support.messages import built_messages

__all__ = ["decoder"]

_NOW_MS, _NOW = 1_795_000_000_000, 1000.0
# Field numbers: the messages of a response, and of each its method, its payload and its id.
_MESSAGES, _METHOD, _PAYLOAD, _MSG_ID = 1, 1, 2, 3
_BACKLOG = 64


class _Heard:
    """What a stream does with what its reader tells it: the events go into a feed."""

    def __init__(self, feed: Feed) -> None:
        self.undecodable = 0
        self._feed = feed

    def on_open(self, room: Room, route: str) -> None: ...

    def on_events(self, events: Iterable[Event]) -> None:
        self._feed.take(events, _NOW)

    def on_heartbeat(self) -> None: ...

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        assert what.isprintable() or what != "push frame"
        self.undecodable += 1

    def on_unknown(self, method: str) -> None:
        assert method.isprintable()


def decoder() -> Target:
    """Frames of TikTok's socket, with real messages if there are captures, else built ones; what
    comes of them is a frame of the contract, or is counted as undecodable."""
    load_whole_messages()
    return _Decoder().target()


class _Decoder:
    def __init__(self) -> None:
        captured = load_captures() if captures_available() else []
        sent = [*captured, *built_messages(), messages.unknown(payload=b"\x08\x01")]
        sent = [message.renumbered(number) for number, message in enumerate(sent, 2**60)]
        self._by_method: dict[str, list[bytes]] = {}
        for message in sent:
            self._by_method.setdefault(message.method, []).append(message.payload)
        self._methods = list(self._by_method)
        self._messages = ProtobufCorpus(message.payload for message in sent)
        # Whole frames, to be spoilt around the messages. Unzipped, so that all can be reached.
        self._frame = encode_push_frame(sent[:1], compress=False, log_id=1)
        self._zipped = encode_push_frame(sent[:1], compress=True, log_id=1)
        self._frames = ProtobufCorpus(
            encode_push_frame(sent[at : at + 2], compress=False, log_id=1)
            for at in range(0, len(sent), 7)
        )

    def target(self) -> Target:
        return Target(self._make, self._give)

    def _make(self, rng: Random) -> bytes:
        kind = rng.random()
        if kind < 0.02:
            return rng.randbytes(rng.randrange(60))
        if kind < 0.15:
            return self._frames.make(rng)
        spoilt = b"".join(self._message(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
        if kind < 0.85:
            return wire.replace(self._frame, PAYLOAD, wire.bytes_field(PAYLOAD, spoilt))
        zipped = bytes(deflate.gzip_compress(spoilt, 1))
        if kind < 0.95:
            zipped = spoilt_bytes(rng, zipped)
        return wire.replace(self._zipped, PAYLOAD, wire.bytes_field(PAYLOAD, zipped))

    def _message(self, rng: Random) -> bytes:
        """A message in its envelope: with a payload of its kind, mostly."""
        method = rng.choice(self._methods)
        kind = method if rng.random() < 0.97 else rng.choice(self._methods)
        payload = self._messages.spoilt(rng, rng.choice(self._by_method[kind]))
        name = method.encode() if rng.random() < 0.99 else rng.randbytes(rng.randrange(9))
        envelope = (
            wire.bytes_field(_METHOD, name)
            + wire.bytes_field(_PAYLOAD, payload)
            + wire.varint_field(_MSG_ID, rng.getrandbits(rng.choice((3, 64))))
        )
        return wire.bytes_field(_MESSAGES, envelope)

    def _give(self, data: bytes) -> str:
        feed = Feed(_BACKLOG, FixedClock(_NOW_MS))
        heard = _Heard(feed)
        reader = Reader(heard, FixedClock(_NOW_MS))
        reader.tells_others = len(data) % 4 == 0
        try:
            frame = decode_push_frame(data)
            if frame.payload_type != "msg":
                return "a frame without messages"
            response = decode_response(frame)
        except DecodeError as failure:
            return f"undecodable frame: {type(failure).__name__}"
        if response.need_ack:
            encode_ack(frame.log_id, response.internal_ext)
        reader.on_messages(response.messages)
        feed.sweep(_NOW + 10_000)
        for entry in feed.log.read(0, _BACKLOG):
            check_frame(msgspec.json.decode(entry.text.encode()))
        snapshot = msgspec.json.encode(feed.snapshot())
        assert msgspec.json.decode(snapshot)
        if heard.undecodable:
            return "an undecodable message"
        return "events" if feed.log.end else "no events"
