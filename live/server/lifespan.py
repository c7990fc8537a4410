"""What the server process does when it starts and when it stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from live.connections.process import THIS_PROCESS
from live.models import ConnectionLog
from live.relay.relay import Relay
from live.server.shutdown import close_all

__all__ = ["Lifespan", "begin_process", "may_share_database"]

logger = logging.getLogger(__name__)

# Seconds to wait for another process. One that was told to stop has ended after five.
_LEAVE_WITHIN = 8
_REFUSAL = (
    "Another server process runs on this database. Several need REDIS_URL, to share their streams. "
    "Nothing was started."
)


def may_share_database() -> bool:
    """Whether several server processes may run on this database. Without Redis, each would connect
    to TikTok by itself, and count its own sockets only."""
    return bool(settings.REDIS)


def begin_process() -> None:
    """Begin to serve this database: alone, unless several processes may share it.

    Also closes the rows in the connection log that a server process left open and that has ended.
    Rows of a server process that still runs stay open. If the database or the lock file can't be
    used, the log says so, and the server starts without it.

    It runs in a thread of its own: a server may import the application in its event loop, where
    Django refuses to use the database.

    Raises:
        SystemExit: another process serves it. One that is about to end is waited for.
    """
    refusals: list[str] = []

    def begin() -> None:
        try:
            alone = not may_share_database()
            THIS_PROCESS.begin(alone=alone)
            if alone and not _be_alone():
                refusals.append(_REFUSAL)
                return
            closed = ConnectionLog.objects.close_orphans(THIS_PROCESS.is_running)
        except OSError as failure:
            logger.error(
                "Rows that a crash left open stay so: no lock beside the database: %s", failure
            )
        except DatabaseError as failure:
            reason = " ".join(str(failure).split())
            logger.error("The database is not ready (%s). Run: manage.py migrate", reason)
        else:
            if closed:
                logger.info("%d connections were cut when the server stopped", closed)
        finally:
            connection.close()

    thread = threading.Thread(target=begin, name="begin on the database")
    thread.start()
    thread.join()
    for refusal in refusals:
        raise SystemExit(refusal)


def _be_alone() -> bool:
    if THIS_PROCESS.be_alone(within=0):
        return True
    logger.warning(
        "Another server process runs on this database; waiting %d seconds for its end",
        _LEAVE_WITHIN,
    )
    return THIS_PROCESS.be_alone(_LEAVE_WITHIN)


class Lifespan:
    """Restores the relays when the server starts, and closes them when it stops, by the lifespan
    protocol of ASGI.

    Daphne does not have this protocol; with it, relays are restored with the first request, and
    `live.server.shutdown.GracefulShutdown` closes them.
    https://asgi.readthedocs.io/en/latest/specs/lifespan.html

    Args:
        relays: all of the process.
    """

    def __init__(self, relays: Sequence[Relay]) -> None:
        self._relays = relays

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                for relay in self._relays:
                    relay.restore()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await close_all(self._relays)
                await send({"type": "lifespan.shutdown.complete"})
                return
