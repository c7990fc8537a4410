"""What a stream has come to so far, for sockets that come late. Bounded, and kept as it happens."""

from __future__ import annotations

import heapq
from collections import deque
from typing import NamedTuple

import msgspec

from live.protocol.frames import (
    Comment,
    Delete,
    Frame,
    Gift,
    Like,
    Snapshot,
    StreakState,
    TopGifter,
    User,
    Viewers,
)

__all__ = ["SnapshotKeeper"]

_COMMENTS = 20
_TOP = 10
# Gifters beyond that many are forgotten, the smallest first.
_MAX_GIFTERS = 10_000
# So are streaks, the oldest first; they end within seconds.
_MAX_STREAKS = 100


class _Comment(NamedTuple):
    id: str
    user_id: str
    text: str


class SnapshotKeeper:
    """Follows the events of one LIVE."""

    def __init__(self) -> None:
        self._viewers: int | None = None
        self._likes: int | None = None
        # Frames are kept as the texts that have been sent.
        self._comments: deque[_Comment] = deque(maxlen=_COMMENTS)
        self._streaks: dict[tuple[str, str, str], str] = {}
        self._gifters: dict[str, tuple[int, User]] = {}

    @property
    def gifters(self) -> int:
        """How many gifters are remembered."""
        return len(self._gifters)

    def update(self, data: msgspec.Struct, text: str, id: str = "") -> None:
        """Args:
        data: of an event's frame.
        text: the whole frame.
        id: the event's.
        """
        if isinstance(data, Comment):
            self._comments.append(_Comment(id, data.user.id, text))
        elif isinstance(data, Delete):
            self._forget_comments(data)
        elif isinstance(data, Like):
            self._likes = max(self._likes or 0, data.total)
        elif isinstance(data, Viewers):
            self._viewers = data.count
        elif isinstance(data, Gift):
            self._update_gift(data, text)

    def take(self) -> Snapshot:
        top = heapq.nlargest(_TOP, self._gifters.values(), key=lambda gifter: gifter[0])
        return Snapshot(
            viewers=self._viewers,
            likes=self._likes,
            gifts=[_raw(text) for text in self._streaks.values()],
            top=[TopGifter(user, diamonds) for diamonds, user in top],
            comments=[_raw(comment.text) for comment in self._comments],
        )

    def _forget_comments(self, deleted: Delete) -> None:
        kept = [
            comment
            for comment in self._comments
            if comment.id not in deleted.message_ids and comment.user_id not in deleted.user_ids
        ]
        self._comments = deque(kept, maxlen=_COMMENTS)

    def _update_gift(self, gift: Gift, text: str) -> None:
        key = (gift.user.id, gift.gift.id, gift.group_id)
        if gift.streak is StreakState.ONGOING:
            self._streaks[key] = text
            if len(self._streaks) > _MAX_STREAKS:
                del self._streaks[next(iter(self._streaks))]
            return
        self._streaks.pop(key, None)
        diamonds, _ = self._gifters.get(gift.user.id, (0, gift.user))
        self._gifters[gift.user.id] = (diamonds + gift.diamonds_total, gift.user)
        if len(self._gifters) > 2 * _MAX_GIFTERS:
            largest = heapq.nlargest(
                _MAX_GIFTERS, self._gifters.items(), key=lambda item: item[1][0]
            )
            self._gifters = dict(largest)


def _raw(text: str) -> Frame:
    """A frame that is encoded already; used in place of a `Frame`."""
    return msgspec.Raw(text)  # type: ignore[return-value]
