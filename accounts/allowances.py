"""Token buckets, one for each client or name: so much at once, and so much a minute after that.

(A token bucket has nothing to do with access tokens.)
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Allowances"]


class Allowances:
    """How much each of many has left. It may be used by all threads.

    Args:
        burst: how much each has at first, and at most.
        seconds: after so many seconds each has one more.
        now: seconds of a clock that never goes back; tests give another one.
        most: how many are remembered. Beyond that, those that spent longest ago are forgotten.
    """

    def __init__(
        self,
        burst: int,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
        most: int = 10_000,
    ) -> None:
        self._burst = burst
        self._seconds = seconds
        self._now = now
        self._most = most
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how much, and when

    def wait(self, key: str) -> float:
        """Return the seconds until there is one; 0 if there is one now."""
        with self._lock:
            return self._wait(self._filled(key))

    def take(self, key: str) -> float:
        """Take one if there is one.

        Returns:
            0; or the seconds until there is one, and then nothing is taken.
        """
        with self._lock:
            left = self._filled(key)
            wait = self._wait(left)
            if not wait:
                self._keep(key, left - 1)
            return wait

    def take_what_is_left(self, key: str) -> None:
        """Take one, or whatever is left of one."""
        with self._lock:
            self._keep(key, max(0.0, self._filled(key) - 1))

    def give_back(self, key: str) -> None:
        """Undo one `take`."""
        with self._lock:
            self._keep(key, self._filled(key) + 1)

    def _filled(self, key: str) -> float:
        if (known := self._left.get(key)) is None:
            return float(self._burst)
        left, at = known
        return min(self._burst, left + (self._now() - at) / self._seconds)

    def _wait(self, left: float) -> float:
        return 0.0 if left >= 1 else (1 - left) * self._seconds

    def _keep(self, key: str, left: float) -> None:
        self._left[key] = (left, self._now())
        self._left.move_to_end(key)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
