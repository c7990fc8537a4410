"""The set of a relay's open sockets. Each is asked every second to check its progress."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from live.histogram import Histogram
from live.relay.socket import Socket

__all__ = ["OpenSockets"]

# Seconds between two checks whether clients take what is sent to them.
_CHECK_EVERY = 1.0
# Seconds.
_LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class OpenSockets:
    """Keeps the open sockets, and asks each of them every second to check its progress.

    A socket that waits for its client can't check that by itself. While no socket is open, no
    timer runs.

    Attributes:
        loop_lag: by how many seconds the event loop was late with these checks.
    """

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self.loop_lag = Histogram(_LAG)
        self._next_check: asyncio.TimerHandle | None = None
        self._due = 0.0  # when it is
        self._none_open = asyncio.Event()
        self._none_open.set()

    def __iter__(self) -> Iterator[Socket]:
        """Iterate over a copy: sockets may open and close during the iteration."""
        return iter(list(self._sockets))

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: Socket) -> None:
        """Add a socket that has opened."""
        self._sockets.add(socket)
        self._none_open.clear()
        if self._next_check is None:
            self._check_later()

    def remove(self, socket: Socket) -> None:
        """Remove a socket that has closed."""
        self._sockets.discard(socket)
        if not self._sockets:
            self._none_open.set()
            if self._next_check is not None:
                self._next_check.cancel()
                self._next_check = None

    async def all_closed(self) -> None:
        """Wait until no socket is open."""
        await self._none_open.wait()

    def _check_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _CHECK_EVERY
        self._next_check = loop.call_at(self._due, self._check_progress)

    def _check_progress(self) -> None:
        self.loop_lag.observe(max(0.0, asyncio.get_running_loop().time() - self._due))
        self._check_later()
        for socket in self:
            socket.check_progress()
