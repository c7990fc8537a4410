"""Refuses sockets as soon as their request has arrived, before the server has made anything for it.

Somebody who tries wrong tokens asks for socket after socket. What `SocketDoor` would refuse anyway
is refused here with one write: no task, none of the server's objects, no line in the access log.
The server modules beside this one call it, with requests that are whole, short and by the book; the
rest goes the usual way, through the server to `SocketDoor`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from live.protocol.addresses import BEARER
from live.server.door.sockets import SocketDoor

__all__ = ["QUIET", "EarlyRefusals", "Refused", "asks_for_socket"]

# The longest request that is read here, and the longest message, in bytes.
_LONGEST = 8_192
# No more headers, since websockets reads no more than 128.
_MOST_HEADERS = 100
# What is written by the book: a request line, then headers with names and values as RFC 9110 has
# them. Servers differ in what they make of anything else.
_REQUEST = re.compile(
    rb"GET [\x21-\x7e]+ HTTP/1\.1\r\n"
    rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n"
)
_HOST = re.compile(rb"\r\nhost:", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_CONNECTION = re.compile(
    rb"\r\nconnection:(?:[^\r\n]*,)?[ \t]*upgrade[ \t]*(?:,|\r\n)", re.IGNORECASE
)
_BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding):", re.IGNORECASE)

# For websockets, which would log "connection open" and "connection closed" for each socket, without
# saying whose.
QUIET = logging.getLogger(__name__)
QUIET.setLevel(logging.WARNING)


def asks_for_socket(data: bytes) -> bool:
    """Whether this is one whole request for a WebSocket, by the book, and nothing else."""
    return (
        len(data) <= _LONGEST
        and _REQUEST.fullmatch(data) is not None
        and data.count(b"\r\n") <= _MOST_HEADERS
        and _HOST.search(data) is not None
        and _UPGRADE.search(data) is not None
        and _CONNECTION.search(data) is not None
        and _BODY.search(data) is None
    )


class Refused:
    """What is left of a connection whose socket was refused: the client answers the close.

    Attributes:
        answer: all that the client is sent.
    """

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol
        self.answer = b"".join(protocol.data_to_send())

    def receive(self, data: bytes) -> bool:
        """Take what the client sends. Returns whether the connection may be closed now: earlier,
        the client might lose the answer."""
        protocol = self._protocol
        protocol.receive_data(data)
        protocol.events_received()
        protocol.data_to_send()
        return protocol.close_rcvd is not None or protocol.parser_exc is not None


class EarlyRefusals:
    """Knows of requests for sockets whether they are refused.

    Args:
        door: decides that.
    """

    def __init__(self, door: SocketDoor) -> None:
        self._door = door

    def refuse(self, request: bytes, host: str) -> Refused | None:
        """Refuse a socket, if that can be known by now.

        Args:
            request: what `asks_for_socket` says yes to.
            host: the address at the other end of the connection; empty for a Unix socket.
        """
        if not self._door.may_refuse(host):
            return None
        protocol = ServerProtocol(
            subprotocols=[Subprotocol(BEARER)],
            select_subprotocol=_select,
            max_size=_LONGEST,  # of what the client says before it has read that it is refused
            logger=QUIET,
        )
        protocol.receive_data(request)
        events = protocol.events_received()
        if not events or not isinstance(events[0], Request):
            return None  # the server says what is wrong with it
        response = protocol.accept(events[0])
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        refusal = self._door.refusal(_scope(events[0], host))
        if refusal is None:
            return None
        protocol.send_response(response)
        protocol.send_text(refusal.text.encode())
        protocol.send_close(refusal.close_code)
        return Refused(protocol)


def _select(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol(BEARER) if BEARER in offered else None


def _scope(request: Request, host: str) -> dict[str, Any]:
    """The request as servers tell it to an ASGI application, as far as a door looks at it."""
    path, _mark, query = request.path.partition("?")
    offered = [
        name.strip()
        for value in request.headers.get_all("Sec-WebSocket-Protocol")
        for name in value.split(",")
    ]
    return {
        "type": "websocket",
        "path": unquote(path),
        "query_string": query.encode("latin-1", "replace"),
        "client": (host, None),
        "headers": [
            (name.lower().encode(), value.encode("latin-1", "replace"))
            for name, value in request.headers.raw_items()
        ],
        "subprotocols": offered,
    }
