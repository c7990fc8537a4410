"""Turns TikTok's decoded messages into events.

`_BUILDERS` has the function that builds the event for each of TikTok's methods. An event's data is
the data of a frame. TikTok leaves some values out, sends some in several fields, and writes some
numbers as text; the functions here and in the modules of the other builders decide which value
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from live.protocol.frames import (
    Follow,
    FrameType,
    Join,
    Like,
    LiveChange,
    Pin,
    PinState,
    Poll,
    PollOption,
    PollState,
    Rank,
    Ranking,
    Share,
    Subscribe,
    SubscriptionKind,
    TopViewer,
    Viewers,
)
from live.tiktok.battles import armies_of, battle_of, punishment
from live.tiktok.chat import caption, comment, delete, emote, question
from live.tiktok.decoding import ranking_name
from live.tiktok.gifts import envelope, gift_of, goal_of
from live.tiktok.notices import barrage, notify, rank_notice, room_notice, system_notice, warning
from live.tiktok.people import top_user, user_of
from live.tiktok.texts import shown_text
from live.tiktok.values import Built, id_text, known, time_ms, whole_number

__all__ = ["Event", "event_of"]


class Event(Struct, frozen=True):
    """Something that happened on the LIVE.

    Attributes:
        type: the type of the frame that it becomes.
        id: TikTok's id of the message; empty if TikTok gave none.
        at: when it happened, in ms since the epoch.
        data: the data of that frame.
    """

    type: FrameType
    id: str
    at: int
    data: Struct


# The types of the most frequent events, looked up once: Python 3.11 takes as long for a member of
# an enum as for a field of a message.
_LIKE, _JOIN, _FOLLOW = FrameType.LIKE, FrameType.JOIN, FrameType.FOLLOW
_SHARE, _VIEWERS = FrameType.SHARE, FrameType.VIEWERS
# Values of WebcastSocialMessage.action.
_FOLLOWED, _SHARED = 1, 3
# The frame type and the reason of a WebcastControlMessage, by TikTok's ControlAction.
_CONTROL = {
    1: (FrameType.LIVE_PAUSE, ""),
    2: (FrameType.LIVE_RESUME, ""),
    3: (FrameType.LIVE_END, ""),
    4: (FrameType.LIVE_END, "suspended"),
}
# Value of WebcastSubNotifyMessage.message_type for a subscription; the others are no subscriptions.
_SUBSCRIBED = 0
# Value of WebcastSubNotifyMessage.old_subscribe_status: the user has never been a subscriber.
_FIRST_TIME = 0
# Value of WebcastRoomPinMessage.action (PinMessageActionType): the message is taken down.
_PIN_CANCEL = 2


def event_of(method: str, message: Any, now: int, fallback_id: int = 0) -> Event | None:
    """Build the event of a decoded message; None if the message makes no frame.

    Args:
        method: TikTok's method, one of `METHODS`.
        message: the message, as `decode_message` returns it.
        now: ms since the epoch, used when the message has no time.
        fallback_id: the id in the message's envelope, used when the message itself has none.
    """
    built = _BUILDERS[method](message)
    if built is None:
        return None
    common = message.common
    at = time_ms(common.create_time)
    number = common.msg_id or fallback_id
    return Event(built[0], id_text(number) if number else "", now if at is UNSET else at, built[1])


def _like(message: Any) -> Built:
    return _LIKE, Like(user_of(message.user), message.count, message.total)


def _join(message: Any) -> Built:
    return _JOIN, Join(
        user_of(message.user),
        known(message.member_count),
        source=message.client_enter_source or UNSET,
    )


def _social(message: Any) -> Built | None:
    """Build a `follow` or a `share`: the key of TikTok's text tells which, as in TikTokLive."""
    key = message.common.display_text.key
    if "follow" in key or (not key and message.action == _FOLLOWED):
        return _FOLLOW, Follow(user_of(message.user))
    if "share" in key or (not key and message.action == _SHARED):
        # In "pm_mt_guidance_viewer_5_share", 5 is the number of people who joined by the share.
        _, _, rest = key.partition("pm_mt_guidance_viewer_")
        joined = whole_number(rest.partition("_share")[0])
        return _SHARE, Share(user_of(message.user), UNSET if joined is None else joined)
    return None


