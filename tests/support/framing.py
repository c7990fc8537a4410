"""From a message of TikTok's schema to the frame's text, for tests that compare to the letter."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import json
from typing import Any

import betterproto2
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.user import User
from TikTokLiveProto.v3.webcast.model.message.common import Text
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.protocol.frames import Frame, encode
from live.tiktok.decoding import decode_message
from live.tiktok.events import Event, event_of
from tests.support.samples import read_frame

__all__ = [
    "AT",
    "HEAD",
    "ID",
    "MARIA",
    "MARIA_ID",
    "MARIA_JSON",
    "NOBODY_JSON",
    "NOW",
    "NO_BADGES",
    "PETER",
    "PETER_JSON",
    "data_of",
    "event",
    "frame",
    "json_of",
    "titled",
]

ID = 7412000000000000017
AT = 1_795_372_811_123
NOW = 1_795_372_999_999
MARIA_ID = 6812000000000000001
HEAD = CommonMessageData(msg_id=ID, create_time=AT)
MARIA = User(
    id=MARIA_ID,
    display_id="maria",
    nickname="Maria",
    avatar_thumb=ImageModel(url_list=["https://cdn.example/maria.webp", "https://two.example/"]),
)
PETER = User(id=7, display_id="peter", nickname="Peter")

NO_BADGES = (
    '"verified":false,"badges":{"moderator":false,"subscriber":false,"super_fan":false,'
    '"fan_level":null,"gifter_level":null,"top_gifter":null}'
)
MARIA_JSON = (
    '{"id":"6812000000000000001","username":"maria","nickname":"Maria",'
    '"avatar":"https://cdn.example/maria.webp",'
    f'"avatar_large":"https://cdn.example/maria.webp",{NO_BADGES}}}'
)
PETER_JSON = (
    f'{{"id":"7","username":"peter","nickname":"Peter","avatar":"","avatar_large":"",{NO_BADGES}}}'
)
NOBODY_JSON = f'{{"id":"","username":"","nickname":"","avatar":"","avatar_large":"",{NO_BADGES}}}'


def titled(key: str) -> CommonMessageData:
    return CommonMessageData(msg_id=ID, create_time=AT, display_text=Text(key=key))


def event(schema: betterproto2.Message, *, fallback_id: int = 0) -> Event | None:
    method = type(schema).__name__
    return event_of(method, decode_message(method, bytes(schema)), NOW, fallback_id)


def json_of(schema: betterproto2.Message, *, fallback_id: int = 0) -> str:
    """The frame as clients get it."""
    happened = event(schema, fallback_id=fallback_id)
    assert happened is not None
    text = encode(
        Frame(
            type=happened.type,
            cursor="k3f9abcd-1742",
            ts=happened.at,
            id=happened.id,
            data=happened.data,
        )
    )
    read_frame(text)  # holds it against the contract
    return text


def data_of(schema: betterproto2.Message) -> Any:
    return json.loads(json_of(schema))["data"]


def frame(type: str, data: str, *, id: str = str(ID), ts: int = AT) -> str:
    """The text of a frame with that data."""
    return f'{{"type":"{type}","cursor":"k3f9abcd-1742","ts":{ts},"id":"{id}","data":{data}}}'
