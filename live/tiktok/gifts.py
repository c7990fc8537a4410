"""What viewers give: gifts, the goals that gifts add up to, and envelopes with coins."""

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

STREAKABLE = 1  # Gift.type
_SUPER_FAN_BOX = 19  # EnvelopeBusinessType
_USERS_ENVELOPES = frozenset({0, 1})
_HIDE = 2  # EnvelopeDisplay
# TikTok offers about a thousand kinds of gifts in a LIVE.
_MOST_KINDS = 2000
_MAX_GIFTS = 5000
_MAX_NAME = 200


class SeenGifts:
    """The kinds of gifts that were given on LIVEs which this process followed.

    Stands in for TikTok's list, which is not always to be had. Bounded: of too many kinds, those
    that were first seen longest ago are forgotten.
    """

    def __init__(self, most: int = _MOST_KINDS) -> None:
        self._kinds: dict[str, GiftKind] = {}
        self._most = most

    def add(self, kind: GiftKind) -> None:
        """Remember a kind; what is said last of it counts. One without a name is of no use."""
        if not kind.name:
            return
        self._kinds[kind.id] = kind
        if len(self._kinds) > self._most:
            del self._kinds[next(iter(self._kinds))]

    def cheapest_first(self) -> tuple[GiftKind, ...]:
        """All of them, by what one costs."""
        return tuple(sorted(self._kinds.values(), key=lambda kind: (kind.diamonds, kind.name)))


def gift_of(message: Any) -> Built:
    """A gift, of a decoded `WebcastGiftMessage`; `live.streams.streaks` settles its count."""
    gift = message.gift
    count = max(message.repeat_count, 1)
    # Without the gift itself, a group at least says that there is a streak to be counted once.
    is_known = message.HasField("gift")
    streakable = gift.type == STREAKABLE if is_known else bool(message.group_id)
    streak = None
    if streakable:
        streak = StreakState.ENDED if message.repeat_end else StreakState.ONGOING
    return FrameType.GIFT, Gift(
        sender_of(message),
        GiftKind(
            id_text(message.gift_id or gift.id),
            gift.name,
            gift.diamond_count,
            picture_of(gift.image) or picture_of(gift.icon),
            streakable,
        ),
        count,
        streak,
        gift.diamond_count * count,
        id_text(message.group_id),
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
    """The progress of a goal, of a decoded `WebcastGoalUpdateMessage`."""
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
    """A treasure chest that appears or goes, of a decoded `WebcastEnvelopeMessage`."""
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
    """What is read of a gift. Pictures are parsed apart: a gift may lack one."""

    id: Annotated[int, msgspec.Meta(ge=1)]
    name: str = ""
    diamond_count: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    type: int = 0
    image: Any = None
    icon: Any = None


def read_gift_list(body: bytes) -> tuple[GiftKind, ...]:
    """The gifts that TikTok's web API lists, in its order, without those that can't be read.

    Raises:
        ValueError, LookupError, TypeError: it is no list of gifts.
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
