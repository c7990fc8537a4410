"""The events beside those of `tiktok-live-connector` 1.x itself, made of the same messages.

The connector runs in Node.js. Each field that it gives is compared by a rule; a field without one,
or one that is missing here without a reason, fails. docs/tikfinity.md has the reasons.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from django.conf import settings

from live.tikfinity.translator import Translator
from standin import captures
from standin.messages import Message
from tests.support.messages import built_messages
from tests.support.node import cannot_run, find_node, run_command
from tests.support.reading import MessageFeed

Event: TypeAlias = tuple[str, dict[str, Any]]
Rule: TypeAlias = Callable[[Any, Any], bool]

CONNECTOR = Path(settings.BASE_DIR) / "tools" / "tiktok_connector"
NOW = 1_795_000_000_000
ABSENT = object()


def same(ours: Any, theirs: Any) -> bool:
    return bool(ours == theirs)


def same_or_nothing(ours: Any, theirs: Any) -> bool:
    """protobuf does not send a 0 or an empty text, and the connector then has no field."""
    return ours == theirs or (theirs is ABSENT and not ours)


def same_number(ours: Any, theirs: Any) -> bool:
    """The connector reads 32 bits of it."""
    return same_or_nothing(ours, theirs) or abs(ours) >= 2**31


def known_here(ours: Any, theirs: Any) -> bool:
    """What is TikTok's there is one value for all such events here, or made of another field."""
    return bool(ours) or theirs is ABSENT


def known_if_there(ours: Any, theirs: Any) -> bool:
    """Another address of the same picture: there are several of each."""
    return bool(ours) == (theirs is not ABSENT and bool(theirs))


def at_least(ours: Any, theirs: Any) -> bool:
    """Also true here where another field of the message says so."""
    return ours == theirs or bool(ours)


def nearly(ours: Any, theirs: Any) -> bool:
    """Milliseconds: a gift has two times."""
    return theirs is ABSENT or abs(ours - theirs) < 1000


def follow_role(ours: Any, theirs: Any) -> bool:
    """A message may say in another field that the user follows; TikTok also has a 3."""
    return theirs is ABSENT or ours == theirs or (ours is not ABSENT and ours > 0)


def follow_info(ours: Any, theirs: Any) -> bool:
    if ours is ABSENT or theirs is ABSENT:
        return theirs is ABSENT
    return follow_role(ours["followStatus"], theirs["followStatus"])


def rank(ours: Any, theirs: Any) -> bool:
    """As TikFinity has it, 0 for none; TikTok today tells it in a text, which 1.x does not read."""
    return theirs is None or bool(ours == theirs)


def gift_type(ours: Any, theirs: Any) -> bool:
    return theirs is ABSENT or (ours == 1) == (theirs == 1)


def repeat_end(ours: Any, theirs: Any, of: dict[str, Any]) -> bool:
    """Of a gift without streaks, it says nothing."""
    return ours == theirs or of.get("giftType") != 1


def badges(ours: Any, theirs: Any) -> bool:
    """Levels of givers and fans; what is a picture there is left out."""

    def levels(shown: Any) -> set[tuple[int, int]]:
        return {
            (badge["badgeSceneType"], badge["level"])
            for badge in shown
            if badge.get("type") == "privilege" and badge["badgeSceneType"] in {8, 10}
        }

    return theirs is ABSENT or levels(theirs) <= levels(ours)


def scene_types(ours: Any, theirs: Any) -> bool:
    return theirs is ABSENT or set(theirs) & {1, 8, 10} <= set(ours)


def details(ours: Any, theirs: Any) -> bool:
    pictures = theirs.get("profilePictureUrls") or ours["profilePictureUrls"]
    return bool(ours["profilePictureUrls"][:1] == pictures[:1])


def emotes(ours: Any, theirs: Any) -> bool:
    """(an emote at the start has no place there)"""
    return [(emote["emoteId"], emote["placeInComment"]) for emote in ours] == [
        (emote["emoteId"], emote.get("placeInComment", 0)) for emote in theirs
    ]


def top_viewers(ours: Any, theirs: Any) -> bool:
    return [each["coinCount"] for each in ours] == [each["coinCount"] for each in theirs] and all(
        not faults(mine["user"], other["user"], USER)
        for mine, other in zip(ours, theirs, strict=True)
    )


