"""Which way out a socket takes: the one made for the server that runs this process.

A server's module here is imported only where that server is, since it imports the server.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

from live.sockets.wire.asgi import AsgiWire, Wire

__all__ = ["install", "wire_for"]

# A module that shows that the server runs, since it has imported it; and our module for it.
_SERVERS = {
    "uvicorn.server": "live.sockets.wire.uvicorn",
    "daphne.server": "live.sockets.wire.daphne",
}


def install() -> None:
    """Change what must be changed in the server of this process. To be called before it serves."""
    for server in _known_servers():
        server.install()


def wire_for(send: Any) -> Wire:
    """The way out for the `send` that a server gave to an application: the server's own, or plain
    ASGI under an unknown one. Nothing may be sent through it before the handshake is done."""
    for server in _known_servers():
        wire: Wire | None = server.wire_for(send)
        if wire is not None:
            return wire
    return AsgiWire(send)


@cache
def _known_servers() -> list[Any]:
    """The modules for the servers that this process has loaded. A process does not load another
    one while it serves."""
    return [import_module(ours) for theirs, ours in _SERVERS.items() if theirs in sys.modules]
