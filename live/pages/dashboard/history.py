"""Counts the connections of the last hours, and how many of them failed, by error code.

A connection counts at the time when it was opened, also if it failed later. Connections to the test
endpoint do not count. There is one database query, which reads the rows of these hours only.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict

from django.db.models import Count, F, Func, IntegerField, Sum

from live.connections.failures import is_failure
from live.models import ConnectionLog

__all__ = ["HOURS", "LastHours", "TableRow", "history", "table_rows"]

# How far back staff can look, in hours, each with the length in seconds of the buckets of time in
# which connections are counted then.
_GRAINS = {1: 60, 6: 300, 24: 900, 72: 3600}
HOURS = tuple(_GRAINS)
# The number of rows of the table.
_TABLE_ROWS = 12


class LastHours(TypedDict):
    """The counts of each bucket of time, the oldest first.

    Attributes:
        start: when the first bucket begins, in seconds since the Unix epoch.
        step: the length of a bucket, in seconds.
        connections: how many connections were opened in each bucket.
        failures: for each error code, how many of them failed with it. The most frequent error
            comes first.
    """

    start: int
    step: int
    connections: list[int]
    failures: dict[str, list[int]]


class TableRow(NamedTuple):
    """A row of the table: the sums of several buckets.

    Attributes:
        start: when the first of its buckets begins.
        connections: how many connections were opened.
        failed: how many of them failed.
        failures: the error codes that occurred, each with its count.
    """

    start: datetime
    connections: int
    failed: int
    failures: list[tuple[str, int]]


class _Bucket(Func):
    """A database expression for the number of the bucket that a time is in.

    Django's `Trunc` is not used, because on SQLite it calls Python code for each row.
    """

    output_field = IntegerField()

    def __init__(self, expression: str, seconds: int) -> None:
        super().__init__(expression)
        self._seconds = seconds

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = f"CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) / {self._seconds}"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = f"CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / {self._seconds}) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **extra)


def history(hours: int) -> LastHours:
    """Count the connections of the last `hours`, up to now. The newest bucket has not ended yet.

    Where the log is younger than that, the buckets before its beginning are left out.

    Args:
        hours: one of `HOURS`.
    """
    step = _GRAINS[hours]
    last = int(time.time()) // step
    length = hours * 3600 // step
    first = last - length + 1
    since = datetime.fromtimestamp(first * step, tz=UTC)
    # The bucket must come before the code: otherwise SQLite reads the whole log, in the order of
    # the index of error codes.
    counted = (
        ConnectionLog.objects.filter(opened_at__gte=since, is_test=False)
        .order_by()
        .annotate(bucket=_Bucket("opened_at", step), code=F("error_code"))
        .values_list("bucket", "code")
        .annotate(count=Count("*"))
    )
    # Rows that stand for several sockets were counted once. There are few, and an index of them.
    summed = (
        ConnectionLog.objects.filter(opened_at__gte=since, is_test=False, attempts__gt=1)
        .order_by()
        .annotate(bucket=_Bucket("opened_at", step), code=F("error_code"))
        .values_list("bucket", "code")
        .annotate(count=Sum(F("attempts") - 1))
    )
    connections = [0] * length
    failures: dict[str, list[int]] = {}
    for bucket, code, count in (*counted, *summed):
        place = min(bucket - first, length - 1)  # the clock may have been wrong
        connections[place] += count
        if is_failure(code):
            failures.setdefault(code, [0] * length)[place] += count
    empty = 0 if _is_older(since) else _empty_at_first(connections)
    return LastHours(
        start=(first + empty) * step,
        step=step,
        connections=connections[empty:],
        failures={
            code: counts[empty:]
            for code, counts in sorted(failures.items(), key=lambda item: (-sum(item[1]), item[0]))
        },
    )


def _is_older(moment: datetime) -> bool:
    """Whether the log has older rows: then a time without connections is worth showing."""
    return ConnectionLog.objects.order_by().filter(opened_at__lt=moment).exists()


def _empty_at_first(connections: list[int]) -> int:
    """How many buckets to leave out, so that the table's rows are of equal length, and a row at
    least is left."""
    first = next((place for place, count in enumerate(connections) if count), 0)
    return min(first, len(connections) - _TABLE_ROWS) // _TABLE_ROWS * _TABLE_ROWS


def table_rows(past: LastHours) -> list[TableRow]:
    """Sum the counts up in twelve rows, the oldest first, for any number of hours."""
    length = len(past["connections"]) // _TABLE_ROWS
    rows = []
    for first in range(0, len(past["connections"]), length):
        part = slice(first, first + length)
        counts = [(code, sum(of_code[part])) for code, of_code in past["failures"].items()]
        failures = [(code, count) for code, count in counts if count]
        start = datetime.fromtimestamp(past["start"] + first * past["step"], tz=UTC)
        failed = sum(count for _code, count in failures)
        rows.append(TableRow(start, sum(past["connections"][part]), failed, failures))
    return rows
