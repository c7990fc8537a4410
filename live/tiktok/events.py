"""Events of a LIVE: the table of TikTok's methods, and what each becomes.

An event's data is that of a frame. What TikTok leaves out, repeats in several places or writes as
text is settled here and in the modules that the table names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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


class Event(NamedTuple):
    """Something that happened on the LIVE. `id` is TikTok's, empty where it gave none."""

    type: FrameType
    id: str
    at: int
    data: Struct


_FOLLOWED, _SHARED = 1, 3  # WebcastSocialMessage.action
_CONTROL = {  # ControlAction
    1: (FrameType.LIVE_PAUSE, ""),
    2: (FrameType.LIVE_RESUME, ""),
    3: (FrameType.LIVE_END, ""),
    4: (FrameType.LIVE_END, "suspended"),
}
_SUBSCRIBED = 0  # MessageType: of the others, none is a subscription
_FIRST_TIME = 0  # OldSubscribeStatus
_PIN_CANCEL = 2  # PinMessageActionType


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
    at = time_ms(common.create_time)
    number = common.msg_id or fallback_id
    return Event(built[0], id_text(number) if number else "", now if at is UNSET else at, built[1])


def _like(message: Any) -> Built:
    return FrameType.LIKE, Like(user_of(message.user), message.count, message.total)


def _join(message: Any) -> Built:
    return FrameType.JOIN, Join(
        user_of(message.user),
        known(message.member_count),
        source=message.client_enter_source or UNSET,
    )


def _social(message: Any) -> Built | None:
    """A follow or a share, told apart by the key of TikTok's own text, as TikTokLive does."""
    key = message.common.display_text.key
    if "follow" in key or (not key and message.action == _FOLLOWED):
        return FrameType.FOLLOW, Follow(user_of(message.user))
    if "share" in key or (not key and message.action == _SHARED):
        # pm_mt_guidance_viewer_5_share: five people came by it.
        _, _, rest = key.partition("pm_mt_guidance_viewer_")
        joined = whole_number(rest.partition("_share")[0])
        return FrameType.SHARE, Share(user_of(message.user), UNSET if joined is None else joined)
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
    return FrameType.VIEWERS, Viewers(
        message.total,
        message.total_user,
        [TopViewer(top_user(rank.user), rank.score) for rank in message.ranks],
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
        # `pin_msg_id` is that of the message that pinned it.
        if pinned.common.msg_id:
            pin.message_id = id_text(pinned.common.msg_id)
        # Of what is taken down, TikTok gives the id only.
        is_told = pin.state is PinState.PINNED or pinned.HasField("user")
        if is_told and (built := build(pinned)) is not None:
            setattr(pin, str(built[0]), built[1])
    return FrameType.PIN, pin


_PINNABLE: Mapping[str, Callable[[Any], Built | None]] = {
    "chat_message": comment,
    "gift_message": gift_of,
    "like_message": _like,
    "member_message": _join,
    "social_message": _social,
}

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
