"""What Daphne must be taught so that the relay keeps its promises under it.

- Close codes: autobahn's `sendClose`, which Daphne calls, refuses every code of RFC 6455 but 1000;
  the contract has 1008, 1011 and 1012.
- Backpressure: Daphne's `send` never waits, and buffers without bound for a client that does not
  read (its issue 170). Here a socket tells when Twisted's write buffer is full;
  `live.sockets.wire.parcel` waits.
- Tokens: Daphne writes the path of each request, and so the token, to its access log, past
  `logging`.

`tests/end_to_end` runs everything under Daphne, and so notices when a release moves these seams.
"""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.access import AccessLogGenerator
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from live.server.redaction import redact

__all__ = ["install"]


def install() -> None:
    """Teach the Daphne of this process. Twice does no harm."""
    WebSocketProtocol.serverClose = _close
    WebSocketProtocol.onOpen = _on_open
    AccessLogGenerator.write_entry = _write_redacted_entry


def _close(protocol: WebSocketProtocol, code: int | None = None) -> None:
    # What `sendClose` does once it has checked the code.
    protocol.sendCloseFrame(code=1000 if code is None else int(code))


@implementer(IPushProducer)
class _Flow:
    """Twisted tells it when a socket's write buffer is full, and when it has room again."""

    def __init__(self) -> None:
        self._writable = asyncio.Event()
        self._writable.set()
        self.is_writable = self._writable.is_set
        self.wait = self._writable.wait

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        self._writable.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._writable.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._writable.set()


_on_open_of_daphne = WebSocketProtocol.onOpen


def _on_open(protocol: WebSocketProtocol) -> None:
    protocol.relay_flow = _Flow()
    # Twisted's HTTP channel, from before the upgrade, would stop *reading* in its place.
    protocol.transport.unregisterProducer()
    protocol.transport.registerProducer(protocol.relay_flow, streaming=True)
    _on_open_of_daphne(protocol)


_write_entry = AccessLogGenerator.write_entry


def _write_redacted_entry(
    log: AccessLogGenerator, host: Any, date: Any, request: str, **details: Any
) -> None:
    _write_entry(log, host, date, redact(request), **details)
