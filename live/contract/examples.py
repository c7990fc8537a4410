"""Makes an example of each frame, for the documentation and for tests.

Examples are made from the classes in `live.protocol.frames`. A field gets its value from the table
`_VALUES`, where its name is "Class.field" or "field". A field that is not in the table gets a value
that its type allows, so that a new frame also has an example.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, inspect

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import DATA, EVENT_TYPES, Frame, FrameType, encode

__all__ = ["example"]

# The time in all examples, in milliseconds since the Unix epoch.
_AT = 1_795_372_811_123
# The epoch in the examples of cursors.
_EPOCH = "k3f9a2b1"

# The values of fields. UNSET omits an optional field. A FrameType is replaced by the example of
# that frame.
_VALUES: Mapping[str, Any] = {
    "id": "7412000000000000017",
    "user_id": "6812345678901234567",
    "room_id": "7411999999999999001",
    "group_id": "1795372810555",
    "message_id": "7412000000000000012",
    "sentence_id": "42",
    "message_ids": ["7412000000000000012"],
    "user_ids": ["6812345678901234567"],
    "cursor": f"{_EPOCH}-1742",
    "username": "viewer7",
    "nickname": "Viewer 7",
    "avatar": "https://p16.example.com/avatar-100.webp",
    "avatar_large": "https://p16.example.com/avatar-720.webp",
    "image": "https://p16.example.com/picture.png",
    "name": "Rose",
    "text": "hello",
    "title": "Good evening",
    "language": "en",
    "merged": UNSET,
    "started_at": _AT - 3_600_000,
    "heard_since": _AT - 1_800_000,
    "starts_at": _AT,
    "ends_at": _AT + 60_000,
    "opens_at": _AT + 60_000,
    "at": _AT,
    "seconds": 300,
    "duration": 1800,
    "size": 188,
    "Badges.fan_level": 12,
    "Badges.fan_club": "Anna's friends",
    "Badges.top_gifter": None,
    "Battle.state": "scores",
    "Battle.starts_at": UNSET,
    "Battle.seconds": UNSET,
    "BattleTeam.result": UNSET,
    "Caption.final": True,
    "BattleTeam.id": "1",
    "BattleTeam.score": 1200,
    "Contribution.score": 300,
    "Comment.emotes": [],
    "Comment.mentions": [],
    "Connected.username": "anna.live",
    "Emote.id": "7300000000000000002",
    "Emote.index": UNSET,
    "Envelope.diamonds": 100,
    "Envelope.people": 20,
    "Gap.missed": {"comment": 3, "like": 41},
    "Gap.from": _AT - 9_000,
    "Gap.to": _AT,
    "GiftKind.id": "5655",
    "GiftKind.streakable": True,
    "GoalPart.id": "1",
    "GoalPart.progress": 40,
    "GoalPart.target": 100,
    "Gift.count": 5,
    "Gift.diamonds_total": 5,
    "Gift.streak": "ended",
    "Gift.to_user": UNSET,
    "Join.source": UNSET,
    "Like.count": 15,
    "Like.total": 329306,
    "LiveChange.reason": UNSET,
    "Other.method": "WebcastRoomMessage",
    "Other.message": {"content": "Welcome"},
    "Batch.events": [FrameType.COMMENT, FrameType.LIKE],
    "Snapshot.comments": [FrameType.COMMENT],
    "Snapshot.diamonds": 4389,
    "Snapshot.gifts": [],
    "Snapshot.likes": 329306,
    "Snapshot.viewers": 42,
    "Pin.gift": UNSET,
    "Pin.like": UNSET,
    "Pin.join": UNSET,
    "Pin.follow": UNSET,
    "Pin.share": UNSET,
    "Poll.state": "started",
    "Ranking.text": "No. 3 of the day",
    "Ranking.kind": "hourly",
    "Ranking.rank": 3,
    "RoomCounts.followers": 10_400,
    "RoomCounts.likes": 329306,
    "RoomCounts.total_viewers": 1200,
    "RoomCounts.viewers": 42,
    "Share.joined_by_share": 2,
    "Status.attempt": 1,
    "Status.retry_in": 2.5,
    "Status.state": "reconnecting",
    "Subscribe.months": 3,
    "TopGifter.diamonds": 500,
    "TopViewer.coins": 500,
    "User.id": "6812345678901234567",
    "Person.id": "6812345678901234567",
    "Viewers.count": 42,
    "Viewers.total": 1200,
}
_ENVELOPE_IDS: Mapping[FrameType, str | int] = {FrameType.PONG: 1}
_WITH_CURSOR = EVENT_TYPES | {FrameType.GAP}


def example(type: FrameType) -> dict[str, Any]:
    """Return an example of a frame of that type, as a client parses it from JSON."""
    return dict(json.loads(encode(_frame(type))))


def _frame(type: FrameType) -> Frame:
    frame = Frame(type=type, ts=_AT, data=_data(type))
    if type in _WITH_CURSOR:
        frame.cursor = _VALUES["cursor"]
    if type in EVENT_TYPES:
        frame.id = _VALUES["id"]
    elif type in _ENVELOPE_IDS:
        frame.id = _ENVELOPE_IDS[type]
    return frame


def _data(type: FrameType) -> Struct:
    if type is FrameType.ERROR:
        return RelayError(ErrorCode.RATE_LIMITED, retry_after=60).explain("en")
    return _struct(DATA[type])


def _struct(cls: type[Struct]) -> Struct:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return cls(**{field.name: _field(cls, field) for field in info.fields})


def _field(cls: type[Struct], field: inspect.Field) -> Any:
    for name in (f"{cls.__name__}.{field.encode_name}", field.encode_name):
        if name in _VALUES:
            return _framed(_VALUES[name])
    return _of_type(field.type)


def _framed(value: Any) -> Any:
    if isinstance(value, list):
        return [_framed(part) for part in value]
    return _frame(value) if isinstance(value, FrameType) else value


def _of_type(type: inspect.Type) -> Any:
    match type:
        case inspect.Metadata():
            return _of_type(type.type)
        case inspect.UnionType():
            return _of_type(type.types[0])
        case inspect.StructType():
            return _struct(type.cls)
        case inspect.EnumType():
            return next(iter(type.cls))
        case inspect.LiteralType():
            return type.values[0]
        case inspect.ListType():
            return [_of_type(type.item_type)]
        case inspect.BoolType():
            return False
        case inspect.IntType():
            return 1
        case inspect.FloatType():
            return 1.5
        case inspect.StrType():
            return "text"
    return {}
