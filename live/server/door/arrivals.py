"""Limits connections whose request has not arrived yet: their number for each address, and their
time.

A client that opens connections and sends half of a request on each, or nothing, costs a file
descriptor and memory each. The server modules beside this one call it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from accounts import requests

__all__ = ["Arrival", "Arrivals"]


class Arrival:
    """One connection that waits for its request."""

    __slots__ = ("_arrivals", "_client", "_drop", "_timer")

    def __init__(self, arrivals: Arrivals, client: str | None, drop: Callable[[], None]) -> None:
        self._arrivals = arrivals
        self._client = client
        self._drop = drop
        self._timer: asyncio.TimerHandle | None = None

    @property
    def client(self) -> str | None:
        """The client's address or network; None where it is not limited by number."""
        return self._client

    def wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self.drop)

    def end(self) -> None:
        """The request has arrived, or the connection is closed. A second call changes nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._arrivals.forget(self)

    def drop(self) -> None:
        """Close the connection."""
        self.end()
        self._drop()


class Arrivals:
    """All connections of a process that wait for their request.

    Args:
        most: how many an address may have. One more closes its oldest: so a client whose
            requests arrive at once gets through, even beside one on the same address that holds
            as many as it can. A trusted proxy may have any number, since it stands for many.
        seconds: how long a request may take to arrive. Then its connection is closed.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._waiting: dict[str, dict[Arrival, None]] = {}  # by client; the oldest first

    def begin(self, host: str, drop: Callable[[], None]) -> Arrival:
        """A connection waits for a request from now on.

        Args:
            host: the address at the other end of the connection.
            drop: closes the connection at once.
        """
        client = None if requests.is_trusted_proxy(host) else requests.network(host)
        arrival = Arrival(self, client, drop)
        if client is not None:
            waiting = self._waiting.setdefault(client, {})
            if len(waiting) >= self._most:
                next(iter(waiting)).drop()
                waiting = self._waiting.setdefault(client, {})
            waiting[arrival] = None
        arrival.wait(self._seconds)
        return arrival

    def forget(self, arrival: Arrival) -> None:
        """For `Arrival.end` only."""
        client = arrival.client
        if client is not None:
            waiting = self._waiting[client]
            del waiting[arrival]
            if not waiting:
                del self._waiting[client]
