"""The staff's pages and an account's own, with a million rows in the connection log.

On SQLite, and on PostgreSQL where `POSTGRES_URL` leads to one. A process of its own fills a
database, then asks for each page as a browser does: routing, session, queries, rendering. What is
measured is wall time in the server, without a network; on a busy machine, waits for a core are in
it. The list of connections is one line of the table, for all its filters and orders: that of the
slowest. A page meets the goal with 95 of 100 requests. Below the table stands how the databases
find the rows: each way once, with how many queries go it.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.results import ROOT, Options, Row

__all__ = ["run"]

_GOAL_MS = 100.0
_ROWS, _QUICK_ROWS = 1_000_000, 100_000
_WARM_UPS, _REQUESTS = 2, 40
_LIST = "connections?"  # how the names of the list's pages begin
_WRITES = 1000
_TABLE = "live_connectionlog"
_SORTING = re.compile("USE TEMP B-TREE|(Incremental )?Sort$")
_VALUE = re.compile(r"'[^']*'(::[a-z ]+)?|\b\d+\b")


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
    told = [json.loads(line) for line in process.stdout.decode().splitlines()]
    lists = [one for one in told if one["what"].startswith(_LIST)]
    others = [one for one in told if one not in lists]
    rows = [_row_of_lists(lists, database), *(_row(one, database) for one in others)]
    ways = _ways(plan for one in told for plan in one["plans"])
    return [*rows, Row(f"how rows are found, {database}", f"{len(ways)} ways", notes=ways)]


def _row(measured: dict[str, Any], database: str) -> Row:
    figures = measured["figures"]
    is_page = "p95_ms" in figures
    return Row(
        what=f"{measured['what']}, {database}",
        relay=measured["shown"],
        goal=f"p95 ≤ {_GOAL_MS:g} ms" if is_page else "–",
        met=figures["p95_ms"] <= _GOAL_MS if is_page else None,
        figures=figures,
    )


def _row_of_lists(lists: list[dict[str, Any]], database: str) -> Row:
    """One line for all of them, of which the slowest counts."""
    slowest = max(lists, key=lambda one: one["figures"]["p95_ms"])
    row = _row(slowest, database)
    return replace(
        row,
        what=f"the list of connections, {len(lists)} filters and orders, {database}",
        figures={one["what"]: one["figures"] for one in lists},
        notes=[f"the slowest is {slowest['what']}"],
    )


def _ways(plans: Iterable[str]) -> list[str]:
    """Each plan once, the most frequent first."""
    counted = Counter(plans)
    return [f"{count} × {plan}" for plan, count in counted.most_common()]


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
    from live.connections.search import Position
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
            yield f"{_LIST}{query}", f"/staff/connections/?{query}"
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
    p50, p95, longest = _share(times, 0.5), _share(times, 0.95), times[-1]
    with CaptureQueriesContext(connection) as captured:
        get(address)
    queries = [query["sql"] for query in captured if _TABLE in query["sql"]]
    _tell(
        what,
        f"p50 {p50:.0f} ms, p95 {p95:.0f}, at most {longest:.0f}",
        figures={"p50_ms": p50, "p95_ms": p95, "max_ms": longest, "queries": len(captured)},
        plans=[_plan(query) for query in queries],
    )


def _share(times: list[float], share: float) -> float:
    """What that share of the times, which are sorted, does not exceed."""
    return times[math.ceil(share * len(times)) - 1]


def _browser() -> Callable[[str], float]:
    """Asks for a page as a member of the staff who has most of the connections; returns the ms
    that it took, which are without end for a page that fails."""
    from asgiref.sync import async_to_sync
    from django.test import AsyncClient

    from accounts.models import User
    from live.server.assembly import make_relay

    class Browser(AsyncClient):
        async def request(self, **scope: Any) -> Any:
            query_string = scope["query_string"].encode()
            relay = make_relay()
            scope |= {"query_string": query_string, "relay": relay, "relays": [relay]}
            return await super().request(**scope)

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
    """How the database reads the log, and whether it sorts, whatever the query's values."""
    from django.db import connection

    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN (COSTS OFF)"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {query}")
        steps = (str(row[-1]).strip().removeprefix("->").strip() for row in cursor.fetchall())
        telling = [step for step in steps if _TABLE in step or _SORTING.match(step)]
        return _VALUE.sub("?", "; ".join(telling)).replace(_TABLE, "log")


def _measure_writing() -> None:
    """What a socket costs the database: a row when it opens, the rest of it when it closes."""
    from live.connections.record import Connection
    from live.connections.rows import Row, at_opening, at_the_end, write

    now = datetime.now(UTC)
    began = time.perf_counter()
    for _ in range(_WRITES):
        connection = Connection(address="203.0.113.7", user_agent="RelayApp/2.3")
        write([Row(connection, at_opening(connection), begins=True)])
        write([Row(connection, at_the_end(connection, now))])
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
) -> None:
    measured = {"what": what, "shown": shown, "figures": figures or {}, "plans": plans or []}
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
