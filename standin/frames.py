"""Encodes and decodes the frames of the webcast socket.

TikTok puts messages into a fetch result, and a fetch result into a push frame.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass

from TikTokLiveProto.v3.webcast.im import PushHeader, WebcastPushFrame
from TikTokLiveProto.v3.webcast.shared.message import BaseProtoMessage, ProtoMessageFetchResult

from standin import wire
from standin.messages import Message, next_msg_id

LOG_ID, PAYLOAD_TYPE, PAYLOAD = 2, 7, 8
"""Field numbers in a push frame."""

HEARTBEAT_SEQ = 2
"""Field number of a heartbeat's sequence number."""

ENTERED_ROOM = 1
"""Field number of the room's id in the message with which a client enters a room."""

ROUTE_PARAMS = {"imprp": "stand-in", "user_agent": "Mozilla/5.0 (stand-in)"}
"""The signature, which clients have to put into the query of the signed socket's address."""


@dataclass(frozen=True, slots=True)
class PushFrame:
    """The fields of a client's push frame that the stand-in reads."""

    payload_type: str
    payload: bytes
    log_id: int


def _envelopes(messages: Sequence[Message], history: bool) -> list[BaseProtoMessage]:
    return [
        BaseProtoMessage(method=m.method, payload=m.payload, msg_id=m.msg_id, is_history=history)
        for m in messages
    ]


def encode_first_result(history: Sequence[Message], push_server: str, cursor: str) -> bytes:
    """Encode the sign server's answer, which has the socket's address and the latest messages."""
    return bytes(
        ProtoMessageFetchResult(
            messages=_envelopes(history, history=True),
            cursor=cursor,
            internal_ext="internal_src:stand-in",
            heartbeat_duration=10_000,
            push_server=push_server,
            route_params=ROUTE_PARAMS,
            need_ack=True,
            is_first=True,
        )
    )


def encode_push_frame(
    messages: Sequence[Message],
    compress: bool = True,
    log_id: int | None = None,
    need_ack: bool = True,
    history: bool = False,
) -> bytes:
    """Encode one push frame with `messages`, for `Room.push_encoded`. `Room.push` uses it too.

    Args:
        compress: whether to compress with gzip; a client asks for it with `compress=gzip`.
        log_id: the frame's id, which the client acknowledges; the next free id if None.
        need_ack: whether the client has to acknowledge the frame.
        history: whether the messages are older than the connection.
    """
    log_id = next_msg_id() if log_id is None else log_id
    result = bytes(
        ProtoMessageFetchResult(
            messages=_envelopes(messages, history),
            cursor=f"cursor-{log_id}",
            internal_ext=f"internal_src:stand-in|log_id:{log_id}",
            need_ack=need_ack,
        )
    )
    return bytes(
        WebcastPushFrame(
            log_id=log_id,
            headers=[PushHeader(key="compress_type", value="gzip" if compress else "none")],
            payload_encoding="pb",
            payload_type="msg",
            payload=gzip.compress(result, mtime=0) if compress else result,
        )
    )


def encode_answer(payload_type: str, log_id: int, payload: bytes = b"") -> bytes:
    """Encode a frame that carries no messages, such as the answer to a heartbeat."""
    return bytes(
        WebcastPushFrame(
            log_id=log_id, payload_encoding="pb", payload_type=payload_type, payload=payload
        )
    )


def decode_push_frame(data: bytes) -> PushFrame:
    """Decode a push frame of a client, without the schema's classes, which are ten times slower.

    Raises:
        ValueError: the data is no push frame.
    """
    values = {field.number: field.value for field in wire.fields(data)}
    payload_type = values.get(PAYLOAD_TYPE, b"")
    payload = values.get(PAYLOAD, b"")
    log_id = values.get(LOG_ID, 0)
    if not (isinstance(payload_type, bytes) and isinstance(payload, bytes)):
        raise ValueError("no push frame")
    return PushFrame(payload_type.decode(), payload, log_id if isinstance(log_id, int) else 0)


def heartbeat_seq(payload: bytes) -> int:
    """Return a heartbeat's sequence number; clients count from 1 on each socket."""
    return _number(payload, HEARTBEAT_SEQ)


def entered_room(payload: bytes) -> int:
    """Return the id of the room that a client enters; 0 if it names none."""
    return _number(payload, ENTERED_ROOM)


def _number(payload: bytes, field_number: int) -> int:
    values = {field.number: field.value for field in wire.fields(payload)}
    value = values.get(field_number, 0)
    return value if isinstance(value, int) else 0
