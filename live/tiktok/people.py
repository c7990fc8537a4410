"""Builds the users and persons of frames from the people in TikTok's messages.

A `User` has badges and pictures; a `Person` has an id, names and one picture. The fields of the
decoded messages are listed in `live.tiktok.schema`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import UNSET, UnsetType

from live.protocol.frames import Badges, FollowStatus, Person, User
from live.tiktok.decoding import decode_badge, decode_user
from live.tiktok.values import id_text, picture_of, trailing_number, whole_number

__all__ = ["SUPER_FAN", "person_of", "sender_of", "top_user", "user_of"]

# Values of TikTok's BadgeSceneType, which tell what a badge is for.
_ADMIN, _SUBSCRIBER, _RANK_LIST, _NEW_SUBSCRIBER, _USER_GRADE, _FANS = 1, 4, 6, 7, 8, 10
# The value of FollowInfo.follow_status for two people who follow each other.
_FRIEND = 2
# Looked up once: Python 3.11 takes as long for a member of an enum as for a field of a message.
_NO_FOLLOWER, _FOLLOWER, _FRIENDS = FollowStatus.NONE, FollowStatus.FOLLOWER, FollowStatus.FRIEND
# Super fans are recognised as in TikTokLive: by this part of a text's key, or of a badge's names.
SUPER_FAN = "ttlive_superfan"
_SUPER_FAN_BADGE = re.compile("super_?fan", re.IGNORECASE)
# How many badges are remembered, and of how many bytes each at most. Real ones have a few hundred.
_BADGES_KEPT = 2048
_MAX_KEPT_BADGE = 4096


def user_of(user: Any, identity: Any = None) -> User:
    """Build the `User` of a frame from a decoded user.

    Args:
        user: the user, as the message has it.
        identity: the message's `user_identity`, which says whether the user follows, moderates or
            subscribes to the streamer; None if the message has none.
    """
    number = user.id
    avatar = picture_of(user.avatar_thumb)
    return User(
        id_text(number) if number else user.id_str,
        user.display_id,
        user.nickname,
        avatar,
        _large_avatar(user) or avatar,
        user.verified,
        _badges(user, identity),
        _follow_status(user, identity),
    )


def sender_of(message: Any) -> User:
    """Build the `User` who sent a message, for messages that have the field `user_identity`."""
    return user_of(
        message.user, message.user_identity if message.HasField("user_identity") else None
    )


def person_of(id: Any, username: str = "", nickname: str = "", image: Any = None) -> Person:
    """Build a `Person` from the few values that some messages have of somebody.

    Args:
        id: a number, or a text of digits.
        username: the @name; empty if it is not known.
        nickname: the name that TikTok shows; empty if it is not known.
        image: a decoded picture, or None.
    """
    return Person(
        id if isinstance(id, str) else id_text(id),
        username or UNSET,
        nickname or UNSET,
        (picture_of(image) if image is not None else "") or UNSET,
    )


@lru_cache(maxsize=256)
def top_user(data: bytes) -> User:
    """Build one of the viewers who gave most, whom the schema leaves as bytes.

    TikTok sends the same few viewers every second or two, so results are cached by their bytes.

    Raises:
        DecodeError: `data` is no user.
    """
    return user_of(decode_user(data))


def _large_avatar(user: Any) -> str:
    # Mostly, neither picture is there. HasField is then faster than reading an empty picture.
    if user.HasField("avatar_large") and (address := picture_of(user.avatar_large)):
        return address
    return picture_of(user.avatar_medium) if user.HasField("avatar_medium") else ""


def _follow_status(user: Any, identity: Any) -> FollowStatus | UnsetType:
    if identity is not None:
        if identity.is_mutual_following_with_anchor:
            return _FRIENDS
        if identity.is_follower_of_anchor:
            return _FOLLOWER
    elif not user.HasField("follow_info"):
        return UNSET
    status = user.follow_info.follow_status
    if status == _FRIEND:
        return _FRIENDS
    return _FOLLOWER if status else _NO_FOLLOWER


def _badges(user: Any, identity: Any) -> Badges:
    moderator = identity is not None and identity.is_moderator_of_anchor
    subscriber = identity is not None and identity.is_subscriber_of_anchor
    # As in TikTokLive: subscribers of a streamer are called super fans by TikTok today.
    super_fan = subscriber
    fan_level = gifter_level = top_gifter = None
    for data in user.badge_list[:]:
        badge = _badge_of(data) if len(data) <= _MAX_KEPT_BADGE else _read_badge(data)
        if badge is None:
            continue
        scene, number = badge
        if scene == _USER_GRADE:
            gifter_level = number or gifter_level
        elif scene == _FANS:
            fan_level = fan_level if number is None else number
        elif scene == _ADMIN:
            moderator = True
        elif scene == _RANK_LIST:
            top_gifter = number or top_gifter
        else:
            subscriber = True
            super_fan = super_fan or bool(number)
    club, club_level = _fan_club(user)
    if fan_level is None:
        fan_level = club_level
    return Badges(moderator, subscriber, super_fan, fan_level, gifter_level, top_gifter, club)


def _read_badge(data: bytes) -> tuple[int, int | None] | None:
    """What a badge says: what it is for (BadgeSceneType), and a number with it: a level, a place,
    or for a subscriber's, 1 if it is that of a super fan. None for a badge that frames do not have.

    Raises:
        DecodeError: `data` is no badge.
    """
    badge = decode_badge(data)
    scene = badge.scene_type
    if scene in {_USER_GRADE, _FANS}:
        return scene, whole_number(badge.privilege_log_extra.level)
    if scene == _ADMIN:
        return scene, None
    if scene in {_SUBSCRIBER, _NEW_SUBSCRIBER}:
        return scene, int(_is_super_fan_s(badge))
    if scene == _RANK_LIST:
        return scene, trailing_number(badge.combine.text.default_pattern)
    return None


# Most viewers of a LIVE wear a few badges: of a level, or of the streamer's fan club.
_badge_of = lru_cache(maxsize=_BADGES_KEPT)(_read_badge)


def _is_super_fan_s(badge: Any) -> bool:
    combined = badge.combine
    marks = (combined.text.key, combined.icon.uri, badge.image.image.uri)
    return any(map(_SUPER_FAN_BADGE.search, marks))


def _fan_club(user: Any) -> tuple[str | UnsetType, int | None]:
    """Return the name of the fan club that the user is in, and the user's level in it."""
    if user.HasField("fans_club"):
        club = user.fans_club.data
        return club.club_name or UNSET, club.level or None
    if user.HasField("fans_club_info"):
        club = user.fans_club_info
        return club.fans_club_name or UNSET, club.fans_level or None
    return UNSET, None
