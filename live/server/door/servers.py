"""Watches how requests arrive, under the server that runs this process."""

from __future__ import annotations

from importlib import import_module

from live.server.door.arrivals import Arrivals
from live.server.door.handshakes import EarlyRefusals
from live.sockets.wire.servers import loaded_servers

__all__ = ["install"]


def install(arrivals: Arrivals, most: int, refusals: EarlyRefusals) -> None:
    """Change the server of this process. To be called before it serves. Under an unknown server,
    nothing watches how requests arrive, except for their bodies (see `bodies`).

    Args:
        arrivals: gets each connection that waits for a request.
        most: the size of a body, in bytes.
        refusals: is asked about sockets before they are made.
    """
    for name in loaded_servers():
        # Imported only where the server is, since it imports the server.
        import_module(f"live.server.door.{name}").install(arrivals, most, refusals)
