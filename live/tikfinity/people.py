"""Users as `tiktok-live-connector` 1.x lays them out: flat, mostly beside an event's own fields.

What frames don't say of a user is left out, or has the value that the connector gives where TikTok
says nothing. docs/tikfinity.md has the table.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import UNSET, UnsetType

from live.protocol.frames import Badges, FollowStatus, Person, User

__all__ = ["Fields", "person_fields", "top_viewer_fields", "user_fields"]

Fields: TypeAlias = dict[str, Any]

# The connector's `followRole`.
_FOLLOW_ROLES = {FollowStatus.NONE: 0, FollowStatus.FOLLOWER: 1, FollowStatus.FRIEND: 2}
# TikTok's numbers for what a badge is about, which programs look for in `userBadges`.
_MODERATOR, _SUBSCRIBER, _GIFTER_LEVEL, _FAN_LEVEL = 1, 4, 8, 10


def user_fields(user: User) -> Fields:
    """The fields of the user that an event is about."""
    badges = user.badges
    shown = _badges(badges)
    fields = _known_of_all(user.id, user.username, user.nickname, user.avatar, user.avatar_large)
    if user.follow_status is not UNSET:
        role = _FOLLOW_ROLES[user.follow_status]
        fields["followRole"] = role
        fields["followInfo"] = {"followStatus": role}
    fields["userBadges"] = shown
    fields["userSceneTypes"] = [badge["badgeSceneType"] for badge in shown]
    fields["isModerator"] = badges.moderator
    fields["isNewGifter"] = False
    fields["isSubscriber"] = badges.subscriber
    # 0 for none, as TikFinity has it; the connector has null.
    fields["topGifterRank"] = badges.top_gifter or 0
    fields["gifterLevel"] = badges.gifter_level or 0
    fields["teamMemberLevel"] = badges.fan_level or 0
    return fields


def top_viewer_fields(user: User) -> Fields:
    """The fields of one of `topViewers`, where TikFinity, too, has null for no rank."""
    fields = user_fields(user)
    fields["topGifterRank"] = user.badges.top_gifter
    return fields


def person_fields(person: Person) -> Fields:
    """The fields of somebody of whom little is known, as in battles."""
    fields = _known_of_all(
        person.id, _text(person.username), _text(person.nickname), _text(person.avatar), ""
    )
    fields |= {
        "userBadges": [],
        "userSceneTypes": [],
        "isModerator": False,
        "isNewGifter": False,
        "isSubscriber": False,
        "topGifterRank": 0,
        "gifterLevel": 0,
        "teamMemberLevel": 0,
    }
    return fields


def _known_of_all(id: str, username: str, nickname: str, avatar: str, large: str) -> Fields:
    return {
        "userId": id,
        "secUid": "",
        "uniqueId": username,
        "nickname": nickname,
        "profilePictureUrl": avatar or None,
        "userDetails": {
            "createTime": "0",
            "bioDescription": "",
            "profilePictureUrls": [*dict.fromkeys(filter(None, (avatar, large)))],
        },
    }


def _badges(badges: Badges) -> list[Fields]:
    """Those that need no picture: programs show the others by their pictures, which frames don't
    have."""
    shown: list[Fields] = []
    if badges.moderator:
        shown.append(
            {"type": "pm_mt_moderator_im", "name": "Moderator", "badgeSceneType": _MODERATOR}
        )
    if badges.subscriber:
        shown.append(_privilege(_SUBSCRIBER, 0))
    if badges.gifter_level:
        shown.append(_privilege(_GIFTER_LEVEL, badges.gifter_level))
    if badges.fan_level:
        shown.append(_privilege(_FAN_LEVEL, badges.fan_level))
    return shown


def _privilege(scene: int, level: int) -> Fields:
    return {"type": "privilege", "privilegeId": "", "level": level, "badgeSceneType": scene}


def _text(text: str | UnsetType) -> str:
    return "" if text is UNSET else text
