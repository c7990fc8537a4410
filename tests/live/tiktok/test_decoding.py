"""TikTok's bytes, decoded by protobuf's C core: the same fields as TikTokLive's own classes have,
and nothing but `DecodeError` when the bytes are bad."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLive.proto import (
    ProtoMessageFetchResult,
    ProtoMessageFetchResultBaseProtoMessage,
    WebcastPushFrame,
)
from TikTokLiveProto.v3.webcast.im import PushHeader
from TikTokLiveProto.v3.webcast.model import message as events
from TikTokLiveProto.v3.webcast.model.base.user import User
from TikTokLiveProto.v3.webcast.model.message.common import Text
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.tiktok.decoding import (
    MAX_INFLATED_BYTES,
    METHODS,
    DecodeError,
    decode_badge,
    decode_message,
    decode_push_frame,
    decode_response,
    decode_user,
    decode_whole_message,
    load_whole_messages,
    ranking_name,
)
from live.tiktok.schema import AS_BYTES, FIELDS, build_schema, described_class
from standin import captures, wire
from standin import messages as build
from tests.support.messages import built_messages

needs_captures = pytest.mark.skipif(
    not captures.captures_available(), reason=captures.captures_reason()
)


def expected(cls: type, message: Any) -> dict[str, Any]:
    """The fields of `FIELDS` as TikTokLive's class has them; None for a message that is not there.

    Enums as integers, sub-messages as dictionaries.
    """
    metadata = cls()._betterproto
    fields: dict[str, Any] = {}
    for name in FIELDS[cls].split():
        meta = metadata.meta_by_field_name[name]
        value = getattr(message, name)
        if meta.proto_type == "map":
            referred = referred_by_map(cls, name)
            value = {
                key: expected(referred, each) if referred else each for key, each in value.items()
            }
        elif meta.proto_type == "message":
            referred = described_class(metadata.cls_by_field[name])
            if meta.repeated:
                value = [expected(referred, item) for item in value]
            elif value is not None:
                value = expected(referred, value)
        elif meta.proto_type == "enum":
            value = int(value)
        fields[name] = value
    return fields


# How the sub-messages are decoded that the schema leaves as bytes.
LATER: dict[tuple[type, str], Callable[[bytes], Any]] = {
    (events.Contributor, "user"): decode_user,
    (User, "badge_list"): decode_badge,
}
assert LATER.keys() == AS_BYTES


def decoded(cls: type, message: Any) -> dict[str, Any]:
    """The same of what upb decoded."""
    metadata = cls()._betterproto
    fields: dict[str, Any] = {}
    for name in FIELDS[cls].split():
        meta = metadata.meta_by_field_name[name]
        value = getattr(message, name)
        if meta.proto_type == "map":
            referred = referred_by_map(cls, name)
            value = {
                key: decoded(referred, each) if referred else each for key, each in value.items()
            }
        elif meta.proto_type == "message":
            referred = described_class(metadata.cls_by_field[name])
            if decode := LATER.get((cls, name)):
                each = value if meta.repeated else [value]
                of_bytes = [decoded(referred, decode(data)) for data in each]
                value = of_bytes if meta.repeated else of_bytes[0] if value else None
            elif meta.repeated:
                value = [decoded(referred, item) for item in value]
            else:
                value = decoded(referred, value) if message.HasField(name) else None
        elif meta.repeated:
            value = list(value)
        fields[name] = value
    return fields


def referred_by_map(cls: type, name: str) -> type | None:
    """The class of the map's values; None if they are no messages."""
    metadata = cls()._betterproto
    if metadata.meta_by_field_name[name].map_meta[1].proto_type != "message":
        return None
    return described_class(metadata.cls_by_field[f"{name}.value"])


def upstream_class(method: str) -> type:
    return described_class(EVENT_MAPPINGS[method])


def assert_same(method: str, payload: bytes) -> None:
    """Both decode it, to the same."""
    cls = upstream_class(method)
    theirs = expected(cls, cls().parse(payload))
    assert decoded(cls, decode_message(method, payload)) == theirs


