"""Closes all sockets when the server stops. Each client is told when to connect again."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from live.protocol.errors import ErrorCode, RelayError
from live.relay.open_sockets import OpenSockets

__all__ = ["Shutdown"]

# Sockets are asked to come back within that many seconds, spread out.
_COME_BACK = (1, 10)
# Sockets whose clients don't take the explanation are not waited for any longer.
_TIMEOUT = 3.0


class Shutdown:
    """Whether the relay is shutting down, and what clients are told of it.

    Args:
        rng: chooses for each client the seconds after which it connects again.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._begun = False

    def check(self) -> None:
        """Raises RelayError (`server_shutdown`) once it has begun."""
        if self._begun:
            raise self._error()

    async def close_sockets(self, sockets: OpenSockets) -> None:
        """From now on, admit nobody. Explain it to all open sockets, and wait until they have
        closed, for three seconds at most."""
        self._begun = True
        for socket in sockets:
            socket.interrupt(self._error())
        with suppress(TimeoutError):
            async with asyncio.timeout(_TIMEOUT):
                await sockets.all_closed()

    def _error(self) -> RelayError:
        return RelayError(ErrorCode.SERVER_SHUTDOWN, retry_after=self._rng.randint(*_COME_BACK))
