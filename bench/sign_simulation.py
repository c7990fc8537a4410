"""A day of many LIVEs in virtual time, to count requests to the sign server (`sign_budget`).

What decides is the relay's own code: streams and their registry, reconnecting, the sign gates, the
pacer, and the order of the routes. What is played: the sign server with its limits, TikTok (both
answer after fixed times, and never fail but for a limit or a LIVE that is over), and phones, which
come back as `relay-client.js` does. Phones don't wait for offline streamers, so no looks are in it;
looks need no signature.

`expected_day` is the same day by a few lines of arithmetic, for numbers of streams that are too
many for the relay's code in one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from live.protocol.errors import ErrorCode, RelayError
from live.streams.registry import Streams
from live.streams.stream import LiveStream, StreamOptions
from live.tiktok.access import Access, Accesses, through
from live.tiktok.connection import TikTokUpstream, TikTokUpstreams
from live.tiktok.direct import DirectRoute
from live.tiktok.network import Networks
from live.tiktok.pacer import Pacer
from live.tiktok.rooms import Room
from live.tiktok.route_counts import RouteCounts
from live.tiktok.routes import Route, RouteName
from live.tiktok.signed import SignedRoute
from live.tiktok.signgate import SignGates
from live.tiktok.upstream import MessageListener
from live.tiktok.webcast import ClosedError, WebcastSocket
from standin import Message, messages
from tests.support.clock import VirtualClock, VirtualTimeLoop, now, unix_time

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "Day",
    "Limits",
    "Load",
    "SignServer",
    "expected_day",
    "simulate",
]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# Seconds over which phones come back after a restart (`live.relay.shutdown`).
_COME_BACK = (1.0, 10.0)
# Seconds that answers take: TikTok's for the room, the sign server's, TikTok's for the socket.
_FIND, _SIGN, _OPEN, _CLOSE = 0.4, 0.5, 0.3, 0.1
# `BACKOFF` of relay-client.js: seconds, and after how many a connection counts as good.
_BASE, _CAP, _STABLE = 1.0, 30.0, 5.0
_NO_LIMIT = 10**9
# The pacer's turns a second, and how many at once.
_RATE, _BURST = 20.0, 10
_QUIET = 10 * DAY  # an idle timeout that never comes: no heartbeats are played


@dataclass(frozen=True)
class Load:
    """What happens on TikTok. All of it is assumed; nobody has published figures.

    Attributes:
        median, sigma: of a LIVE's length in seconds, which is lognormal.
        cut_every: seconds between two cuts of one connection by TikTok, in the mean; exponential.
    """

    median: float = 1 * HOUR
    sigma: float = 0.8
    cut_every: float = 2 * HOUR

    @property
    def mean(self) -> float:
        """Seconds of a LIVE."""
        return self.median * math.exp(self.sigma**2 / 2)

    def length(self, rng: random.Random) -> float:
        return rng.lognormvariate(math.log(self.median), self.sigma)

    def rest(self, rng: random.Random) -> float:
        """Seconds that are left of a LIVE that is on at some moment. Long ones are met more often
        than short ones."""
        met = rng.lognormvariate(math.log(self.median) + self.sigma**2, self.sigma)
        return met * rng.random()

    def until_cut(self, rng: random.Random) -> float:
        return rng.expovariate(1 / self.cut_every) if self.cut_every < math.inf else math.inf

    def connections(self, streams: int, seconds: float) -> float:
        """How many are expected: one for each LIVE that is on at the start or begins later, one for
        each cut."""
        return streams * (1 + seconds / self.mean + seconds / self.cut_every)


@dataclass(frozen=True)
class Limits:
    """How many requests one API key may send. A window begins with its first request."""

    minute: int = _NO_LIMIT
    hour: int = _NO_LIMIT
    day: int = _NO_LIMIT


class SignServer:
    """Answers requests as EulerStream is believed to: by the fullest of its three windows."""

    def __init__(self, limits: Limits) -> None:
        self.signed: list[float] = []  # when
        self.refused: list[float] = []
        self._most = {MINUTE: limits.minute, HOUR: limits.hour, DAY: limits.day}
        # By key and window: when it began, and how many requests it has had.
        self._windows: defaultdict[tuple[str, float], tuple[float, int]] = defaultdict(
            lambda: (-math.inf, 0)
        )

    def answer(self, key: str) -> tuple[int, Mapping[str, str]]:
        """Status and headers of the answer to a request that comes now."""
        time = now()
        left = {}
        for length, most in self._most.items():
            began, had = self._windows[key, length]
            if time >= began + length:
                self._windows[key, length] = began, had = time, 0
            left[length] = most - had
        is_full = min(left.values()) <= 0
        (self.refused if is_full else self.signed).append(time)
        if not is_full:
            for length in left:
                began, had = self._windows[key, length]
                self._windows[key, length] = began, had + 1
                left[length] -= 1
        # Of several that are full, the one that stays so for longest.
        fullest = min(left, key=lambda length: (left[length], -length))
        resets_in = self._windows[key, fullest][0] + fullest - time
        headers = {
            "ratelimit-remaining": str(left[fullest]),
            "ratelimit-reset": str(math.ceil(unix_time() + resets_in)),
        }
        return (HTTPStatus.TOO_MANY_REQUESTS if is_full else HTTPStatus.OK), headers


@dataclass
class Day:
    """What was counted.

    Attributes:
        seconds: how long it was.
        signed, refused: when the sign server was asked, in seconds from the start, by what it said.
        by_route: how many connections each route has opened.
        told: how often phones were refused, by error code.
        first, again: seconds until connected: of a LIVE that somebody begins to follow, after the
            first minutes, when all come at once; and after a cut.
        start: the same, of those that come at once at the start.
        wanted, connected: seconds of LIVEs that somebody followed, and those with a connection.
    """

    seconds: float
    signed: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    by_route: Counter[str] = field(default_factory=Counter)
    told: Counter[ErrorCode] = field(default_factory=Counter)
    start: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    wanted: float = 0.0
    connected: float = 0.0

    def requests(self, window: float) -> list[int]:
        """How many requests came in each minute, hour, …"""
        counts = [0] * math.ceil(self.seconds / window)
        for time in [*self.signed, *self.refused]:
            if time < self.seconds:
                counts[int(time // window)] += 1
        return counts

    @property
    def share_connected(self) -> float:
        return self.connected / self.wanted if self.wanted else 1.0


class _World:
    """TikTok, the sign server, and the relay between them and the phones."""

    def __init__(
        self, load: Load, server: SignServer, routes: Sequence[RouteName], seed: int
    ) -> None:
        self.load = load
        self.server = server
        self.rng = random.Random(seed)
        self.ends_at: dict[str, float] = {}  # of the LIVE of each streamer
        # Since when each streamer's LIVE is wanted and not connected, and what that counts as.
        self.wanted: dict[str, tuple[float, list[float]]] = {}
        self.day = Day(0.0)
        clock = VirtualClock()
        pacer = Pacer(_RATE, clock)
        networks = Networks("", pacer, clock, self.rng)
        counts = RouteCounts(routes, clock)
        self.gates = SignGates("the server's", clock)
        options = StreamOptions(idle_timeout=_QUIET)
        factory = _Upstreams(self, networks, pacer, routes, counts)
        self.streams = Streams(factory, options, self.gates, self.rng, clock)
        self._greeting = messages.join("viewer")
        self._goodbye = messages.end()
        self.counts = counts

    def greeting(self) -> Message:
        return self._greeting.renumbered()

    def goodbye(self) -> Message:
        return self._goodbye.renumbered()

    def is_live(self, username: str) -> bool:
        return now() < self.ends_at[username]

    def on_open(self, username: str) -> None:
        since, times = self.wanted.pop(username)
        times.append(now() - since)

    def on_cut(self, username: str) -> None:
        self.wanted[username] = now(), self.day.again


class _Upstreams(TikTokUpstreams):
    """`TikTokUpstreams`, whose routes end at what is played here."""

    def __init__(
        self,
        world: _World,
        networks: Networks,
        pacer: Pacer,
        routes: Sequence[RouteName],
        counts: RouteCounts,
    ) -> None:
        super().__init__(networks, pacer, routes, counts)
        self._world = world
        self._names = routes

    def __call__(
        self,
        username: str,
        accesses: Accesses,
        listener: MessageListener,
        room_id: int | str | None = None,
        /,
    ) -> TikTokUpstream:
        return _Upstream(
            self._world,
            username,
            self._networks.of(""),
            self._routes_for(accesses),
            listener,
            None if room_id is None else int(room_id),
            self._pacer,
            self._counts,
        )

    def _routes_for(self, accesses: Accesses) -> list[Route]:
        with_what = self._world, self._networks, accesses
        signed = RouteName.SIGNED
        return [(_Signed if name is signed else _Direct)(*with_what) for name in self._names]


class _Upstream(TikTokUpstream):
    """`TikTokUpstream`, which asks nobody for the room and its information."""

    def __init__(self, world: _World, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._world = world

    async def _open(self) -> None:
        from django.conf import settings

        until = now() + settings.RELAY_CONNECT_TIMEOUT
        self._check_routes()
        await self._turn(until)
        await asyncio.sleep(_FIND)
        if not self._world.is_live(self._username):
            raise RelayError(ErrorCode.USER_OFFLINE, username=self._username)
        room_id = self._room_id or self._world.rng.randrange(1, 2**62)
        attempt: Any = _Attempt(self._username, room_id, self._listener)
        self._socket = await self._first_socket(attempt, until)


@dataclass
class _Attempt:
    username: str
    room_id: int
    listener: MessageListener

    async def open_socket(self, world: _World, route: RouteName) -> WebcastSocket:
        await asyncio.sleep(_OPEN)
        socket: Any = _Socket(world, self, route)
        return socket  # type: ignore[no-any-return]


class _Signed(SignedRoute):
    """`SignedRoute` with the played sign server."""

    def __init__(self, world: _World, networks: Networks, accesses: Accesses) -> None:
        super().__init__(networks, accesses)
        self._world = world

    async def open(self, attempt: Any, limit: float) -> WebcastSocket:
        until = now() + limit

        async def connect(access: Access) -> WebcastSocket:
            gate = access.gate
            gate.check()
            try:
                async with asyncio.timeout_at(until), gate.request(attempt.username):
                    await asyncio.sleep(_SIGN)
                    status, headers = self._world.server.answer(gate.api_key)
                    gate.on_answer(status, headers)
            except TimeoutError:
                raise RelayError(ErrorCode.SIGN_UNAVAILABLE) from None
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                raise RelayError(ErrorCode.RATE_LIMITED, retry_after=math.ceil(gate.seconds_closed))
            return await attempt.open_socket(self._world, self.name)  # type: ignore[no-any-return]

        return await through(self._accesses, connect)


class _Direct(DirectRoute):
    """`DirectRoute` with a visitor whom TikTok never refuses."""

    def __init__(self, world: _World, networks: Networks, accesses: Accesses) -> None:
        super().__init__(networks, accesses)
        self._world = world

    async def open(self, attempt: Any, limit: float) -> WebcastSocket:
        return await attempt.open_socket(self._world, self.name)  # type: ignore[no-any-return]


class _Socket:
    """An open connection: says one thing, then nothing until it is cut or the LIVE is over."""

    def __init__(self, world: _World, attempt: _Attempt, route: RouteName) -> None:
        self._world = world
        self._attempt = attempt
        self._opened_at = now()
        self._is_open = True
        self._lost: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        world.on_open(attempt.username)
        attempt.listener.on_open(Room(str(attempt.room_id)), route)
        attempt.listener.on_messages([world.greeting()])
        cut_in = world.load.until_cut(world.rng)
        live_for = max(world.ends_at[attempt.username] - now(), 0.0)
        happens = self._cut if cut_in < live_for else self._end
        self._timer = asyncio.get_running_loop().call_later(min(cut_in, live_for), happens)

    async def closed(self) -> Exception:
        return await self._lost

    async def close(self) -> None:
        self._timer.cancel()
        self._count()
        await asyncio.sleep(_CLOSE)

    def _cut(self) -> None:
        self._count()
        self._world.on_cut(self._attempt.username)
        self._lost.set_result(ClosedError("cut"))

    def _end(self) -> None:
        self._count()
        self._attempt.listener.on_messages([self._world.goodbye()])

    def _count(self) -> None:
        if self._is_open:
            self._is_open = False
            self._world.day.connected += now() - self._opened_at


class _Place:
    """Follows one LIVE after the other: when one is over, another streamer's begins at once."""

    def __init__(self, world: _World, number: int, key: str) -> None:
        self._world = world
        self._number = number
        self._access = world.streams.access(key)

    async def follow_all(self, first_in: float) -> None:
        world = self._world
        length, times = world.load.rest(world.rng), world.day.start
        await asyncio.sleep(first_in)
        for live in range(_NO_LIMIT):
            username = f"u{self._number}.{live}"
            began = now()
            world.ends_at[username] = began + length
            world.wanted[username] = began, times
            try:
                await self._follow(username)
            finally:
                world.day.wanted += min(now(), world.ends_at.pop(username)) - began
                world.wanted.pop(username, None)
            length, times = world.load.length(world.rng), world.day.first

    async def _follow(self, username: str) -> None:
        """As one phone does, until the LIVE is over."""
        world, tries = self._world, 0
        while world.is_live(username):
            joined = now()
            stream = world.streams.join(username, self._access, wait=False, since=None)
            try:
                await _until_over(stream)
            finally:
                world.streams.leave(stream, self._access, wait=False, linger=0)
            error = stream.error
            if error is None or error.code is ErrorCode.USER_OFFLINE:
                return
            world.day.told[error.code] += 1
            tries = 1 if stream.room is not None and now() - joined >= _STABLE else tries + 1
            pause = (error.retry_after or 0) + world.rng.random() * min(
                _CAP, _BASE * 2 ** (tries - 1)
            )
            await asyncio.sleep(min(pause, max(world.ends_at[username] - now(), 0.0)))


