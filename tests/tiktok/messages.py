"""Webcast messages, built from the schema's own classes.

Each builder returns a `Message`. Its id stands in the message itself (`common.msg_id`) and in
the envelope around it, as TikTok has it; without one, the next of a row of 19-digit ids is taken.
"""

from __future__ import annotations

import itertools
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import betterproto2
from TikTokLiveProto.v3.webcast.im import (
    ControlAction,
    MemberMessageAction,
    SubscribeType,
    SubscribingStatus,
)
from TikTokLiveProto.v3.webcast.model import Gift
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.emoji import EmoteModel
from TikTokLiveProto.v3.webcast.model.base.user import FollowInfo, User
from TikTokLiveProto.v3.webcast.model.data import UserIdentity
from TikTokLiveProto.v3.webcast.model.message import (
    Contributor,
    Extra,
    Question,
    WebcastChatMessage,
    WebcastControlMessage,
    WebcastEmoteChatMessage,
    WebcastGiftMessage,
    WebcastLikeMessage,
    WebcastMemberMessage,
    WebcastQuestionNewMessage,
    WebcastRoomUserSeqMessage,
    WebcastSocialMessage,
    WebcastSubNotifyMessage,
)
from TikTokLiveProto.v3.webcast.model.message.common import Text
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from tests.tiktok import wire

COMMON, COMMON_MSG_ID = 1, 2
"""Field numbers: `common` in every message, `msg_id` in `common`."""

COMBO_GIFT = 1
"""`Gift.type` of a gift that can be sent as a streak."""


def ids() -> Iterator[int]:
    """Yield increasing ids as TikTok makes them: Unix time above 32 bits, so 19 digits.

    They differ from those of an earlier process, as a relay that outlives it must see.
    """
    return itertools.count((int(time.time()) << 32) + 1)


_msg_ids = ids()


def next_msg_id() -> int:
    """Return the next of this process's message ids."""
    return next(_msg_ids)


@dataclass(frozen=True, slots=True)
class Message:
    """One encoded webcast message: its method's name, its payload and its id."""

    method: str
    payload: bytes
    msg_id: int

    def renumbered(self, msg_id: int | None = None) -> Message:
        """Return the same message under another id; every other field keeps its bytes."""
        new = next_msg_id() if msg_id is None else msg_id
        return Message(self.method, _with_msg_id(self.payload, new), new)


def read_msg_id(payload: bytes) -> int:
    """Return a payload's `common.msg_id`; 0 if it has none."""
    try:
        for field in wire.fields(payload):
            if field.number == COMMON and isinstance(field.value, bytes):
                for inner in wire.fields(field.value):
                    if inner.number == COMMON_MSG_ID and isinstance(inner.value, int):
                        return inner.value
    except ValueError:
        pass
    return 0


def _with_msg_id(payload: bytes, msg_id: int) -> bytes:
    if read_msg_id(payload) == 0:
        return payload
    common = next(f.value for f in wire.fields(payload) if f.number == COMMON)
    assert isinstance(common, bytes)
    common = wire.replace(common, COMMON_MSG_ID, wire.varint_field(COMMON_MSG_ID, msg_id))
    return wire.replace(payload, COMMON, wire.bytes_field(COMMON, common))


# A builder must not call its result `common`: pydantic completes the schema's classes at their
# first use, and looks names such as the package `common` up in the caller's local variables.
def _common(method: str, msg_id: int | None, key: str = "") -> CommonMessageData:
    return CommonMessageData(
        method=method,
        msg_id=next_msg_id() if msg_id is None else msg_id,
        create_time=time.time_ns() // 1_000_000,
        is_show_msg=True,
        display_text=Text(key=key) if key else None,
    )


def _message(common: CommonMessageData, schema: betterproto2.Message) -> Message:
    return Message(common.method, bytes(schema), common.msg_id)


