"""Writes many rows of the connection log in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from accounts.models import AccessToken
from live.connections import outcomes
from live.connections.process import THIS_PROCESS
from live.connections.record import Connection
from live.models import ConnectionLog

__all__ = ["Row", "at_opening", "at_the_end", "write"]


@dataclass(slots=True)
class Row:
    """What is to be written of one connection.

    Attributes:
        values: the newest values of the columns.
        begins: it is a new row. Else it is in the database already, or it will be by then.
        in_doubt: it is a new row, and a transaction with it has failed. It may be in the database
            all the same: the connection may have ended after the database had done its part.
    """

    connection: Connection
    values: dict[str, Any] = field(default_factory=dict)
    begins: bool = False
    in_doubt: bool = False


def at_opening(connection: Connection) -> dict[str, Any]:
    """The columns of a connection that has opened."""
    return {
        "account_id": connection.account_id,
        "tiktok_username": connection.tiktok_username,
        "token_prefix": connection.token_prefix,
        "address": connection.address,
        "user_agent": connection.user_agent,
        "is_test": connection.is_test,
        "opened_at": connection.opened_at,
        "attempts": connection.attempts,
    }


def at_the_end(connection: Connection, closed_at: datetime) -> dict[str, Any]:
    """The columns that say how and when a connection ended."""
    retry_after = connection.retry_after
    return {
        "closed_at": closed_at,
        "close_code": connection.close_code,
        "error_code": connection.error_code or "",
        "frames_sent": connection.frames_sent,
        "attempts": connection.attempts,
        "said": connection.said,
        "retry_at": None if retry_after is None else closed_at + timedelta(seconds=retry_after),
        "timeline": connection.whole_timeline(closed_at),
    }


def write(rows: Sequence[Row]) -> None:
    """Write the rows in one transaction, that their tokens were used, and what became of their
    accounts' connections. New rows get their ids, which their connections remember.

    Raises:
        Exception: nothing was written, or it can't be known whether.
    """
    new = [row for row in rows if row.begins]
    process = THIS_PROCESS.owner() if new else None
    with transaction.atomic():
        if new:
            _wait_for_each_other()
        ids = _find([row for row in new if row.in_doubt])
        missing = [row for row in new if id(row) not in ids]
        inserted = _insert([{**row.values, "process": process} for row in missing])
        there = [
            (ids.get(id(row), row.connection.row_id), row)
            for row in rows
            if not row.begins or id(row) in ids
        ]
        ended = _ended(there, zip(inserted, missing, strict=True))
        _update((pk, row.values) for pk, row in there)
        _note_use(row.connection for row in new)
        outcomes.note(ended)
    ids |= {id(row): pk for row, pk in zip(missing, inserted, strict=True)}
    for row in new:
        row.connection.row_id = ids[id(row)]


def _ended(
    there: Iterable[tuple[int | None, Row]], new: Iterable[tuple[int, Row]]
) -> list[outcomes.End]:
    """The ends among the rows that no earlier transaction has written: of an account, and not at
    the test endpoint."""
    earlier = [(pk, row) for pk, row in there if pk is not None and _counts(row)]
    known = outcomes.counted_already([pk for pk, _row in earlier])
    ends = [(pk, row) for pk, row in earlier if pk not in known]
    ends += [(pk, row) for pk, row in new if _counts(row)]
    return [
        outcomes.End.of(row.connection.account_id, pk, row.values)
        for pk, row in ends
        if row.connection.account_id is not None
    ]


def _counts(row: Row) -> bool:
    one = row.connection
    return "closed_at" in row.values and one.account_id is not None and not one.is_test


def _wait_for_each_other() -> None:
    """One transaction of this process after the other. PostgreSQL may still work on one whose
    connection was cut: only then can it be known which rows are there."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s::bigint)", [-1 - THIS_PROCESS.id])


def _find(doubtful: Sequence[Row]) -> dict[int, int]:
    """The ids of those rows that are in the database, by `id` of the `Row`."""
    if not doubtful:
        return {}
    found = defaultdict(list)
    for pk, *rest in ConnectionLog.objects.filter(
        process=THIS_PROCESS.id,
        opened_at__in={row.connection.opened_at for row in doubtful},
    ).values_list("pk", "opened_at", "user_agent", "token_prefix"):
        found[tuple(rest)].append(pk)
    ids = {}
    for row in doubtful:
        one = row.connection
        # If several are alike, it does not matter which is which: all columns are written anew.
        if alike := found[one.opened_at, one.user_agent, one.token_prefix]:
            ids[id(row)] = alike.pop()
    return ids


def _insert(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Add rows. Returns their ids, in the order of the rows.

    `bulk_create` of model instances would take nearly twice the time.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    table = quote(ConnectionLog._meta.db_table)
    fields = [each for each in ConnectionLog._meta.concrete_fields if not each.primary_key]
    names = ", ".join(quote(str(each.column)) for each in fields)
    one_row = f"({', '.join(['%s'] * len(fields))})"
    unset = {each: each.get_db_prep_save(each.get_default(), connection) for each in fields}
    at_once = max(connection.ops.bulk_batch_size(fields, rows), 1)
    ids: list[int] = []
    with connection.cursor() as cursor:
        for begin in range(0, len(rows), at_once):
            some = rows[begin : begin + at_once]
            places = ", ".join([one_row] * len(some))
            parameters = [
                each.get_db_prep_save(values[each.attname], connection)
                if each.attname in values
                else unset[each]
                for values in some
                for each in fields
            ]
            # Only names and places are put in here.
            sql = f"INSERT INTO {table} ({names}) VALUES {places} RETURNING id"  # noqa: S608
            cursor.execute(sql, parameters)
            ids += [pk for (pk,) in cursor.fetchall()]
    return ids


def _update(rows: Iterable[tuple[int | None, dict[str, Any]]]) -> None:
    """Change rows that are there, by their ids."""
    alike = defaultdict(list)  # by the columns that change
    for pk, values in rows:
        alike[tuple(values)].append((pk, values))
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    table = quote(ConnectionLog._meta.db_table)
    fields = {each.attname: each for each in ConnectionLog._meta.concrete_fields}
    for names, some in alike.items():
        changes = ", ".join(f"{quote(str(fields[name].column))} = %s" for name in names)
        parameters = [
            [*(fields[name].get_db_prep_save(values[name], connection) for name in names), pk]
            for pk, values in some
        ]
        with connection.cursor() as cursor:
            # Only names are put in here, which are those of the model.
            cursor.executemany(f"UPDATE {table} SET {changes} WHERE id = %s", parameters)  # noqa: S608


def _note_use(new: Iterable[Connection]) -> None:
    used: dict[int, datetime] = {}
    for one in new:
        if one.token_id is not None:
            used[one.token_id] = max(one.opened_at, used.get(one.token_id, one.opened_at))
    connection = connections[DEFAULT_DB_ALIAS]
    field = AccessToken._meta.get_field("last_used_at")
    quote = connection.ops.quote_name
    table, column = quote(AccessToken._meta.db_table), quote(str(field.column))
    parameters = [
        (field.get_db_prep_save(moment, connection), pk) for pk, moment in sorted(used.items())
    ]
    with connection.cursor() as cursor:
        # Only names are put in here.
        cursor.executemany(f"UPDATE {table} SET {column} = %s WHERE id = %s", parameters)  # noqa: S608