async def _until_over(stream: LiveStream) -> None:
    while not stream.over:
        await stream.log.changed(stream.log.end)


def simulate(
    streams: int,
    limits: Limits = Limits(),
    *,
    load: Load = Load(),
    routes: Sequence[RouteName] = (RouteName.SIGNED,),
    own_keys: bool = False,
    seconds: float = DAY,
    seed: int = 1,
) -> Day:
    """Count what so many LIVEs at a time need. The time begins with a start of the relay, when all
    phones come within ten seconds.

    Args:
        limits: of each API key.
        routes: as `TIKTOK_ROUTES`.
        own_keys: each account has its own key; otherwise all use the server's.
    """
    server = SignServer(limits)

    async def run() -> Day:
        world = _World(load, server, routes, seed)
        began = now()
        places = [
            asyncio.ensure_future(
                _Place(world, number, f"key {number}" if own_keys else "").follow_all(
                    world.rng.uniform(*_COME_BACK)
                )
            )
            for number in range(streams)
        ]
        await asyncio.wait(places, timeout=seconds)
        day = world.day
        for place in places:
            if place.done():
                place.result()  # it has failed
            place.cancel()
        await asyncio.wait(places)
        await world.streams.close()
        day.seconds = seconds
        day.by_route = world.counts.opened_ever
        day.signed = [time - began for time in server.signed]
        day.refused = [time - began for time in server.refused]
        return day

    with _quietly(), asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """No lines in the log: there would be one for each connection. And garbage is rarely looked
    for, which takes half of the time where there are thousands of streams."""
    disabled, threshold = logging.root.manager.disable, gc.get_threshold()
    logging.disable(logging.CRITICAL)
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        logging.disable(disabled)


