"""Streams: one per TikTok username, however many sockets listen.

`LiveStream` owns the upstream; its life cycle is `LiveStream._run` and what that calls, and nowhere
else:

    connecting → live → (reconnecting → live)* → over
         ↘ waiting ↗              (over: the LIVE ended, an error, or nobody listens any more)

`Streams` owns the streams. Sockets join a stream, read its log at their own pace, and leave it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop as _

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import Snapshot, State, Status
from live.streams import operator_log as notices
from live.streams.drift import Finding
from live.streams.feed import Feed
from live.streams.log import EventLog
from live.streams.streaks import STREAK_TIMEOUT
from live.streams.timeline import Timeline, What
from live.tiktok.decoding import DecodeError
from live.tiktok.events import Event
from live.tiktok.failures import NOTHING_HEARD
from live.tiktok.gifts import SeenGifts
from live.tiktok.reader import Reader
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate, SignGates
from live.tiktok.upstream import Upstream, UpstreamFactory

__all__ = ["LiveStream", "StreamOptions", "Streams"]

logger = logging.getLogger(__name__)

_STREAK_SWEEP = STREAK_TIMEOUT / 4
# Sums of times are rounded: what wakes a trifle early would wake again and again.
_ROUNDING = 1e-6
_BACKOFF_BASE = 1.0
_BACKOFF_CAP = 30.0
# That many cuts within that time are no accidents any more, whatever came in between.
_FLAPS, _FLAP_TIME = 50, 600.0
# A reconnecting stream waits for the sign gate that long; a longer closure is told to its sockets.
_LONGEST_GATE_WAIT = 120.0
# Streams that wait for the same gate come back over that many seconds.
_GATE_SPREAD = 10.0
# While the streamer is offline, a newcomer has TikTok asked again, but no sooner than that.
_SHORTEST_POLL = 5.0
_POLL_JITTER = 0.2
# Trying again does not mend these.
_FINAL = {
    ErrorCode.USER_OFFLINE,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.AGE_RESTRICTED,
    ErrorCode.SIGN_FORBIDDEN,
    ErrorCode.INTERNAL_ERROR,
}


@dataclass(frozen=True)
class StreamOptions:
    """The settings of streams. Durations are in seconds. Of test streams, nothing is told to
    operators."""

    backlog: int = 4096
    linger: float = 30
    idle_timeout: float = 60
    reconnect_attempts: int = 5
    wait_interval: float = 60
    is_test: bool = False


def now_ms() -> int:
    """Wall-clock time in ms since the epoch."""
    return time.time_ns() // 1_000_000


class LiveStream:
    """One LIVE: its connection, its state, its log. Is its reader's `Listener`.

    Attributes:
        room: the LIVE's room, once it has been live.
        error: why the stream is over, if it was not the LIVE's own end. Set before the log closes.
        status: what the newest status frame says.
        history: what has happened to it.
        offline: the answer to those who do not wait, while the stream waits for the streamer.
        listeners, waiters: how many sockets have joined, and how many of them would wait.
    """

    def __init__(
        self,
        username: str,
        gate: SignGate,
        make_upstream: UpstreamFactory,
        options: StreamOptions,
        rng: random.Random,
        clock: Clock = SYSTEM_CLOCK,
        gifts: SeenGifts | None = None,
    ) -> None:
        self.username = username
        self.room: Room | None = None
        self.error: RelayError | None = None
        self.status = Status(State.CONNECTING)
        self.history = Timeline(clock.unix_ms)
        self.offline: RelayError | None = None
        self.listeners = 0
        self.waiters = 0
        # The gates of the listeners' keys; of the last one's, when all are gone.
        self.gates: Counter[SignGate] = Counter([gate])
        self._make_upstream = make_upstream
        self._options = options
        self._rng = rng
        self._clock = clock
        self._feed = Feed(options.backlog, clock, username, gifts)
        self._reader = Reader(self, clock)
        self._live_ended = asyncio.Event()
        self._poll = asyncio.Event()
        self._reconnect = asyncio.Event()
        self._polled_at = 0.0
        self._heard_at = 0.0  # loop time: anything
        self._message_at = 0.0  # loop time: a message
        self._heard_ms = 0  # wall-clock time: anything
        self._cut_ms: int | None = None  # when the connection was lost, until it is back
        self._cuts: deque[float] = deque(maxlen=_FLAPS)  # loop times
        self._progress = False  # the newest connection was worth it: its cut counts from one again

    @property
    def log(self) -> EventLog:
        return self._feed.log

    @property
    def over(self) -> bool:
        return self.log.closed

    def snapshot(self) -> Snapshot:
        """The LIVE as of the log's end."""
        return self._feed.snapshot()

    @property
    def findings(self) -> list[Finding]:
        """Fields that TikTok leaves empty more often than is normal."""
        return self._feed.drift.findings

    @property
    def unknown(self) -> Counter[str]:
        """Messages that TikTokLive does not map, by method."""
        return self._reader.unknown

    @property
    def undecodable(self) -> Counter[str]:
        """Messages that could not be decoded, by method."""
        return self._reader.undecodable

    @property
    def is_connected(self) -> bool:
        return not self.over and self.status.state in {State.LIVE, State.QUIET}

    async def connected(self) -> Room:
        """Wait until TikTok sends.

        Raises:
            RelayError: why it will not.
        """
        while self.room is None or not self.is_connected:
            failure = self.error or self.offline
            if failure is None and self.over:
                failure = RelayError(ErrorCode.USER_OFFLINE, username=self.username)
            if failure is not None:
                raise failure.with_traceback(None)
            await self.log.changed(self.log.end)
        return self.room

    def tell_others(self) -> None:
        """From now on, messages without a frame of their own become `other` frames."""
        self._reader.tells_others = True

    def poll_soon(self) -> None:
        """Somebody new asks for a LIVE that is being waited for: ask TikTok again soon."""
        if self._now() - self._polled_at >= _SHORTEST_POLL:
            self.offline = None
            self._poll.set()

    def reconnect(self) -> None:
        """Make the connection anew, or the next attempt now; nothing while the sign gate is closed,
        since a connection that works could not be replaced."""
        if not self._gate().seconds_closed:
            self._reconnect.set()
            self._poll.set()

    # --- Listener: called by the reader -------------------------------------------------------

    def on_open(self, room: Room) -> None:
        if self.room is not None and self.room.id != room.id:
            # The next LIVE of the same streamer: nothing of the old one's is missed or left.
            self._feed.start_anew()
            self._cut_ms = None
        self.room = room
        self._on_heard()
        self._message_at = self._heard_at
        self._progress = False
        self.offline = None
        if not self._options.is_test:
            notices.connected(self.username)
        if self._cut_ms is not None:
            self._feed.append_upstream_gap(self._cut_ms)
            self._cut_ms = None
        self._enter(Status(State.LIVE))

    def on_events(self, events: Iterable[Event]) -> None:
        self._on_heard()
        self._message_at = self._heard_at
        if self.status.state is not State.LIVE:
            self._enter(Status(State.LIVE))
        self._progress |= self._feed.take(events, self._heard_at)
        if self._feed.live_ended:
            self._live_ended.set()

    def on_heartbeat(self) -> None:
        self._on_heard()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        notices.undecodable(self.username, what, failure)

    def on_unknown(self, method: str) -> None:
        notices.unknown_method(self.username, method)

    def _on_heard(self) -> None:
        self._heard_at = self._now()
        self._heard_ms = self._clock.unix_ms()

    # --- Life cycle ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Live from the first connect until it is over. Cancelled when nobody listens any more."""
        try:
            await self._run()
        except RelayError as error:
            self.error = error
            if not self._options.is_test:
                notices.failed(error)
        except Exception:
            logger.exception("stream @%s failed", self.username)
            self.error = RelayError(ErrorCode.INTERNAL_ERROR, username=self.username)
        finally:
            self._feed.finish()
            logger.debug("stream @%s is over: %s", self.username, self.error or "ended")

    async def _run(self) -> None:
        self._enter(Status(State.CONNECTING))
        attempt = 0
        waited = False
        while True:
            failure = await self._connect_and_watch()
            if failure is None or self._feed.live_ended:
                return
            if self._cut_ms is None and self.room is not None:
                self._cut_ms = self._heard_ms
            if failure.code is ErrorCode.USER_OFFLINE and self.waiters:
                await self._wait_for_poll(failure)
                waited, attempt = True, 0
                continue
            first_attempt = self.room is None and not waited
            if first_attempt or failure.code in _FINAL:
                raise failure
            self._cuts.append(self._now())
            flapping = len(self._cuts) == _FLAPS and self._cuts[-1] - self._cuts[0] < _FLAP_TIME
            attempt = 1 if self._progress and not flapping else attempt + 1
            self._progress = False
            self._note_cut(failure)
            if attempt > self._options.reconnect_attempts:
                raise RelayError(
                    ErrorCode.CONNECTION_LOST,
                    username=self.username,
                    reason=failure.reason,
                    said=f"{failure.code} {failure.said}".rstrip(),
                )
            await self._back_off(attempt)

    async def _connect_and_watch(self) -> RelayError | None:
        """One connection, from start to end. Returns why it ended; None for the LIVE's end."""
        upstream = self._make_upstream(self.username, self._gate(), self._reader)
        if self.status.state is not State.WAITING and not self._options.is_test:
            # (polls of one who is waited for are no news)
            notices.connecting(self.username)
        self._reconnect.clear()
        try:
            await upstream.open()
            self._reconnect.clear()  # it was asked for while this was under way
            return await self._watch(upstream)
        except RelayError as failure:
            return failure
        finally:
            await _to_its_end(upstream.close())

    async def _watch(self, upstream: Upstream) -> RelayError | None:
        """Wait until the connection is lost or silent, or the LIVE over; meanwhile, tend to it."""
        lost = asyncio.ensure_future(upstream.closed())
        ended = asyncio.ensure_future(self._live_ended.wait())
        unwanted = asyncio.ensure_future(self._reconnect.wait())
        idle_timeout = self._options.idle_timeout
        try:
            while True:
                silent_in = max(self._heard_at + idle_timeout - self._now(), 0)
                wake_in = min(_STREAK_SWEEP, silent_in + _ROUNDING)
                await asyncio.wait(
                    [lost, ended, unwanted],
                    timeout=wake_in,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._live_ended.is_set():
                    return None
                if lost.done():
                    return lost.result()
                if unwanted.done():
                    self._progress = True  # it was not the connection's fault
                    return RelayError(
                        ErrorCode.CONNECTION_LOST,
                        username=self.username,
                        reason=_("The staff asked for a new connection."),
                    )
                now = self._now()
                self._feed.sweep(now)
                if now - self._heard_at >= idle_timeout:
                    self._enter(Status(State.DEAF))
                    return RelayError(
                        ErrorCode.CONNECTION_LOST,
                        username=self.username,
                        reason=NOTHING_HEARD,
                    )
                if now - self._message_at >= idle_timeout and self.status.state is State.LIVE:
                    self._progress = True  # this connection holds; there is only nothing to say
                    self._enter(Status(State.QUIET))
        finally:
            await _cancel(lost, ended, unwanted)

    async def _wait_for_poll(self, failure: RelayError) -> None:
        """The streamer is offline, and somebody wants to wait: sleep until the next look."""
        self._polled_at = self._now()
        self.offline = failure
        if self.status.state is not State.WAITING:
            self._enter(Status(State.WAITING))
        else:
            self.log.wake()
        self._poll.clear()  # whoever asked during the poll that just ended has its answer
        jitter = self._rng.uniform(1 - _POLL_JITTER, 1 + _POLL_JITTER)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.wait_interval * jitter):
                await self._poll.wait()

    async def _back_off(self, attempt: int) -> None:
        """Announce the next attempt, and wait for it: full jitter, and never before the gate."""
        delay = self._rng.uniform(0, min(_BACKOFF_CAP, _BACKOFF_BASE * 2 ** (attempt - 1)))
        if self._reconnect.is_set():
            delay = 0.0
        gate = self._gate()
        if closed := gate.seconds_closed:
            if closed > _LONGEST_GATE_WAIT:
                gate.check()
            delay = closed + self._rng.uniform(0, _GATE_SPREAD)
        self._enter(Status(State.RECONNECTING, attempt=attempt, retry_in=round(delay, 3)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._reconnect.wait()

    def _gate(self) -> SignGate:
        """Of the listeners' gates, the one that opens first."""
        return min(self.gates, key=lambda gate: gate.seconds_closed)

    def _note_cut(self, failure: RelayError) -> None:
        told = {"error": failure.code, "reason": failure.reason, "said": failure.said}
        self.history.add(What.CUT, **{name: value for name, value in told.items() if value})

    def _enter(self, status: Status) -> None:
        self.status = status
        self._feed.append_status(status)
        self.history.add(status.state, **_detail(status))
        logger.debug("stream @%s: %s", self.username, status)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _detail(status: Status) -> dict[str, Any]:
    if status.state is not State.RECONNECTING:
        return {}
    return {"attempt": status.attempt, "retry_in": status.retry_in}


async def _cancel(*futures: asyncio.Future[Any]) -> None:
    for future in futures:
        future.cancel()
    await asyncio.wait(futures)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await the work; a cancellation meanwhile takes effect when it is done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    finally:
        await asyncio.wait([task])


class Streams:
    """The streams of this process, by username. Owns their tasks.

    Args:
        make_upstream: makes one attempt at a connection.
        rng: where jitter comes from.

    Attributes:
        gifts: the kinds of gifts that were given on any of them.
    """

    def __init__(
        self,
        make_upstream: UpstreamFactory,
        options: StreamOptions,
        gates: SignGates | None = None,
        rng: random.Random | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.gifts = SeenGifts()
        self._make_upstream = make_upstream
        self._options = options
        self._gates = gates or SignGates()
        self._rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
        self._clock = clock
        self._streams: dict[str, LiveStream] = {}
        self._tasks: dict[LiveStream, asyncio.Task[None]] = {}
        self._farewells: dict[LiveStream, asyncio.TimerHandle] = {}

    def __iter__(self) -> Iterator[LiveStream]:
        return iter(list(self._streams.values()))

    def get(self, username: str) -> LiveStream | None:
        """The stream of `username` that is up; None where there is none, or it is over."""
        stream = self._streams.get(username)
        return None if stream is None or stream.over else stream

    @property
    def gates(self) -> list[tuple[str, SignGate]]:
        """The gates in use, each with the names of the streams that may connect through it; first
        that of the server's key, with an empty name."""
        shared = self._gates.of("")
        names: dict[SignGate, list[str]] = {}
        for stream in self:
            for gate in stream.gates.copy():
                names.setdefault(gate, []).append(f"@{stream.username}")
        names.pop(shared, None)
        return [("", shared), *((", ".join(sorted(n)), gate) for gate, n in names.items())]

    def gate(self, sign_api_key: str) -> SignGate:
        """The gate that an account connects through; that of the server's key for an empty one."""
        return self._gates.of(sign_api_key)

    def join(
        self, username: str, sign_api_key: str, *, wait: bool, since: Cursor | None
    ) -> LiveStream:
        """The stream of `username`, started if there is none; to be left again with `leave`.

        Args:
            sign_api_key: of the account; a stream connects with that of one of its listeners.
            wait: the socket would wait for an offline streamer.
            since: where the socket wants to go on; a stream that is over serves only those who
                have not seen its end.
        """
        stream = self._streams.get(username)
        if stream is not None and stream.over and not _has_more_for(stream, since):
            self._forget(stream)
            stream = None
        gate = self._gates.of(sign_api_key)
        if stream is None:
            stream = self._start(username, gate)
        elif stream.listeners:
            stream.gates[gate] += 1
        else:
            stream.gates = Counter([gate])
        if farewell := self._farewells.pop(stream, None):
            farewell.cancel()
        stream.listeners += 1
        stream.waiters += wait
        if stream.offline is not None:
            stream.poll_soon()
        return stream

    def change_key(self, stream: LiveStream, old: str, new: str) -> None:
        """A socket of `join` has another key from now on: its own or, if empty, the server's."""
        stream.gates -= Counter([self._gates.of(old)])
        stream.gates[self._gates.of(new)] += 1

    def leave(self, stream: LiveStream, sign_api_key: str, *, wait: bool) -> None:
        """A socket of `join` is gone. The last one's leave ends the stream, after it lingered."""
        stream.listeners -= 1
        if stream.listeners:
            stream.gates -= Counter([self._gates.of(sign_api_key)])
        stream.waiters -= wait
        if stream.listeners or self._streams.get(stream.username) is not stream:
            return
        # A stream that was never live has nothing that a phone would come back for.
        linger = self._options.linger if stream.room is not None else 0
        if linger:
            loop = asyncio.get_running_loop()
            self._farewells[stream] = loop.call_later(linger, self._dismiss, stream)
        else:
            self._dismiss(stream)

    async def close(self) -> None:
        """End all streams and wait until they have ended."""
        while self._streams or self._tasks:
            for stream in self:
                self._dismiss(stream)
            if self._tasks:
                await asyncio.wait(list(self._tasks.values()))

    def _start(self, username: str, gate: SignGate) -> LiveStream:
        stream = LiveStream(
            username,
            gate,
            self._make_upstream,
            self._options,
            self._rng,
            self._clock,
            self.gifts,
        )
        self._streams[username] = stream
        task = asyncio.create_task(stream.run(), name=f"stream @{username}")
        self._tasks[stream] = task
        task.add_done_callback(lambda _: self._on_done(stream))
        return stream

    def _on_done(self, stream: LiveStream) -> None:
        del self._tasks[stream]
        if stream.error is not None:
            self._forget(stream)  # the next socket gets a new attempt

    def _dismiss(self, stream: LiveStream) -> None:
        self._forget(stream)
        if task := self._tasks.get(stream):
            task.cancel()

    def _forget(self, stream: LiveStream) -> None:
        if farewell := self._farewells.pop(stream, None):
            farewell.cancel()
        if self._streams.get(stream.username) is stream:
            del self._streams[stream.username]


def _has_more_for(stream: LiveStream, since: Cursor | None) -> bool:
    return since is not None and since.epoch == stream.log.epoch and since.offset < stream.log.end