def filled(cls: type, depth: int = 5) -> Any:
    """A message with every field of `FIELDS` set, each to a value of its own."""
    metadata = cls()._betterproto
    values: dict[str, Any] = {}
    for name in FIELDS[cls].split():
        meta = metadata.meta_by_field_name[name]
        value: Any
        match meta.proto_type:
            case "message":
                if not depth:
                    continue
                value = filled(described_class(metadata.cls_by_field[name]), depth - 1)
            case "enum":
                value = list(metadata.cls_by_field[name])[-1]
            case "string":
                value = f"{cls.__name__}.{name}"
            case "bytes":
                value = name.encode()
            case "map":
                referred = referred_by_map(cls, name)
                assert referred is not None
                value = {meta.number: filled(referred, depth - 1)} if depth else {}
            case "bool":
                value = True
            case _:
                value = meta.number + 1000
        values[name] = [value, value] if meta.repeated else value
    return cls(**values)


class TestDecodeMessage:
    def test_a_message_is_decoded_by_its_method(self) -> None:
        message = build.chat("maria", "hello", msg_id=7412000000000000017)
        chat = decode_message(message.method, message.payload)
        assert chat.content == "hello"
        assert chat.user.display_id == "maria"
        assert chat.common.msg_id == 7412000000000000017

    def test_it_knows_what_becomes_frames(self) -> None:
        assert set(METHODS) == {
            "WebcastBarrageMessage",
            "WebcastCaptionMessage",
            "WebcastChatMessage",
            "WebcastControlMessage",
            "WebcastEmoteChatMessage",
            "WebcastEnvelopeMessage",
            "WebcastGiftMessage",
            "WebcastGoalUpdateMessage",
            "WebcastImDeleteMessage",
            "WebcastLikeMessage",
            "WebcastLinkMicArmies",
            "WebcastLinkMicBattle",
            "WebcastLinkMicBattlePunishFinish",
            "WebcastMemberMessage",
            "WebcastNoticeMessage",
            "WebcastPollMessage",
            "WebcastQuestionNewMessage",
            "WebcastRankTextMessage",
            "WebcastRankUpdateMessage",
            "WebcastRoomMessage",
            "WebcastRoomNotifyMessage",
            "WebcastRoomPinMessage",
            "WebcastRoomUserSeqMessage",
            "WebcastSocialMessage",
            "WebcastSubNotifyMessage",
            "WebcastSystemMessage",
        }

    @needs_captures
    def test_it_agrees_with_tiktoklive_on_what_tiktok_sent(self) -> None:
        known = [message for message in captures.load_captures() if message.method in METHODS]
        assert known
        for message in known:
            assert_same(message.method, message.payload)

    @pytest.mark.parametrize("message", built_messages(), ids=lambda message: message.method)
    def test_it_agrees_with_tiktoklive_on_built_messages(self, message: build.Message) -> None:
        assert_same(message.method, message.payload)

    @pytest.mark.parametrize("method", METHODS)
    def test_it_agrees_with_tiktoklive_on_every_field(self, method: str) -> None:
        cls = upstream_class(method)
        message = filled(cls)
        payload = bytes(message)
        assert decoded(cls, decode_message(method, payload)) == expected(cls, message)
        assert_same(method, payload)

    @pytest.mark.parametrize("method", METHODS)
    def test_it_agrees_with_tiktoklive_on_an_empty_message(self, method: str) -> None:
        assert_same(method, b"")

    @pytest.mark.parametrize("method", METHODS)
    def test_it_reads_what_is_not_there_as_empty(self, method: str) -> None:
        message = decode_message(method, b"")
        assert not message.HasField("common")
        assert message.common.msg_id == 0
        assert message.common.display_text.key == ""

    def test_it_passes_over_fields_that_it_does_not_know(self) -> None:
        message = build.chat("maria", "hello")
        payload = message.payload + bytes.fromhex("fa7f03616263")  # field 2047, "abc"
        assert decode_message(message.method, payload).content == "hello"

    def test_it_refuses_a_truncated_message(self) -> None:
        message = build.chat("maria", "hello")
        refused = 0
        for length in range(len(message.payload)):
            try:
                decode_message(message.method, message.payload[:length])
            except DecodeError:
                refused += 1
        # Cut between two fields, a message is a message.
        assert refused > len(message.payload) - 10

    @pytest.mark.parametrize("payload", [b"\xff", b"\x00", b"\x0a\x05", b"\x1a\x02\xff\xfe"])
    @pytest.mark.parametrize("method", ["WebcastChatMessage"])
    def test_it_refuses_garbage(self, method: str, payload: bytes) -> None:
        with pytest.raises(DecodeError):
            decode_message(method, payload)

    def test_it_refuses_an_endless_nesting(self) -> None:
        # A group in a group in a group, 5000 deep: what blows up a parser that calls itself.
        with pytest.raises(DecodeError):
            decode_message("WebcastChatMessage", b"\xfb\x07" * 5000)

    @settings(derandomize=True, deadline=None)
    @given(st.sampled_from(sorted(METHODS)), st.binary())
    def test_it_raises_nothing_but_a_decode_error(self, method: str, payload: bytes) -> None:
        try:
            decode_message(method, payload)
        except DecodeError:
            return

    @settings(derandomize=True, deadline=None)
    @given(st.sampled_from(sorted(METHODS)), st.data())
    def test_it_raises_nothing_but_a_decode_error_on_damage(
        self, method: str, data: st.DataObject
    ) -> None:
        damaged = bytearray(bytes(filled(upstream_class(method))))
        for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=5)):
            damaged[position] = data.draw(st.integers(0, 255))
        try:
            decode_message(method, bytes(damaged))
        except DecodeError:
            return


