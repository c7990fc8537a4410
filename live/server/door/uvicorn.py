"""Watches under Uvicorn how requests arrive.

Uvicorn has no time limit for the first bytes of a request. `install` changes three methods of its
HTTP protocol; `tests/end_to_end/test_door.py` notices when a release changes what is used of it.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol

from live.server.door.arrivals import Arrival, Arrivals

__all__ = ["install"]

# Uvicorn's HTTP protocols, which have the same methods: it takes the first where nobody chooses.
_PROTOCOLS = {AutoHTTPProtocol, H11Protocol}


def install(arrivals: Arrivals, most: int) -> None:
    """Change the Uvicorn of this process, before its first connection. To be called once.

    Args:
        arrivals: gets each connection that waits for a request.
        most: the size of a body in bytes. Not used here: bodies are counted as they are read.
    """
    for protocol_class in _PROTOCOLS:
        _watch(protocol_class, arrivals)


def _watch(protocol_class: Any, arrivals: Arrivals) -> None:
    made = protocol_class.connection_made
    received = protocol_class.data_received
    lost = protocol_class.connection_lost

    def begin(protocol: Any) -> None:
        host = protocol.client[0] if protocol.client else ""
        protocol.relay_arrival = arrivals.begin(host, protocol.transport.abort)

    def end(protocol: Any) -> None:
        arrival: Arrival | None = protocol.relay_arrival
        if arrival is not None:
            protocol.relay_arrival = None
            arrival.end()

    def connection_made(protocol: Any, transport: Any) -> None:
        made(protocol, transport)
        begin(protocol)

    def data_received(protocol: Any, data: bytes) -> None:
        before = protocol.cycle
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
    protocol_class.connection_made = connection_made
    protocol_class.data_received = data_received
    protocol_class.connection_lost = connection_lost
