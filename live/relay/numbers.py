"""What staff see of the relay as it happens: its numbers, and that the connection log has changed.

Once a second that goes to the channel-layer group of the staff's sockets (`groups.STAFF`), while
somebody watches; else nothing is gathered. The relay is read, never changed. All that is published
is plain JSON in no language: the pages have the words. Nothing in it is secret.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection, Iterator
from typing import Any, Protocol, TypedDict
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from msgspec import UNSET

from accounts.models import User
from live.clock import Clock
from live.relay import groups
from live.relay.key_users import KeyUsers
from live.relay.open_sockets import OpenSockets
from live.relay.socket import Socket
from live.streams.log import EventLog
from live.streams.stream import LiveStream
from live.tasks import cancel_and_wait
from live.tiktok.signgate import SignGate

__all__ = ["Numbers", "NumbersPublisher"]

logger = logging.getLogger(__name__)

# Seconds. Between two publications; and how long somebody who asked for news counts as watching.
_INTERVAL = 1.0
_WATCHING = 60.0
# Rates are over the last ten intervals.
_RATE_SAMPLES = 11
# A socket is slow when so many frames wait for it, or it has taken nothing for so many seconds.
_SLOW_LAG = 100
_SLOW_STALL = 2.0
_MAX_SLOW = 20


class StreamNumbers(TypedDict):
    """One stream. `since` is when it came into its state (ms); `events` are per second, None while
    that is not known; `faults` are the kinds of messages that are not as expected."""

    username: str
    state: str
    attempt: int | None
    since: int | None
    sockets: int
    events: float | None
    faults: int


class GateNumbers(TypedDict):
    """The sign server's limit for one API key: the server's own, and those of accounts that are in
    use or closed. `label` is empty for the server's; for another it names the LIVEs that were
    connected to through it."""

    label: str
    remaining: int | None
    closed_until: int | None


class SlowSocket(TypedDict):
    """`row` is the connection's in the log, once it has one; `stalled_for` is in seconds."""

    row: int | None
    account_id: int | None
    account: str
    username: str
    token: str
    lag: int
    stalled_for: float


class Numbers(TypedDict):
    """A relay at one moment, `at` (ms): the one of the LIVEs, or that of the test endpoint, whose
    numbers come apart. `cpu` is what the process takes of one core."""

    is_test: bool
    at: int
    started_at: int
    cpu: float | None
    sockets: int
    events: float | None
    streams: list[StreamNumbers]
    gates: list[GateNumbers]
    slow: list[SlowSocket]


class _Streams(Protocol):
    """What is read of a relay's streams."""

    @property
    def gates(self) -> list[tuple[str, SignGate]]: ...

    def __iter__(self) -> Iterator[LiveStream]: ...


