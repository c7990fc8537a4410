"""Publishes the relay's numbers to the staff's pages, and tells them when the connection log
changes.

While a staff page is open, a message goes to the channel-layer group `groups.STAFF` once a second.
At other times nothing is gathered. The relay is only read, never changed. What is published is
plain JSON without texts to translate, and contains no secrets.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypedDict
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from msgspec import UNSET

from accounts.budgets import Budgets
from accounts.models import User
from live.clock import Clock
from live.cluster.board import Board
from live.connections.process import THIS_PROCESS
from live.relay import groups
from live.relay.key_users import KeyUsers
from live.relay.open_sockets import OpenSockets
from live.relay.socket import Socket
from live.relay.watch import WatchState
from live.relay.watching import Watched
from live.streams.log import EventLog
from live.streams.stream import LiveStream
from live.tasks import cancel_until_done
from live.tiktok.blockgate import BlockGate
from live.tiktok.network import Networks
from live.tiktok.route_counts import HourOfRoutes, RouteCounts
from live.tiktok.routes import RouteName
from live.tiktok.signgate import SignGate

__all__ = [
    "MAX_SLOW",
    "MAX_WATCHED",
    "GateNumbers",
    "Numbers",
    "NumbersPublisher",
    "RouteNumbers",
    "SlowSocket",
    "StreamNumbers",
    "UsedUp",
    "WatchedAccount",
    "WatchedNumbers",
    "is_slow",
    "slowness",
    "worth_showing",
]

logger = logging.getLogger(__name__)

# Seconds between two publications.
_INTERVAL = 1.0
# Seconds for which numbers are published after a staff page has asked for them.
_WATCHING = 60.0
# The number of samples that a rate is computed from: 11 samples have 10 intervals between them.
_RATE_SAMPLES = 11
# A socket is slow when this many frames wait to be sent to it.
_SLOW_LAG = 100
# A socket is slow, too, when its client has taken nothing for this many seconds.
_SLOW_STALL = 2.0
# The number of slow sockets that are published: the slowest.
MAX_SLOW = 20
# The number of watched accounts that are published: those that fail, then those that cost most.
MAX_WATCHED = 20
# How many accounts or clients are told of each budget that is used up.
MAX_USED_UP = 5


class StreamNumbers(TypedDict):
    """The numbers of one stream.

    Attributes:
        username: the TikTok username of the streamer.
        state: the stream's state, as in status frames.
        route: the name of the route by which it is connected; empty while it is not.
        attempt: the number of the attempt to reconnect; None if the stream is not reconnecting.
        since: when the stream came into its state, in milliseconds since the Unix epoch.
        sockets: how many sockets receive the stream.
        events: events per second; None while that is not known.
        faults: how many kinds of TikTok's messages are unknown or not as expected.
        leads: whether the process that tells of it is connected to TikTok for it, or would be.
    """

    username: str
    state: str
    route: str
    attempt: int | None
    since: int | None
    sockets: int
    events: float | None
    faults: int
    leads: bool


class GateNumbers(TypedDict):
    """The sign server's limit for one API key.

    The server's own key has one, and so have the keys of accounts that are in use or refused.

    Attributes:
        label: the LIVEs that were connected to with the key; empty for the server's own key.
        remaining: how many connections the sign server still allows; None if that is not known.
        closed_until: when connections are allowed again, in milliseconds since the Unix epoch;
            None if they are allowed now.
    """

    label: str
    remaining: int | None
    closed_until: int | None


class RouteNumbers(TypedDict):
    """One of the routes to TikTok that are set, in the last hours of this process.

    Attributes:
        name: the name of the route.
        closed_until: when it is tried again, in milliseconds since the Unix epoch, after TikTok has
            refused this server on it; None if it may be tried now.
        opened: how many connections it has opened in each hour, the oldest hour first.
        refused: how many attempts have failed on it in these hours, by error code.
    """

    name: str
    closed_until: int | None
    opened: list[int]
    refused: dict[str, int]


class SlowSocket(TypedDict):
    """A socket whose client does not take frames as fast as they are sent.

    Attributes:
        row: the primary key of its row in the connection log; None before the row is written.
        account_id: the primary key of its account.
        account: the username of its account on this server.
        username: the TikTok username of the streamer.
        token: the beginning of its token.
        lag: how many frames wait to be sent to it.
        stalled_for: seconds since its client last took something.
    """

    row: int | None
    account_id: int | None
    account: str
    username: str
    token: str
    lag: int
    stalled_for: float


class WatchedAccount(TypedDict):
    """An account that is watched.

    Attributes:
        account_id: its primary key.
        account: its username on this server.
        username: the TikTok username; empty if it has none that TikTok can have.
        state: how things stand, a `live.relay.watch.WatchState`.
        why: the error code with which it fails; empty if it does not.
        looks: how often TikTok was asked whether it is live, in the last 24 hours.
        signed: how many connections took a signature of the sign server, in the last 24 hours.
    """

    account_id: int
    account: str
    username: str
    state: str
    why: str
    looks: int
    signed: int


class WatchedNumbers(TypedDict):
    """The accounts that are watched.

    Attributes:
        states: how many there are, by state.
        looks, signed: as for one account, of all together.
        accounts: some of them.
    """

    states: dict[str, int]
    looks: int
    signed: int
    accounts: list[WatchedAccount]


class UsedUp(TypedDict):
    """An account or a client whose budget for something is used up: see `accounts.budgets`.

    Attributes:
        budget: the name of the budget.
        account_id: the primary key of the account; None if it is a client's.
        account: the account's username on this server; empty if it is a client's.
        client: the client's IP address or network; empty if it is an account's.
        again_at: when it may go on, in milliseconds since the Unix epoch.
    """

    budget: str
    account_id: int | None
    account: str
    client: str
    again_at: int


class Numbers(TypedDict):
    """All numbers of one relay at one moment.

    Attributes:
        processes: of how many server processes they are.
        source: the server process and the relay that they are of, as a text to compare.
        is_test: whether it is the relay of the test endpoint, whose numbers are published
            separately.
        at: the moment, in milliseconds since the Unix epoch.
        started_at: when the relay was made, in milliseconds since the Unix epoch.
        cpu: the share of one processor core that the process uses, 1 for all of it; None while
            that is not known.
        sockets: how many sockets are open.
        events: events per second of all streams; None while that is not known.
        streams: the streams that have not ended, in the order of their usernames.
        gates: the limits of the sign server.
        pages_closed_until: when TikTok's pages are asked again, in milliseconds since the Unix
            epoch, after TikTok has refused this server there; None if they may be asked now.
        routes: the routes to TikTok, in the order in which they are tried. (Accounts with a proxy
            of their own have their own pauses, which are not told here.)
        first_hour: when the first of the hours of the routes begins, in milliseconds since the Unix
            epoch: the hour in which the process started, or that of 23 hours ago.
        slow: the slowest sockets, the slowest first.
        watched: the accounts that are watched.
        used_up: budgets that are used up, some of each.
    """

    processes: int
    source: str
    is_test: bool
    at: int
    started_at: int
    cpu: float | None
    sockets: int
    events: float | None
    streams: list[StreamNumbers]
    gates: list[GateNumbers]
    pages_closed_until: int | None
    routes: list[RouteNumbers]
    first_hour: int
    slow: list[SlowSocket]
    watched: WatchedNumbers
    used_up: list[UsedUp]


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
        clock: tells the time.
        is_test: whether the relay is that of the test endpoint.

    Attributes:
        board: where processes tell each other; None where there is one.
        budgets: what accounts (by primary key) and clients (by address) may do, by name.
    """

    def __init__(
        self,
        sockets: OpenSockets,
        streams: _Streams,
        key_users: KeyUsers,
        networks: Networks,
        counts: RouteCounts,
        watching: Iterable[Watched],
        clock: Clock,
        *,
        is_test: bool,
    ) -> None:
        self.board: Board | None = None
        self.budgets: Mapping[str, Budgets[Any]] = {}
        self._sockets = sockets
        self._streams = streams
        self._key_users = key_users
        self._networks = networks
        self._counts = counts
        self._watching = watching
        self._clock = clock
        self._is_test = is_test
        self._started_at = clock.unix_ms()
        self._watched_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._log_changed = False
        self._ends: WeakKeyDictionary[EventLog, _Rate] = WeakKeyDictionary()
        self._cpu = _Rate(clock)

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
        streams = [self._stream(stream) for stream in self._streams if not stream.over]
        rates = [stream["events"] for stream in streams if stream["events"] is not None]
        known = self._task is not None and (rates or not streams)
        slow = sorted(map(_slow_socket, filter(is_slow, sockets)), key=slowness)[-MAX_SLOW:]
        cpu = self._cpu.of(time.process_time())
        watched = self._watched()
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
                await asyncio.sleep(_INTERVAL)
        except Exception:  # a staff page that is still open calls `watch` again
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

    def _watched(self) -> WatchedNumbers:
        states = dict.fromkeys(map(str, WatchState), 0)
        accounts = [_watched_account(watched) for watched in self._watching]
        for account in accounts:
            states[account["state"]] += 1
        return WatchedNumbers(
            states=states,
            looks=sum(account["looks"] for account in accounts),
            signed=sum(account["signed"] for account in accounts),
            accounts=heapq.nsmallest(MAX_WATCHED, accounts, key=worth_showing),
        )

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

    def _closed_until(self, gate: BlockGate) -> int | None:
        seconds = gate.seconds_closed
        return self._clock.unix_ms() + round(seconds * 1000) if seconds else None

    def _stream(self, stream: LiveStream) -> StreamNumbers:
        rate = self._ends.get(stream.log)
        events = rate.of(stream.log.end) if rate is not None else None
        status = stream.status
        moments = list(stream.timeline)
        return StreamNumbers(
            username=stream.username,
            state=status.state.value,
            route=stream.current_route,
            attempt=None if status.attempt is UNSET else status.attempt,
            since=moments[-1].at if moments else None,
            sockets=stream.sockets,
            events=None if events is None else round(events, 1),
            faults=len(stream.findings) + len(stream.undecodable) + len(stream.unknown),
            leads=stream.is_leading,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Numbers).decode


