"""Answers load balancers and supervisors: `/healthz` and `/readyz`.

- `/healthz`: 200 as long as the event loop turns. Nothing else is asked, so that a database that
  is away is no reason to restart the server.
- `/readyz`: 200 when the server can take clients, else 503. Its body says of each check what is
  wrong, in plain words: no addresses, no secrets.

Both answer within a second, whatever the database does. They are answered before Django: a load
balancer may send an IP address as `Host`, and has no session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from django.db import Error, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.models import AccessToken
from live.clock import SYSTEM_CLOCK, Clock
from live.cluster.cluster import Cluster
from live.cluster.scripts import FAILURES
from live.connections.database import own_connection
from live.connections.database_thread import DatabaseThread
from live.protocol.errors import RelayError
from live.relay.relay import Relay

__all__ = ["HEALTH", "READY", "Check", "DatabaseCheck", "Health", "not_stopping", "redis_check"]

HEALTH = "/healthz"
READY = "/readyz"

# A check returns what is wrong, in a few plain words; empty if nothing is.
Check = Callable[[], Awaitable[str]]

# Seconds that a check may take.
_WITHIN = 0.8
# Seconds for which the database's answer counts: anybody may ask, as often as they like.
_KEPT = 1.0
# Seconds after which the connection of a question without an answer is cut.
_HUNG = 1.0
_NO_ANSWER = f"no answer within {_WITHIN} s"
_OK = "ok"


def _connect() -> BaseDatabaseWrapper:
    return own_connection(connect=2.0, statement=1.0)


class Health:
    """Answers both addresses, and passes all other requests on. It wraps an ASGI application for
    HTTP.

    Args:
        application: the application to wrap.
        checks: what has to be right for the server to be ready, by the names that the answer uses.
    """

    def __init__(self, application: Any, checks: Mapping[str, Check]) -> None:
        self._application = application
        self._checks = dict(checks)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path not in {HEALTH, READY}:
            await self._application(scope, receive, send)
        elif scope["method"] not in {"GET", "HEAD"}:
            await _answer(scope, send, HTTPStatus.METHOD_NOT_ALLOWED, {"status": "only GET"})
        elif path == HEALTH:
            await _answer(scope, send, HTTPStatus.OK, {"status": _OK})
        else:
            problems = await asyncio.gather(*map(_problem, self._checks.values()))
            status = HTTPStatus.SERVICE_UNAVAILABLE if any(problems) else HTTPStatus.OK
            said = {
                name: problem or _OK for name, problem in zip(self._checks, problems, strict=True)
            }
            body = {"status": "not ready" if any(problems) else _OK, "checks": said}
            await _answer(scope, send, status, body)


class DatabaseCheck:
    """Asks the database for a row of a table of ours.

    Each question has a thread and a connection of its own, with time limits. There is one at a
    time, and its answer counts for a second. While one has no answer yet, there is no other.

    Args:
        connect: makes the connection. Runs in the thread.
        query: asks. Runs in the thread.
        clock: tells the time.
    """

    def __init__(
        self,
        connect: Callable[[], BaseDatabaseWrapper] = _connect,
        query: Callable[[], Any] = AccessToken.objects.exists,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._connect = connect
        self._query = query
        self._clock = clock
        self._asking = asyncio.Lock()
        self._problem = ""
        self._known_until = 0.0
        self._unanswered: DatabaseThread | None = None  # the thread of the last question

    async def __call__(self) -> str:
        async with self._asking:
            if self._clock.monotonic() >= self._known_until:
                self._problem = await self._ask()
                self._known_until = self._clock.monotonic() + _KEPT
            return self._problem

    async def _ask(self) -> str:
        if self._unanswered is not None:
            self._unanswered.cut(_HUNG)
            return _NO_ANSWER
        self._unanswered = thread = DatabaseThread("readiness", self._connect)
        try:
            # A little shorter than the time of the check, so that this answer is kept.
            async with asyncio.timeout(_WITHIN - 0.1):
                await thread.run(self._query_and_note)
        except TimeoutError:
            return _NO_ANSWER
        except (OperationalError, InterfaceError):
            return "can't be reached, or refuses"
        except Error:
            return "not as it should be; has manage.py migrate been run?"
        finally:
            thread.stop()
        return ""

    def _query_and_note(self) -> None:
        try:
            self._query()
        finally:
            self._unanswered = None


def not_stopping(relays: Sequence[Relay]) -> Check:
    """Make the check that none of the relays is about to stop."""

    async def check() -> str:
        try:
            for relay in relays:
                relay.check()
        except RelayError:
            return "stopping"
        return ""

    return check


def redis_check(cluster: Cluster) -> Check:
    """Make the check that Redis answers."""

    async def check() -> str:
        try:
            await cluster.check()
        except FAILURES:
            return "can't be reached, or refuses"
        return ""

    return check


async def _problem(check: Check) -> str:
    try:
        async with asyncio.timeout(_WITHIN):
            return await check()
    except TimeoutError:
        return _NO_ANSWER
    except Exception as failure:  # its text may hold addresses
        return f"the check itself failed ({type(failure).__name__})"


async def _answer(scope: Any, send: Any, status: HTTPStatus, body: Any) -> None:
    content = msgspec.json.encode(body) + b"\n"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    is_wanted = scope["method"] != "HEAD"
    await send({"type": "http.response.body", "body": content if is_wanted else b""})