def armies(ours: Any, theirs: Any) -> bool:
    def by_host(teams: Any) -> dict[str, Any]:
        return {
            team["hostUserId"]: (
                team["points"],
                [(user["userId"], user["nickname"]) for user in team["participants"]],
            )
            for team in teams
        }

    mine, others = by_host(ours), by_host(theirs)
    if len(mine) < len(others):  # a team of several hosts is one army here
        return bool(sum(t[0] for t in mine.values()) == sum(t[0] for t in others.values()))
    # Of a team of several hosts, TikTok may name another one in the field that is read there.
    return bool(sorted(mine.values()) == sorted(others.values())) and all(
        mine[host] == others[host] for host in mine.keys() & others.keys()
    )


def battle_users(ours: Any, theirs: Any) -> bool:
    return {(user["userId"], user["uniqueId"]) for user in ours} == {
        (user["userId"], user["uniqueId"]) for user in theirs
    }


# How the fields of a user are compared.
USER: dict[str, Rule] = {
    "userId": same,
    "uniqueId": same_or_nothing,
    "nickname": same_or_nothing,
    "profilePictureUrl": same,
    "followRole": follow_role,
    "followInfo": follow_info,
    "userBadges": badges,
    "userSceneTypes": scene_types,
    "userDetails": details,
    "isModerator": at_least,
    "isSubscriber": at_least,
    "topGifterRank": rank,
    "gifterLevel": at_least,
    "teamMemberLevel": at_least,
    # What frames don't have.
    "secUid": lambda ours, theirs: ours == "",
    "isNewGifter": lambda ours, theirs: ours is False,
}
OF_MESSAGE: dict[str, Rule] = {
    # There, messages without an id all have the same.
    "msgId": lambda ours, theirs: theirs in {ours, "0"},
    "createTime": same,
    "displayType": known_here,
    "label": known_here,
}
# What the connector has nothing of: TikFinity's own fields, and which message it was, of some.
ADDED: dict[str, Rule] = {
    "tikfinityUserId": lambda ours, theirs: ours == 0,
    "tikfinityUsername": lambda ours, theirs: ours == "anna",
}
ADDED_PLACE: dict[str, Rule] = {"msgId": known_here, "createTime": known_here}
OF_USER = {**USER, **OF_MESSAGE, **ADDED}
GIFT: dict[str, Rule] = {
    "giftId": same_number,
    "giftName": same,
    "originalName": known_here,
    "describe": known_here,
    "giftPictureUrl": known_if_there,
    "giftType": gift_type,
    "diamondCount": same_or_nothing,
    "repeatCount": same,
    "groupId": lambda ours, theirs: ours == theirs or (ours == "0" and theirs is ABSENT),
    "timestamp": nearly,
    "gift": lambda ours, theirs: same_number(ours["gift_id"], theirs["gift_id"]),
    # To whom, unless it is a guest; and what TikTok notes for itself.
    "receiverUserId": lambda ours, theirs: ours == theirs or ABSENT in {ours, theirs},
    "monitorExtra": lambda ours, theirs: ours is ABSENT,
}
# The sender of an envelope is told by name alone, or by another field than the connector's.
ENVELOPE: dict[str, Rule] = {
    **dict.fromkeys({**USER, **ADDED_PLACE}, lambda ours, theirs: True),
    **ADDED,
    "coins": same_or_nothing,
    "canOpen": same_or_nothing,
    "timestamp": lambda ours, theirs: ours == theirs or (ours is ABSENT and not theirs),
}
FIELDS: dict[str, dict[str, Rule]] = {
    "chat": {**OF_USER, "comment": same_or_nothing, "emotes": emotes},
    "gift": {**OF_USER, **GIFT},
    "like": {**OF_USER, "likeCount": same_or_nothing, "totalLikeCount": same_number},
    "member": {**OF_USER, "actionId": lambda ours, theirs: ours in {1, ABSENT}},
    "social": OF_USER,
    "follow": OF_USER,
    "share": OF_USER,
    "subscribe": {
        **OF_USER,
        "subMonth": lambda ours, theirs: ours == theirs or (ours == 1 and theirs is ABSENT),
        "oldSubscribeStatus": lambda ours, theirs: bool(ours) == (theirs is not ABSENT),
        "subscribingStatus": lambda ours, theirs: ours == 1,
        "subscribeType": lambda ours, theirs: ours is ABSENT,
        "exhibitionType": lambda ours, theirs: ours is ABSENT,
    },
    "roomUser": {"topViewers": top_viewers, "viewerCount": same_or_nothing, **ADDED},
    "questionNew": {**USER, **ADDED, **ADDED_PLACE, "questionText": same},
    "emote": {
        **USER,
        **ADDED,
        **ADDED_PLACE,
        "emoteId": same,
        "emoteImageUrl": known_if_there,
    },
    "envelope": ENVELOPE,
    "linkMicBattle": {"battleUsers": battle_users, **ADDED},
    "linkMicArmies": {"battleStatus": known_here, "battleArmies": armies, **ADDED},
    "streamEnd": {"action": same, **ADDED},
}
# Events that are told here alone, and those of the connector that are not told here.
ADDED_EVENTS = frozenset({"disconnected", "superFan", "superFanJoin"})
LEFT_OUT = {
    "WebcastEnvelopeMessage": "envelope",  # it goes away
    "WebcastLinkMicBattle": "linkMicBattle",  # it does not start: told as `linkMicArmies`, or not
    "WebcastSubNotifyMessage": "subscribe",  # it is no subscription
}


