"""From TikTok's bytes to fields, by protobuf's C core.

TikTokLive decodes with betterproto2 and pydantic, which costs milliseconds a message; upb takes
microseconds. Its schema is not written by hand: every TikTokLiveProto class carries its field
numbers and types, from which descriptors are built once, at import, for the fields that frames are
made of (`FIELDS`); upb skips the others.

This module knows bytes and fields only: nothing of frames, streams or sockets. Decoded messages
have the attribute names of the TikTokLiveProto classes; enums are plain integers; a sub-message
that is not there reads as an empty one (`HasField` tells).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import betterproto2
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLive.proto import (
    ProtoMessageFetchResult,
    ProtoMessageFetchResultBaseProtoMessage,
    WebcastPushFrame,
)
from TikTokLiveProto.v3.webcast import im
from TikTokLiveProto.v3.webcast.model import Gift
from TikTokLiveProto.v3.webcast.model import message as events
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.emoji import EmoteModel, EmoteWithIndex
from TikTokLiveProto.v3.webcast.model.base.user import BadgeStruct, PrivilegeLogExtra, User
from TikTokLiveProto.v3.webcast.model.data import UserIdentity
from TikTokLiveProto.v3.webcast.model.message.common import Text
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

__all__ = [
    "AS_BYTES",
    "FIELDS",
    "MAX_INFLATED_BYTES",
    "METHODS",
    "DecodeError",
    "Message",
    "decode_message",
    "decode_push_frame",
    "decode_response",
    "decode_user",
    "encode_ack",
]

# A gzip bomb must not take the process with it; real push frames inflate to well under 1 MB.
MAX_INFLATED_BYTES = 16 * 1024 * 1024

Message: TypeAlias = message.Message
DecodeError = message.DecodeError

# What the relay reads of TikTok's messages, by class. A class that a field refers to is listed too.
FIELDS: Mapping[type, str] = {
    WebcastPushFrame: "log_id headers payload_encoding payload_type payload",
    im.PushHeader: "key value",
    ProtoMessageFetchResult: "messages cursor internal_ext need_ack is_first",
    ProtoMessageFetchResultBaseProtoMessage: "method payload msg_id",
    CommonMessageData: "msg_id create_time display_text",
    Text: "key",
    ImageModel: "url_list",
    User: "id id_str nickname display_id avatar_thumb badge_list",
    BadgeStruct: "scene_type privilege_log_extra",
    PrivilegeLogExtra: "level",
    UserIdentity: "is_subscriber_of_anchor is_moderator_of_anchor",
    Gift: "id name type diamond_count image",
    EmoteModel: "emote_id image",
    EmoteWithIndex: "index emote",
    events.WebcastChatMessage: (
        "common user content emotes content_language at_user mention_users user_identity"
    ),
    events.WebcastGiftMessage: (
        "common user to_user gift_id gift repeat_count repeat_end group_id user_identity"
    ),
    events.WebcastLikeMessage: "common user count total",
    events.WebcastMemberMessage: "common user member_count",
    events.WebcastSocialMessage: "common user action",
    events.WebcastSubNotifyMessage: "common user sub_month",
    events.WebcastRoomUserSeqMessage: "common ranks total total_user",
    events.Contributor: "score user",
    events.WebcastQuestionNewMessage: "common data",
    events.Question: "question_id content user",
    events.WebcastEmoteChatMessage: "common user emote_list user_identity",
    events.WebcastControlMessage: "common action tips extra",
    events.Extra: "source reason_no",
}

# Users whom TikTok repeats over and over are left as bytes, for `decode_user`.
AS_BYTES = frozenset({(events.Contributor, "user")})

_PACKAGE = "tiktok"
_SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in (
        *("bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "float", "double"),
        *("fixed32", "sfixed32", "fixed64", "sfixed64", "string", "bytes"),
    )
} | {"enum": descriptor_pb2.FieldDescriptorProto.TYPE_INT32}


def _upstream_class(cls: type) -> type[betterproto2.Message]:
    """The generated class below TikTokLive's own subclasses, so that each is described once."""
    for base in cls.__mro__:
        if base.__module__.startswith("TikTokLiveProto."):
            return base
    raise TypeError(f"{cls.__qualname__} does not derive from a TikTokLiveProto class")


def _type_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}".replace(".", "_")


def _build_schema(fields: Mapping[type, str]) -> dict[type, type[Message]]:
    """upb classes with the given fields of TikTokLiveProto's classes.

    Raises:
        LookupError: a class or field is gone, or is of a kind that this translation doesn't know:
            the pinned TikTokLive moved.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="tiktok.proto", package=_PACKAGE, syntax="proto3"
    )
    for cls, names in fields.items():
        described = file.message_type.add(name=_type_name(cls))
        metadata = cls()._betterproto
        for name in names.split():
            meta = metadata.meta_by_field_name[name]
            field = described.field.add(name=name, number=meta.number, json_name=name)
            field.label = field.LABEL_REPEATED if meta.repeated else field.LABEL_OPTIONAL
            if (cls, name) in AS_BYTES:
                field.type = field.TYPE_BYTES
            elif meta.proto_type == "message":
                referred = _upstream_class(metadata.cls_by_field[name])
                if referred not in fields:
                    raise LookupError(f"{cls.__name__}.{name}: {referred} is not in FIELDS")
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{_type_name(referred)}"
            else:
                field.type = _SCALARS[meta.proto_type]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        cls: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{_type_name(cls)}")
        )
        for cls in fields
    }


_SCHEMA = _build_schema(FIELDS)
_PushFrame = _SCHEMA[WebcastPushFrame]
_FetchResult = _SCHEMA[ProtoMessageFetchResult]
_User = _SCHEMA[User]

# The decoded class of each method that becomes frames.
METHODS: Mapping[str, type[Message]] = {
    method: _SCHEMA[_upstream_class(event)]
    for method, event in EVENT_MAPPINGS.items()
    if _upstream_class(event) in _SCHEMA
}


def decode_user(data: bytes) -> Any:
    """A user that a field of `FIELDS` has as bytes.

    Raises:
        DecodeError: `data` is no user.
    """
    return _User.FromString(data)


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
