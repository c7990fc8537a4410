"""What is streamed: a fixed mix of captured messages, each time under fresh ids.

200 messages make a cycle: 55 joins, 50 comments, 50 likes, 20 gifts (in whole streaks, so that each
is a frame), 15 viewer counts, 10 follows and shares. These are proportions of a LIVE with a lively
chat; gifts, the largest messages, are more than usual. All six kinds become frames one to one.
Without captures, the messages are built from the schema, which makes them smaller.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import cache

from TikTokLiveProto.v3.webcast.model.message import WebcastGiftMessage

from standin import Message, encode_push_frame, messages, wire
from standin.captures import captures_available, captures_reason, load_captures

__all__ = ["SOURCE", "encoded_frames", "mixed"]

PROPORTIONS = {
    "WebcastMemberMessage": 55,
    "WebcastChatMessage": 50,
    "WebcastLikeMessage": 50,
    "WebcastGiftMessage": 20,
    "WebcastRoomUserSeqMessage": 15,
    "WebcastSocialMessage": 10,
}
_GIFT = "WebcastGiftMessage"
_SEED = 20231001


def _field_number(cls: type, name: str) -> int:
    return int(cls()._betterproto.meta_by_field_name[name].number)


_GROUP_ID = _field_number(WebcastGiftMessage, "group_id")
_REPEAT_END = _field_number(WebcastGiftMessage, "repeat_end")

SOURCE = "captured messages" if captures_available() else f"built messages: {captures_reason()}"


def mixed() -> Iterator[Message]:
    """The mix, for ever; deterministic but for the ids."""
    cycle = _cycle()
    for group in itertools.count(1):
        for message in cycle:
            fresh = message.renumbered()
            yield _regrouped(fresh, group) if fresh.method == _GIFT else fresh


def encoded_frames(
    source: Iterator[Message], events: int, per_frame: int
) -> Iterator[tuple[bytes, list[str]]]:
    """Push frames with gzip that hold so many events of the source, and the events' ids."""
    for _ in range(events // per_frame):
        pushed = list(itertools.islice(source, per_frame))
        yield encode_push_frame(pushed), [str(message.msg_id) for message in pushed]


@cache
def _cycle() -> list[Message]:
    pools = _captured() if captures_available() else _built()
    gifts = iter(_whole_streaks(pools[_GIFT]))
    order = [method for method, count in PROPORTIONS.items() for _ in range(count)]
    random.Random(_SEED).shuffle(order)
    sources = {method: itertools.cycle(pool) for method, pool in pools.items()}
    return [next(gifts) if method == _GIFT else next(sources[method]) for method in order]


def _captured() -> dict[str, list[Message]]:
    captured = load_captures()
    return {method: [m for m in captured if m.method == method] for method in PROPORTIONS}


def _built() -> dict[str, list[Message]]:
    streaks = [messages.streak(f"giver{n}", "Rose", count=4) for n in range(4)]  # of 5 messages
    return {
        "WebcastMemberMessage": [messages.join(f"viewer{n}", member_count=n) for n in range(20)],
        "WebcastChatMessage": [messages.chat(f"viewer{n}", "hello " * n) for n in range(1, 20)],
        "WebcastLikeMessage": [messages.like(f"viewer{n}", n, total=n) for n in range(1, 20)],
        _GIFT: list(itertools.chain.from_iterable(streaks)),
        "WebcastRoomUserSeqMessage": [
            messages.viewers(n, total=2 * n, top=["carol", "dave"]) for n in range(1, 20)
        ],
        "WebcastSocialMessage": [messages.follow("carol"), messages.share("bob", users_joined=2)],
    }


def _group_of(gift: Message) -> int:
    values = {field.number: field.value for field in wire.fields(gift.payload)}
    group = values.get(_GROUP_ID, 0)
    assert isinstance(group, int)
    return group


def _whole_streaks(gifts: list[Message]) -> list[Message]:
    """The gifts, with the last of each streak marked as its end."""
    last = {_group_of(gift): number for number, gift in enumerate(gifts)}
    return [
        _with_number(gift, _REPEAT_END, 1) if last[_group_of(gift)] == number else gift
        for number, gift in enumerate(gifts)
    ]


def _regrouped(gift: Message, cycle: int) -> Message:
    """The gift in a streak of this cycle's own."""
    return _with_number(gift, _GROUP_ID, _group_of(gift) + cycle * 10**13)


def _with_number(message: Message, field: int, value: int) -> Message:
    payload = wire.replace(message.payload, field, wire.varint_field(field, value))
    return Message(message.method, payload, message.msg_id)
