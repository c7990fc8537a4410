"""Watches how requests arrive, under the server that runs this process."""

from __future__ import annotations

import sys
from importlib import import_module

from live.server.door.arrivals import Arrivals

__all__ = ["install"]

# A module that shows that the server runs, since it has imported it; and our module for it. Ours is
# imported only where the server is, since it imports the server.
_SERVERS = {
    "uvicorn.server": "live.server.door.uvicorn",
    "daphne.server": "live.server.door.daphne",
}


def install(arrivals: Arrivals, most: int) -> None:
    """Change the server of this process. To be called before it serves. Under an unknown server,
    nothing watches how requests arrive, except for their bodies (see `bodies`).

    Args:
        arrivals: gets each connection that waits for a request.
        most: the size of a body, in bytes.
    """
    for theirs, ours in _SERVERS.items():
        if theirs in sys.modules:
            import_module(ours).install(arrivals, most)