def push_frame(payload: bytes, **headers: str) -> Any:
    """A push frame, decoded."""
    frame = WebcastPushFrame(
        log_id=7,
        payload_type="msg",
        payload=payload,
        headers=[PushHeader(key=key, value=value) for key, value in headers.items()],
    )
    return decode_push_frame(bytes(frame))


def _varint(number: int) -> bytes:
    return wire.varint_field(1, number)[1:]


def gzipped(payload: bytes) -> Any:
    return push_frame(gzip.compress(payload, mtime=0), compress_type="gzip")


RESULT = ProtoMessageFetchResult(
    messages=[
        ProtoMessageFetchResultBaseProtoMessage(method="WebcastX", payload=b"\x00\xff", msg_id=5)
    ],
    cursor="1701791801_1",
    internal_ext="fetch_time:1",
    need_ack=True,
    is_first=True,
)


class TestDecodePushFrame:
    def test_a_push_frame_is_decoded_as_betterproto_does(self) -> None:
        frame = WebcastPushFrame(
            log_id=2**62,
            payload_type="msg",
            payload=b"\x00\xff",
            headers=[PushHeader(key="compress_type", value="gzip")],
        )
        read = decode_push_frame(bytes(frame))
        assert decoded(WebcastPushFrame, read) == expected(WebcastPushFrame, frame)

    def test_it_reads_nothing_as_an_empty_frame(self) -> None:
        assert decode_push_frame(b"").payload_type == ""

    @pytest.mark.parametrize("data", [b"\xff", b"<html>", b"hello", b"\x42\x05x"])
    def test_it_refuses_garbage(self, data: bytes) -> None:
        with pytest.raises(DecodeError):
            decode_push_frame(data)

    @settings(derandomize=True, deadline=None)
    @given(st.binary())
    def test_it_raises_nothing_but_a_decode_error(self, data: bytes) -> None:
        try:
            decode_push_frame(data)
        except DecodeError:
            return


class TestDecodeResponse:
    def test_a_zipped_response_is_decoded_as_betterproto_does(self) -> None:
        response = decode_response(gzipped(bytes(RESULT)))
        cls = described_class(ProtoMessageFetchResult)
        assert decoded(cls, response) == expected(cls, RESULT)

    def test_it_reads_a_payload_that_is_not_compressed(self) -> None:
        for frame in (push_frame(bytes(RESULT)), push_frame(bytes(RESULT), compress_type="none")):
            assert decode_response(frame).cursor == RESULT.cursor

    def test_it_reads_an_empty_response(self) -> None:
        assert list(decode_response(gzipped(b"")).messages) == []
        assert list(decode_response(push_frame(b"")).messages) == []

    def test_it_reads_a_large_one(self) -> None:
        message = ProtoMessageFetchResultBaseProtoMessage(payload=bytes(8 * 1024 * 1024))
        response = decode_response(gzipped(bytes(ProtoMessageFetchResult(messages=[message]))))
        assert len(response.messages[0].payload) == 8 * 1024 * 1024

    def test_it_reads_one_that_is_just_not_too_large(self) -> None:
        # A field that the schema doesn't know, after 5 bytes of tag and length.
        payload = b"\x7a" + _varint(MAX_INFLATED_BYTES - 5) + bytes(MAX_INFLATED_BYTES - 5)
        assert len(payload) == MAX_INFLATED_BYTES
        assert decode_response(gzipped(payload)).cursor == ""

    @pytest.mark.parametrize("inflated", [MAX_INFLATED_BYTES + 1, 4 * MAX_INFLATED_BYTES])
    def test_it_refuses_a_gzip_bomb(self, inflated: int) -> None:
        bomb = gzipped(bytes(inflated))
        with pytest.raises(DecodeError, match="too large"):
            decode_response(bomb)

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"not gzip at all",
            bytes(RESULT),
            gzip.compress(bytes(RESULT), mtime=0)[:-1],
            gzip.compress(bytes(RESULT), mtime=0)[:12],
            gzip.compress(bytes(RESULT), mtime=0)[:-8] + bytes(8),
            gzip.compress(b"\xff\xff", mtime=0),
        ],
        ids=["empty", "text", "plain", "cut", "cut early", "checksum", "no message"],
    )
    def test_it_refuses_broken_gzip(self, payload: bytes) -> None:
        with pytest.raises(DecodeError):
            decode_response(push_frame(payload, compress_type="gzip"))

    @settings(derandomize=True, deadline=None)
    @given(st.binary(), st.sampled_from(["gzip", "none", "zip"]))
    @example(gzip.compress(b"", mtime=0), "gzip")
    def test_it_raises_nothing_but_a_decode_error(self, payload: bytes, compress_type: str) -> None:
        try:
            decode_response(push_frame(payload, compress_type=compress_type))
        except DecodeError:
            return

    @settings(derandomize=True, deadline=None)
    @given(st.data())
    def test_it_raises_nothing_but_a_decode_error_on_damage(self, data: st.DataObject) -> None:
        damaged = bytearray(gzip.compress(bytes(RESULT), mtime=0))
        for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1)):
            damaged[position] = data.draw(st.integers(0, 255))
        try:
            decode_response(push_frame(bytes(damaged), compress_type="gzip"))
        except DecodeError:
            return


