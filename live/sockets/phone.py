"""The socket of the mobile app, `/ws/{token}` and `/ws`, as ASGI has it; also that of overlays, and
of programs that understand TikFinity alone.

Connects a session (`live.sockets.session`) to the server, and reads what the client sends. A socket
is accepted first and refused afterwards: otherwise its client would get neither an `error` frame
nor a close code. Nothing here waits for a database, a thread or the channel layer.
"""

from __future__ import annotations

import contextlib
from typing import Any

from live.protocol.addresses import BEARER
from live.protocol.errors import CloseCode, RelayError
from live.protocol.frames import Frame, FrameType, Nothing, encode
from live.protocol.ping import parse_ping
from live.relay.relay import Relay
from live.sockets.admission import Admission, connection_of
from live.sockets.allowance import Allowance
from live.sockets.dialects import FRAMES, Dialect
from live.sockets.session import Session
from live.sockets.wire.asgi import Parcel
from live.sockets.wire.servers import wire_for

__all__ = ["PhoneSocket", "reject"]


async def reject(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application for socket addresses that do not exist: the handshake fails with HTTP
    403."""
    await receive()
    await send({"type": "websocket.close"})


class PhoneSocket:
    """One socket. Owns its session, and is its `live.sockets.session.Client`.

    Args:
        scope: of the handshake, as ASGI has it.
        send: what the server gave to the application.
        token: the one in the address; empty if there is none.
        admission: the class that admits it.
        dialect: what the client understands.
    """

    __slots__ = (
        "_allowance",
        "_clock",
        "_dialect",
        "_scope",
        "_send",
        "_session",
        "_traffic",
        "_wire",
    )

    def __init__(
        self,
        relay: Relay,
        scope: Any,
        send: Any,
        token: str,
        admission: type[Admission] = Admission,
        dialect: Dialect = FRAMES,
    ) -> None:
        self._scope = scope
        self._send = send
        self._clock = relay.clock
        self._traffic = relay.traffic
        self._wire = wire_for(send)
        self._allowance = Allowance(relay.clock)
        self._dialect = dialect
        connection = connection_of(scope, is_test=relay.is_test)
        admitting = admission(relay, scope, connection, token)
        self._session = Session(relay, self, self._wire, admitting, connection, dialect)

    async def serve(self, receive: Any) -> None:
        """Run the session until the client has gone, and answer what the client says meanwhile."""
        await receive()  # websocket.connect
        session = self._session
        session.start()
        close_code = None
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                if not session.is_ending:
                    await self._answer(message.get("text"))
            close_code = message["code"]
        finally:
            await session.end(close_code)

    async def _answer(self, text: str | None) -> None:
        """Args:
        text: what the client has sent; None if it is binary.
        """
        try:
            self._allowance.spend()
            if not self._dialect.hears:
                return
            ping = parse_ping(text)
        except RelayError as error:
            self._session.interrupt(error)
            return
        pong = Frame(type=FrameType.PONG, ts=self._clock.unix_ms(), data=Nothing())
        if ping.id is not None:
            pong.id = ping.id
        parcel = Parcel([encode(pong)])
        with contextlib.suppress(OSError):  # the client has gone meanwhile
            await self._wire.send(parcel)
            self._traffic.sent(parcel.types, len(parcel.framed))

    # --- Methods of `live.sockets.session.Client` ---

    async def accept_handshake(self) -> None:
        offered = self._scope.get("subprotocols", [])
        subprotocol = BEARER if BEARER in offered else None
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})

    def forget_handshake(self) -> None:
        self._wire.forget_handshake(self._scope)
        self._scope = {}

    async def close(self, code: CloseCode) -> None:
        await self._send({"type": "websocket.close", "code": code})
