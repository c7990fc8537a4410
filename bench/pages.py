"""The staff's pages and an account's own, with a million rows in the connection log.

On SQLite, and on PostgreSQL where `POSTGRES_URL` leads to one. A process of its own fills a
database, then asks for each page as a browser does: routing, session, queries, rendering. What is
measured is wall time in the server, without a network; on a busy machine, waits for a core are in
it. Below the table stands how the database finds the rows of each page.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.results import ROOT, Options, Row

__all__ = ["run"]

_GOAL_MS = 100.0
_ROWS, _QUICK_ROWS = 1_000_000, 100_000
_WARM_UPS, _REQUESTS = 2, 12
_WRITES = 1000
_TABLE = "live_connectionlog"


def run(options: Options) -> list[Row]:
    import psycopg

    from bench.databases import on_postgresql

    count = options.of(_ROWS, _QUICK_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        rows = _measured(f"sqlite:///{folder}/log.sqlite3", "SQLite", count)
    try:
        with on_postgresql() as address:
            rows += _measured(address, "PostgreSQL", count)
    except psycopg.OperationalError as error:
        print(f"not on PostgreSQL: {error}", file=sys.stderr)
    return rows


def _measured(address: str, database: str, count: int) -> list[Row]:
    process = subprocess.run(
        [sys.executable, "-m", "bench.pages", str(count)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address, "ALLOWED_HOSTS": "testserver"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [
        Row(
            what=f"{measured['what']}, {database}",
            relay=measured["shown"],
            goal=f"p50 ≤ {_GOAL_MS:g} ms" if measured["is_page"] else "–",
            met=measured["figures"]["p50_ms"] <= _GOAL_MS if measured["is_page"] else None,
            figures=measured["figures"],
            notes=measured["plans"],
        )
        for measured in map(json.loads, process.stdout.decode().splitlines())
    ]


# --- In the process of its own -------------------------------------------------------------------


def _main(count: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from bench.databases import fill, without_indexes

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    with without_indexes(connection):
        fill(connection, count)
    _tell("filling the log", f"{time.perf_counter() - began:.0f} s for {count:,} rows")
    for what, address in _addresses():
        _measure_page(what, address)
    _measure_writing()
    _measure_pruning()


def _addresses() -> Iterator[tuple[str, str]]:
    """Each page, with each filter and order, and with those together that are hardest to find."""
    from live.connection_search import Position
    from live.models import ConnectionLog

    now = datetime.now(UTC)
    day = f"since={now - timedelta(days=30):%FT%H:%M}&until={now - timedelta(days=29):%FT%H:%M}"
    middle = Position(now - timedelta(days=45), 1)
    filters = (
        *("", day, "state=open", "state=closed", "account=account0", "account=account299"),
        *("username=streamer0", "username=nobody", "error=user_offline", "error=age_restricted"),
        *("code=1000", "code=4444", "address=10.0.0.1", f"account=account0&{day}"),
        *("account=account0&error=user_offline", "account=account0&error=age_restricted"),
        *("account=account299&code=1000", "account=account0&username=streamer1"),
        *("error=user_offline&code=1000", "error=user_offline&state=open"),
        "account=account0&error=rate_limited&code=1008&address=10.0.0.1&state=closed",
    )
    orders = ("", "sort=opened", "sort=-frames", "sort=frames", f"before={middle}")
    for narrowed in filters:
        for order in orders:
            query = "&".join(part for part in (narrowed, order) if part)
            yield f"connections?{query}", f"/staff/connections/?{query}"
    newest = ConnectionLog.objects.exclude(closed_at=None)[0].pk
    admin = "/admin/live/connectionlog/"
    yield "a connection", f"/staff/connections/{newest}/"
    yield "the dashboard", "/staff/"
    yield "the dashboard's charts, a day", "/staff/history.json?hours=24"
    yield "a LIVE", "/staff/streams/streamer0/"
    yield "the account page", "/account/"
    yield "the admin's list", admin
    yield "the admin's list, the last page", f"{admin}?p=20"
    yield "the admin's list of an error", f"{admin}?error=age_restricted"
    yield "the admin's page of a connection", f"{admin}{newest}/change/"
    yield "the admin's page of an account", "/admin/accounts/user/1/change/"


def _measure_page(what: str, address: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    get = _browser()
    for _ in range(_WARM_UPS):
        get(address)
    times = sorted(get(address) for _ in range(_REQUESTS))
    p50, longest = statistics.median(times), times[-1]
    with CaptureQueriesContext(connection) as captured:
        get(address)
    queries = [query["sql"] for query in captured if _TABLE in query["sql"]]
    _tell(
        what,
        f"{p50:.1f} ms, at most {longest:.1f}",
        figures={"p50_ms": p50, "max_ms": longest, "queries": len(captured)},
        plans=[_plan(query) for query in queries],
        is_page=True,
    )


def _browser() -> Callable[[str], float]:
    """Asks for a page as a member of the staff who has most of the connections; returns the ms
    that it took, which are without end for a page that fails."""
    from asgiref.sync import async_to_sync
    from django.test import AsyncClient

    from accounts.models import User
    from live.relay import Relay

    class Browser(AsyncClient):
        async def request(self, **scope: Any) -> Any:
            query_string = scope["query_string"].encode()
            return await super().request(
                **{**scope, "query_string": query_string, "relay": Relay()}
            )

    account = User.objects.get(username="account0")
    account.is_staff = account.is_superuser = True
    account.save()
    browser = Browser(raise_request_exception=False)
    browser.force_login(account)

    async def get(address: str) -> float:
        began = time.perf_counter()
        response = await browser.get(address)
        took = time.perf_counter() - began
        return took * 1000 if response.status_code == 200 else math.inf

    return async_to_sync(get)


def _plan(query: str) -> str:
    from django.db import connection

    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN (COSTS OFF)"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {query}")
        return "; ".join(str(row[-1]).strip() for row in cursor.fetchall())


def _measure_writing() -> None:
    """What a socket costs the database: a row when it opens, the rest of it when it closes."""
    from live.connectionlog import Connection, _complete, _insert

    now = datetime.now(UTC)
    began = time.perf_counter()
    for _ in range(_WRITES):
        connection = Connection(address="203.0.113.7", user_agent="RelayApp/2.3")
        _insert(connection)
        _complete(connection, now)
    took = (time.perf_counter() - began) / _WRITES * 1000
    _tell("writing a connection", f"{took:.2f} ms", figures={"ms": took})


def _measure_pruning() -> None:
    from live.models import ConnectionLog

    began = time.perf_counter()
    deleted = ConnectionLog.objects.prune(60)
    took = time.perf_counter() - began
    _tell("pruning", f"{took:.1f} s for {deleted:,} rows", figures={"s": took, "rows": deleted})


def _tell(
    what: str,
    shown: str,
    figures: dict[str, Any] | None = None,
    plans: list[str] | None = None,
    is_page: bool = False,
) -> None:
    measured = {"what": what, "shown": shown, "figures": figures or {}, "plans": plans or []}
    print(json.dumps({**measured, "is_page": is_page}), flush=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
