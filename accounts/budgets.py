"""Budgets: how often somebody may do something that costs others. A token bucket for each key.

`live` uses them too.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from django.conf import settings

__all__ = ["PERIOD", "Budgets", "OverBudgetError", "take_username_change", "username_changes"]

Key = TypeVar("Key", bound=Hashable)

# Seconds until an empty budget of an account is whole again.
PERIOD = 600.0
# Of so many keys, which were used last, `used_up` tells.
_LOOKED_AT = 1000


class OverBudgetError(Exception):
    """Somebody has done something too often.

    Args:
        retry_after: the whole seconds after which it is allowed again.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"allowed again in {retry_after} s")
        self.retry_after = retry_after


class Budgets(Generic[Key]):
    """Counts what each key does. A key may do `amount` things at once, and as many again in each
    `period`, evenly: after `period / amount` seconds one more.

    Threads may share it. What it remembers is bounded: a key whose budget is whole again is
    forgotten, and beyond `max_keys` the one that was used least recently, which then has a whole
    budget.

    Args:
        amount: how many things at once; at least 1.
        period: seconds until an empty budget is whole again.
        monotonic: a clock in seconds that never goes back.
        max_keys: how many keys are remembered.
    """

    def __init__(
        self,
        amount: int,
        period: float,
        monotonic: Callable[[], float] = time.monotonic,
        max_keys: int = 100_000,
    ) -> None:
        self._step = period / amount  # seconds that one thing costs
        self._period = period
        self._monotonic = monotonic
        self._max_keys = max_keys
        # When the budget of each key is whole again; the key that was used last is the last one.
        self._whole_at: OrderedDict[Key, float] = OrderedDict()
        self._untold: dict[Key, float] | None = None  # by how much it is whole later
        self._lock = Lock()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._whole_at)

    def take(self, key: Key) -> int | None:
        """Do one thing, if the budget allows it.

        Returns:
            None if it is allowed. Otherwise nothing is taken, and these are the whole seconds, at
            least 1, after which it is allowed.
        """
        with self._lock:
            now = self._monotonic()
            if wait := self._wait(key, now):
                return wait
            self._whole_at[key] = max(self._whole_at.get(key, now), now) + self._step
            self._whole_at.move_to_end(key)
            self._note(key, self._step)
            self._forget(now)
        return None

    def retry_after(self, key: Key) -> int | None:
        """What `take` would return, without taking anything."""
        with self._lock:
            return self._wait(key, self._monotonic())

    def give_back(self, key: Key) -> None:
        """Undo one `take`: what was done turned out to be free."""
        with self._lock:
            if key in self._whole_at:
                self._whole_at[key] -= self._step
                self._note(key, -self._step)

    def used_up(self, most: int) -> dict[Key, int]:
        """Up to `most` keys whose budget is used up now, those that were used last first, each with
        the whole seconds after which `take` allows something. Only the last keys are looked at."""
        with self._lock:
            now = self._monotonic()
            last = islice(reversed(self._whole_at), _LOOKED_AT)
            found = ((key, self._wait(key, now)) for key in last)
            return dict(islice(((key, wait) for key, wait in found if wait), most))

    # --- For several processes that count together: see `live.cluster.limits` -------------------

    def drain(self) -> dict[Key, float]:
        """What was taken since the last time: by key, seconds by which it is whole later. The first
        call begins to note it, and returns nothing."""
        with self._lock:
            untold, self._untold = self._untold, {}
            return untold or {}

    def put_back(self, taken: Mapping[Key, float]) -> None:
        """Have `drain` return these again."""
        with self._lock:
            for key, seconds in taken.items():
                self._note(key, seconds)

    def owes(self, key: Key, seconds: float) -> None:
        """The budget of a key is whole in so many seconds, at the earliest, since others have taken
        of it, too."""
        with self._lock:
            now = self._monotonic()
            whole_at = now + min(seconds, self._period)
            if whole_at > self._whole_at.get(key, now):
                self._whole_at[key] = whole_at
                self._whole_at.move_to_end(key)
                self._forget(now)

    def _note(self, key: Key, seconds: float) -> None:
        """Remember it for `drain`, if that is called at all. Of many keys, some are left out."""
        if self._untold is not None and (key in self._untold or len(self._untold) < self._max_keys):
            self._untold[key] = self._untold.get(key, 0.0) + seconds

    def _wait(self, key: Key, now: float) -> int | None:
        owed = max(self._whole_at.get(key, now) - now, 0) + self._step
        # Sums of many steps differ from the period by rounding.
        missing = owed - self._period - 1e-6
        return math.ceil(missing) if missing > 0 else None

    def _forget(self, now: float) -> None:
        while self._whole_at:
            oldest, whole_at = next(iter(self._whole_at.items()))
            if whole_at > now and len(self._whole_at) <= self._max_keys:
                return
            del self._whole_at[oldest]


# The changes of TikTok usernames by their owners, by the account's primary key. Each may cost the
# sign server's limit a request. What staff change in the admin is not counted.
username_changes: Budgets[int] = Budgets(settings.RELAY_USERNAME_CHANGES, PERIOD)


def take_username_change(account_id: int) -> None:
    """Count one change of the account's TikTok username by its owner.

    Raises:
        OverBudgetError: it was changed too often.
    """
    if retry_after := username_changes.take(account_id):
        raise OverBudgetError(retry_after)
