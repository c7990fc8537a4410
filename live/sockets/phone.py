"""The socket of the mobile app, `/ws/{token}` and `/ws`, as ASGI has it.

Connects a session (`live.sockets.session`) to the server, and reads what the client sends. A socket
is accepted first and refused afterwards: otherwise its client would get neither an `error` frame
nor a close code.
"""

from __future__ import annotations

import contextlib
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from live.protocol.addresses import BEARER
from live.protocol.errors import RelayError
from live.protocol.frames import Frame, FrameType, Nothing, encode
from live.protocol.ping import parse_ping
from live.relay.relay import Relay
from live.sockets.admission import Admission, connection_of
from live.sockets.allowance import Allowance
from live.sockets.session import Session
from live.sockets.wire.asgi import Parcel, Wire
from live.sockets.wire.servers import wire_for

__all__ = ["PhoneConsumer", "RejectingConsumer"]


class RejectingConsumer(AsyncWebsocketConsumer):
    """For socket addresses that do not exist: the handshake fails with HTTP 403."""

    async def connect(self) -> None:
        await self.close()


class PhoneConsumer(AsyncWebsocketConsumer):
    """One socket. Made with `as_asgi(relay=…)`. Owns the socket's session, and is its client."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self._session: Session | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._session is not None:
                await self._session.end()

    async def connect(self) -> None:
        relay = self._relay
        self._wire: Wire = wire_for(self.base_send)
        self._allowance = Allowance(relay.clock)
        connection = connection_of(self.scope, is_test=relay.is_test)
        admission = Admission(relay, self.scope, connection)
        self._session = Session(relay, self, self._wire, admission, connection)
        self._session.start()

    async def disconnect(self, code: int) -> None:
        if self._session is not None:
            await self._session.end(code)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        session = self._session
        if session is None or session.is_ending:
            return
        try:
            self._allowance.spend()
            ping = parse_ping(text_data)
        except RelayError as error:
            session.interrupt(error)
            return
        pong = Frame(type=FrameType.PONG, ts=self._relay.clock.unix_ms(), data=Nothing())
        if ping.id is not None:
            pong.id = ping.id
        with contextlib.suppress(OSError):  # the client has gone meanwhile
            await self._wire.send(Parcel([encode(pong)]))

    # --- Methods of `live.sockets.session.Client` (`close` is one, too) ---

    async def accept_handshake(self) -> None:
        offered = self.scope.get("subprotocols", [])
        await self.accept(subprotocol=BEARER if BEARER in offered else None)

    def forget_handshake(self) -> None:
        self._wire.forget_handshake()
        self.scope["headers"].clear()
        self.scope.clear()
