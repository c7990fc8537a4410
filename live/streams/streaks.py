"""Gift streaks: every gift counted exactly once, however TikTok tells of it.

A streak is many messages of one group whose count grows; the last one says that it ended, if
TikTok sends it. A client counts gifts whose `streak` is "ended" or null. So a streak without an
end is ended here after a time, and if TikTok goes on with
it, the new gifts start a new count.

Streaks of group "0" can't be told apart by their groups. What comes of such a streak after it was
ended here may go on with it, or begin the user's next streak of that gift. The count decides: a
larger one goes on with it, and so does an end with the same count, which adds nothing; any other is
of a new streak, which counts from its start. This is wrong in rare cases: a message that arrives
after `STREAK_TIMEOUT` although newer ones came before counts a second time; and a new streak whose
first message that arrives has a larger count than the old streak counts only the difference. Before
the time-out, a smaller count is taken for a late message, as in all streaks.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from live.protocol.frames import Gift, StreakState
from live.streams.saved import OLDEST, RestoreError, SavedStreak

__all__ = ["STREAK_TIMEOUT", "Streaks"]

# Seconds without a message after which a streak is over. The TikTok app ends one after about five.
STREAK_TIMEOUT = 20.0
# Seconds for which an ended streak is remembered, in case TikTok goes on with it.
_MEMORY = 120.0

# Streaks without a group can't be told apart: the next one of that user and gift has the same key.
_NO_GROUP = "0"
_ENDED = StreakState.ENDED

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Streak:
    gift: Gift | None  # the newest ongoing one; None once ended
    counted: int  # gifts in the frames that ended
    heard: float


class Streaks:
    """The streaks of one stream. Times are seconds of any clock that does not go back."""

    def __init__(self) -> None:
        # In the order of their newest messages: the first is the first to time out.
        self._streaks: OrderedDict[_Key, _Streak] = OrderedDict()

    def __len__(self) -> int:
        """How many streaks are remembered: those that are open, and those that ended lately."""
        return len(self._streaks)

    def update(self, gift: Gift, now: float) -> Gift | None:
        """The gift as clients shall see it; None if it adds nothing to what they have counted."""
        if gift.streak is None:
            return gift
        key = (gift.user.id, gift.gift.id, gift.group_id)
        streak = self._streaks.pop(key, None)
        if streak is None or _is_another(gift, streak):
            streak = _Streak(None, 0, now)
        newest = streak.counted + (streak.gift.count if streak.gift else 0)
        # A smaller count comes from a message that arrived late.
        count = max(gift.count, newest) - streak.counted
        self._streaks[key] = streak
        streak.heard = now
        if count <= 0:
            return None
        gift = _with_count(gift, count)
        if gift.streak is _ENDED:
            streak.counted += count
            streak.gift = None
            if gift.group_id == _NO_GROUP:
                del self._streaks[key]
        else:
            streak.gift = gift
        return gift

    def has_ended(self, gift: Gift) -> bool:
        """Whether the streak of that gift is known, and has been ended."""
        streak = self._streaks.get((gift.user.id, gift.gift.id, gift.group_id))
        return streak is not None and streak.gift is None

    def copy(self, gift: Gift, now: float) -> None:
        """Take over a gift as clients have seen it, which `update` or `expire` gave in another
        process."""
        if gift.streak is None:
            return
        key = (gift.user.id, gift.gift.id, gift.group_id)
        streak = self._streaks.pop(key, None) or _Streak(None, 0, now)
        streak.heard = now
        if gift.streak is _ENDED:
            streak.counted += gift.count
            streak.gift = None
        else:
            streak.gift = gift
        self._streaks[key] = streak

    def expire(self, now: float) -> Iterator[Gift]:
        """End the streaks that have been silent for `STREAK_TIMEOUT`; forget those of long ago."""
        for key, streak in list(self._streaks.items()):
            if streak.heard > now - STREAK_TIMEOUT:
                return
            if streak.gift is not None:
                yield self._end(streak)
            elif streak.heard <= now - _MEMORY:
                del self._streaks[key]

    def end_all(self) -> Iterator[Gift]:
        """End every streak: the LIVE is over."""
        for streak in self._streaks.values():
            if streak.gift is not None:
                yield self._end(streak)

    def save(self, now: float) -> list[SavedStreak]:
        """All that is remembered, to be written down."""
        return [
            SavedStreak(
                *key, streak.gift, streak.counted, min(max(0.0, now - streak.heard), OLDEST)
            )
            for key, streak in self._streaks.items()
        ]

    @classmethod
    def restore(cls, saved: Iterable[SavedStreak], now: float, since: float = 0) -> Streaks:
        """The streaks that were saved.

        Args:
            now: as for `update`, by this process's clock.
            since: seconds that have gone by since they were saved.

        Raises:
            RestoreError: two are the same, a gift is not of its streak, or their order is wrong.
        """
        streaks = cls()
        newest = -math.inf
        for each in saved:
            key = (each.user_id, each.gift_id, each.group_id)
            gift = each.gift
            if gift is not None and key != (gift.user.id, gift.gift.id, gift.group_id):
                raise RestoreError("a gift of another streak")
            heard = now - each.silent - since
            if key in streaks._streaks or heard < newest:
                raise RestoreError("streaks in a wrong order")
            newest = heard
            streaks._streaks[key] = _Streak(gift, each.counted, heard)
        return streaks

    def _end(self, streak: _Streak) -> Gift:
        assert streak.gift is not None
        ended = msgspec.structs.replace(streak.gift, streak=StreakState.ENDED)
        streak.counted += ended.count
        streak.gift = None
        return ended


def _is_another(gift: Gift, streak: _Streak) -> bool:
    """Whether it begins a new streak, since the known one, which has no group, was ended here."""
    if gift.group_id != _NO_GROUP or streak.gift is not None:
        return False
    is_late_end = gift.count == streak.counted and gift.streak is StreakState.ENDED
    return gift.count <= streak.counted and not is_late_end


def _with_count(gift: Gift, count: int) -> Gift:
    if count == gift.count:
        return gift
    return msgspec.structs.replace(gift, count=count, diamonds_total=gift.gift.diamonds * count)
