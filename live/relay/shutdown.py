"""Closes all sockets when the server stops, and tells each client when to connect again."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from live.protocol.errors import ErrorCode, RelayError
from live.relay.open_sockets import OpenSockets

__all__ = ["Shutdown"]

# The shortest and the longest time, in seconds, after which a client is asked to connect again.
# Each client gets a random time between them, so that they don't all come at once.
_COME_BACK = (1, 10)
# Seconds to wait for all sockets to close. A client may not take the error frame.
_TIMEOUT = 2.5


class Shutdown:
    """Knows whether the relay is shutting down, and closes its sockets when that begins.

    Args:
        rng: chooses, for each client, the seconds after which it is asked to connect again.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._begun = False

    def check(self) -> None:
        """Check that the shutdown has not begun.

        Raises:
            RelayError: `server_shutdown`, if it has.
        """
        if self._begun:
            raise self._error()

    async def close_sockets(self, sockets: OpenSockets) -> None:
        """Begin the shutdown: close all open sockets, each with an error frame.

        From now on `check` refuses new sockets. Waits until all sockets have closed, but at most
        two and a half seconds.
        """
        self._begun = True
        for socket in sockets:
            socket.interrupt(self._error())
        with suppress(TimeoutError):
            async with asyncio.timeout(_TIMEOUT):
                await sockets.all_closed()

    def _error(self) -> RelayError:
        return RelayError(ErrorCode.SERVER_SHUTDOWN, retry_after=self._rng.randint(*_COME_BACK))
