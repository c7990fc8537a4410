"""Databases of their own for benchmarks and tests: made, filled with connections, dropped."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import psycopg

__all__ = ["both_databases", "fill", "on_postgresql", "without_indexes"]

# A server on which databases may be made and dropped.
_SERVER = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
_DAYS = 90
_BATCH = 10_000
# Error code, close code and share of the connections.
_ENDS = (
    ("", 1000, 40.0),
    ("", 1001, 12.0),
    ("", 1006, 14.0),
    ("user_offline", 1011, 15.0),
    ("rate_limited", 1008, 8.0),
    ("connection_lost", 1011, 5.0),
    ("server_shutdown", 1012, 2.0),
    ("too_many_connections", 1008, 1.5),
    ("invalid_token", 1008, 1.4),
    ("tiktok_timeout", 1011, 1.0),
    ("token_revoked", 1008, 0.09),
    ("age_restricted", 1011, 0.01),
)
_COLUMNS = (
    *("account_id", "tiktok_username", "token_prefix", "address", "user_agent"),
    *("opened_at", "closed_at", "close_code", "error_code", "frames_sent", "said"),
    *("is_test", "timeline"),
)


def both_databases() -> Iterator[tuple[str, str]]:
    """The name and the address of a new, empty SQLite database, then of one on PostgreSQL where
    `POSTGRES_URL` leads to a server. Each is gone when the next is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        yield "SQLite", f"sqlite:///{folder}/relay.sqlite3"
    try:
        with on_postgresql() as address:
            yield "PostgreSQL", address
    except psycopg.OperationalError as error:
        print(f"not on PostgreSQL: {error}", file=sys.stderr)


@contextmanager
def on_postgresql() -> Iterator[str]:
    """The address of a new, empty database on the server that `POSTGRES_URL` names.

    Raises:
        psycopg.OperationalError: there is no such server.
    """
    name = f"relay_{uuid4().hex[:12]}"
    with psycopg.connect(_SERVER, autocommit=True, connect_timeout=3) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{_SERVER.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(connection: Any, rows: int, accounts: int = 300, seed: int = 5) -> None:
    """Write that many connections of that many accounts, and refresh what the database knows of
    its tables. Accounts and addresses differ much in how often they appear."""
    from django.db import transaction

    from accounts.models import User

    using = connection.alias
    User.objects.using(using).bulk_create(
        User(username=f"account{n}", tiktok_username=f"streamer{n}", password="!")
        for n in range(accounts)
    )
    ids = list(User.objects.using(using).order_by("pk").values_list("pk", flat=True))
    places = ", ".join(["%s"] * len(_COLUMNS))
    insert = f"INSERT INTO live_connectionlog ({', '.join(_COLUMNS)}) VALUES ({places})"
    values = _connections(rows, ids, random.Random(seed))
    with transaction.atomic(using), connection.cursor() as cursor:
        while batch := list(islice(values, _BATCH)):
            cursor.executemany(insert, batch)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA optimize")


@contextmanager
def without_indexes(connection: Any) -> Iterator[None]:
    """Indexes of the log are made at the end, which costs less than to keep them up to date."""
    from live.models import ConnectionLog

    indexes = ConnectionLog._meta.indexes
    with connection.schema_editor() as schema:
        for index in indexes:
            schema.remove_index(ConnectionLog, index)
    yield
    with connection.schema_editor() as schema:
        for index in indexes:
            schema.add_index(ConnectionLog, index)


def _connections(rows: int, ids: list[int], rng: random.Random) -> Iterator[tuple[Any, ...]]:
    # A few accounts make most of the connections, one a fifth of them.
    weights = [1 / (n + 1) for n in range(len(ids))]
    who = rng.choices(range(len(ids)), weights, k=rows)
    ends = rng.choices(_ENDS, [share for *_, share in _ENDS], k=rows)
    now = datetime.now(UTC)
    step = timedelta(days=_DAYS) / rows
    for n, (account, (error, code, _share)) in enumerate(zip(who, ends, strict=True)):
        opened_at = now - (rows - n) * step
        seconds = 0.4 if error else min(rng.expovariate(1 / 900), 40_000)
        is_open = n >= rows - min(500, rows // 20)
        known = error != "invalid_token"
        username = f"streamer{account}" if known else ""
        said = "the sign server: 429 Too Many Requests" if error == "rate_limited" else ""
        host = int(rng.paretovariate(0.4)) % 60_000
        yield (
            ids[account] if known else None,
            username,
            f"tok{account:05}" if known else "",
            f"10.{account % 250}.{host // 250}.{host % 250}",
            "RelayApp/2.3 (Android 16; Pixel 9)",
            opened_at,
            None if is_open else opened_at + timedelta(seconds=seconds),
            None if is_open else code,
            "" if is_open else error,
            0 if is_open else int(seconds * 4),
            said,
            False,
            "[]" if is_open else _timeline(opened_at, seconds, code, error),
        )


def _timeline(opened_at: datetime, seconds: float, code: int, error: str) -> str:
    ms = int(opened_at.timestamp() * 1000)
    end = ms + int(seconds * 1000)
    moments: list[Any] = [[ms, "opened", {}], [ms + 20, "connecting", {}]]
    if not error:
        moments.append([ms + 900, "live", {}])
    moments.append([end, "closed", {"code": code, "frames": int(seconds * 4)}])
    return json.dumps(moments)
