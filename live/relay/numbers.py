"""Publishes the relay's numbers to the staff's pages, and tells them when the connection log
changes.

While a staff page is open, a message goes to the channel-layer group `groups.STAFF` once a second.
At other times nothing is gathered. The relay is only read, never changed. What is published is
plain JSON without texts to translate, and contains no secrets; `live.relay.number_shapes` has its
shape.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from msgspec import UNSET

from accounts.budgets import Budgets
from accounts.models import User
from live.alerts.watch import Alerts
from live.clock import Clock
from live.cluster.board import Board
from live.connections.process import THIS_PROCESS
from live.connections.writer import ConnectionLogWriter
from live.history.keeper import HistoryKeeper
from live.relay import groups
from live.relay.key_users import KeyUsers
from live.relay.last_minutes import LastMinutes, thinned
from live.relay.number_shapes import (
    MAX_SLOW,
    MAX_USED_UP,
    AlertNumbers,
    GateNumbers,
    Numbers,
    RouteNumbers,
    SlowSocket,
    StreamNumbers,
    UsedUp,
    Writing,
    most_viewed,
    slowness,
)
from live.relay.open_sockets import OpenSockets
from live.relay.rate import SAMPLE_EVERY, Rate
from live.relay.socket import Socket
from live.relay.watched_numbers import watched_numbers
from live.relay.watching import Watched
from live.streams.log import EventLog
from live.streams.stream import LiveStream
from live.tasks import cancel_until_done
from live.tiktok.blockgate import BlockGate
from live.tiktok.network import Networks
from live.tiktok.route_counts import HourOfRoutes, RouteCounts
from live.tiktok.routes import RouteName
from live.tiktok.signgate import SignGate

__all__ = ["NumbersPublisher", "is_slow"]

logger = logging.getLogger(__name__)

# Seconds for which numbers are published after a staff page has asked for them.
_WATCHING = 60.0
# A socket is slow when this many frames wait to be sent to it.
_SLOW_LAG = 100
# A socket is slow, too, when its client has taken nothing for this many seconds.
_SLOW_STALL = 2.0
# How many values the curve of a stream's viewers has, at most.
_CURVE = 30


class _Streams(Protocol):
    """The part of `live.streams.registry.Streams` that is read here."""

    @property
    def gates(self) -> list[tuple[str, SignGate]]: ...

    def __iter__(self) -> Iterator[LiveStream]: ...


class NumbersPublisher:
    """Gathers the numbers of one relay and publishes them, in the relay's event loop.

    A failure to publish is logged and ends the publishing; the next `watch` begins it again.

    Args:
        sockets: the relay's open sockets.
        streams: the relay's streams.
        key_users: knows the accounts' own keys that the sign server refuses.
        networks: the ways out to TikTok.
        counts: what has become of attempts on each route.
        watching: the accounts that are watched.
        last_minutes: what each stream was like in the last minutes.
        clock: tells the time.
        is_test: whether the relay is that of the test endpoint.

    Attributes:
        board: where processes tell each other; None where there is one.
        log: the writer of the connection log.
        history: keeps the LIVEs; None where they are not kept.
        budgets: what accounts (by primary key) and clients (by address) may do, by name.
        alerts: watches what is wrong with the server; None where nothing is watched.
    """

    def __init__(
        self,
        sockets: OpenSockets,
        streams: _Streams,
        key_users: KeyUsers,
        networks: Networks,
        counts: RouteCounts,
        watching: Iterable[Watched],
        last_minutes: LastMinutes,
        clock: Clock,
        *,
        is_test: bool,
    ) -> None:
        self.board: Board | None = None
        self.log: ConnectionLogWriter | None = None
        self.history: HistoryKeeper | None = None
        self.budgets: Mapping[str, Budgets[Any]] = {}
        self.alerts: Alerts | None = None
        self._sockets = sockets
        self._streams = streams
        self._key_users = key_users
        self._networks = networks
        self._counts = counts
        self._watching = watching
        self._last_minutes = last_minutes
        self._clock = clock
        self._is_test = is_test
        self._started_at = clock.unix_ms()
        self._watched_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._log_changed = False
        self._ends: WeakKeyDictionary[EventLog, Rate] = WeakKeyDictionary()
        self._cpu = Rate(clock)

    def watch(self) -> None:
        """Publish the numbers for the next minute: a staff page is open."""
        self._watched_until = self._clock.monotonic() + _WATCHING
        if self._task is None:
            self._log_changed = False
            self._task = asyncio.create_task(self._publish(), name="numbers")

    def rows_written(self, pks: Collection[int]) -> None:
        """Note that the connection log has changed, to tell the staff's pages.

        Args:
            pks: the primary keys of the rows that are new or changed; not used.
        """
        self._log_changed = True

    async def now(self) -> Numbers:
        """Gather the numbers of this moment. Rates are known only while numbers are published."""
        sockets = list(self._sockets)
        accounts = _accounts_by_stream(sockets)
        open_streams = {stream.username: stream for stream in self._streams if not stream.over}
        streams = [
            self._stream(stream, len(accounts.get(stream, ()))) for stream in open_streams.values()
        ]
        for each in most_viewed(streams):
            each["curve"] = self._curve(open_streams[each["username"]])
        rates = [stream["events"] for stream in streams if stream["events"] is not None]
        known = self._task is not None and (rates or not streams)
        slow = sorted(map(_slow_socket, filter(is_slow, sockets)), key=slowness)[-MAX_SLOW:]
        cpu = self._cpu.of(time.process_time())
        watched = watched_numbers(self._watching, self._streams, self._clock)
        used_up = self._used_up()
        ids = {socket["account_id"] for socket in slow}
        ids.update(account["account_id"] for account in watched["accounts"])
        ids.update(each["account_id"] for each in used_up)
        names = await _names(ids)
        return Numbers(
            processes=1,
            source=f"{THIS_PROCESS.id}-{'test' if self._is_test else 'live'}",
            is_test=self._is_test,
            at=self._clock.unix_ms(),
            started_at=self._started_at,
            cpu=None if cpu is None else round(cpu, 3),
            sockets=len(sockets),
            events=round(sum(rates), 1) if known else None,
            streams=sorted(streams, key=lambda stream: stream["username"]),
            gates=self._gates(),
            pages_closed_until=self._closed_until(self._networks.main.web_gate),
            routes=self._routes(),
            first_hour=self._counts.hours()[0].start,
            slow=[{**each, "account": names.get(each["account_id"], "")} for each in slow[::-1]],
            watched={
                **watched,
                "accounts": [
                    {**each, "account": names.get(each["account_id"], "")}
                    for each in watched["accounts"]
                ],
            },
            used_up=[{**each, "account": names.get(each["account_id"], "")} for each in used_up],
            course=self._last_minutes.of_all(),
            writing=self._writing(),
            alerts=self._alerts(),
        )

    async def of_others(self) -> list[Numbers]:
        """The numbers of the other processes, if they have published any in the last seconds."""
        if self.board is None:
            return []
        found = []
        for said in await self.board.others():
            try:
                found.append(_decode(said))
            except msgspec.MsgspecError as failure:  # it may be of another version
                logger.debug("the numbers of another process can't be read: %s", failure)
        return found

    async def close(self) -> None:
        """Stop publishing."""
        await cancel_until_done(self._task)
        if self.board is not None:
            await self.board.close()

    async def _publish(self) -> None:
        try:
            while self._clock.monotonic() < self._watched_until:
                self._sample()
                numbers = await self.now()
                if self.board is not None:
                    await self.board.say(_encode(numbers))
                await _send(groups.STAFF_NUMBERS, numbers=numbers)
                if self._log_changed:
                    self._log_changed = False
                    await _send(groups.STAFF_CONNECTIONS)
                await asyncio.sleep(SAMPLE_EVERY)
        except Exception:  # a staff page that is still open calls `watch` again
            logger.exception("the staff's numbers could not be published")
        finally:
            self._task = None
            self._ends.clear()
            self._cpu = Rate(self._clock)

    def _sample(self) -> None:
        self._cpu.sample(time.process_time())
        for stream in self._streams:
            self._ends.setdefault(stream.log, Rate(self._clock)).sample(stream.log.end)

    def _gates(self) -> list[GateNumbers]:
        gates = self._streams.gates
        in_use = {gate for _label, gate in gates}
        gates += [(label, gate) for label, gate in self._key_users.closed() if gate not in in_use]
        return [_gate(label, gate) for label, gate in gates]

    def _routes(self) -> list[RouteNumbers]:
        network, hours = self._networks.main, self._counts.hours()
        gates = {
            RouteName.SIGNED: network.signed_gate,
            RouteName.DIRECT: network.direct_gate,
        }
        return [
            RouteNumbers(
                name=name,
                closed_until=self._closed_until(gates[RouteName(name)]),
                opened=[hour.opened[name] for hour in hours],
                refused=_refused(name, hours),
            )
            for name in self._counts.routes
        ]

    def _used_up(self) -> list[UsedUp]:
        now = self._clock.unix_ms()
        return [
            UsedUp(
                budget=name,
                account_id=key if isinstance(key, int) else None,
                account="",
                client="" if isinstance(key, int) else str(key),
                again_at=now + wait * 1000,
            )
            for name, budget in self.budgets.items()
            for key, wait in budget.used_up(MAX_USED_UP).items()
        ]

    def _alerts(self) -> list[AlertNumbers]:
        return [
            AlertNumbers(
                code=alert.condition.value,
                since=alert.since,
                details=alert.details,
                process=alert.process,
            )
            for alert in (self.alerts.current if self.alerts is not None else ())
        ]

    def _closed_until(self, gate: BlockGate) -> int | None:
        seconds = gate.seconds_closed
        return self._clock.unix_ms() + round(seconds * 1000) if seconds else None

    def _writing(self) -> Writing:
        log, history = self.log, self.history
        return Writing(
            log=log.waiting if log is not None and log.is_in_trouble else 0,
            history=history.waiting if history is not None and history.is_in_trouble else 0,
            lost=(log.lost if log else 0) + (history.lost if history else 0),
        )

    def _curve(self, stream: LiveStream) -> list[int | None]:
        course = self._last_minutes.of(stream)
        return thinned(course["viewers"], _CURVE) if course else []

    def _stream(self, stream: LiveStream, accounts: int) -> StreamNumbers:
        rate = self._ends.get(stream.log)
        events = rate.of(stream.log.end) if rate is not None else None
        status = stream.status
        moments = list(stream.timeline)
        problem = next((each for each in reversed(moments) if each.is_problem), None)
        return StreamNumbers(
            username=stream.username,
            state=status.state.value,
            route=stream.current_route,
            attempt=None if status.attempt is UNSET else status.attempt,
            since=moments[-1].at if moments else None,
            sockets=stream.sockets,
            accounts=accounts,
            viewers=stream.feed.viewers,
            curve=[],
            events=None if events is None else round(events, 1),
            faults=len(stream.findings) + len(stream.undecodable) + len(stream.unknown),
            undecodable=len(stream.undecodable),
            problem=str(problem.detail["error"]) if problem else "",
            problem_at=problem.at if problem else None,
            leads=stream.is_leading,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Numbers).decode


async def _send(type: str, **content: Any) -> None:
    await get_channel_layer().group_send(groups.STAFF, {"type": type, **content})


def _gate(label: str, gate: SignGate) -> GateNumbers:
    closed = gate.seconds_closed > 0
    return GateNumbers(
        label=label,
        remaining=gate.remaining,
        closed_until=round(gate.closed_until * 1000) if closed else None,
    )


def _refused(route: str, hours: Iterable[HourOfRoutes]) -> dict[str, int]:
    """Sum up the failures of one route, the most frequent error code first."""
    sums: Counter[str] = Counter()
    for hour in hours:
        for (name, code), count in hour.refused.items():
            if name == route:
                sums[code.value] += count
    return dict(sums.most_common())


def is_slow(socket: Socket) -> bool:
    """Whether the socket's client takes less than it is to be sent."""
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


def _accounts_by_stream(sockets: Iterable[Socket]) -> dict[LiveStream, set[int | None]]:
    found: dict[LiveStream, set[int | None]] = {}
    for socket in sockets:
        if socket.stream is not None:
            found.setdefault(socket.stream, set()).add(socket.connection.account_id)
    return found


async def _names(account_ids: Iterable[int | None]) -> dict[int | None, str]:
    """Return the usernames of these accounts, from the database, which is not asked for none."""
    known = {account_id for account_id in account_ids if account_id is not None}
    if not known:
        return {}

    def names() -> dict[int | None, str]:
        return dict(User.objects.filter(pk__in=known).values_list("pk", "username"))

    found: dict[int | None, str] = await database_sync_to_async(names, thread_sensitive=False)()
    return found