def faults(ours: dict[str, Any], theirs: dict[str, Any], rules: dict[str, Rule]) -> list[str]:
    """What is not as the rules say, in words."""
    found = [f"no rule for {name}" for name in {*ours, *theirs} - {*rules, "repeatEnd"}]
    for name, rule in rules.items():
        mine, other = ours.get(name, ABSENT), theirs.get(name, ABSENT)
        if (mine is not ABSENT or other is not ABSENT) and not rule(mine, other):
            found.append(f"{name}: {mine!r} for {other!r}")
    if "repeatEnd" in theirs and not repeat_end(ours["repeatEnd"], theirs["repeatEnd"], theirs):
        found.append(f"repeatEnd: {ours['repeatEnd']} for {theirs['repeatEnd']}")
    return found


def told_here(message: Message) -> list[Event]:
    feed = MessageFeed(10, NOW)
    feed.hear([message], 0)
    translator = Translator("anna")
    texts = [text for entry in feed.log.read(0, 10) for text in translator.tell(entry.text)]
    return [(event["event"], event["data"]) for event in map(json.loads, texts)]


def told_by_connector(messages: list[Message], folder: Path) -> list[list[Event] | None]:
    node = find_node()
    if not (CONNECTOR / "node_modules").exists():
        cannot_run("tiktok-live-connector is not installed; `make test` does so where there is npm")
    file = folder / "messages.json"
    encoded = [[each.method, base64.b64encode(each.payload).decode()] for each in messages]
    file.write_text(json.dumps(encoded))
    result = run_command(node, "convert.mjs", file, cwd=CONNECTOR)
    assert result.returncode == 0, result.stderr
    converted: list[list[Event] | None] = json.loads(result.stdout)
    return converted


def check(messages: list[Message], folder: Path) -> set[str]:
    """Compare what is told of each message. Returns the names of the events that were compared."""
    seen = set()
    for message, converted in zip(messages, told_by_connector(messages, folder), strict=True):
        if converted is None:  # it can't read large numbers
            continue
        theirs = [(name, data) for name, data in converted]
        # Of several emotes, the connector keeps the last.
        ours = list({name: (name, data) for name, data in told_here(message)}.values())
        names = {name for name, _data in ours} - ADDED_EVENTS
        left_out = {name for name, _data in theirs} - names
        if left_out:
            assert left_out == {LEFT_OUT[message.method]}, f"not told: {left_out}"
        for name, data in ours:
            if match := [other for event, other in theirs if event == name]:
                assert not faults(data, match[-1], FIELDS[name]), (name, data, match[-1])
                seen.add(name)
            else:
                told_alone = name in ADDED_EVENTS or message.method == "WebcastLinkMicBattle"
                assert told_alone, f"{name} is told here alone"
    return seen


@pytest.mark.skipif(not captures.captures_available(), reason=captures.captures_reason())
def test_captured_messages_become_the_events_of_the_connector(tmp_path: Path) -> None:
    assert check(captures.load_captures(), tmp_path)


def test_built_messages_become_the_events_of_the_connector(tmp_path: Path) -> None:
    """Of every kind, also those that no capture might have."""
    assert check(built_messages(), tmp_path) == set(FIELDS)