class _Rate:
    """Computes how fast a count grows, from samples of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque(maxlen=_RATE_SAMPLES)

    def sample(self, count: float) -> None:
        self._samples.append((self._clock.monotonic(), count))

    def of(self, count: float) -> float | None:
        """Return the growth per second from the oldest sample until now.

        Args:
            count: the count now.

        Returns:
            None if there is no sample, or the oldest is less than half an interval old.
        """
        if not self._samples:
            return None
        then, before = self._samples[0]
        seconds = self._clock.monotonic() - then
        # In a shorter time, a few events that arrive together would give a very high rate.
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


def _watched_account(watched: Watched) -> WatchedAccount:
    return WatchedAccount(
        account_id=watched.account_id,
        account="",
        username=watched.username,
        state=watched.state.value,
        why="" if watched.why is None else watched.why.value,
        looks=watched.cost.looks,
        signed=watched.cost.signed,
    )


def worth_showing(account: WatchedAccount) -> tuple[bool, int, int, str, int]:
    """Sorts watched accounts: first those that fail, then those that cost most."""
    fails = bool(account["why"])
    cost = -account["signed"], -account["looks"]
    return not fails, *cost, account["username"], account["account_id"]


def slowness(socket: SlowSocket) -> tuple[float, int]:
    return socket["stalled_for"], socket["lag"]


async def _names(account_ids: Iterable[int | None]) -> dict[int | None, str]:
    """Return the usernames of these accounts, from the database, which is not asked for none."""
    known = {account_id for account_id in account_ids if account_id is not None}
    if not known:
        return {}

    def names() -> dict[int | None, str]:
        return dict(User.objects.filter(pk__in=known).values_list("pk", "username"))

    found: dict[int | None, str] = await database_sync_to_async(names, thread_sensitive=False)()
    return found
