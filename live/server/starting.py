"""Has the process begin its work when the server starts, also where the server does not say so.

Uvicorn says so, by ASGI's lifespan protocol (`live.server.lifespan`). Daphne calls an application
for requests only; but nobody may come to a server that watches accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from live.sockets.wire.servers import loaded_servers

__all__ = ["start_by_itself"]


def start_by_itself(start: Callable[[], None]) -> None:
    """Have `start` called in Daphne's event loop, as soon as that runs. Does nothing under other
    servers. To be called while the application is imported."""
    if "daphne" in loaded_servers():
        reactor = import_module("twisted.internet.reactor")
        # What is called when the reactor starts runs before the event loop does; and by the next
        # turn, the reactor has set its handlers of signals.
        reactor.callWhenRunning(reactor.callLater, 0, start)
