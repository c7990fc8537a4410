"""From TikTok's bytes to fields, by protobuf's C core (upb).

TikTokLive decodes with betterproto2 and pydantic, which costs milliseconds a message; upb takes
microseconds. This module knows bytes and fields only: nothing of frames, streams or sockets. See
`live.tiktok.schema` for the names of the fields.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, message
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLive.proto import (
    ProtoMessageFetchResult,
    WebcastPushFrame,
)
from TikTokLiveProto.v3.webcast.model.base import user
from TikTokLiveProto.v3.webcast.model.data import ProfitRankType

from live.tiktok.schema import AS_BYTES, FIELDS, Message, all_fields, build_schema, described_class

__all__ = [
    "MAX_INFLATED_BYTES",
    "METHODS",
    "DecodeError",
    "decode_message",
    "decode_push_frame",
    "decode_response",
    "decode_user",
    "decode_whole_message",
    "encode_ack",
    "load_whole_messages",
    "parse_whole_message",
    "ranking_name",
]

# A gzip bomb must not take the process with it; real push frames inflate to well under 1 MB.
MAX_INFLATED_BYTES = 16 * 1024 * 1024

DecodeError = message.DecodeError

_SCHEMA = build_schema(FIELDS, AS_BYTES)
_PushFrame = _SCHEMA[WebcastPushFrame]
_FetchResult = _SCHEMA[ProtoMessageFetchResult]
_User = _SCHEMA[user.User]

# The decoded class of each method that becomes frames.
METHODS: Mapping[str, type[Message]] = {
    method: _SCHEMA[described_class(event)]
    for method, event in EVENT_MAPPINGS.items()
    if described_class(event) in _SCHEMA
}


class _WholeMessages:
    """Every message that TikTokLive maps, with all its fields. Building the schema takes seconds,
    so it is built when somebody asks for it."""

    def __init__(self) -> None:
        self._methods: dict[str, type[Message]] = {}
        self._lock = threading.Lock()

    def load(self) -> None:
        with self._lock:
            if not self._methods:
                schema = build_schema(all_fields(map(described_class, EVENT_MAPPINGS.values())))
                self._methods = {
                    method: schema[described_class(event)]
                    for method, event in EVENT_MAPPINGS.items()
                }

    def parse(self, method: str, payload: bytes) -> Message | None:
        return self._methods[method].FromString(payload) if method in self._methods else None

    def decode(self, method: str, payload: bytes) -> dict[str, Any] | None:
        if (message := self.parse(method, payload)) is None:
            return None
        whole: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
        return whole


_whole_messages = _WholeMessages()


def load_whole_messages() -> None:
    """Prepare `decode_whole_message`. Takes seconds the first time; thread-safe."""
    _whole_messages.load()


def parse_whole_message(method: str, payload: bytes) -> Any | None:
    """The same message as protobuf's own object; None where `decode_whole_message` has none.

    Raises:
        DecodeError: the payload is not such a message.
    """
    return _whole_messages.parse(method, payload)


def decode_whole_message(method: str, payload: bytes) -> dict[str, Any] | None:
    """All fields of a message as protobuf's JSON has them, by the schema's names; None for a method
    that TikTokLive does not map, or before `load_whole_messages`.

    Raises:
        DecodeError: the payload is not such a message.
    """
    try:
        return _whole_messages.decode(method, payload)
    except json_format.Error as refused:  # nested too deeply, say
        raise DecodeError(str(refused)) from None


def decode_user(data: bytes) -> Any:
    """A user that a field of `FIELDS` has as bytes.

    Raises:
        DecodeError: `data` is no user.
    """
    return _User.FromString(data)


def ranking_name(number: int) -> str:
    """TikTok's word for a kind of ranking (ProfitRankType), as in "weekly_rank"."""
    try:
        name = ProfitRankType(number).name or ""
    except ValueError:
        name = ""
    return name.removeprefix("TYPE_").lower() or str(number)


def decode_message(method: str, payload: bytes) -> Any:
    """The message of a method in `METHODS`.

    Raises:
        DecodeError: the payload is not such a message.
    """
    return METHODS[method].FromString(payload)


def decode_push_frame(data: bytes) -> Any:
    """A frame of TikTok's socket, with the fields of WebcastPushFrame.

    Raises:
        DecodeError: `data` is no push frame.
    """
    return _PushFrame.FromString(data)


def encode_ack(log_id: int, internal_ext: str) -> bytes:
    """The push frame that acknowledges the one with that id, as TikTokLive would write it."""
    ack: bytes = _PushFrame(
        log_id=log_id,
        payload_encoding="pb",
        payload_type="ack",
        payload=(internal_ext or "-").encode(),
    ).SerializeToString()
    return ack


def decode_response(push_frame: Any) -> Any:
    """What a push frame of type "msg" carries, with the fields of ProtoMessageFetchResult.

    Raises:
        DecodeError: the payload can't be unzipped, is larger than `MAX_INFLATED_BYTES` when
            unzipped, or is no such message.
    """
    payload = push_frame.payload
    if any(
        header.key == "compress_type" and header.value == "gzip" for header in push_frame.headers
    ):
        payload = _gunzip(payload)
    return _FetchResult.FromString(payload)


def _gunzip(data: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        # With room for one byte more, the end of what is just not too large is seen.
        inflated = inflate.decompress(data, MAX_INFLATED_BYTES + 1)
    except zlib.error as refused:
        raise DecodeError(f"gzip: {refused}") from None
    if not inflate.eof or len(inflated) > MAX_INFLATED_BYTES:
        raise DecodeError("gzip: cut short, or too large")
    return inflated
