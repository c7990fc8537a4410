"""Bounds how many requests a second this process sends to TikTok.

Everything that asks TikTok first waits for its turn here. So a start of the server with a thousand
LIVEs, or ten thousand streamers who are waited for, does not look like an attack.

When there are more requests than turns, those for which somebody waits now come first. A class that
was passed over some times in a row gets the next turn, so that none waits for ever.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from enum import IntEnum

from live.clock import SYSTEM_CLOCK, Clock

__all__ = ["Pacer", "Priority", "Turn"]

# How many requests may be sent at once after a time without any. Together with the rate, this is
# the promise: in any t seconds, at most rate * t + _BURST turns.
_BURST = 10
# How many turns a class may be passed over in a row.
_MOST_PASSED_OVER = 9
# Sums of times are inexact: so much of a turn may be missing.
_ROUNDING = 1e-6


class Priority(IntEnum):
    """Why TikTok is asked. The lowest number comes first."""

    CONNECT = 0
    """Somebody waits for it now: the first connection to a LIVE, or a look-up."""
    RECONNECT = 1
    """A connection was lost."""
    POLL = 2
    """To see whether an offline streamer is live by now."""


class Turn:
    """One request that is to be sent. Await `come` once."""

    def __init__(self, pacer: Pacer, priority: Priority) -> None:
        self.priority = priority
        self._pacer = pacer
        self._granted: asyncio.Future[None] | None = None

    async def come(self) -> None:
        """Return when the request may be sent. A turn that was given to somebody who is cancelled
        at that moment is given to the next."""
        pacer = self._pacer
        if pacer._take_at_once():
            return
        self._granted = asyncio.get_running_loop().create_future()
        pacer._queue(self)
        try:
            await self._granted
        except asyncio.CancelledError:
            pacer._give_back(self, was_granted=not self._granted.cancelled())
            raise

    def hasten(self, priority: Priority) -> None:
        """It has become more urgent: it goes to the end of that class, if it still waits."""
        if priority < self.priority:
            self._pacer._move(self, priority)

    def grant(self) -> None:
        """Called by the pacer."""
        assert self._granted is not None
        self._granted.set_result(None)


class Pacer:
    """Gives turns. One for all that a process asks TikTok; belongs to one event loop.

    Args:
        rate: turns a second.
        clock: its monotonic time is that of the event loop's timers.
    """

    def __init__(self, rate: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._rate = rate
        self._clock = clock
        self._turns = float(_BURST)  # that can be given, at `_counted_at`
        self._counted_at: float | None = None  # monotonic seconds
        # First come, first served within a class.
        self._waiting: dict[Priority, OrderedDict[Turn, None]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._passed_over = dict.fromkeys(Priority, 0)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(map(len, self._waiting.values()))

    async def turn(self, priority: Priority) -> None:
        """Return when a request may be sent. It should be sent at once then."""
        await Turn(self, priority).come()

    # --- Called by `Turn` ----------------------------------------------------------------------

    def _take_at_once(self) -> bool:
        self._count()
        if self.waiting or self._turns < 1:
            return False
        self._turns -= 1
        return True

    def _queue(self, turn: Turn) -> None:
        self._waiting[turn.priority][turn] = None
        self._give_turns()

    def _move(self, turn: Turn, priority: Priority) -> None:
        queue = self._waiting[turn.priority]
        is_waiting = turn in queue
        queue.pop(turn, None)
        turn.priority = priority
        if is_waiting:
            self._waiting[priority][turn] = None

    def _give_back(self, turn: Turn, *, was_granted: bool) -> None:
        self._waiting[turn.priority].pop(turn, None)
        if was_granted:
            self._turns += 1
        self._give_turns()

    # -------------------------------------------------------------------------------------------

    def _count(self) -> None:
        now = self._clock.monotonic()
        if self._counted_at is not None:
            passed = max(0.0, now - self._counted_at)
            self._turns = min(self._turns + passed * self._rate, float(_BURST))
        self._counted_at = now

    def _give_turns(self) -> None:
        """Give the turns that there are, and set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._count()
        while self.waiting and self._turns >= 1 - _ROUNDING:
            self._turns -= 1
            self._next().grant()
        if self.waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later((1 - self._turns) / self._rate, self._give_turns)

    def _next(self) -> Turn:
        """Take the turn that is due out of its queue."""
        with_somebody = [priority for priority in Priority if self._waiting[priority]]
        chosen = next(
            (p for p in with_somebody if self._passed_over[p] >= _MOST_PASSED_OVER),
            with_somebody[0],
        )
        for priority in with_somebody:
            self._passed_over[priority] += 1
        self._passed_over[chosen] = 0
        turn, _ = self._waiting[chosen].popitem(last=False)
        return turn
