"""What the server process does when it starts and when it stops."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    ResponseError,
)

from live.cluster.cluster import Cluster
from live.cluster.scripts import FAILURES
from live.connections.process import THIS_PROCESS
from live.models import ConnectionLog
from live.relay.relay import Relay
from live.server.shutdown import close_all

__all__ = ["Lifespan", "await_redis", "begin_process", "may_share_database"]

logger = logging.getLogger(__name__)

# Seconds to wait for another process. One that was told to stop has ended after five.
_LEAVE_WITHIN = 8
_REFUSAL = (
    "Another server process runs on this database. Several need REDIS_URL, to share their streams. "
    "Nothing was started."
)
# Seconds to wait for a Redis that can't be reached: it may be starting, too. And between attempts.
_REDIS_WITHIN = 8.0
_REDIS_RETRY = 0.5


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


def await_redis(make: Callable[[], Cluster | None], within: float = _REDIS_WITHIN) -> None:
    """Wait until Redis answers, if there is one.

    It runs in a thread of its own: a server may import the application in its event loop.

    Args:
        make: makes what connects to Redis; it is closed here. None without Redis.
        within: seconds to wait for a Redis that can't be reached.

    Raises:
        SystemExit: it can't be reached, or refuses. The text has no password.
    """
    problems: list[str] = []
    thread = threading.Thread(
        target=lambda: problems.append(asyncio.run(_redis_problem(make(), within))),
        name="wait for Redis",
    )
    thread.start()
    thread.join()
    for problem in filter(None, problems):
        raise SystemExit(f"{problem} Nothing was started.")


async def _redis_problem(cluster: Cluster | None, within: float) -> str:
    """What is wrong with Redis, in one line without the password; empty when it answers."""
    if cluster is None:
        return ""
    deadline = time.monotonic() + within
    is_told = False
    try:
        while True:
            try:
                await cluster.check()
            except (AuthenticationError, AuthorizationError, NoPermissionError):
                return "Redis refuses the user or the password in REDIS_URL."
            except FAILURES as failure:
                has_answered = isinstance(failure, ResponseError)
                if not has_answered and time.monotonic() < deadline:
                    if not is_told:
                        logger.warning("No answer from Redis; waiting %g seconds for it", within)
                        is_told = True
                    await asyncio.sleep(_REDIS_RETRY)
                    continue
                # For Sentinels, redis-py's own objects follow behind the colon.
                said, _colon, _objects = str(failure).partition(" : <")
                reason = " ".join(said.split()).rstrip(".") or type(failure).__name__
                return f"Redis (REDIS_URL) can't be used: {reason}."
            else:
                return ""
    finally:
        await cluster.close()


class Lifespan:
    """Starts the relays when the server starts, and closes them when it stops, by the lifespan
    protocol of ASGI.

    Daphne does not have this protocol; with it, `live.server.starting` has the relays started, and
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
                    relay.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await close_all(self._relays)
                await send({"type": "lifespan.shutdown.complete"})
                return