class Gone(User):
    """A class of ours, not of TikTokLiveProto."""


class TestBuildSchema:
    def test_a_built_schema_decodes_its_fields(self) -> None:
        schema = build_schema({Text: "key"})
        assert schema[Text].FromString(bytes(Text(key="x"))).key == "x"

    @pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
    def test_it_notices_a_field_that_is_gone(self, cls: type) -> None:
        with pytest.raises(LookupError, match="was_here"):
            build_schema({**FIELDS, cls: FIELDS[cls] + " was_here"})

    def test_it_notices_a_class_that_is_not_listed(self) -> None:
        with pytest.raises(LookupError, match="display_text"):
            build_schema({CommonMessageData: "msg_id display_text"})

    def test_it_knows_maps(self) -> None:
        schema = build_schema({events.WebcastMemberMessage: "admin_permissions"})
        message = events.WebcastMemberMessage(admin_permissions={1: 1, 2: 2})
        read = schema[events.WebcastMemberMessage].FromString(bytes(message))
        assert dict(read.admin_permissions) == {1: 1, 2: 2}

    def test_it_notices_a_map_of_a_class_that_is_not_listed(self) -> None:
        with pytest.raises(LookupError, match="value"):
            build_schema({events.WebcastLinkMicArmies: "armies"})

    def test_it_describes_a_class_of_tiktoklives_by_its_upstream_class(self) -> None:
        assert described_class(Gone) is User
        with pytest.raises(TypeError, match="TikTokLiveProto"):
            described_class(os.PathLike)


@pytest.fixture(scope="module")
def _whole_messages() -> None:
    load_whole_messages()


def as_json(cls: type, message: Any) -> dict[str, Any]:
    """A message of TikTokLive's as protobuf's JSON has it, empty fields left out: written anew from
    the specification (protobuf.dev/programming-guides/json)."""
    metadata = cls()._betterproto
    fields: dict[str, Any] = {}
    for name, meta in metadata.meta_by_field_name.items():
        value = getattr(message, name)
        if meta.proto_type == "map":
            value = {
                str(key).lower() if isinstance(key, bool) else str(key): of_type(
                    meta.map_meta[1].proto_type, metadata.cls_by_field.get(f"{name}.value"), each
                )
                for key, each in value.items()
            }
        elif meta.repeated:
            referred = metadata.cls_by_field.get(name)
            value = [of_type(meta.proto_type, referred, each) for each in value]
        elif meta.proto_type == "message":
            referred = metadata.cls_by_field[name]
            value = of_type("message", referred, value) if value is not None else ""
        else:
            value = of_type(meta.proto_type, None, value) if value else ""
        # A message without content is there, a list or a scalar is not.
        if value or (meta.proto_type == "message" and not meta.repeated and value == {}):
            fields[name] = value
    return fields


def of_type(proto_type: str, referred: type | None, value: Any) -> Any:
    match proto_type:
        case "message":
            assert referred is not None
            return as_json(described_class(referred), value)
        case "int64" | "uint64" | "sint64" | "fixed64" | "sfixed64":
            return str(int(value))
        case "bytes":
            return base64.b64encode(value).decode()
        case "enum":
            return int(value)
        case _:
            return value


