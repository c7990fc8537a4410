"""Connects to one TikTok LIVE: finds its room, and takes the first route that opens a socket.

`finding` finds the room, `signed` and `direct` are the routes, `webcast` is the socket. Every
failure is raised or returned as a `RelayError`; its `said` holds the text of TikTok's error, with
secrets removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext_noop as _

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.access import Accesses
from live.tiktok.attempt import Attempt
from live.tiktok.direct import DirectRoute
from live.tiktok.failures import explain
from live.tiktok.finding import find_room
from live.tiktok.network import Network, Networks
from live.tiktok.pacer import Pacer, Priority
from live.tiktok.route_counts import RouteCounts
from live.tiktok.routes import OF_THE_STREAMER, Refusal, Route, RouteName, failure_of_all
from live.tiktok.signed import SignedRoute
from live.tiktok.upstream import MessageListener
from live.tiktok.webcast import WebcastSocket

__all__ = ["TikTokUpstream", "TikTokUpstreams"]

# Each request that finds the room may take at most this fraction of the connect timeout:
# 1 / _PAGES. So when the LIVE page does not answer, there is still time to ask the API instead.
_PAGES = 4

_ROUTES: dict[RouteName, type[SignedRoute] | type[DirectRoute]] = {
    RouteName.SIGNED: SignedRoute,
    RouteName.DIRECT: DirectRoute,
}


class TikTokUpstreams:
    """Makes the connections to TikTok. Is an `UpstreamFactory`.

    Args:
        networks: the ways out of this server.
        pacer: bounds the requests of this process to TikTok; None for no bound. An attempt takes
            one turn, although it sends up to five requests.
        routes: the names of the routes, in the order in which they are tried.
        counts: counts what becomes of the attempts on each route; None for counts that nobody
            reads.
    """

    def __init__(
        self,
        networks: Networks,
        pacer: Pacer | None = None,
        routes: Sequence[str] = (RouteName.SIGNED,),
        counts: RouteCounts | None = None,
    ) -> None:
        self._networks = networks
        self._pacer = pacer
        self._counts = counts or RouteCounts(routes)
        self._routes = [_ROUTES[RouteName(name)] for name in routes]

    def __call__(
        self,
        username: str,
        accesses: Accesses,
        listener: MessageListener,
        room_id: int | str | None = None,
        /,
    ) -> TikTokUpstream:
        return TikTokUpstream(
            username,
            self._networks.of(accesses.best().proxy),
            self._routes_for(accesses),
            listener,
            None if room_id is None else int(room_id),
            self._pacer,
            self._counts,
        )

    @property
    def needs_signature(self) -> bool:
        return self._routes == [SignedRoute]

    def seconds_closed(self, accesses: Accesses) -> float:
        return min(route.seconds_closed for route in self._routes_for(accesses))

    def _routes_for(self, accesses: Accesses) -> list[Route]:
        return [route(self._networks, accesses) for route in self._routes]


class TikTokUpstream:
    """An `Upstream` that connects to TikTok.

    Args:
        username: whose LIVE to connect to.
        network: the way out by which the room is found.
        routes: in the order in which they are tried.
        listener: gets the messages.
        room_id: the room of the user's LIVE, if it is known.
        pacer: bounds the requests of this process to TikTok; None for no bound.
        counts: counts what becomes of the attempt on each route.
    """

    def __init__(
        self,
        username: str,
        network: Network,
        routes: Sequence[Route],
        listener: MessageListener,
        room_id: int | None,
        pacer: Pacer | None,
        counts: RouteCounts,
    ) -> None:
        self._username = username
        self._network = network
        self._routes = routes
        self._listener = listener
        self._room_id = room_id
        self._pacer = pacer
        self._counts = counts
        self._socket: WebcastSocket | None = None

    async def open(self) -> None:
        failure = await self._failure_of_opening()
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # else it would be kept by its own traceback

    async def closed(self) -> RelayError:
        if self._socket is None:
            raise RuntimeError("not opened")
        return explain(await self._socket.closed(), self._username, asks_tiktok=False)

    async def close(self) -> None:
        # Whoever keeps this object, or an exception with its frames, does not keep the socket.
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _failure_of_opening(self) -> RelayError | None:
        """Connect, and return why it failed; None if the connection is open. The error is returned,
        so that it does not keep the exceptions that it replaces."""
        try:
            await self._open()
        except RelayError as failure:
            return failure.copy(username=self._username)
        return None

    async def _open(self) -> None:
        limit = settings.RELAY_CONNECT_TIMEOUT
        until = asyncio.get_running_loop().time() + limit
        self._check_routes()
        self._network.web_gate.check(self._username)
        with self._network.used():
            await self._turn(until)
            with self._network.web_gate.attempt(self._username):
                room_id = await self._find_room(limit, until)
            attempt = Attempt(
                self._username, room_id, self._listener, self._network.web(limit / _PAGES)
            )
            try:
                self._socket = await self._first_socket(attempt, until)
            finally:
                await attempt.close()

    def _check_routes(self) -> None:
        """Check that there is a route which may be tried: nobody is asked in vain.

        Raises:
            RelayError: as of `failure_of_all`.
        """
        refusals = []
        for route in self._routes:
            try:
                route.check(self._username)
            except RelayError as failure:
                refusals.append(Refusal(route.name, failure))
            else:
                return
        raise failure_of_all(refusals)

    async def _turn(self, until: float) -> None:
        """Wait until TikTok may be asked. While many wait for that, TikTok may begin to block, or a
        limit may be reached."""
        if self._pacer is None:
            return
        known = self._room_id is not None  # the room: from the connection before, or a look
        # A turn that comes too late to connect would be lost for those who wait behind.
        latest = until - settings.RELAY_CONNECT_TIMEOUT / _PAGES
        try:
            async with asyncio.timeout_at(latest):
                await self._pacer.turn(Priority.RECONNECT if known else Priority.CONNECT)
        except TimeoutError:
            raise RelayError(
                ErrorCode.TIKTOK_TIMEOUT, reason=_("Too many other LIVEs were being connected.")
            ) from None
        self._check_routes()

    async def _find_room(self, limit: float, until: float) -> int:
        try:
            async with asyncio.timeout_at(until):
                return await find_room(
                    self._network.web(limit / _PAGES), self._username, self._room_id
                )
        except Exception as failure:
            raise self._network.explain(failure, self._username) from None

    async def _first_socket(self, attempt: Attempt, until: float) -> WebcastSocket:
        """The socket of the first route that opens one. The time that is left is split fairly."""
        loop = asyncio.get_running_loop()
        refusals: list[Refusal] = []
        for number, route in enumerate(self._routes):
            share = max(0.0, until - loop.time()) / (len(self._routes) - number)
            try:
                route.check(self._username)
                socket = await route.open(attempt, share)
            except RelayError as failure:
                if failure.code in OF_THE_STREAMER:
                    raise
                self._counts.refused(route.name, failure.code)
                refusals.append(Refusal(route.name, failure))
            else:
                self._counts.opened(route.name)
                return socket
        raise failure_of_all(refusals)
