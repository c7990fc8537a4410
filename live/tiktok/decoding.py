"""Decodes TikTok's bytes into protobuf messages, with protobuf's C implementation (upb).

TikTokLive itself decodes with betterproto2 and pydantic, which takes milliseconds for a message;
upb takes microseconds. This module does not build events or frames. The fields that it decodes are
listed in `live.tiktok.schema`.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from typing import Any

import deflate
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
    "decode_badge",
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

# Bytes that a zipped push frame may have when it is unzipped. Without a limit, a few bytes could
# fill the memory. Real push frames stay far below 1 MB.
MAX_INFLATED_BYTES = 16 * 1024 * 1024

# How many bytes one byte of deflated data makes, at most; so a false size reserves no memory.
_MAX_DEFLATED_BY = 1032

DecodeError = message.DecodeError

_SCHEMA = build_schema(FIELDS, AS_BYTES)
_PushFrame = _SCHEMA[WebcastPushFrame]
_FetchResult = _SCHEMA[ProtoMessageFetchResult]
_User = _SCHEMA[user.User]
_Badge = _SCHEMA[user.BadgeStruct]

# The class to decode a message with, by TikTok's method, for the methods that become frames.
METHODS: Mapping[str, type[Message]] = {
    method: _SCHEMA[described_class(event)]
    for method, event in EVENT_MAPPINGS.items()
    if described_class(event) in _SCHEMA
}
_decoders = {method: cls.FromString for method, cls in METHODS.items()}


class _WholeMessages:
    """Decodes all fields of every message that TikTokLive has a class for.

    Building the schema takes seconds, so it is built when it is needed for the first time.
    """

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
    """Build the schema for `decode_whole_message` and `parse_whole_message`.

    Takes seconds the first time. May be called in any thread.
    """
    _whole_messages.load()


def parse_whole_message(method: str, payload: bytes) -> Any | None:
    """Decode all fields of a message into a protobuf object.

    Returns None for a method that TikTokLive has no class for, and before `load_whole_messages`.

    Raises:
        DecodeError: the payload is not a message of that method.
    """
    return _whole_messages.parse(method, payload)


def decode_whole_message(method: str, payload: bytes) -> dict[str, Any] | None:
    """Decode all fields of a message into a dict, in protobuf's JSON form, with the schema's names.

    Returns None for a method that TikTokLive has no class for, and before `load_whole_messages`.

    Raises:
        DecodeError: the payload is not a message of that method.
    """
    try:
        return _whole_messages.decode(method, payload)
    except json_format.Error as refused:  # for example, a message that is nested too deeply
        raise DecodeError(str(refused)) from None


def decode_user(data: bytes) -> Any:
    """Decode a user of a field in `live.tiktok.schema.AS_BYTES`, which the schema leaves as bytes.

    Raises:
        DecodeError: `data` is no user.
    """
    return _User.FromString(data)


def decode_badge(data: bytes) -> Any:
    """Decode a badge of a user, which the schema leaves as bytes.

    Raises:
        DecodeError: `data` is no badge.
    """
    return _Badge.FromString(data)


def ranking_name(number: int) -> str:
    """Return TikTok's name for a kind of ranking (ProfitRankType), such as "weekly_rank".

    For a number without a name, returns the number as text.
    """
    try:
        name = ProfitRankType(number).name or ""
    except ValueError:
        name = ""
    return name.removeprefix("TYPE_").lower() or str(number)


def decode_message(method: str, payload: bytes) -> Any:
    """Decode a message of a method in `METHODS`, with the fields that `FIELDS` lists.

    Raises:
        DecodeError: the payload is not a message of that method.
    """
    return _decoders[method](payload)


def decode_push_frame(data: bytes) -> Any:
    """Decode one frame of TikTok's socket, which is a WebcastPushFrame.

    Raises:
        DecodeError: `data` is no push frame.
    """
    return _PushFrame.FromString(data)


def encode_ack(log_id: int, internal_ext: str) -> bytes:
    """Encode the push frame that acknowledges a received one, in the same form as TikTokLive's.

    Args:
        log_id: the id of the received push frame.
        internal_ext: the text that came with it, which TikTok expects back.
    """
    ack: bytes = _PushFrame(
        log_id=log_id,
        payload_encoding="pb",
        payload_type="ack",
        payload=(internal_ext or "-").encode(),
    ).SerializeToString()
    return ack


def decode_response(push_frame: Any) -> Any:
    """Decode the payload of a push frame of type "msg", which is a ProtoMessageFetchResult.

    Raises:
        DecodeError: the payload can't be unzipped, is larger than `MAX_INFLATED_BYTES` when
            unzipped, or is no ProtoMessageFetchResult.
    """
    payload = push_frame.payload
    # A slice is a list; iterating over the field itself ends with an exception, which takes longer.
    for header in push_frame.headers[:]:
        if header.key == "compress_type" and header.value == "gzip":
            payload = _gunzip(payload)
            break
    return _FetchResult.FromString(payload)


def _gunzip(data: bytes) -> bytes:
    # libdeflate takes half of zlib's time, but needs to know the size beforehand. It is in the last
    # four bytes. What libdeflate refuses, zlib reads after all, or finds the fault of.
    size = int.from_bytes(data[-4:], "little")
    is_possible = 0 < size <= min(MAX_INFLATED_BYTES, _MAX_DEFLATED_BY * len(data))
    try:
        fast = is_possible and deflate.gzip_decompress(data, size)
    except (deflate.DeflateError, ValueError):
        fast = False
    return bytes(fast) if fast else _gunzip_by_zlib(data)


def _gunzip_by_zlib(data: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        # One byte more than allowed: zlib can then read the end of data of exactly that size, and
        # larger data is noticed by its length.
        inflated = inflate.decompress(data, MAX_INFLATED_BYTES + 1)
    except zlib.error as refused:
        raise DecodeError(f"gzip: {refused}") from None
    if not inflate.eof or len(inflated) > MAX_INFLATED_BYTES:
        raise DecodeError("gzip: cut short, or too large")
    return inflated