class NumbersPublisher:
    """Gathers and publishes for one relay, whose parts it is given. Belongs to its event loop.

    Args:
        is_test: the relay is that of the test endpoint.
    """

    def __init__(
        self,
        sockets: OpenSockets,
        streams: _Streams,
        key_users: KeyUsers,
        clock: Clock,
        *,
        is_test: bool,
    ) -> None:
        self._sockets = sockets
        self._streams = streams
        self._key_users = key_users
        self._clock = clock
        self._is_test = is_test
        self._started_at = clock.unix_ms()
        self._watched_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._log_changed = False
        self._ends: WeakKeyDictionary[EventLog, _Rate] = WeakKeyDictionary()
        self._cpu = _Rate(clock)

    def watch(self) -> None:
        """Somebody watches, for the next minute at least."""
        self._watched_until = self._clock.monotonic() + _WATCHING
        if self._task is None:
            self._log_changed = False
            self._task = asyncio.create_task(self._publish(), name="numbers")

    def rows_written(self, pks: Collection[int]) -> None:
        """These rows of the connection log are new, or have changed."""
        self._log_changed = True

    async def now(self) -> Numbers:
        """The relay as it is now. Rates are known while somebody watches."""
        sockets = list(self._sockets)
        streams = [self._stream(stream) for stream in self._streams if not stream.over]
        rates = [stream["events"] for stream in streams if stream["events"] is not None]
        known = self._task is not None and (rates or not streams)
        slow = sorted(map(_slow_socket, filter(_is_slow, sockets)), key=_slowness)[-_MAX_SLOW:]
        cpu = self._cpu.of(time.process_time())
        return Numbers(
            is_test=self._is_test,
            at=self._clock.unix_ms(),
            started_at=self._started_at,
            cpu=None if cpu is None else round(cpu, 3),
            sockets=len(sockets),
            events=round(sum(rates), 1) if known else None,
            streams=sorted(streams, key=lambda stream: stream["username"]),
            gates=self._gates(),
            slow=await _with_accounts(slow[::-1]),
        )

    async def close(self) -> None:
        """Stop publishing."""
        await cancel_and_wait(self._task)

    async def _publish(self) -> None:
        try:
            while self._clock.monotonic() < self._watched_until:
                self._sample()
                await _send(groups.STAFF_NUMBERS, numbers=await self.now())
                if self._log_changed:
                    self._log_changed = False
                    await _send(groups.STAFF_CONNECTIONS)
                await asyncio.sleep(_INTERVAL)
        except Exception:  # whoever still watches says so again, and that starts it anew
            logger.exception("the staff's numbers could not be published")
        finally:
            self._task = None
            self._ends.clear()
            self._cpu = _Rate(self._clock)

    def _sample(self) -> None:
        self._cpu.sample(time.process_time())
        for stream in self._streams:
            self._ends.setdefault(stream.log, _Rate(self._clock)).sample(stream.log.end)

    def _gates(self) -> list[GateNumbers]:
        gates = self._streams.gates
        in_use = {gate for _label, gate in gates}
        gates += [(label, gate) for label, gate in self._key_users.closed() if gate not in in_use]
        return [_gate(label, gate) for label, gate in gates]

    def _stream(self, stream: LiveStream) -> StreamNumbers:
        rate = self._ends.get(stream.log)
        events = rate.of(stream.log.end) if rate is not None else None
        status = stream.status
        moments = list(stream.timeline)
        return StreamNumbers(
            username=stream.username,
            state=status.state.value,
            attempt=None if status.attempt is UNSET else status.attempt,
            since=moments[-1].at if moments else None,
            sockets=stream.listeners,
            events=None if events is None else round(events, 1),
            faults=len(stream.findings) + len(stream.undecodable) + len(stream.unknown),
        )


class _Rate:
    """How fast a count grows, from samples of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque(maxlen=_RATE_SAMPLES)

    def sample(self, count: float) -> None:
        self._samples.append((self._clock.monotonic(), count))

    def of(self, count: float) -> float | None:
        """Per second until now, when it is `count`; None with nothing to compare with."""
        if not self._samples:
            return None
        then, before = self._samples[0]
        seconds = self._clock.monotonic() - then
        # Over less than that, a single push would look like a flood.
        return (count - before) / seconds if seconds >= _INTERVAL / 2 else None


async def _send(type: str, **content: Any) -> None:
    await get_channel_layer().group_send(groups.STAFF, {"type": type, **content})


def _gate(label: str, gate: SignGate) -> GateNumbers:
    closed = gate.seconds_closed > 0
    return GateNumbers(
        label=label,
        remaining=gate.remaining,
        closed_until=round(gate.closed_until * 1000) if closed else None,
    )


def _is_slow(socket: Socket) -> bool:
    return socket.lag >= _SLOW_LAG or socket.stalled_for >= _SLOW_STALL


def _slow_socket(socket: Socket) -> SlowSocket:
    connection = socket.connection
    return SlowSocket(
        row=connection.row_id,
        account_id=connection.account_id,
        account="",
        username=connection.tiktok_username,
        token=connection.token_prefix,
        lag=socket.lag,
        stalled_for=round(socket.stalled_for, 1),
    )


def _slowness(socket: SlowSocket) -> tuple[float, int]:
    return socket["stalled_for"], socket["lag"]


async def _with_accounts(sockets: list[SlowSocket]) -> list[SlowSocket]:
    """The same, with the accounts' names; the database is asked only if there are any."""
    if not sockets:
        return []

    def names() -> dict[int | None, str]:
        accounts = User.objects.filter(pk__in={socket["account_id"] for socket in sockets})
        return dict(accounts.values_list("pk", "username"))

    known = await database_sync_to_async(names, thread_sensitive=False)()
    return [{**socket, "account": known.get(socket["account_id"], "")} for socket in sockets]