def _subscribe(message: Any) -> Built | None:
    if message.message_type != _SUBSCRIBED:
        return None
    if message.gift_source:
        kind = SubscriptionKind.GIFTED
    elif message.old_subscribe_status == _FIRST_TIME:
        kind = SubscriptionKind.NEW
    else:
        kind = SubscriptionKind.RENEWED
    months = known(message.sub_month)
    return FrameType.SUBSCRIBE, Subscribe(user_of(message.user), kind, months)


def _viewers(message: Any) -> Built:
    return _VIEWERS, Viewers(
        message.total,
        message.total_user,
        [TopViewer(top_user(rank.user), rank.score) for rank in message.ranks[:]],
    )


def _control(message: Any) -> Built | None:
    if message.action not in _CONTROL:
        return None
    frame_type, reason = _CONTROL[message.action]
    return frame_type, LiveChange(reason or message.extra.source or message.tips or UNSET)


def _rank(message: Any) -> Built:
    return FrameType.RANK, Rank(
        [
            Ranking(ranking_name(rank.rank_type), rank.own_rank, shown_text(rank.default_content))
            for rank in message.updates
        ]
    )


def _poll(message: Any) -> Built:
    title: str | UnsetType = message.poll_basic_info.title or UNSET
    if message.HasField("start_content"):
        content = message.start_content
        title = content.title or title
        state, times = PollState.STARTED, (time_ms(content.start_time), time_ms(content.end_time))
    elif message.HasField("end_content"):
        content = message.end_content
        state, times = PollState.ENDED, (UNSET, UNSET)
    else:
        content = message.update_votes_content
        state, times = PollState.VOTES, (UNSET, UNSET)
    options = [
        PollOption(option.option_idx, option.display_content, option.votes)
        for option in content.option_list
    ]
    return FrameType.POLL, Poll(id_text(message.poll_id), state, options, title, *times)


def _pin(message: Any) -> Built:
    pin = Pin(
        PinState.UNPINNED if message.action == _PIN_CANCEL else PinState.PINNED,
        id_text(message.pin_msg_id),
        user_of(message.operator) if message.HasField("operator") else UNSET,
        known(message.display_duration),
    )
    for field, build in _PINNABLE.items():
        if not message.HasField(field):
            continue
        pinned = getattr(message, field)
        # `pin_msg_id` is the id of the pinning message; frames have the id of the pinned one.
        if pinned.common.msg_id:
            pin.message_id = id_text(pinned.common.msg_id)
        # When a pinned message is taken down, TikTok sends its id and no content.
        is_told = pin.state is PinState.PINNED or pinned.HasField("user")
        if is_told and (built := build(pinned)) is not None:
            setattr(pin, str(built[0]), built[1])
    return FrameType.PIN, pin


# How to build the frame of a pinned message, by the field of WebcastRoomPinMessage that holds it.
_PINNABLE: Mapping[str, Callable[[Any], Built | None]] = {
    "chat_message": comment,
    "gift_message": gift_of,
    "like_message": _like,
    "member_message": _join,
    "social_message": _social,
}

# How to build the frame of a message, by TikTok's method. A builder may return None for no frame.
_BUILDERS: Mapping[str, Callable[[Any], Built | None]] = {
    "WebcastChatMessage": comment,
    "WebcastGiftMessage": gift_of,
    "WebcastLikeMessage": _like,
    "WebcastMemberMessage": _join,
    "WebcastSocialMessage": _social,
    "WebcastSubNotifyMessage": _subscribe,
    "WebcastRoomUserSeqMessage": _viewers,
    "WebcastQuestionNewMessage": question,
    "WebcastEmoteChatMessage": emote,
    "WebcastControlMessage": _control,
    "WebcastBarrageMessage": barrage,
    "WebcastRoomMessage": room_notice,
    "WebcastSystemMessage": system_notice,
    "WebcastNoticeMessage": warning,
    "WebcastRoomNotifyMessage": notify,
    "WebcastRankTextMessage": rank_notice,
    "WebcastEnvelopeMessage": envelope,
    "WebcastLinkMicBattle": battle_of,
    "WebcastLinkMicArmies": armies_of,
    "WebcastLinkMicBattlePunishFinish": punishment,
    "WebcastGoalUpdateMessage": goal_of,
    "WebcastRankUpdateMessage": _rank,
    "WebcastPollMessage": _poll,
    "WebcastRoomPinMessage": _pin,
    "WebcastImDeleteMessage": delete,
    "WebcastCaptionMessage": caption,
}
