"""Captured messages, for tests that must hold whatever TikTok sent.

Captures differ: how many messages there are of a kind, whether an id comes twice (TikTok repeats
its history after a reconnect) or lacks, whether a goal names its gift. `write_other_captures`
makes such a file, so that the tests can be tried on more than the one that happens to be there.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from TikTokLiveProto.v3.webcast.im import LinkMicBattleBattleAction as Action
from TikTokLiveProto.v3.webcast.model.gift.model import WebcastGoalUpdateMessage

from standin import messages
from standin.messages import Message

__all__ = ["each_once", "ends_live", "write_other_captures"]

_ROUNDS = 90


def ends_live(message: Message) -> bool:
    """Whether the message may end the LIVE: captured ones do, and nothing comes after them."""
    return message.method == "WebcastControlMessage"


def each_once(sent: Iterable[Message]) -> list[Message]:
    """The messages with an id of their own, each at its first place."""
    first: dict[int, Message] = {}
    for message in sent:
        if message.msg_id:
            first.setdefault(message.msg_id, message)
    return list(first.values())


def write_other_captures(file: Path) -> None:
    """Write a file of some thousand messages, made by the stand-in, as captures have them."""
    content: defaultdict[str, list[str]] = defaultdict(list)
    for message in _other_messages():
        content[message.method].append(base64.b64encode(message.payload).decode())
    file.write_text(json.dumps(content))


def _other_messages() -> list[Message]:
    made: list[Message] = []
    for number in range(_ROUNDS):
        who = f"viewer{number}"
        comment = messages.chat(who, f"hello {number}")
        made += [
            comment,
            comment,  # as TikTok repeats it after a reconnect
            _without_id(messages.chat(who, "no id")),
            *messages.streak(who, count=1 + number % 7),
            messages.gift(who, combo=False, repeat_count=1 + number % 3),
            messages.like(who, 1 + number % 15, total=number),
            messages.join(who),
            messages.follow(who),
            messages.share(who),
            messages.subscribe(who),
            messages.viewers(number, total=2 * number, top=[who]),
            messages.question(who, "why?"),
            messages.emote(who, "728"),
            messages.super_fan(who),
            messages.envelope(who),
            messages.battle(Action.OPEN, {"anna": {}}, {"bea": {who: number}}),
            messages.goal(who, "Help me", progress=number, target=100),
            _without_gift(messages.goal(who, "Help me", progress=number, target=100)),
            messages.rank(1 + number),
            messages.poll(("tea", number), ("coffee", 0)),
            messages.pin(comment, by="anna"),
            messages.delete(comment),
            messages.caption("hello"),
            messages.room_message("welcome"),
            messages.unknown(),
            messages.unknown("WebcastMsgDetectMessage"),
        ]
    return made


def _without_id(message: Message) -> Message:
    return message.renumbered(0)


def _without_gift(goal: Message) -> Message:
    schema = WebcastGoalUpdateMessage.parse(goal.payload)
    assert schema.goal is not None
    for sub_goal in schema.goal.sub_goals:
        sub_goal.gift = None
    return Message(goal.method, bytes(schema), goal.msg_id)
