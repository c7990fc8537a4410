"""Decides whether a stream tries to connect again, and when.

Pure: it is told the time, draws from the random source that it was given, and waits for nothing.
"""

from __future__ import annotations

import random
from collections import deque

from live.protocol.errors import ErrorCode

__all__ = ["Reconnecting"]

# Seconds. The longest pause before the first attempt; it doubles with each one, up to the cap.
_BACKOFF_BASE = 1.0
_BACKOFF_CAP = 30.0
# More doublings than the cap needs are not counted.
_MAX_DOUBLINGS = 10
# A connection is flapping when it was lost so many times within so many seconds. The time for
# coming back then runs on, although each connection brought something new.
_FLAPS, _FLAP_TIME = 50, 600.0
# Streams that wait for the same gate come back over that many seconds.
_GATE_SPREAD = 10.0
# Trying again does not help after these.
_FINAL = frozenset(
    {
        ErrorCode.USER_OFFLINE,
        ErrorCode.USER_NOT_FOUND,
        ErrorCode.AGE_RESTRICTED,
        ErrorCode.SIGN_FORBIDDEN,
        ErrorCode.INTERNAL_ERROR,
    }
)


class Reconnecting:
    """Knows how long one stream has tried to come back, and how long to wait before each attempt.

    The time and the count of attempts begin anew when the connection before has brought something
    new, or held without messages for as long as the idle timeout.

    Args:
        budget: seconds for which a stream tries to come back; 0 for not at all.
        rng: where jitter comes from.

    Attributes:
        attempt: the number of the attempt that is next or under way; 0 when there is none.
    """

    def __init__(self, budget: float, rng: random.Random) -> None:
        self.attempt = 0
        self._budget = budget
        self._rng = rng
        self._first = True  # neither has a connection been open, nor was the streamer waited for
        self._opened = False  # a connection was open since the last cut
        self._progress = False  # whether the newest connection brought anything new
        self._give_up_at = 0.0  # monotonic seconds
        self._cuts: deque[float] = deque(maxlen=_FLAPS)  # monotonic times

    def on_open(self) -> None:
        """A connection is open. It has not shown yet that it is worth anything."""
        self._first = False
        self._opened = True
        self._progress = False

    def on_progress(self) -> None:
        """The connection is worth it: when it is lost, the whole time is there again."""
        self._progress = True

    def on_waited(self) -> None:
        """The stream has waited for an offline streamer, and asks TikTok again."""
        self._first = False
        self.attempt = 0

    def is_final(self, code: ErrorCode) -> bool:
        """Whether the stream fails at once with that error: it is the very first attempt's, which
        somebody waits for, or trying again does not help."""
        return self._first or code in _FINAL

    def on_cut(self, now: float) -> int:
        """The connection was lost, or an attempt failed.

        Args:
            now: seconds of a clock that does not go back.

        Returns:
            The number of the next attempt.
        """
        if self._opened:
            self._cuts.append(now)
        self._opened = False
        flapping = len(self._cuts) == _FLAPS and now - self._cuts[0] < _FLAP_TIME
        if not self.attempt or (self._progress and not flapping):
            self.attempt = 0
            self._give_up_at = now + self._budget
        self.attempt += 1
        self._progress = False
        return self.attempt

    def seconds_left(self, now: float) -> float:
        """For how long the stream still tries to come back; 0 when it has to give up."""
        return max(0.0, self._give_up_at - now)

    def delay(self, now: float, closed: float, *, at_once: bool = False) -> float:
        """Seconds to wait before the next attempt: a random time from zero to a limit that
        doubles with each attempt, up to a cap ("full jitter"), and to the end of the time for
        coming back; but never less than until requests are taken again.

        Args:
            now: seconds of the same clock as of `on_cut`.
            closed: seconds until the sign gate opens, or TikTok may be asked again; 0 for now.
            at_once: somebody asked not to wait.
        """
        if closed:
            return closed + self._rng.uniform(0, _GATE_SPREAD)
        if at_once:
            return 0.0
        doublings = min(self.attempt - 1, _MAX_DOUBLINGS)
        backoff = self._rng.uniform(0, min(_BACKOFF_CAP, _BACKOFF_BASE * 2**doublings))
        return min(backoff, self.seconds_left(now))
