"""Counts a LIVE from TikTok's own messages, by TikTokLive's classes, without the relay's code."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from TikTokLive.events.proto_events import (
    CommentEvent,
    GiftEvent,
    JoinEvent,
    LikeEvent,
    RoomUserSeqEvent,
)
from TikTokLive.proto.custom_proto import ExtendedGift

from standin.messages import Message

__all__ = ["Sums", "count"]


@dataclass
class Sums:
    """What a LIVE has come to. Gifts and diamonds by the ids of users and of gifts."""

    comments: int = 0
    likes: int = 0
    joins: int = 0
    viewers_peak: int = 0
    gifts: Counter[tuple[str, str]] = field(default_factory=Counter)
    diamonds: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def diamonds_of_givers(self) -> dict[str, int]:
        by_giver: Counter[str] = Counter()
        for (giver, _gift), diamonds in self.diamonds.items():
            by_giver[giver] += diamonds
        return dict(by_giver)

    @property
    def gifts_of_kinds(self) -> dict[str, int]:
        by_kind: Counter[str] = Counter()
        for (_giver, gift), count in self.gifts.items():
            by_kind[gift] += count
        return dict(by_kind)


def count(sent: Iterable[Message]) -> Sums:
    """Count messages, each of which TikTok has sent once or more often.

    Of each streak the highest count that was told counts, however many messages told of it.
    """
    sums = Sums()
    streaks: dict[tuple[int, int, int], Any] = {}
    for message in {message.msg_id: message for message in sent}.values():
        match message.method:
            case "WebcastChatMessage":
                CommentEvent().parse(message.payload)
                sums.comments += 1
            case "WebcastLikeMessage":
                sums.likes += max(0, LikeEvent().parse(message.payload).count)
            case "WebcastMemberMessage":
                JoinEvent().parse(message.payload)
                sums.joins += 1
            case "WebcastRoomUserSeqMessage":
                told = RoomUserSeqEvent().parse(message.payload)
                sums.viewers_peak = max(sums.viewers_peak, told.total)
            case "WebcastGiftMessage":
                event: Any = GiftEvent().parse(message.payload)
                key = (event.user.id, event.gift.id, event.group_id)
                if not ExtendedGift(event.gift).streakable:
                    _add(sums, event)
                elif key not in streaks or event.repeat_count > streaks[key].repeat_count:
                    streaks[key] = event
    for event in streaks.values():
        _add(sums, event)
    return sums


def _add(sums: Sums, event: Any) -> None:
    key = str(event.user.id), str(event.gift.id)
    sums.gifts[key] += event.repeat_count
    sums.diamonds[key] += event.repeat_count * event.gift.diamond_count
