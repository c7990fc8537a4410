"""Watches under Daphne how requests arrive, with their bodies; refuses sockets early.

Daphne calls the application when all of a request is there, and keeps the body in a temporary file
until then. So its size is limited here, where it arrives.
"""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import HTTPFactory
from twisted.web.http import HTTPChannel

from live.server.door.arrivals import Arrival, Arrivals
from live.server.door.bodies import Refusal
from live.server.door.handshakes import EarlyRefusals, Refused, asks_for_socket
from live.sockets.wire.daphne import write_at_once

__all__ = ["install"]


def install(arrivals: Arrivals, most: int, refusals: EarlyRefusals) -> None:
    """Change the Daphne of this process, before its first connection.

    Args:
        arrivals: gets each connection that waits for a request.
        most: the size of a body, in bytes. A request with a larger one is answered with 413.
        refusals: is asked about sockets before they are made.
    """

    class Channel(_Channel):
        pass

    Channel.arrivals, Channel.most, Channel.refusals = arrivals, most, refusals
    HTTPFactory.protocol = Channel


_HTTPChannel: Any = HTTPChannel  # parts of Twisted have types, others not


class _Channel(_HTTPChannel):
    """One connection of Daphne, until it is upgraded to a socket."""

    arrivals: Arrivals
    most: int
    refusals: EarlyRefusals
    _is_new = True
    _socket: Refused | None = None
    _arrival: Arrival | None = None
    _refused = False
    _body_size = 0

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        super().connectionMade()
        self._begin()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._socket is not None:
            if self._socket.receive(data):
                self.transport.loseConnection()
            return
        if self._is_new and asks_for_socket(data):
            self._socket = self.refusals.refuse(data, self._host())
            if self._socket is not None:
                write_at_once(self.transport, self._socket.answer)
                return
        self._is_new = False
        super().dataReceived(data)
        if self._refused or self.transport is None or self.transport.disconnecting:
            return
        if self._handlingRequest:
            self._end()
        elif self._arrival is None and not self._is_idle():
            self._begin()  # a part of the next request on this connection

    def allHeadersReceived(self) -> None:  # noqa: N802
        self._body_size = 0
        if self.length is not None and self.length > self.most:
            self._refuse(Refusal.TOO_LARGE)
        else:
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._refused:
            return
        if not self._handlingRequest:
            # With a body in chunks, this counts the lines between the chunks, too.
            self._body_size += len(data)
            if self._body_size > self.most and self.length is None:
                self._refuse(Refusal.TOO_LARGE)
                return
        super().rawDataReceived(data)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._end()
        super().connectionLost(reason)

    def _is_idle(self) -> bool:
        """Nothing of a request has arrived since the last one."""
        return not self.requests and not self._buffer

    def _begin(self) -> None:
        self._arrival = self.arrivals.begin(self._host(), self.transport.abortConnection)

    def _host(self) -> str:
        """The address at the other end; empty for a Unix socket."""
        return getattr(self.transport.getPeer(), "host", "")

    def _end(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.end()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer without reading on, and close."""
        self._refused = True
        self._end()
        headers = [
            (name.lower(), value)
            for name, values in self.requests[-1].requestHeaders.getAllRawHeaders()
            for value in values
        ]
        path, _mark, query = self._path.partition(b"?")
        scope = {"path": path.decode("latin-1"), "query_string": query, "headers": headers}
        self.transport.write(refusal.as_http(scope))
        self.loseConnection()
