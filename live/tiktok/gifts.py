"""Builds the frames of what viewers give, and reads TikTok's list of gifts.

The frames are gifts, goals that gifts count towards, and envelopes with coins.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from live.protocol.frames import (
    Envelope,
    EnvelopeKind,
    EnvelopeState,
    FrameType,
    Gift,
    GiftKind,
    Goal,
    GoalPart,
    StreakState,
    User,
)
from live.tiktok.decoding import decode_user
from live.tiktok.people import SUPER_FAN, person_of, sender_of, user_of
from live.tiktok.values import (
    ID_LIMIT,
    Built,
    address_in,
    id_text,
    known,
    picture_of,
    sendable,
    time_ms,
)

__all__ = ["STREAKABLE", "SeenGifts", "envelope", "gift_of", "goal_of", "read_gift_list"]

# The value of Gift.type for a gift that can be sent as a streak.
STREAKABLE = 1
# Values of MessageRedEnvelopInfo.business_type: a box for super fans, and envelopes of users.
_SUPER_FAN_BOX = 19
_USERS_ENVELOPES = frozenset({0, 1})
# The value of WebcastEnvelopeMessage.display for an envelope that goes away.
_HIDE = 2
_GIFT = FrameType.GIFT
_ONGOING, _ENDED = StreakState.ONGOING, StreakState.ENDED
# How many kinds of gifts `SeenGifts` remembers; TikTok offers about a thousand in a LIVE.
_MOST_KINDS = 2000
# How many gifts of TikTok's list are read, and how many characters of a gift's name.
_MAX_GIFTS = 5000
_MAX_NAME = 200


class SeenGifts:
    """Remembers the kinds of gifts that viewers gave on the LIVEs that this process follows.

    Used as the list of gifts when TikTok does not give its own.

    Args:
        most: how many kinds are remembered. When there are more, the kind that was seen first is
            forgotten.
    """

    def __init__(self, most: int = _MOST_KINDS) -> None:
        self._kinds: dict[str, GiftKind] = {}
        self._most = most

    def add(self, kind: GiftKind) -> None:
        """Remember a kind of gift, or its newest name and price. One without a name is ignored."""
        if not kind.name:
            return
        self._kinds[kind.id] = kind
        if len(self._kinds) > self._most:
            del self._kinds[next(iter(self._kinds))]

    def cheapest_first(self) -> tuple[GiftKind, ...]:
        """Return all remembered kinds, sorted by price in diamonds, then by name."""
        return tuple(sorted(self._kinds.values(), key=lambda kind: (kind.diamonds, kind.name)))


def gift_of(message: Any) -> Built:
    """Build the `gift` frame of a decoded `WebcastGiftMessage`.

    Its count is the one that TikTok sent; `live.streams.streaks` corrects it within a streak.
    """
    gift = message.gift
    diamonds = gift.diamond_count
    count = max(message.repeat_count, 1)
    group = message.group_id
    # When the message does not describe the gift, its group id tells that it belongs to a streak,
    # whose gifts must be counted only once.
    is_known = message.HasField("gift")
    streakable = gift.type == STREAKABLE if is_known else bool(group)
    streak = None
    if streakable:
        streak = _ENDED if message.repeat_end else _ONGOING
    return _GIFT, Gift(
        sender_of(message),
        GiftKind(
            id_text(message.gift_id or gift.id),
            gift.name,
            diamonds,
            picture_of(gift.image) or picture_of(gift.icon),
            streakable,
        ),
        count,
        streak,
        diamonds * count,
        id_text(group),
        _receiver(message),
    )


def _receiver(message: Any) -> User | UnsetType:
    if message.HasField("to_user"):
        return user_of(message.to_user)
    if not message.to_member_id_int:
        return UNSET
    nobody = decode_user(b"")
    nobody.id, nobody.nickname = message.to_member_id_int, message.to_member_nickname
    return user_of(nobody)


def goal_of(message: Any) -> Built:
    """Build the `goal` frame, a goal's progress, of a decoded `WebcastGoalUpdateMessage`."""
    goal = message.goal
    contributor = message.contributor_id_str or message.contributor_id
    return FrameType.GOAL, Goal(
        goal.id_str or id_text(goal.id),
        goal.description,
        [_goal_part(part) for part in goal.sub_goals],
        person_of(contributor, message.contributor_display_id, "", image=message.contributor_avatar)
        if contributor
        else UNSET,
        known(message.contribute_count),
    )


def _goal_part(part: Any) -> GoalPart:
    number = part.id_str or id_text(part.id)
    if not part.HasField("gift"):
        return GoalPart(number, part.progress, part.target)
    gift = part.gift
    kind = GiftKind(
        number, gift.name, gift.diamond_count, picture_of(gift.icon), gift.type == STREAKABLE
    )
    return GoalPart(number, part.progress, part.target, kind)


def envelope(message: Any) -> Built:
    """Build the `envelope` frame of a decoded `WebcastEnvelopeMessage`.

    An envelope is a treasure chest with coins, which appears or goes away.
    """
    info = message.envelope_info
    if (
        info.business_type == _SUPER_FAN_BOX
        or f"{SUPER_FAN}box" in message.common.display_text.key.lower()
    ):
        kind = EnvelopeKind.SUPER_FAN
    elif info.business_type in _USERS_ENVELOPES:
        kind = EnvelopeKind.TREASURE
    else:
        kind = EnvelopeKind.PLATFORM
    return FrameType.ENVELOPE, Envelope(
        info.envelope_id,
        kind,
        EnvelopeState.HIDDEN if message.display == _HIDE else EnvelopeState.NEW,
        person_of(info.send_user_id, nickname=info.send_user_name, image=info.send_user_avatar),
        info.diamond_count,
        info.people_count,
        time_ms(info.unpack_at),
    )


# --- The list of TikTok's web API ---------------------------------------------------------------


class _ListedGift(msgspec.Struct):
    """The fields of a gift in TikTok's list that are read.

    `image` and `icon` may hold anything, so that a gift with a broken picture is not left out.
    """

    id: Annotated[int, msgspec.Meta(ge=1)]
    name: str = ""
    diamond_count: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    type: int = 0
    image: Any = None
    icon: Any = None


def read_gift_list(body: bytes) -> tuple[GiftKind, ...]:
    """Read the list of gifts in an answer of TikTok's web API, in TikTok's order.

    Gifts that can't be read are left out.

    Raises:
        ValueError, LookupError, TypeError: the answer holds no list of gifts, or an empty one.
    """
    try:
        listed = json.loads(body)["data"]["gifts"]
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(listed, list):
        raise TypeError("no list of gifts")
    gifts = {gift.id: gift for gift in map(_listed, listed[:_MAX_GIFTS]) if gift is not None}
    if not gifts:
        raise ValueError("no gifts")
    return tuple(gifts.values())


def _listed(given: Any) -> GiftKind | None:
    try:
        gift = msgspec.convert(given, _ListedGift, strict=False)
    except msgspec.ValidationError:
        return None
    if gift.id >= ID_LIMIT:
        return None
    return GiftKind(
        id=str(gift.id),
        name=sendable(gift.name, _MAX_NAME),
        diamonds=gift.diamond_count,
        image=address_in(gift.image) or address_in(gift.icon),
        streakable=gift.type == STREAKABLE,
    )
