"""Builds the frames of notices that TikTok shows on a LIVE, and of super fans."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from live.protocol.frames import FrameType, Notice, NoticeKind, SuperFan, SuperFanState, User
from live.tiktok.people import SUPER_FAN, user_of
from live.tiktok.texts import shown_text
from live.tiktok.values import Built

__all__ = ["barrage", "notify", "rank_notice", "room_notice", "system_notice", "warning"]

# Part of a text's key when a super fan has joined the LIVE.
_SUPER_FAN_JOINED = f"{SUPER_FAN}_commentnotif_superfanjoined"


def barrage(message: Any) -> Built | None:
    """Build the frame of a decoded `WebcastBarrageMessage`, a text that runs across the screen.

    It is a `super_fan` frame when the text is about a super fan (its key tells, as in TikTokLive),
    and a `notice` frame otherwise.
    """
    contents = (message.content, message.common_barrage_content)
    texts = [text for text in map(shown_text, contents) if text]
    text = texts[0] if texts else ""
    senders = (
        message.user if message.HasField("user") else None,
        message.fans_level_param.user if message.fans_level_param.HasField("user") else None,
        message.user_grade_param.user if message.user_grade_param.HasField("user") else None,
    )
    user = next((user_of(sender) for sender in senders if sender is not None), UNSET)
    keys = [content.key.lower() for content in contents]
    if any(_SUPER_FAN_JOINED in key for key in keys):
        return FrameType.SUPER_FAN, SuperFan(SuperFanState.JOINED, text, user)
    if any(SUPER_FAN in key for key in keys):
        return FrameType.SUPER_FAN, SuperFan(SuperFanState.NEW, text, user)
    return _notice(NoticeKind.BARRAGE, text, user=user)


def _notice(
    kind: NoticeKind, text: str, title: str = "", user: User | UnsetType = UNSET
) -> Built | None:
    if not text and not title:
        return None
    return FrameType.NOTICE, Notice(kind, text, title or UNSET, user)


def room_notice(message: Any) -> Built | None:
    """Build the `notice` frame, for everybody in the room, of a decoded `WebcastRoomMessage`."""
    return _notice(NoticeKind.ROOM, message.content)


def system_notice(message: Any) -> Built | None:
    """Build the `notice` frame, a text from TikTok, of a decoded `WebcastSystemMessage`."""
    return _notice(NoticeKind.SYSTEM, message.message)


def warning(message: Any) -> Built | None:
    """Build the `notice` frame, about a violation, of a decoded `WebcastNoticeMessage`."""
    shown = (shown_text(message.notice_content), shown_text(message.display_text), message.content)
    titles = (shown_text(message.notice_title), shown_text(message.title))
    return _notice(
        NoticeKind.WARNING, next(filter(None, shown), ""), next(filter(None, titles), "")
    )


def notify(message: Any) -> Built | None:
    """Build the `notice` frame of a decoded `WebcastRoomNotifyMessage`.

    It tells viewers of something that happens elsewhere on TikTok.
    """
    text = message.content or shown_text(message.common.display_text)
    user = user_of(message.user) if message.HasField("user") else UNSET
    return _notice(NoticeKind.NOTIFY, text, user=user)


def rank_notice(message: Any) -> Built | None:
    """Build the `notice` frame, about a viewer's rank, of a decoded `WebcastRankTextMessage`."""
    return _notice(NoticeKind.RANK, shown_text(message.content))
