"""Hears the LIVEs of one watched account, from one to the next, though no app is connected.

It is a listener of the account's stream, as a socket with `wait=1` is one. When the stream is over,
it joins the next one, after a pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from enum import StrEnum

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.relay.access import Account
from live.relay.day_counts import Cost, DayCounts
from live.relay.watch_pauses import Pauses
from live.streams.registry import Streams
from live.streams.state import StreamState
from live.streams.stream import LiveStream

__all__ = ["Watch", "WatchState"]

logger = logging.getLogger(__name__)

# Seconds for which a stream that is over stays joined, if the pause is not shorter: whoever reads
# its log for those who listen gets all of it.
_STAYS = 10.0


class WatchState(StrEnum):
    """How things stand with a watched account."""

    CONNECTING = "connecting"  # it is not known yet whether the streamer is live
    WAITING = "waiting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    FAILING = "failing"


# How a stream's state shows here. Where there is no stream, or it is over, the last failure counts.
_STATES = {
    StreamState.WAITING: WatchState.WAITING,
    StreamState.LIVE: WatchState.LIVE,
    StreamState.QUIET: WatchState.LIVE,
    StreamState.DEAF: WatchState.RECONNECTING,
    StreamState.RECONNECTING: WatchState.RECONNECTING,
}


class Watch:
    """One watched account, from `start` until `stop`. Owns its task.

    Args:
        account: whose LIVEs.
        streams: those of the relay.
        admit: is called before it joins. Raises RelayError if it may not.
        clock: tells the time.
        rng: where jitter comes from.
        counts: what the account has cost already; None for nothing.

    Attributes:
        account: as it is now.
        stream: what it has joined; None in a pause.
        failure: why its last stream is over, or none could begin; None after a LIVE's end.
        counts: what it has cost in the last 24 hours.
    """

    __slots__ = (
        "_admit",
        "_clock",
        "_counted",
        "_pauses",
        "_streams",
        "_task",
        "_wake",
        "account",
        "counts",
        "failure",
        "stream",
    )

    def __init__(
        self,
        account: Account,
        streams: Streams,
        admit: Callable[[Account], None],
        clock: Clock,
        rng: random.Random,
        counts: DayCounts | None = None,
    ) -> None:
        self.account = account
        self.stream: LiveStream | None = None
        self.failure: RelayError | None = None
        self.counts = counts or DayCounts(clock)
        self._streams = streams
        self._admit = admit
        self._clock = clock
        self._pauses = Pauses(rng)
        self._counted = Cost()  # of the stream that is joined, what `counts` has
        self._wake = asyncio.Event()  # ends a pause
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Join the account's stream, and those that follow."""
        self._task = asyncio.create_task(self._run(), name=f"watching @{self._username}")

    def stop(self, linger: float | None = None) -> asyncio.Task[None] | None:
        """Leave the stream, and join none any more.

        Args:
            linger: seconds that the stream outlives this at most, if it was the last listener.

        Returns:
            The task that ends, to be awaited; None if it was not started.
        """
        self._leave(linger)
        if self._task is not None:
            self._task.cancel()
        return self._task

    @property
    def state(self) -> WatchState:
        stream = self.stream
        known = None if stream is None or stream.over else _STATES.get(stream.state)
        if known is not None:
            return known
        if self.failure is not None:
            return WatchState.FAILING
        is_new = stream is not None and not stream.over
        return WatchState.CONNECTING if is_new else WatchState.WAITING

    @property
    def why(self) -> ErrorCode | None:
        """Why it fails; None if it does not."""
        fails = self.failure is not None and self.state is WatchState.FAILING
        return self.failure.code if fails and self.failure is not None else None

    @property
    def cost(self) -> Cost:
        """What it has cost in the last 24 hours."""
        self._count()
        return self.counts.sum

    def change(self, account: Account) -> None:
        """The account has another API key or proxy from now on. With its username, it would be
        another watch."""
        old, self.account = self.account, account
        if self.stream is not None:
            self._streams.change_access(
                self.stream, old.access(self._streams), account.access(self._streams)
            )
        self._wake.set()  # it may have been refused for what has changed

    def look_around(self) -> None:
        """Join a stream that somebody else has begun during a pause, and that works."""
        if self.stream is None or self.stream.over:
            other = self._streams.get(self._username)
            if other is not None and _STATES.get(other.state) in {
                WatchState.WAITING,
                WatchState.LIVE,
            }:
                self._wake.set()

    @property
    def _username(self) -> str:
        return self.account.tiktok_username

    async def _run(self) -> None:
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    self._join()
                    await self._hear()
                except RelayError as failure:
                    self.failure = failure.with_traceback(None)
                except Exception:
                    logger.exception("@%s can't be watched", self._username)
                    self.failure = RelayError(ErrorCode.INTERNAL_ERROR, username=self._username)
                await self._pause(self._clock.monotonic() - began)
        finally:
            self._leave()

    def _join(self) -> None:
        """Raises RelayError: it may not."""
        streams, account = self._streams, self.account
        self._admit(account)
        self.stream = streams.join(
            account.tiktok_username, account.access(streams), wait=True, since=None, watches=True
        )
        self._counted = Cost(self.stream.looks, self.stream.signed)

    async def _hear(self) -> None:
        """Wait until the stream is over."""
        stream = self.stream
        assert stream is not None
        await stream.is_over()
        error = stream.error
        # An offline streamer is who this waits for; another listener has not.
        is_failure = error is not None and error.code is not ErrorCode.USER_OFFLINE
        self.failure = error if is_failure else None

    async def _pause(self, lasted: float) -> None:
        seconds = self._pauses.after(self.failure, lasted)
        self._wake.clear()
        staying = min(seconds, _STAYS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(staying):
                await self._wake.wait()
        self._leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds - staying):
                await self._wake.wait()

    def _leave(self, linger: float | None = None) -> None:
        stream = self.stream
        if stream is not None:
            self._count()
            self.stream = None
            self._streams.leave(
                stream,
                self.account.access(self._streams),
                wait=True,
                watches=True,
                linger=linger,
            )

    def _count(self) -> None:
        stream = self.stream
        if stream is not None and (stream.looks, stream.signed) != self._counted:
            now = Cost(stream.looks, stream.signed)
            self.counts.add(now.minus(self._counted))
            self._counted = now
