"""Virtual time: tests of minutes that take milliseconds.

A test under `virtual_time` runs on an event loop of its own, whose clock all but stands still
while anything can run and then jumps to the next timer. So nothing really waits, `asyncio.sleep(x)`
is over after everything that was due within `x` seconds, and every run is the same.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from live.clock import Clock

__all__ = [
    "FixedClock",
    "VirtualClock",
    "VirtualTimeLoop",
    "now",
    "now_ms",
    "settle",
    "unix_time",
    "virtual_time",
]

P = ParamSpec("P")

_LOOP_STARTS_AT = 1_000.0  # as unlike zero as a real loop's clock
_TURN = 1e-9  # what each turn of the loop takes; a clock that stood still would be no clock
_LONGEST_TEST = 100_000.0  # beyond that, something goes round and round for ever
_UNIX_TIME_AT_START = 1_795_000_000.0


class _JumpingSelector(selectors.DefaultSelector):
    """Where an event loop would sleep, this one moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = _LOOP_STARTS_AT

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += _TURN
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("the test waits for something that can't happen any more")
        self.now += timeout
        if self.now > _LOOP_STARTS_AT + _LONGEST_TEST:
            raise RuntimeError("the test waits for something that never happens")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` jumps to the next timer when nothing else can run.

    Raises RuntimeError out of `run_until_complete` when there is no timer either, or when timers
    never end.
    """

    def __init__(self) -> None:
        self._jumping_selector = _JumpingSelector()
        super().__init__(self._jumping_selector)

    def time(self) -> float:
        return self._jumping_selector.now

    def pass_time(self, seconds: float) -> None:
        """Move the clock, as work does that takes so long."""
        self._jumping_selector.now += seconds


def virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a coroutine function. It fails if it leaves a task behind, or an error that
    nobody looked at."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(debug=True, loop_factory=VirtualTimeLoop) as runner:
            runner.run(_tidy(test(*args, **kwargs)))

    return run


async def _tidy(test: Coroutine[Any, Any, None]) -> None:
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    await test
    await settle()
    left_over = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left_over
    assert not unseen


async def settle() -> None:
    """Return when everything that can run without the clock moving has run."""
    await asyncio.sleep(1e-6)


def now() -> float:
    """Seconds of the loop's clock."""
    return asyncio.get_running_loop().time()


def unix_time() -> float:
    """Seconds since the Unix epoch, in step with the loop's clock."""
    return _UNIX_TIME_AT_START + now() - _LOOP_STARTS_AT


def now_ms() -> int:
    """`unix_time` in ms, as `VirtualClock` has it."""
    return int(unix_time() * 1000)


class VirtualClock(Clock):
    """The clock of code under `virtual_time`: the wall's time keeps step with the loop's."""

    def precise(self) -> float:
        return self.monotonic()

    def unix(self) -> float:
        return unix_time()


class FixedClock(Clock):
    """A clock on which it is always the same time, until the test says another.

    Args:
        ms: since the Unix epoch.
    """

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def unix(self) -> float:
        return self.ms / 1000

    def unix_ms(self) -> int:
        return self.ms
