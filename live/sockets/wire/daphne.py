"""How frames go out to one socket under Daphne, and which parts of Daphne are changed for it.

`install` changes four things in the Daphne of this process:

- Close codes: autobahn's `sendClose`, which Daphne calls, refuses every code of RFC 6455 but 1000;
  the contract has 1008, 1011 and 1012.
- Backpressure: Daphne's `send` never waits, and buffers without bound for a client that does not
  read (its issue 170). Here a socket knows when Twisted's write buffer is full, and waits.
- Tokens: Daphne writes the path of each request, and so the token, to its access log, past
  `logging`.
- Cost: for each socket, autobahn makes a text of all its options for a debug line that nobody
  reads, which takes a fifth of the time from a socket's connect to its close.

`tests/end_to_end` runs everything under Daphne, and so notices when a release changes what is used
of it here.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from autobahn.websocket import protocol as autobahn_protocol
from daphne.access import AccessLogGenerator
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

from live.protocol.redaction import redact
from live.sockets.wire.asgi import Parcel

__all__ = ["DaphneWire", "install", "wire_for", "write_at_once"]


def install() -> None:
    """Change the Daphne of this process, before its first socket. Twice does no harm."""
    WebSocketProtocol.serverClose = _close
    WebSocketProtocol.onOpen = _on_open
    AccessLogGenerator.write_entry = _write_redacted_entry
    autobahn_protocol.pformat = _no_text  # type: ignore[attr-defined, assignment]


def wire_for(send: Any) -> DaphneWire | None:
    """The wire of a socket of Daphne; None if another server gave this `send` to the application.

    `install` must have been called before the socket opened.
    """
    if not isinstance(send, partial) or not send.args:
        return None
    protocol = send.args[0]  # it is partial(server.handle_reply, protocol)
    return DaphneWire(protocol) if isinstance(protocol, WebSocketProtocol) else None


class DaphneWire:
    """Waits with the flow control that `install` adds."""

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol

    async def send(self, parcel: Parcel) -> None:
        protocol = self._protocol
        if protocol.state == protocol.STATE_OPEN and not protocol.relay_flow.is_writable():
            await protocol.relay_flow.wait()
        if protocol.state != protocol.STATE_OPEN:
            raise ConnectionError("the socket is not open")
        write_at_once(protocol.transport, parcel.framed)

    def forget_handshake(self, scope: Any) -> None:
        scope["headers"].clear()
        scope.clear()
        self._protocol.http_headers.clear()

    def abort(self) -> None:
        self._protocol.transport.abortConnection()


def write_at_once(transport: Any, data: bytes) -> None:
    """Write to a connection of Twisted, without waiting for the loop's next turn.

    Twisted's `write` always waits for it: it asks the system to tell when the socket can be
    written, and takes that back afterwards. These are three calls of the system for each frame,
    where one does.
    """
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataBuffer
    ):
        written = transport.writeSomeData(data)
        if isinstance(written, int):  # else the connection is lost, as the write below finds out
            if written == len(data):
                return
            data = data[written:]
    transport.write(data)


def _no_text(options: object) -> str:
    return "(not printed)"


def _close(protocol: WebSocketProtocol, code: int | None = None) -> None:
    # What `sendClose` does once it has checked the code.
    protocol.sendCloseFrame(code=1000 if code is None else int(code))


@implementer(IPushProducer)
class _Flow:
    """Twisted tells it when a socket's write buffer is full, and when it has room again."""

    __slots__ = ("_room",)

    def __init__(self) -> None:
        self._room: asyncio.Event | None = None  # while the buffer is full: set once it has room

    def is_writable(self) -> bool:
        return self._room is None

    async def wait(self) -> None:
        if self._room is not None:
            await self._room.wait()

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        if self._room is None:
            self._room = asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        if self._room is not None:
            self._room.set()
            self._room = None

    def stopProducing(self) -> None:  # noqa: N802
        self.resumeProducing()


_on_open_of_daphne = WebSocketProtocol.onOpen


def _on_open(protocol: WebSocketProtocol) -> None:
    protocol.relay_flow = _Flow()
    # Otherwise Twisted's HTTP channel, from before the upgrade, would still be the producer, and
    # stop *reading*.
    protocol.transport.unregisterProducer()
    protocol.transport.registerProducer(protocol.relay_flow, streaming=True)
    _on_open_of_daphne(protocol)


_write_entry = AccessLogGenerator.write_entry


def _write_redacted_entry(
    log: AccessLogGenerator, host: Any, date: Any, request: str, **details: Any
) -> None:
    _write_entry(log, host, date, redact(request), **details)
