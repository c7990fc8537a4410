"""When to look again for a streamer who is offline, when that was done last, and who was offline a
moment ago."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import NamedTuple

from live.clock import Clock

__all__ = ["KEPT_FOR", "LookTimes", "OfflineAnswers", "look_after"]

# The longer a streamer has been offline, the rarer are the looks: after this share of that time,
_SHARE = 0.1
# but at least so often, in seconds, unless the first interval is longer. With jitter, that is ten
# minutes at most; and 20 looks a second for 10,000 streams, which is all that RELAY_TIKTOK_RATE
# allows.
_LONGEST = 500.0
# Looks come so much earlier or later, as a share of the interval.
_JITTER = 0.2
# Seconds for which TikTok's answer that a user is offline is kept, and for how many users.
KEPT_FOR = 10.0
_MOST_KEPT = 10_000


def look_after(first: float, offline_for: float, rng: random.Random) -> float:
    """Return after how many seconds to look again.

    Args:
        first: seconds of the first interval, without jitter.
        offline_for: seconds since the streamer was first found to be offline.
        rng: where jitter comes from.
    """
    interval = max(first, min(_SHARE * offline_for, _LONGEST))
    return interval * rng.uniform(1 - _JITTER, 1 + _JITTER)


class LookTimes(NamedTuple):
    """When it was looked last whether a streamer is live, and when that is due again; ms since the
    epoch, None where nobody knows. While a look is under way, no next one is due."""

    looked_at: int | None = None
    next_look_at: int | None = None

    @classmethod
    def of(cls, clock: Clock, looked_at: float, delay: float) -> LookTimes:
        """Args:
        looked_at: in monotonic seconds.
        delay: seconds from now to the next look.
        """
        now = clock.unix_ms()
        ago = clock.monotonic() - looked_at
        return cls(now - round(1000 * ago), now + round(1000 * delay))


class OfflineAnswers:
    """Which users TikTok has said are offline, for some seconds: a phone that comes again and again
    makes nobody ask TikTok each time. Shared by all streams.

    Args:
        kept_for: seconds.
    """

    def __init__(self, clock: Clock, kept_for: float = KEPT_FOR) -> None:
        self._clock = clock
        self._kept_for = kept_for
        self._answered_at: OrderedDict[str, float] = OrderedDict()  # oldest first

    def note(self, username: str) -> None:
        """TikTok has said now that the user is offline."""
        now = self._clock.monotonic()
        self._answered_at[username] = now
        self._answered_at.move_to_end(username)
        while len(self._answered_at) > 1:
            oldest = next(iter(self._answered_at))
            if not self._is_old(self._answered_at[oldest], now) and (
                len(self._answered_at) <= _MOST_KEPT
            ):
                break
            del self._answered_at[oldest]

    def forget(self, username: str) -> None:
        """The user is live."""
        self._answered_at.pop(username, None)

    def answered_at(self, username: str) -> float | None:
        """When TikTok has said so, in monotonic seconds; None if it is too long ago."""
        at = self._answered_at.get(username)
        return None if at is None or self._is_old(at, self._clock.monotonic()) else at

    def _is_old(self, at: float, now: float) -> bool:
        return now - at >= self._kept_for