@pytest.mark.usefixtures("_whole_messages")
class TestDecodeWholeMessage:
    def test_a_whole_message_becomes_plain_data(self) -> None:
        message = build.chat("maria", "hello 👩‍👩‍👧", msg_id=2**62)
        whole = decode_whole_message(message.method, message.payload)
        assert whole is not None
        assert whole["content"] == "hello 👩‍👩‍👧"
        assert whole["common"]["msg_id"] == "4611686018427387904"
        assert whole["user"]["follow_info"] == {}

    @pytest.mark.parametrize("message", built_messages(), ids=lambda message: message.method)
    def test_it_has_all_that_tiktoklive_has(self, message: build.Message) -> None:
        cls = upstream_class(message.method)
        whole = decode_whole_message(message.method, message.payload)
        assert whole == as_json(cls, cls().parse(message.payload))

    @needs_captures
    def test_it_has_all_that_tiktok_sent(self) -> None:
        compared = set()
        for message in captures.load_captures():
            if message.method not in EVENT_MAPPINGS:
                continue
            whole = decode_whole_message(message.method, message.payload)
            cls = upstream_class(message.method)
            assert whole == as_json(cls, cls().parse(message.payload))
            compared.add(message.method)
        assert compared

    @pytest.mark.parametrize("method", EVENT_MAPPINGS)
    def test_it_knows_every_message_that_tiktoklive_maps(self, method: str) -> None:
        cls = upstream_class(method)
        message = wholly_filled(cls)
        whole = decode_whole_message(method, bytes(message))
        assert whole == as_json(cls, message)
        assert decode_whole_message(method, b"") == {}

    def test_it_does_not_know_others(self) -> None:
        assert decode_whole_message("WebcastNobodyKnowsMessage", b"\xff") is None

    def test_it_leaves_nothing_as_bytes_that_is_a_message(self) -> None:
        message = build.viewers(1, top=["maria"])
        whole = decode_whole_message(message.method, message.payload)
        assert whole is not None
        assert whole["ranks"][0]["user"]["display_id"] == "maria"

    def test_it_refuses_what_is_nested_too_deeply(self) -> None:
        payload = b""
        for _ in range(200):  # a user's top_fans are users
            payload = wire.bytes_field(45, payload)
        with pytest.raises(DecodeError):
            decode_whole_message("WebcastChatMessage", wire.bytes_field(2, payload))

    @settings(derandomize=True, deadline=None)
    @given(st.sampled_from(sorted(EVENT_MAPPINGS)), st.binary())
    def test_it_raises_nothing_but_a_decode_error(self, method: str, payload: bytes) -> None:
        try:
            decode_whole_message(method, payload)
        except DecodeError:
            return


def wholly_filled(cls: type, depth: int = 3) -> Any:
    """A message with all its fields set, as deep as `depth`."""
    metadata = cls()._betterproto
    message = cls()
    groups = set()
    for name, meta in metadata.meta_by_field_name.items():
        if meta.group is not None and meta.group in groups:
            continue  # only one of a group can be set
        groups.add(meta.group)
        value: Any
        if meta.proto_type == "map":
            key, value = (
                _some_value(each, metadata.cls_by_field.get(f"{name}.value"), depth)
                for each in meta.map_meta
            )
            value = {} if value is None else {key: value}
        else:
            value = _some_value(meta, metadata.cls_by_field.get(name), depth)
            if meta.repeated:
                value = [] if value is None else [value, value]
        setattr(message, name, value)
    return message


def _some_value(meta: Any, referred: type | None, depth: int) -> Any:
    match meta.proto_type:
        case "message":
            assert referred is not None
            upstream = described_class(referred)
            return wholly_filled(upstream, depth - 1) if depth else None
        case "enum":
            assert referred is not None
            return list(referred)[-1]  # type: ignore[call-overload]
        case "string":
            return f"field {meta.number}"
        case "bytes":
            return b"\x00\xff"
        case "bool":
            return True
        case "float" | "double":
            return 1.5
        case _:
            return meta.number + 1000


class TestRankingName:
    @pytest.mark.parametrize(
        ("number", "name"),
        [(1, "weekly_rank"), (14, "daily_rookie"), (987, "987"), (-1, "-1")],
    )
    def test_rankings_have_names(self, number: int, name: str) -> None:
        assert ranking_name(number) == name
