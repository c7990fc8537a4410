"""The ways out of this server to TikTok: directly, or through a proxy.

All streams of a process share one `Network` for each way: its HTTP client, the gates that keep them
from asking TikTok while it blocks that way's address, and the visitor of the direct route.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property

import httpx

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError
from live.tasks import cancel_and_wait
from live.tiktok.blockgate import BlockGate
from live.tiktok.clients import make_client
from live.tiktok.failures import explain, is_block
from live.tiktok.pacer import Pacer
from live.tiktok.signgate import SignGate
from live.tiktok.visitor import Visitor
from live.tiktok.web import SignRequests, WebClient

__all__ = ["Network", "Networks"]

# How many unused connections an HTTP client keeps open, and for how many seconds.
_IDLE_CONNECTIONS, _IDLE_FOR = 10, 15.0
# Seconds for which the direct route is closed when TikTok has blocked its visitor: the first time,
# and at most.
_DIRECT_PAUSE, _LONGEST_DIRECT_PAUSE = 60.0, 3600.0
# How many networks are kept while nothing uses them.
_MAX_IDLE = 100


class Network:
    """One way out to TikTok and to the sign server. Belongs to one event loop.

    Args:
        proxy: the address of a proxy; empty for none.
        pacer: bounds what is asked of TikTok; None for no bound.
        clock, rng: of the gates.
        block_pause: seconds of the first pause after a block; 0 for no pauses.

    Attributes:
        web_gate: closed while TikTok's pages and web API take this address for a robot.
        signed_gate: closed while TikTok refuses sockets with a signed address.
        direct_gate: closed while TikTok refuses the visitor of the direct route. A visitor's cookie
            belongs to no LIVE, so one block is enough.
        visitor: of the direct route.
        users: how many connections use it now.
    """

    def __init__(
        self,
        proxy: str = "",
        pacer: Pacer | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        block_pause: float = 15,
    ) -> None:
        self.proxy = proxy
        self.web_gate = BlockGate(clock, rng, block_pause)
        self.signed_gate = BlockGate(clock, rng, block_pause)
        self.direct_gate = BlockGate(clock, rng, _DIRECT_PAUSE, _LONGEST_DIRECT_PAUSE, users=1)
        self.visitor = Visitor(lambda: self._http, pacer)
        self.users = 0

    def web(self, limit: float | None = None) -> WebClient:
        """Make a client to ask TikTok's web API.

        Args:
            limit: seconds that each request may take; None for no limit.
        """
        return WebClient(self._http, limit)

    def sign_requests(self, gate: SignGate) -> SignRequests:
        """Make what sends requests with the gate's API key, and tells the gate the answers."""
        return SignRequests(self._http, gate.api_key, gate.on_answer)

    def explain(self, failure: Exception, username: str) -> RelayError:
        """Make the error for a failure of TikTok's web API, and close the gate if it is a block.

        Args:
            failure, username: as for `failures.explain`.
        """
        error = explain(failure, username, asks_tiktok=True)
        if error.code is ErrorCode.TIKTOK_BLOCKED and is_block(failure):
            self.web_gate.on_blocked(username)
        return error

    @contextlib.contextmanager
    def used(self) -> Iterator[Network]:
        """Use as a context manager around what needs it: it is not closed meanwhile."""
        self.users += 1
        try:
            yield self
        finally:
            self.users -= 1

    async def close(self) -> None:
        """End what it does, and close its connections."""
        await self.visitor.close()
        if "_http" in self.__dict__:
            await self._http.aclose()

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        limits = httpx.Limits(
            max_connections=None,  # the pacer and the sign gates bound them
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_FOR,
        )
        return make_client(self.proxy, limits, timeout=None)  # whoever asks sets one


class Networks:
    """The networks of a relay. Belongs to one event loop.

    Args:
        proxy: of the server; empty for none.
        pacer, clock, rng, block_pause: as for `Network`.
        idle: how many networks of accounts are kept while nothing uses them.
    """

    def __init__(
        self,
        proxy: str = "",
        pacer: Pacer | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        block_pause: float = 15,
        idle: int = _MAX_IDLE,
    ) -> None:
        self._proxy = proxy
        self._pacer = pacer
        self._clock = clock
        self._rng = rng
        self._block_pause = block_pause
        self._max_idle = idle
        self._networks: OrderedDict[str, Network] = OrderedDict()  # the newest use at the end
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def main(self) -> Network:
        """The server's own way out."""
        return self.of("")

    def of(self, proxy: str) -> Network:
        """The way out through an account's own proxy; the server's own if it is empty."""
        proxy = proxy or self._proxy
        network = self._networks.get(proxy)
        if network is None:
            self._close_idle()
            network = self._networks[proxy] = Network(
                proxy, self._pacer, self._clock, self._rng, self._block_pause
            )
        self._networks.move_to_end(proxy)
        return network

    async def close(self) -> None:
        """Close all of them."""
        networks = list(self._networks.values())
        self._networks.clear()
        for network in networks:
            await network.close()
        await cancel_and_wait(*self._closing)

    def _close_idle(self) -> None:
        idle = [
            proxy
            for proxy, network in self._networks.items()
            if not network.users and proxy != self._proxy
        ]
        for proxy in idle[: max(0, len(idle) - self._max_idle)]:
            task = asyncio.ensure_future(self._networks.pop(proxy).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