def user(name: str, *, id: int | None = None, nickname: str = "", following: bool = False) -> User:
    """Build a person; the same name always gets the same 19-digit id."""
    return User(
        id=6_000_000_000_000_000_000 + zlib.crc32(name.encode()) if id is None else id,
        display_id=name,
        nickname=nickname or name.title(),
        avatar_thumb=ImageModel(url_list=[f"https://cdn.example/{name}.webp"]),
        follow_info=FollowInfo(follow_status=int(following)),
    )


def _user(who: User | str) -> User:
    return user(who) if isinstance(who, str) else who


def chat(who: User | str, text: str, *, msg_id: int | None = None) -> Message:
    """Build a comment."""
    head = _common("WebcastChatMessage", msg_id)
    return _message(
        head,
        WebcastChatMessage(
            common=head,
            user=_user(who),
            content=text,
            content_language="en",
            user_identity=UserIdentity(is_follower_of_anchor=True),
        ),
    )


def gift(
    who: User | str,
    name: str = "Rose",
    *,
    gift_id: int = 5655,
    diamonds: int = 1,
    combo: bool = True,
    repeat_count: int = 1,
    repeat_end: bool = True,
    group_id: int | None = None,
    msg_id: int | None = None,
) -> Message:
    """Build a gift. A `combo` one may be a step of a streak, which its `group_id` holds together
    and whose last step has `repeat_end`."""
    head = _common("WebcastGiftMessage", msg_id, "webcast_aweme_gift_send_message")
    return _message(
        head,
        WebcastGiftMessage(
            common=head,
            user=_user(who),
            gift_id=gift_id,
            group_count=1,
            repeat_count=repeat_count,
            combo_count=repeat_count,
            repeat_end=int(repeat_end),
            group_id=head.msg_id if group_id is None else group_id,
            gift=Gift(
                id=gift_id,
                name=name,
                type=COMBO_GIFT if combo else 2,
                combo=combo,
                diamond_count=diamonds,
                image=ImageModel(url_list=[f"https://cdn.example/gift-{gift_id}.webp"]),
            ),
        ),
    )


def streak(who: User | str, name: str = "Rose", *, count: int, diamonds: int = 1) -> list[Message]:
    """Build a streak of `count` gifts: a message for each, then the one that ends it."""
    group = next_msg_id()
    steps = [
        gift(who, name, diamonds=diamonds, repeat_count=n, repeat_end=False, group_id=group)
        for n in range(1, count + 1)
    ]
    return [*steps, gift(who, name, diamonds=diamonds, repeat_count=count, group_id=group)]


def like(
    who: User | str, count: int = 1, *, total: int | None = None, msg_id: int | None = None
) -> Message:
    """Build `count` likes by one person; `total` are the room's."""
    head = _common("WebcastLikeMessage", msg_id, "pm_mt_msg_viewer")
    total = count if total is None else total
    return _message(
        head, WebcastLikeMessage(common=head, user=_user(who), count=count, total=total)
    )


def follow(who: User | str, *, followers: int = 1, msg_id: int | None = None) -> Message:
    """Build a follow: a social message that the library tells by its display text."""
    head = _common("WebcastSocialMessage", msg_id, "pm_main_follow_message_viewer_2")
    return _message(
        head,
        WebcastSocialMessage(common=head, user=_user(who), action=1, follow_count=followers),
    )


def share(
    who: User | str, *, users_joined: int | None = None, msg_id: int | None = None
) -> Message:
    """Build a share; with `users_joined`, the one that says how many came through it."""
    key = f"viewer_{users_joined}_share" if users_joined is not None else "share"
    head = _common("WebcastSocialMessage", msg_id, f"pm_mt_guidance_{key}")
    return _message(
        head, WebcastSocialMessage(common=head, user=_user(who), action=3, share_count=1)
    )


