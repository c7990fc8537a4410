"""Which way out a socket takes: the one made for the server that runs this process.

A server's module here is imported only where that server is, since it imports the server.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

from live.sockets.wire.asgi import AsgiWire, Wire

__all__ = ["install", "loaded_servers", "wire_for"]

# The servers that we know. One of them runs this process if its module `server` is loaded.
_SERVERS = ("uvicorn", "daphne")


def loaded_servers() -> list[str]:
    """The names of the servers that we know and that this process has loaded. A process does not
    load another one while it serves."""
    return [name for name in _SERVERS if f"{name}.server" in sys.modules]


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
    """Our modules for the servers that this process has loaded."""
    return [import_module(f"live.sockets.wire.{name}") for name in loaded_servers()]
