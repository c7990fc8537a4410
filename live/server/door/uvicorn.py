"""Watches under Uvicorn how requests arrive; refuses sockets early, and makes the others sooner.

Uvicorn has no time limit for the first bytes of a request, and reads requests for sockets twice:
first as HTTP, then in the protocol for WebSockets. `install` changes three methods of its HTTP
protocol; `tests/end_to_end/test_door.py` notices when a release changes what is used of it.
"""

from __future__ import annotations

import re
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from live.server.door.arrivals import Arrival, Arrivals
from live.server.door.handshakes import QUIET, EarlyRefusals, asks_for_socket

__all__ = ["install"]

# Uvicorn's HTTP protocols, which have the same methods: it takes the first where nobody chooses.
_PROTOCOLS = {AutoHTTPProtocol, H11Protocol}
# The names of a request's headers.
_NAME = re.compile(rb"(?<=\r\n)[^:\r\n]+(?=:)")


def install(arrivals: Arrivals, most: int, refusals: EarlyRefusals) -> None:
    """Change the Uvicorn of this process, before its first connection. To be called once.

    Args:
        arrivals: gets each connection that waits for a request.
        most: the size of a body in bytes. Not used here: bodies are counted as they are read.
        refusals: is asked about sockets before they are made.
    """
    for protocol_class in _PROTOCOLS:
        _watch(protocol_class, arrivals, refusals)


def _watch(protocol_class: Any, arrivals: Arrivals, refusals: EarlyRefusals) -> None:
    made = protocol_class.connection_made
    received = protocol_class.data_received
    lost = protocol_class.connection_lost

    def begin(protocol: Any) -> None:
        protocol.relay_arrival = arrivals.begin(_host(protocol), protocol.transport.abort)

    def end(protocol: Any) -> None:
        arrival: Arrival | None = protocol.relay_arrival
        if arrival is not None:
            protocol.relay_arrival = None
            arrival.end()

    def connection_made(protocol: Any, transport: Any) -> None:
        made(protocol, transport)
        begin(protocol)

    def data_received(protocol: Any, data: bytes) -> None:
        if protocol.relay_refused is not None:
            if protocol.relay_refused.receive(data):
                protocol.transport.close()
            return
        before = protocol.cycle
        is_socket = protocol.relay_is_new and asks_for_socket(data)
        protocol.relay_is_new = False
        if is_socket:
            protocol.relay_refused = refused = refusals.refuse(data, _host(protocol))
            if refused is not None:
                protocol.transport.write(refused.answer)
                return
        if is_socket and protocol.ws_protocol_class is WebSocketsSansIOProtocol:
            _hand_over(protocol, data)
        else:
            received(protocol, data)
        has_become_socket = protocol.transport.get_protocol() is not protocol
        if protocol.cycle is not before or has_become_socket or protocol.transport.is_closing():
            end(protocol)
        elif protocol.relay_arrival is None and (before is None or before.response_complete):
            begin(protocol)  # a part of the next request on this connection

    def connection_lost(protocol: Any, exc: Exception | None) -> None:
        end(protocol)
        lost(protocol, exc)

    protocol_class.relay_arrival = None
    protocol_class.relay_is_new = True
    protocol_class.relay_refused = None
    protocol_class.connection_made = connection_made
    protocol_class.data_received = data_received
    protocol_class.connection_lost = connection_lost


def _host(protocol: Any) -> str:
    """The address at the other end; empty for a Unix socket."""
    return protocol.client[0] if protocol.client else ""


def _hand_over(protocol: Any, request: bytes) -> None:
    """Do what Uvicorn does once h11 has read a request for a socket: give it to the WebSocket
    protocol, with the names of headers in lower case. That protocol reads all of it again."""
    protocol._unset_keepalive_if_required()
    protocol.connections.discard(protocol)
    socket = protocol.ws_protocol_class(
        config=protocol.config, server_state=protocol.server_state, app_state=protocol.app_state
    )
    socket.conn.logger = QUIET
    socket.connection_made(protocol.transport)
    socket.data_received(_NAME.sub(lambda name: name[0].lower(), request))
    protocol.transport.set_protocol(socket)
    if not socket.handshake_initiated:  # websockets can't read it, and would say nothing
        protocol.transport.close()
