"""What a stream has come to so far, for sockets that come late. Bounded, and kept as it happens."""

from __future__ import annotations

import heapq
from collections import deque

import msgspec

from live.frames import Comment, Frame, Gift, Like, Snapshot, StreakState, TopGifter, User, Viewers

__all__ = ["SnapshotKeeper"]

_COMMENTS = 20
_TOP = 10
# Gifters beyond that many are forgotten, the smallest first.
_MAX_GIFTERS = 10_000
# So are streaks, the oldest first; they end within seconds.
_MAX_STREAKS = 100


class SnapshotKeeper:
    """Follows the events of one LIVE."""

    def __init__(self) -> None:
        self._viewers: int | None = None
        self._likes: int | None = None
        # Frames are kept as the texts that have been sent.
        self._comments: deque[str] = deque(maxlen=_COMMENTS)
        self._streaks: dict[tuple[str, str, str], str] = {}
        self._gifters: dict[str, tuple[int, User]] = {}

    def update(self, data: msgspec.Struct, text: str) -> None:
        """Args:
        data: of an event's frame.
        text: the whole frame.
        """
        if isinstance(data, Comment):
            self._comments.append(text)
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
            comments=[_raw(text) for text in self._comments],
        )

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
    """A frame that is encoded already; it stands where a `Frame` is declared."""
    return msgspec.Raw(text)  # type: ignore[return-value]
