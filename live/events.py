"""From TikTok's decoded messages to events of the LIVE, whose data is that of a frame.

What TikTok leaves out, repeats in several places or writes as text is settled here; see
`live.decoding` for the names of its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from live.decoding import decode_user
from live.frames import (
    Badges,
    Comment,
    Emote,
    EmoteMessage,
    Follow,
    FrameType,
    Gift,
    GiftKind,
    Join,
    Like,
    LiveChange,
    Question,
    Share,
    StreakState,
    Subscribe,
    TopViewer,
    User,
    Viewers,
)

__all__ = ["Event", "event_of"]


class Event(NamedTuple):
    """Something that happened on the LIVE. `id` is TikTok's, empty where it gave none."""

    type: FrameType
    id: str
    at: int
    data: Struct


_ADMIN, _SUBSCRIBER, _NEW_SUBSCRIBER, _FANS = 1, 4, 7, 10  # BadgeSceneType
_STREAKABLE = 1  # Gift.type
_FOLLOWED, _SHARED = 1, 3  # WebcastSocialMessage.action
_CONTROL = {  # ControlAction
    1: (FrameType.LIVE_PAUSE, ""),
    2: (FrameType.LIVE_RESUME, ""),
    3: (FrameType.LIVE_END, ""),
    4: (FrameType.LIVE_END, "suspended"),
}
# TikTok's word for "language not recognised".
_UNKNOWN_LANGUAGE = "un"
_FIRST_MS = 10**12  # a time below that is in seconds


def event_of(method: str, message: Any, now: int, fallback_id: int = 0) -> Event | None:
    """The event that a decoded message of `METHODS` stands for; None if it stands for none.

    Args:
        now: ms since the epoch, for messages without a time of their own.
        fallback_id: the id in the envelope, for messages without an id of their own.
    """
    built = _BUILDERS[method](message)
    if built is None:
        return None
    common = message.common
    at = common.create_time or now
    number = common.msg_id or fallback_id
    return Event(
        built[0],
        _id(number) if number else "",
        at if at >= _FIRST_MS else at * 1000,
        built[1],
    )


def _id(number: int) -> str:
    # TikTok's ids are unsigned; the schema reads them as signed.
    return str(number if number >= 0 else number + 2**64)


def _image(image: Any) -> str:
    urls = image.url_list
    return urls[0] if urls else ""


def _user(user: Any, identity: Any = None) -> User:
    moderator = identity is not None and identity.is_moderator_of_anchor
    subscriber = identity is not None and identity.is_subscriber_of_anchor
    fan_level = None
    for badge in user.badge_list:
        scene = badge.scene_type
        if scene == _FANS:
            level = _whole_number(badge.privilege_log_extra.level)
            fan_level = fan_level if level is None else level
        elif scene == _ADMIN:
            moderator = True
        elif scene in {_SUBSCRIBER, _NEW_SUBSCRIBER}:
            subscriber = True
    return User(
        _id(user.id) if user.id else user.id_str,
        user.display_id,
        user.nickname,
        _image(user.avatar_thumb),
        Badges(moderator, subscriber, fan_level),
    )


def _whole_number(text: str) -> int | None:
    # No number that TikTok writes as text is longer; int() refuses some that are.
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def _number(value: int) -> int | UnsetType:
    return value or UNSET


def _comment(message: Any) -> tuple[FrameType, Struct]:
    mentions = {user.id: _user(user) for user in message.mention_users}
    if message.HasField("at_user"):
        mentions.setdefault(message.at_user.id, _user(message.at_user))
    language = message.content_language
    return FrameType.COMMENT, Comment(
        _user(message.user, message.user_identity),
        message.content,
        [
            Emote(placed.emote.emote_id, _image(placed.emote.image), placed.index)
            for placed in message.emotes
        ],
        list(mentions.values()),
        language if language and language != _UNKNOWN_LANGUAGE else UNSET,
    )


def _gift(message: Any) -> tuple[FrameType, Struct]:
    gift = message.gift
    count = max(message.repeat_count, 1)
    streakable = gift.type == _STREAKABLE
    streak = None
    if streakable:
        streak = StreakState.ENDED if message.repeat_end else StreakState.ONGOING
    return FrameType.GIFT, Gift(
        _user(message.user, message.user_identity),
        GiftKind(
            _id(message.gift_id or gift.id),
            gift.name,
            gift.diamond_count,
            _image(gift.image),
            streakable,
        ),
        count,
        streak,
        gift.diamond_count * count,
        _id(message.group_id),
        _user(message.to_user) if message.HasField("to_user") else UNSET,
    )


def _like(message: Any) -> tuple[FrameType, Struct]:
    return FrameType.LIKE, Like(_user(message.user), message.count, message.total)


def _join(message: Any) -> tuple[FrameType, Struct]:
    return FrameType.JOIN, Join(_user(message.user), _number(message.member_count))


def _social(message: Any) -> tuple[FrameType, Struct] | None:
    """A follow or a share, told apart by the key of TikTok's own text, as TikTokLive does."""
    key = message.common.display_text.key
    if "follow" in key or (not key and message.action == _FOLLOWED):
        return FrameType.FOLLOW, Follow(_user(message.user))
    if "share" in key or (not key and message.action == _SHARED):
        # pm_mt_guidance_viewer_5_share: five people came by it.
        _, _, rest = key.partition("pm_mt_guidance_viewer_")
        joined = _whole_number(rest.partition("_share")[0])
        return FrameType.SHARE, Share(_user(message.user), UNSET if joined is None else joined)
    return None


def _subscribe(message: Any) -> tuple[FrameType, Struct]:
    return FrameType.SUBSCRIBE, Subscribe(_user(message.user), _number(message.sub_month))


@lru_cache(maxsize=256)
def _top_user(data: bytes) -> User:
    # The same few people again, every second or two.
    return _user(decode_user(data))


def _viewers(message: Any) -> tuple[FrameType, Struct]:
    return FrameType.VIEWERS, Viewers(
        message.total,
        message.total_user,
        [TopViewer(_top_user(rank.user), rank.score) for rank in message.ranks],
    )


def _question(message: Any) -> tuple[FrameType, Struct]:
    question = message.data
    return FrameType.QUESTION, Question(
        _id(question.question_id), _user(question.user), question.content
    )


def _emotes(emotes: Iterable[Any]) -> list[Emote]:
    return [Emote(emote.emote_id, _image(emote.image)) for emote in emotes]


def _emote(message: Any) -> tuple[FrameType, Struct]:
    user = _user(message.user, message.user_identity)
    return FrameType.EMOTE, EmoteMessage(user, _emotes(message.emote_list))


def _control(message: Any) -> tuple[FrameType, Struct] | None:
    if message.action not in _CONTROL:
        return None
    frame_type, reason = _CONTROL[message.action]
    return frame_type, LiveChange(reason or message.extra.source or message.tips or UNSET)


_BUILDERS: Mapping[str, Callable[[Any], tuple[FrameType, Struct] | None]] = {
    "WebcastChatMessage": _comment,
    "WebcastGiftMessage": _gift,
    "WebcastLikeMessage": _like,
    "WebcastMemberMessage": _join,
    "WebcastSocialMessage": _social,
    "WebcastSubNotifyMessage": _subscribe,
    "WebcastRoomUserSeqMessage": _viewers,
    "WebcastQuestionNewMessage": _question,
    "WebcastEmoteChatMessage": _emote,
    "WebcastControlMessage": _control,
}