def expected_day(streams: int, load: Load = Load(), seconds: float = DAY, seed: int = 1) -> Day:
    """The same without limits, of the route `signed`, without the relay's code: LIVEs and cuts are
    drawn, each asks the sign server once, and the pacer lets so many through a second. Those that
    are told to try again, since too many wait, are not in it.
    """
    rng = random.Random(seed)
    asks: list[tuple[float, bool]] = []  # when, and whether it is at the start
    for _ in range(streams):
        at = rng.uniform(*_COME_BACK)
        ends_at, is_start = at + load.rest(rng), True
        while at < seconds:
            asks.append((at, is_start))
            is_start = False
            connected_at = at + _FIND + _SIGN + _OPEN
            cut_at = connected_at + load.until_cut(rng)
            if cut_at < ends_at:
                at = cut_at + _CLOSE + rng.random() * _BASE
            else:
                at = max(ends_at, connected_at)
                ends_at = at + load.length(rng)
    day, turns, counted_at = Day(seconds), float(_BURST), 0.0
    for at, is_start in sorted(asks):
        turns = min(turns + max(at - counted_at, 0.0) * _RATE, float(_BURST)) - 1
        counted_at = max(counted_at, at)
        late = max(-turns, 0.0) / _RATE
        day.signed.append(at + late + _FIND + _SIGN)
        if is_start:
            day.start.append(late + _FIND + _SIGN + _OPEN)
    return day
