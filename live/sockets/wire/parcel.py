"""Parcels of frames onto the socket: as bytes that sockets share, where the server is a known one.

ASGI has a server frame each text anew for each socket, which costs more than all else on the way
out. Uvicorn's and Daphne's protocols are behind the `send` that they give an application, so there
a parcel is framed once and written as it is, with the server's own backpressure; under any other
server it goes out as ASGI messages. Nothing here knows what frames say.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

from websockets.frames import Frame, Opcode

__all__ = ["Parcel", "Wire", "wire_of"]


class Parcel:
    """Texts that go out together, a WebSocket message each. Sockets at one place share it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    @cached_property
    def framed(self) -> bytes:
        """The texts as a server frames them without extensions (RFC 6455, section 5)."""
        return b"".join(
            Frame(Opcode.TEXT, text.encode()).serialize(mask=False) for text in self.texts
        )


class Wire(Protocol):
    """One socket's way out."""

    async def send(self, parcel: Parcel) -> None:
        """Returns once the server has room for more.

        Raises:
            OSError: the client has gone.
        """

    def forget_handshake(self) -> None:
        """Have the server let go of the headers, which it keeps as long as the socket."""

    def abort(self) -> None:
        """Drop the connection, and what is buffered for it: a close frame would wait behind that
        for ever. Under an unknown server nothing happens."""


class _AsgiWire:
    def __init__(self, send: Any) -> None:
        self._send = send

    async def send(self, parcel: Parcel) -> None:
        for text in parcel.texts:
            await self._send({"type": "websocket.send", "text": text})

    def forget_handshake(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _UvicornWire(_AsgiWire):
    """Args:
    protocol: a `WebSocketsSansIOProtocol`.
    """

    def __init__(self, send: Any, protocol: Any) -> None:
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

    def forget_handshake(self) -> None:
        self._protocol.request.headers.clear()
        self._protocol.response.headers.clear()

    def abort(self) -> None:
        self._protocol.transport.abort()


class _DaphneWire:
    """Args:
    protocol: Daphne's `WebSocketProtocol`, taught by `live.sockets.wire.daphne`.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    async def send(self, parcel: Parcel) -> None:
        protocol = self._protocol
        if protocol.state == protocol.STATE_OPEN and not protocol.relay_flow.is_writable():
            await protocol.relay_flow.wait()
        if protocol.state != protocol.STATE_OPEN:
            raise ConnectionError("the socket is not open")
        protocol.transport.write(parcel.framed)

    def forget_handshake(self) -> None:
        self._protocol.http_headers.clear()

    def abort(self) -> None:
        self._protocol.transport.abortConnection()


def wire_of(send: Any) -> Wire:
    """The wire behind an application's `send`. Nothing may be sent before the handshake is done."""
    protocol = getattr(send, "__self__", None)
    if hasattr(protocol, "writable") and hasattr(protocol, "conn"):
        return _UvicornWire(send, protocol)
    protocol = next(iter(getattr(send, "args", ())), None)  # partial(handle_reply, protocol)
    if hasattr(protocol, "serverClose"):
        return _DaphneWire(protocol)
    return _AsgiWire(send)
