"""How frames go out to one socket under Uvicorn: parcels are written to its transport as they are.

Uvicorn's protocol object is behind the `send` that it gives to an application. What is used of it
is not in Uvicorn's documentation: `tests/end_to_end` runs everything under Uvicorn, and so notices
when a release changes it.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from live.sockets.wire.asgi import AsgiWire, Parcel

__all__ = ["UvicornWire", "install", "wire_for"]


def install() -> None:
    """Nothing is to be changed: Uvicorn has backpressure and all close codes."""


def wire_for(send: Any) -> UvicornWire | None:
    """The wire of a socket of Uvicorn; None if another server, or another of Uvicorn's protocols,
    gave this `send` to the application."""
    protocol = getattr(send, "__self__", None)  # it is the protocol's bound method
    return UvicornWire(send, protocol) if isinstance(protocol, WebSocketsSansIOProtocol) else None


class UvicornWire(AsgiWire):
    """Waits with Uvicorn's own backpressure."""

    def __init__(self, send: Any, protocol: WebSocketsSansIOProtocol) -> None:
        super().__init__(send)
        self._protocol = protocol

    async def send(self, parcel: Parcel) -> None:
        protocol = self._protocol
        if protocol.conn.extensions:  # compression: framed for each socket
            await super().send(parcel)
            return
        if not protocol.writable.is_set():
            await protocol.writable.wait()
        is_open = protocol.handshake_complete and not protocol.close_sent
        if not is_open or protocol.transport.is_closing():
            raise ConnectionError("the socket is not open")
        protocol.transport.write(parcel.framed)

    def forget_handshake(self, scope: Any) -> None:
        scope["headers"].clear()
        scope.clear()
        self._protocol.request.headers.clear()
        self._protocol.response.headers.clear()

    def abort(self) -> None:
        self._protocol.transport.abort()
