"""How long pages take, on databases that are full: what benchmarks of pages share.

On SQLite, and on PostgreSQL where `POSTGRES_URL` leads to one. A process of its own fills a
database, then asks for each page as a browser does: routing, session, queries, rendering. What is
measured is wall time in the server, without a network; on a busy machine, waits for a core are in
it, so the process's CPU time stands beside it. A page meets the goal with 95 of 100 requests.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bench.databases import both_databases
from bench.results import ROOT, Row

__all__ = ["browser", "measure_page", "on_both_databases", "row", "tell"]

GOAL_MS = 100.0
_WARM_UPS, _REQUESTS = 2, 40
_SORTING = re.compile("USE TEMP B-TREE|(Incremental )?Sort$")
_VALUE = re.compile(r"'[^']*'(::[a-z ]+)?|\b\d+\b")

Told = dict[str, Any]


def on_both_databases(
    module: str, arguments: list[int], rows_of: Callable[[list[Told], str], list[Row]]
) -> list[Row]:
    """Run a module on a new SQLite database, and on a new PostgreSQL one.

    Args:
        module: its `__main__` fills the database of `DATABASE_URL` and calls `tell`.
        arguments: of its command line.
        rows_of: makes rows of what it has told, and of the database's name.
    """
    return [
        each
        for database, address in both_databases()
        for each in _measured(module, arguments, rows_of, address, database)
    ]


def _measured(
    module: str,
    arguments: list[int],
    rows_of: Callable[[list[Told], str], list[Row]],
    address: str,
    database: str,
) -> list[Row]:
    process = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address, "ALLOWED_HOSTS": "testserver"},
        stdout=subprocess.PIPE,
        check=True,
    )
    told = [json.loads(line) for line in process.stdout.decode().splitlines()]
    ways = _ways(plan for one in told for plan in one["plans"])
    found = Row(f"how rows are found, {database}", f"{len(ways)} ways", notes=ways)
    return [*rows_of(told, database), found]


def row(measured: Told, database: str) -> Row:
    """Make the row of one page, or of something else that was told."""
    figures = measured["figures"]
    is_page = "p95_ms" in figures
    return Row(
        what=f"{measured['what']}, {database}",
        relay=measured["shown"],
        goal=f"p95 ≤ {GOAL_MS:g} ms" if is_page else "–",
        met=figures["p95_ms"] <= GOAL_MS if is_page else None,
        figures=figures,
    )


def _ways(plans: Iterable[str]) -> list[str]:
    """Each plan once, the most frequent first."""
    counted = Counter(plans)
    return [f"{count} × {plan}" for plan, count in counted.most_common()]


# --- In the process of its own -------------------------------------------------------------------


def browser(username: str, *, is_staff: bool = True, token: str = "") -> Callable[[str], float]:
    """Make what asks for a page, and returns the ms that it took: without end if it failed.

    Args:
        username: the account that is signed in.
        is_staff: it may see all pages.
        token: sent with each request, for REST.
    """
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

    account = User.objects.get(username=username)
    account.is_staff = account.is_superuser = is_staff
    account.save()
    client = Browser(raise_request_exception=False)
    client.force_login(account)
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(address: str) -> float:
        began = time.perf_counter()
        response: Any = await client.get(address, headers=headers)
        if response.streaming:
            async for _piece in response:
                pass
        took = time.perf_counter() - began
        return took * 1000 if response.status_code == 200 else math.inf

    return async_to_sync(get)


def measure_page(get: Callable[[str], float], what: str, address: str, table: str) -> None:
    """Ask for a page many times, and tell how long it took.

    Args:
        get: a `browser`.
        what: the page, in words.
        address: its address.
        table: the beginning of the names of the tables whose plans are of interest.
    """
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for _ in range(_WARM_UPS):
        get(address)
    used = time.process_time()
    times = sorted(get(address) for _ in range(_REQUESTS))
    cpu = (time.process_time() - used) / _REQUESTS * 1000
    p50, p95, longest = _share(times, 0.5), _share(times, 0.95), times[-1]
    with CaptureQueriesContext(connection) as captured:
        get(address)
    queries = [query["sql"] for query in captured if table in query["sql"]]
    tell(
        what,
        f"p50 {p50:.0f} ms, p95 {p95:.0f}, at most {longest:.0f}; CPU {cpu:.0f}",
        figures={
            "p50_ms": p50,
            "p95_ms": p95,
            "max_ms": longest,
            "cpu_ms": cpu,
            "queries": len(captured),
        },
        plans=[_plan(query, table) for query in queries],
    )


def _share(times: list[float], share: float) -> float:
    """What that share of the times, which are sorted, does not exceed."""
    return times[math.ceil(share * len(times)) - 1]


def _plan(query: str, table: str) -> str:
    """How the database reads the tables, and whether it sorts, whatever the query's values."""
    from django.db import connection

    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN (COSTS OFF)"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {query}")
        steps = (str(row[-1]).strip().removeprefix("->").strip() for row in cursor.fetchall())
        telling = [step for step in steps if table in step or _SORTING.match(step)]
        return _VALUE.sub("?", "; ".join(telling)).replace(table, "log")


def tell(
    what: str,
    shown: str,
    figures: dict[str, Any] | None = None,
    plans: list[str] | None = None,
) -> None:
    """Print something that was measured, for the process that makes the table."""
    measured = {"what": what, "shown": shown, "figures": figures or {}, "plans": plans or []}
    print(json.dumps(measured), flush=True)