def join(who: User | str, *, member_count: int = 1, msg_id: int | None = None) -> Message:
    """Build someone's entrance."""
    head = _common("WebcastMemberMessage", msg_id, "live_room_enter_toast")
    return _message(
        head,
        WebcastMemberMessage(
            common=head,
            user=_user(who),
            member_count=member_count,
            action=MemberMessageAction.JOINED,
        ),
    )


def subscribe(who: User | str, *, months: int = 1, msg_id: int | None = None) -> Message:
    """Build a paid subscription."""
    head = _common("WebcastSubNotifyMessage", msg_id)
    return _message(
        head,
        WebcastSubNotifyMessage(
            common=head,
            user=_user(who),
            sub_month=months,
            subscribe_type=SubscribeType.AUTO,
            subscribing_status=SubscribingStatus.SUBSCRIBING_STATUS_ONCE,
        ),
    )


def viewers(
    count: int,
    *,
    total: int | None = None,
    top: Sequence[User | str] = (),
    msg_id: int | None = None,
) -> Message:
    """Build a viewer count: `count` now, `total` since the start, the best givers first."""
    head = _common("WebcastRoomUserSeqMessage", msg_id)
    ranks = [
        Contributor(score=100 - n, rank=n, user=_user(who)) for n, who in enumerate(top, start=1)
    ]
    return _message(
        head,
        WebcastRoomUserSeqMessage(
            common=head,
            ranks=ranks,
            total=count,
            total_user=count if total is None else total,
        ),
    )


def question(who: User | str, text: str, *, msg_id: int | None = None) -> Message:
    """Build a question for the host."""
    head = _common("WebcastQuestionNewMessage", msg_id)
    data = Question(
        question_id=head.msg_id,
        content=text,
        create_time=head.create_time // 1000,
        user=_user(who),
    )
    return _message(head, WebcastQuestionNewMessage(common=head, data=data))


def emote(who: User | str, *emote_ids: str, msg_id: int | None = None) -> Message:
    """Build a comment of subscriber emotes."""
    head = _common("WebcastEmoteChatMessage", msg_id)
    emotes = [
        EmoteModel(
            emote_id=emote_id,
            image=ImageModel(url_list=[f"https://cdn.example/emote-{emote_id}.webp"]),
        )
        for emote_id in emote_ids or ("7281238501054696197",)
    ]
    return _message(head, WebcastEmoteChatMessage(common=head, user=_user(who), emote_list=emotes))


def control(
    action: ControlAction, *, tips: str = "", reason: str = "", msg_id: int | None = None
) -> Message:
    """Build a word from TikTok about the stream; `reason` is a violation's, in `extra`."""
    head = _common("WebcastControlMessage", msg_id)
    extra = Extra(reason_no=1, violation_reason=Text(key=reason)) if reason else None
    return _message(head, WebcastControlMessage(common=head, action=action, tips=tips, extra=extra))


def pause(*, msg_id: int | None = None) -> Message:
    """Build the host's pause."""
    return control(ControlAction.STREAM_PAUSED, msg_id=msg_id)


def resume(*, msg_id: int | None = None) -> Message:
    """Build the end of the host's pause."""
    return control(ControlAction.STREAM_UNPAUSED, msg_id=msg_id)


def end(*, suspended: bool = False, reason: str = "", msg_id: int | None = None) -> Message:
    """Build the stream's end: the host's, or with `suspended` TikTok's, for a `reason`."""
    action = ControlAction.STREAM_SUSPENDED if suspended else ControlAction.STREAM_ENDED
    return control(action, reason=reason, msg_id=msg_id)


def unknown(
    method: str = "WebcastNobodyKnowsMessage",
    payload: bytes | None = None,
    *,
    msg_id: int | None = None,
) -> Message:
    """Build a message of a type that the library does not map, with any payload.

    A given `payload` is sent as it is, its id in the envelope only.
    """
    head = _common(method, msg_id)
    return Message(
        method,
        wire.bytes_field(COMMON, bytes(head)) if payload is None else payload,
        head.msg_id,
    )
