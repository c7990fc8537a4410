"""One stream: a LIVE's connection to TikTok, its state and its log of frames.

`LiveStream` owns the upstream. `state.py` has the life cycle, `reconnecting.py` decides about new
attempts, `listener_access.py` about the API key to connect with. Sockets join through
`registry.py`, read the log at their own pace, and leave. Where several processes share the stream
(`sharing.py`), one of them leads it, and the others take over its log entry by entry.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as _
from msgspec import UNSET

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType, Snapshot, State, Status
from live.streams import operator_log
from live.streams.borders import Border, RoomBegan, StreamerOffline
from live.streams.counts import StreamCounts
from live.streams.drift import Finding
from live.streams.feed import Feed
from live.streams.followers import NOBODY, Elsewhere, Seen
from live.streams.listener_access import ListenerAccess
from live.streams.log import EventLog
from live.streams.log_memory import LogMemory
from live.streams.reconnecting import Reconnecting
from live.streams.state import StateMachine, StreamState
from live.streams.streaks import STREAK_TIMEOUT
from live.streams.timeline import Timeline, What
from live.streams.waiting import LookTimes, OfflineAnswers, look_after
from live.tasks import cancel_and_wait, run_to_end
from live.tiktok.access import Access
from live.tiktok.decoding import DecodeError
from live.tiktok.events import Event
from live.tiktok.failures import NOTHING_HEARD
from live.tiktok.looks import ByConnecting, Looks
from live.tiktok.pacer import Priority
from live.tiktok.reader import Reader
from live.tiktok.rooms import Room
from live.tiktok.routes import RouteName
from live.tiktok.upstream import Upstream, UpstreamFactory

__all__ = ["LiveStream", "StreamOptions"]

logger = logging.getLogger(__name__)

# Seconds between two looks for streaks that TikTok forgot to end.
_STREAK_SWEEP = STREAK_TIMEOUT / 4
# Sums of times are inexact: without this, a task that wakes slightly too early would wake again
# and again.
_ROUNDING = 1e-6
# While the streamer is offline, a new socket makes the relay ask TikTok again; seconds between two
# such looks, at least.
_SHORTEST_POLL = 5.0
# Why a connection that works is given up.
_ASKED_FOR = _("The staff asked for a new connection.")


@dataclass(frozen=True)
class StreamOptions:
    """The settings of all streams of a relay.

    Attributes:
        backlog: how many frames a stream's log holds.
        memory: how many bytes a stream's log may take, and all logs together.
        linger: seconds that a stream stays connected after its last socket has left.
        idle_timeout: seconds without messages after which a stream is quiet; and seconds without
            anything at all, heartbeats included, after which its connection counts as lost.
        reconnect_for: seconds for which a stream tries to come back after a connection was lost.
        wait_interval: seconds until the first look whether an offline streamer is live by now; the
            next ones come later and later (see `waiting`).
        is_test: they are streams of the test endpoint, of which operators are told nothing.
        counts: what they count together.
    """

    backlog: int = 4096
    memory: LogMemory = field(default_factory=LogMemory)
    linger: float = 30
    idle_timeout: float = 60
    reconnect_for: float = 300
    wait_interval: float = 60
    is_test: bool = False
    counts: StreamCounts = field(default_factory=StreamCounts)


class LiveStream:
    """One LIVE: its connection, its state, its log. Is its reader's `Listener`.

    Attributes:
        feed: its log, and what is known of the LIVE. An earlier stream of the username may have
            begun it.
        run: its number among the streams that the log has had (see `borders`).
        room: the LIVE's room, once it has been live.
        error: why the stream has failed; None while it has not, and when it has ended.
        timeline: what has happened to it.
        offline: the answer to sockets that do not wait, while the stream waits for the streamer.
        listeners, waiters: how many have joined, and how many of them would wait.
        watchers: how many of the listeners are no sockets: the relay watches their accounts. They
            wait, and are in no hurry.
        looks: how often this process has looked whether the streamer is live.
        signed: how many connections this process has opened with a signature.
        access: what its listeners' accounts connect with.
        route: by which it is connected, or was last; empty before that.
        is_leading: this process connects to TikTok for it, and appends to its log.
        has_led: this process leads it, or has led it.
        begins_behind: where the log ended when this process took it over from Redis: its listeners
            hear what comes behind that.
        is_following: its log is a copy of another process's, which may have more.
        elsewhere: who listens in other processes, while this one leads.
        aside: what sockets of this process are told beside the log, while it can't be followed;
            None while it can.
    """

    def __init__(
        self,
        username: str,
        access: Access,
        make_upstream: UpstreamFactory,
        options: StreamOptions,
        rng: random.Random,
        clock: Clock = SYSTEM_CLOCK,
        feed: Feed | None = None,
        looks: Looks | None = None,
        offline_answers: OfflineAnswers | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        self.username = username
        self.feed = feed or Feed(
            options.backlog, clock, username, memory=options.memory, counts=options.counts
        )
        self.run = self.feed.begin_run()
        self.is_leading = self.has_led = self.is_following = False
        self.begins_behind = 0
        self.elsewhere = NOBODY
        self.aside: Status | None = None
        self.room: Room | None = None
        self.error: RelayError | None = None
        self.timeline = Timeline(clock)
        self.offline: RelayError | None = None
        self.listeners = 0
        self.waiters = 0
        self.watchers = 0
        self.looks = 0
        self.signed = 0
        self.access = ListenerAccess(access, self.log.wake)
        self.route = ""
        self._wanting_others = 0  # listeners that want `other` frames
        self._make_upstream = make_upstream
        self._options = options
        self._rng = rng
        self._clock = clock
        self._looks = looks or ByConnecting()
        self._offline_answers = offline_answers or OfflineAnswers(clock)
        self._reader = Reader(self, clock, options.counts.undecodable)
        self._states = StateMachine(username, self._tell_status)
        self._reconnecting = Reconnecting(options.reconnect_for, rng)
        # These wake the stream's task; they say nothing of its state.
        self._live_ended = asyncio.Event()
        self._poll = asyncio.Event()
        self._reconnect = asyncio.Event()
        self._reconnect_by = ""  # who has set it last
        # The streamer was offline, so that TikTok is asked for the room before the next attempt.
        self._is_awaited = False
        self._offline_since: float | None = None  # monotonic seconds, as the next three
        self._polled_at = 0.0
        self._look_times = LookTimes()  # while it waits for the streamer
        self._heard_at = 0.0  # of the last sign of life, heartbeats included
        self._message_at = 0.0  # of the last message
        self._heard_ms = 0  # the same as `_heard_at`, in ms since the epoch
        self._waits_for_gate = False
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._unprepared: RelayError | None = None
        self._prepared = asyncio.Event()
        self._over = asyncio.Event()
        if not is_shared:
            self._prepared.set()

    @property
    def log(self) -> EventLog:
        return self.feed.log

    @property
    def state(self) -> StreamState:
        return self._states.state

    @property
    def status(self) -> Status:
        """What the newest status frame says."""
        return self._states.status

    @property
    def over(self) -> bool:
        """It has ended or failed: it appends nothing more."""
        return self.state.is_last

    async def is_over(self) -> None:
        """Wait until it is over. Whoever waits here costs nothing when something is appended."""
        await self._over.wait()

    @property
    def current_room(self) -> Room | None:
        """The LIVE that it is connected to, or tries to come back to."""
        return None if self.over else self.feed.room

    @property
    def current_route(self) -> str:
        """The route by which it is connected now; empty while it is not, or without routes."""
        return self.route if self.is_connected else ""

    def snapshot(self) -> Snapshot:
        """The LIVE as of the log's end."""
        return self.feed.snapshot()

    @property
    def findings(self) -> list[Finding]:
        """Fields that TikTok leaves empty more often than is normal."""
        return self.feed.drift.findings

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
        """TikTok is connected and can be heard."""
        return self.state.is_connected

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

    async def prepared(self) -> None:
        """Wait until the log is there. Where processes share streams, it may be another's.

        Raises:
            RelayError: it can't be had.
        """
        await self._prepared.wait()
        if self._unprepared is not None:
            raise self._unprepared.with_traceback(None)

    def add_listener(
        self, access: Access, *, wait: bool, others: bool = False, watches: bool = False
    ) -> None:
        """A socket joins, or an account that is watched.

        Args:
            access: of its account.
            wait: it would wait for an offline streamer.
            others: it wants messages without a frame of their own, as `other` frames.
            watches: it is no socket: the relay watches the account.
        """
        if not watches and self._is_only_watched:
            self._looks.hasten(self.username)  # from now on somebody waits for the answer
        self.access.add(access)
        self.listeners += 1
        self.waiters += wait
        self.watchers += watches
        self._want_others(others)
        self._on_other_access()

    def remove_listener(
        self, access: Access, *, wait: bool, others: bool = False, watches: bool = False
    ) -> None:
        """A listener leaves, with what it joined with."""
        self.access.remove(access)
        self.listeners -= 1
        self.waiters -= wait
        self.watchers -= watches
        self._want_others(-others)

    def change_access(self, old: Access, new: Access) -> None:
        """A socket that has joined has another access from now on."""
        self.access.replace(old, new)
        self._on_other_access()

    def _want_others(self, change: int) -> None:
        self._wanting_others += change
        self._reader.tells_others = self._wanting_others + self.elsewhere.others > 0

    def _on_other_access(self) -> None:
        if self._waits_for_gate and not self._seconds_closed():
            self._reconnect.set()

    def _seconds_closed(self) -> float:
        return self._make_upstream.seconds_closed(self.access)

    @property
    def sockets(self) -> int:
        """How many sockets of this process receive it."""
        return self.listeners - self.watchers

    @property
    def others(self) -> int:
        """How many of its sockets want `other` frames."""
        return self._wanting_others

    def seen(self) -> Seen:
        """What is known of it in short, with the sockets of this process."""
        room_id = self.current_room.id if self.current_room is not None else None
        waits = self.is_leading and self.state is StreamState.WAITING
        looks = self._look_times if waits else LookTimes()
        return Seen(self.status.state, self.current_route, room_id, self.sockets, *looks)

    def note_elsewhere(self, elsewhere: Elsewhere) -> None:
        """So many sockets of other processes follow the stream."""
        self.elsewhere = elsewhere
        self._want_others(0)

    def poll_soon(self) -> None:
        """Somebody new asks for a LIVE that is being waited for: ask TikTok again soon."""
        if self._clock.monotonic() - self._polled_at >= _SHORTEST_POLL:
            self.offline = None
            self._poll.set()
            self._looks.hasten(self.username)

    def reconnect(self, by: str = "") -> None:
        """Make the connection anew, or the next attempt now. Does nothing while every route is
        closed: a working connection could not be replaced.

        Args:
            by: the username of the member of the staff who asks for it; empty for the relay itself.
                The timeline tells staff; no frame has it.
        """
        if not self._seconds_closed():
            self._reconnect_by = by
            self._reconnect.set()
            self._poll.set()

    # --- Listener: called by the reader -------------------------------------------------------

    def on_open(self, room: Room, route: str) -> None:
        if self.over:
            return
        self.room = room
        self.route = route
        self._on_heard()
        self._message_at = self._heard_at
        self._reconnecting.on_open()
        self.signed += route == RouteName.SIGNED
        self.offline = self._offline_since = None
        self._offline_answers.forget(self.username)
        if not self._options.is_test:
            operator_log.connected(self.username, route)
        self.feed.open(room)
        self._states.enter(StreamState.LIVE)

    def on_events(self, events: Iterable[Event]) -> None:
        if self.over:
            return
        self._on_heard()
        self._message_at = self._heard_at
        if self.state is not StreamState.LIVE:
            self._states.enter(StreamState.LIVE)
        if self.feed.take(events, self._heard_at):
            self._reconnecting.on_progress()
        if self.feed.live_ended:
            self._live_ended.set()
        elif self._sweep_timer is None:
            self._sweep_later()

    def on_heartbeat(self) -> None:
        self._on_heard()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        operator_log.undecodable(self.username, what, failure)

    def on_unknown(self, method: str) -> None:
        operator_log.unknown_method(self.username, method)

    def _on_heard(self) -> None:
        self._heard_at = self._clock.monotonic()
        self._heard_ms = self._clock.unix_ms()

    def _sweep_later(self) -> None:
        """End streaks in time, whatever becomes of the connection."""
        self._sweep_timer = None
        if self.feed.has_streaks:
            loop = asyncio.get_running_loop()
            self._sweep_timer = loop.call_later(_STREAK_SWEEP, self._sweep)

    def _sweep(self) -> None:
        self.feed.sweep(self._clock.monotonic())
        self._sweep_later()

    # --- Following another process, which leads the stream --------------------------------------

    def begin_copy(self, feed: Feed, status: Status | None, offline: RelayError | None) -> None:
        """Go on with the feed of another process, before anything is delivered.

        Args:
            status: the newest that it has told; None if it is not known.
            offline: that the streamer is offline, as it has told last.
        """
        self.feed, self.run = feed, feed.run
        self.begins_behind = feed.log.end
        self.access.on_refused = feed.log.wake
        self.offline = offline
        if feed.room is not None:
            self.room = feed.room
        if status is not None:
            self._states.copy(status)

    def begin_run(self, at_least: int) -> None:
        """Append as a new run of the feed, with at least that number: the one before was over."""
        self.run = self.feed.begin_run(at_least)

    def follow(self) -> None:
        """From now on another process leads; its log is copied by `copy_frame` and
        `copy_border`."""
        self.feed.copy_to = None
        self.is_following = True
        self._prepared.set()

    def copy_frame(self, offset: int, at: int, type: FrameType, id: str, text: str) -> None:
        """Take over a frame of the leader's log.

        Raises:
            ValueError: it does not fit behind the newest entry.
        """
        self._heard_ms = at
        data = self.feed.copy_frame(offset, at, type, id, text)
        if isinstance(data, Status) and not self.over:
            self._states.copy(data)
            self.timeline.add(data.state)

    def copy_border(self, offset: int, at: int, border: Border) -> None:
        """Take over a border of the leader's log.

        Raises:
            ValueError: as `copy_frame`.
        """
        self._heard_ms = at
        self.run = max(self.run, self.feed.copy_border(offset, at, border))
        if isinstance(border, RoomBegan):
            self.room, self.offline = border.room, None
        elif isinstance(border, StreamerOffline):
            self.offline = border.error
        elif border.run >= self.run and not self.over:
            self.error, self.offline = border.error, None
            self._states.enter(StreamState.FAILED if border.error else StreamState.ENDED)
            self._over.set()
            self.log.wake()

    def tell_aside(self, status: Status | None) -> None:
        """Tell the sockets of this process of a state that is not in the log: the log can't be
        followed.

        Args:
            status: None when it can again.
        """
        if status != self.aside:
            self.aside = status
            self.log.wake()

    # --- Life cycle ----------------------------------------------------------------------------

    async def lead(self, *, taken_over: bool = False) -> None:
        """Follow the streamer's LIVE from the first connect until the stream is over.

        When it is cancelled, the stream is not over: it has been stopped, or another process leads
        it from now on.

        Args:
            taken_over: another process has led the stream until now; it goes on where that one was.
        """
        self._prepared.set()
        self.is_leading = self.has_led = True
        self.is_following = False
        try:
            if taken_over:
                self._take_over()
                await self._lead(None)
            else:
                await self._lead(self._begin())
            self._finish(StreamState.ENDED)
        except RelayError as error:
            self._finish(StreamState.FAILED, error.with_traceback(None))
            if not self._options.is_test:
                operator_log.failed(error, self.username)
        except Exception:
            logger.exception("stream @%s failed", self.username, extra={"stream": self.username})
            self.fail(RelayError(ErrorCode.INTERNAL_ERROR, username=self.username))
        finally:
            self.is_leading = False

    def fail(self, error: RelayError) -> None:
        """Be over, because of that error."""
        if not self._prepared.is_set():
            self._unprepared = error
        self._finish(StreamState.FAILED, error)

    def stop(self) -> None:
        """Nobody listens any more: be over now. A connection that there is still has to be
        closed; what it says meanwhile is not taken. Other processes are not told: somebody may
        listen there."""
        self.feed.copy_to = None
        self._finish(StreamState.ENDED)

    def _finish(self, state: StreamState, error: RelayError | None = None) -> None:
        if self.over:
            return
        self.error, self.offline = error, None
        self._states.enter(state)
        self._prepared.set()
        self._over.set()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        self.feed.end_run(error, self._heard_ms)
        logger.debug("stream @%s is over: %s", self.username, error or "ended")

    def _begin(self) -> RelayError | None:
        self._states.enter(StreamState.CONNECTING)
        return self._known_offline()

    def _take_over(self) -> None:
        """Go on from the state that another process has told of."""
        self._reconnecting.on_waited()  # whoever listens has waited for the other one's attempts
        self.feed.cut(self._heard_ms)
        if self.state is StreamState.NEW:
            self._states.enter(StreamState.CONNECTING)
        elif self.state is StreamState.WAITING:
            self._is_awaited = True
        elif self.state is not StreamState.CONNECTING:
            attempt = self._reconnecting.on_cut(self._clock.monotonic())
            self._states.enter(StreamState.RECONNECTING, attempt=attempt, retry_in=0)

    async def _lead(self, failure: RelayError | None) -> None:
        """Args:
        failure: what is known of the LIVE before anybody is asked; None to ask.
        """
        while True:
            if failure is None:
                failure = await self._look_and_connect()
            if failure is None or self.feed.live_ended:
                return
            self.feed.cut(self._heard_ms)
            if failure.code is ErrorCode.USER_OFFLINE and self._is_waited_for:
                await self._wait_for_poll(failure)
                self._reconnecting.on_waited()
            elif self._reconnecting.is_final(failure.code):
                raise failure
            else:
                await self._wait_for_attempt(failure)
            failure = None

    @property
    def _is_waited_for(self) -> bool:
        """Somebody wants to wait for an offline streamer."""
        return self.waiters + self.elsewhere.waiters > 0

    @property
    def _is_only_watched(self) -> bool:
        """It has listeners, but no sockets: nobody waits now for what TikTok answers."""
        is_watched = self.watchers + self.elsewhere.watchers > 0
        return is_watched and not self.sockets + self.elsewhere.sockets

    def _known_offline(self) -> RelayError | None:
        """What TikTok has answered a moment ago to another stream of the username."""
        answered_at = self._offline_answers.answered_at(self.username)
        if answered_at is None:
            # Those who wait anyway need no deadline: where many want to connect, they look first.
            # Where nobody waits now, the cheap look comes first in any case.
            is_patient = self._is_only_watched or self._looks.is_busy
            self._is_awaited = self._is_waited_for and is_patient
            return None
        self._polled_at = answered_at
        return RelayError(ErrorCode.USER_OFFLINE, username=self.username)

    async def _look_and_connect(self) -> RelayError | None:
        """One connection, as soon as the streamer, if offline until now, is live. Returns why it
        ended, or why there was none; None for the LIVE's end."""
        failure, room_id = None, None
        if self._is_awaited:
            failure, room_id = await self._look()
        elif self.current_room is not None:
            room_id = self.current_room.id  # the room is not looked up again within a LIVE
        if failure is None:
            self._is_awaited = False
            failure = await self._connect_and_watch(room_id)
        if failure is not None and failure.code is ErrorCode.USER_OFFLINE:
            self._polled_at = self._clock.monotonic()
            self._offline_answers.note(self.username)
        return failure

    async def _look(self) -> tuple[RelayError | None, str | None]:
        """Look whether the streamer is live. Returns why a connection can't be tried, or the
        room's id if it is known."""
        self._reconnect.clear()
        if self._poll.is_set():
            priority = Priority.CONNECT
        elif self.state is StreamState.CONNECTING and (
            not self._is_only_watched or self.feed.was_live
        ):
            priority = Priority.RECONNECT  # behind those who can't wait
        else:
            priority = Priority.POLL
        try:
            room_id = await self._looks.room_of(self.username, priority)
        except RelayError as failure:
            # While TikTok refuses this server, it is mostly not even asked.
            self.looks += failure.code is not ErrorCode.TIKTOK_BLOCKED
            return failure.with_traceback(None), None
        self.looks += 1
        return None, room_id

    async def _connect_and_watch(self, room_id: str | None) -> RelayError | None:
        """One connection, from start to end. Returns why it ended; None for the LIVE's end.

        Args:
            room_id: of the LIVE, if it is known.
        """
        upstream = self._make_upstream(self.username, self.access, self._reader, room_id)
        if self.state is not StreamState.WAITING and not self._options.is_test:
            # (while the streamer is waited for, attempts may be looks, which are not logged)
            operator_log.connecting(self.username)
        self._reconnect.clear()
        try:
            await upstream.open()
            self._reconnect.clear()  # one that was asked for meanwhile is done by this
            return await self._watch(upstream)
        except RelayError as failure:
            return failure
        finally:
            await run_to_end(upstream.close())

    async def _watch(self, upstream: Upstream) -> RelayError | None:
        """Wait until the connection is lost or silent, or the LIVE over; meanwhile, tend to it."""
        lost = asyncio.ensure_future(upstream.closed())
        ended = asyncio.ensure_future(self._live_ended.wait())
        unwanted = asyncio.ensure_future(self._reconnect.wait())
        idle_timeout = self._options.idle_timeout
        try:
            while True:
                await asyncio.wait(
                    [lost, ended, unwanted],
                    timeout=self._due_in(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._live_ended.is_set():
                    return None
                if lost.done():
                    return lost.result()
                if unwanted.done():
                    self._reconnecting.on_progress()  # it was not the connection's fault
                    return RelayError(
                        ErrorCode.CONNECTION_LOST,
                        username=self.username,
                        reason=_ASKED_FOR,
                    )
                now = self._clock.monotonic()
                if now - self._heard_at >= idle_timeout:
                    self._states.enter(StreamState.DEAF)
                    return RelayError(
                        ErrorCode.CONNECTION_LOST,
                        username=self.username,
                        reason=NOTHING_HEARD,
                    )
                if now - self._message_at >= idle_timeout and self.state is StreamState.LIVE:
                    # The connection works; the LIVE is just quiet.
                    self._reconnecting.on_progress()
                    self._states.enter(StreamState.QUIET)
        finally:
            await cancel_and_wait(lost, ended, unwanted)

    def _due_in(self) -> float:
        """Seconds until the connection is silent for too long, or the LIVE quiet, if nothing comes
        until then. Whatever comes can only move these times further away."""
        since = self._message_at if self.state is StreamState.LIVE else self._heard_at
        due_at = since + self._options.idle_timeout
        return max(due_at - self._clock.monotonic(), 0) + _ROUNDING

    async def _wait_for_poll(self, failure: RelayError) -> None:
        """The streamer is offline, and somebody wants to wait: sleep until the next look."""
        now = self._clock.monotonic()
        self._is_awaited = True
        if self._offline_since is None:
            self._offline_since = now
        self.offline = failure
        if self.state is not StreamState.WAITING:
            self.feed.streamer_offline(failure)
            self._states.enter(StreamState.WAITING)
        elif self.waiters < self.listeners or self.elsewhere.waiters < self.elsewhere.listeners:
            self.feed.streamer_offline(failure)  # somebody is there who has asked for this answer
        self._poll.clear()  # whoever asked during the poll that just ended has its answer
        offline_for = now - self._offline_since
        delay = look_after(self._options.wait_interval, offline_for, self._rng)
        self._look_times = LookTimes.of(self._clock, self._polled_at, delay)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._poll.wait()
        finally:
            self._look_times = self._look_times._replace(next_look_at=None)

    async def _wait_for_attempt(self, failure: RelayError) -> None:
        """The connection was lost: announce the next attempt, and wait until it is due.

        Raises:
            RelayError: there will be none. The time for coming back is used up, or the sign gate
                stays closed for longer.
        """
        now = self._clock.monotonic()
        attempt = self._reconnecting.on_cut(now)
        self._note_cut(failure)
        seconds_left = self._reconnecting.seconds_left(now)
        if not seconds_left:
            raise RelayError(
                ErrorCode.CONNECTION_LOST,
                username=self.username,
                reason=failure.reason,
                said=f"{failure.code} {failure.said}".rstrip(),
            )
        # A look needs no route.
        gate_closed = 0.0 if self._is_awaited else self._seconds_closed()
        # Where several routes have failed, what the first one says is of that route alone.
        told = 0 if failure.tried else failure.retry_after or 0
        closed = max(gate_closed, told)
        if closed > seconds_left:
            if gate_closed:
                self.access.best().gate.check()
            raise failure
        delay = self._reconnecting.delay(now, closed, at_once=self._reconnect.is_set())
        self._options.counts.reconnects[failure.code] += 1
        self._states.enter(StreamState.RECONNECTING, attempt=attempt, retry_in=round(delay, 3))
        self._waits_for_gate = gate_closed > 0
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._reconnect.wait()
        finally:
            self._waits_for_gate = False

    def _note_cut(self, failure: RelayError) -> None:
        details = {"error": failure.code, "reason": failure.reason, "said": failure.said}
        if failure.reason == _ASKED_FOR:
            details["by"] = self._reconnect_by
        self.timeline.add(What.CUT, **{name: value for name, value in details.items() if value})

    def _tell_status(self, status: Status) -> None:
        """A new state: clients get a frame, and the staff's pages a line."""
        self.feed.append_status(status)
        route = self.route if status.state is State.LIVE and self.route else UNSET
        details = {"attempt": status.attempt, "retry_in": status.retry_in, "route": route}
        known = {name: value for name, value in details.items() if value is not UNSET}
        self.timeline.add(status.state, **known)
