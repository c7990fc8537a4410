"""All that is kept of a LIVE, as tables: for CSV, one at a time, and for JSON, all of them.

Rows are read and written in chunks, each found by an index. So an export of any length needs little
memory, and locks nothing in between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from django.db.models import QuerySet

from live.clock import to_ms
from live.connections.csv_file import BYTE_ORDER_MARK, lines
from live.history.models import Counts, GivenGift, Live, Minute
from live.history.reading import likes_are_at_least, likes_of

__all__ = ["TABLES", "TRANSCRIPT", "Table", "csv_of", "json_of", "sums_of"]

# How many rows are read at once.
CHUNK = 1000
# The name of the table that only some may read.
TRANSCRIPT = "transcript"

_SUMS = ("likes", "comments", "shares", "follows", "joins", "subscriptions", "gifts", "diamonds")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        columns: the names of its columns. Times are `datetime`s in UTC.
        chunks: reads the rows of a LIVE.
    """

    columns: tuple[str, ...]
    chunks: Callable[[Live], Iterable[list[Row]]]


def sums_of(live: Live) -> dict[str, Any]:
    """What is known of a LIVE as a whole, as the API and exports have it. Times are in ms."""
    return {
        "id": live.pk,
        "tiktok_username": live.tiktok_username,
        "room_id": live.room_id,
        "title": live.title,
        "began_at": to_ms(live.began_at),
        "heard_from": to_ms(live.heard_from),
        "heard_until": to_ms(live.heard_until),
        "is_heard": live.is_heard,
        "end_reason": live.end_reason or None,
        "at_least": bool(live.hole_count),
        "viewers_peak": live.viewers_peak,
        "viewers_average": live.viewers_average,
        "viewers_total": live.viewers_total,
        **{name: getattr(live, name) for name in _SUMS},
        "likes": likes_of(live),
        "likes_at_least": likes_are_at_least(live),
        "gifters": live.gifter_count,
    }


async def csv_of(table: Table, live: Live) -> AsyncIterator[str]:
    """Yield the table as CSV, piece by piece."""
    yield BYTE_ORDER_MARK + lines([table.columns])
    async for text in _in_thread(lines(map(_cells, rows)) for rows in table.chunks(live)):
        yield text


def _cells(row: Row) -> Iterator[Any]:
    """A cell can't hold a list: it gets its JSON."""
    return (_encode(value) if isinstance(value, list) else value for value in row)


async def json_of(live: Live, *, with_transcript: bool) -> AsyncIterator[str]:
    """Yield a JSON object with the LIVE's sums and all tables, piece by piece.

    Args:
        live: the LIVE.
        with_transcript: whether what was said is in it.
    """
    names = [name for name in TABLES if with_transcript or name != TRANSCRIPT]
    async for text in _in_thread(_json_pieces(live, names)):
        yield text


def _json_pieces(live: Live, names: list[str]) -> Iterator[str]:
    yield '{"live":' + _encode(sums_of(live))
    for name in names:
        table = TABLES[name]
        yield f',"{name}":['
        separator = ""
        for rows in table.chunks(live):
            if rows:
                objects = (_encode(_object(table.columns, row)) for row in rows)
                yield separator + ",\n".join(objects)
                separator = ",\n"
        yield "]"
    yield "}\n"


def _object(columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    return {
        column: to_ms(value) if isinstance(value, datetime) else value
        for column, value in zip(columns, row, strict=True)
    }


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def _in_thread(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Take each piece in the thread of the database."""
    while (piece := await database_sync_to_async(next)(pieces, None)) is not None:
        if piece:
            yield piece


# --- The tables ----------------------------------------------------------------------------------


def _in_chunks(
    rows: QuerySet[Any],
    after: Callable[[QuerySet[Any], Any], QuerySet[Any]],
    row_of: Callable[[Any], Row],
) -> Iterator[list[Row]]:
    """Read rows in their order.

    Args:
        rows: the rows, ordered.
        after: narrows them to those behind one.
        row_of: makes the cells of one.
    """
    chunk = list(rows[:CHUNK])
    while chunk:
        yield [row_of(row) for row in chunk]
        if len(chunk) < CHUNK:
            return
        chunk = list(after(rows, chunk[-1])[:CHUNK])


def _minutes(live: Live) -> Iterator[list[Row]]:
    def cells(minute: Minute) -> Row:
        at = datetime.fromtimestamp(minute.minute * 60, UTC)
        return (at, minute.viewers_average, minute.viewers_peak or None, *_counted(minute))

    return _in_chunks(
        live.minutes.order_by("minute"),
        lambda rows, last: rows.filter(minute__gt=last.minute),
        cells,
    )


def _counted(counts: Counts) -> Row:
    return tuple(getattr(counts, name) for name in _SUMS)


def _gifts(live: Live) -> Iterator[list[Row]]:
    """Who gave what: the names are looked up for each chunk."""
    kinds = {kind.gift_id: kind.name for kind in live.gift_kinds.all()}
    rows = live.given_gifts.order_by("user_id", "gift_id")
    chunk = list(rows[:CHUNK])
    while chunk:
        names = {
            user_id: (username, nickname)
            for user_id, username, nickname in live.gifters.filter(
                user_id__in={given.user_id for given in chunk}
            ).values_list("user_id", "username", "nickname")
        }
        yield [_given(given, names, kinds) for given in chunk]
        if len(chunk) < CHUNK:
            return
        last = chunk[-1]
        behind = rows.filter(user_id__gte=last.user_id).exclude(
            user_id=last.user_id, gift_id__lte=last.gift_id
        )
        chunk = list(behind[:CHUNK])


def _given(given: GivenGift, names: dict[str, tuple[str, str]], kinds: dict[str, str]) -> Row:
    username, nickname = names.get(given.user_id, ("", ""))
    return (
        *(given.user_id, username, nickname, given.gift_id, kinds.get(given.gift_id, "")),
        *(given.gifts, given.diamonds, given.first_at, given.last_at),
    )


def _gifters(live: Live) -> Iterator[list[Row]]:
    return _in_chunks(
        live.gifters.order_by("-diamonds", "pk"),
        lambda rows, last: rows.filter(diamonds__lte=last.diamonds).exclude(
            diamonds=last.diamonds, pk__lte=last.pk
        ),
        lambda gifter: (
            *(gifter.user_id, gifter.username, gifter.nickname, gifter.avatar),
            *(gifter.gifts, gifter.diamonds),
        ),
    )


def _kinds(live: Live) -> Iterator[list[Row]]:
    kinds = live.gift_kinds.order_by("-diamonds", "pk")
    columns = ("gift_id", "name", "image", "diamonds_each", "gifts", "diamonds")
    yield list(kinds.values_list(*columns))


def _battles(live: Live) -> Iterator[list[Row]]:
    columns = ("battle_id", "began_at", "ended_at", "state", "result", "teams")
    yield list(live.battles.values_list(*columns))


def _holes(live: Live) -> Iterator[list[Row]]:
    yield list(live.holes.values_list("kind", "began_at", "ended_at"))


def _transcript(live: Live) -> Iterator[list[Row]]:
    return _in_chunks(
        live.transcript,
        lambda rows, last: rows.filter(at__gte=last.at).exclude(at=last.at, pk__lte=last.pk),
        lambda line: (
            *(line.at, line.type, line.user_id, line.username, line.nickname),
            *(line.text, line.diamonds),
        ),
    )


TABLES = {
    "minutes": Table(("at", "viewers_average", "viewers_peak", *_SUMS), _minutes),
    "gifts": Table(
        (
            *("user_id", "username", "nickname", "gift_id", "gift", "gifts", "diamonds"),
            *("first_at", "last_at"),
        ),
        _gifts,
    ),
    "gifters": Table(("user_id", "username", "nickname", "avatar", "gifts", "diamonds"), _gifters),
    "gift_kinds": Table(("gift_id", "name", "image", "diamonds_each", "gifts", "diamonds"), _kinds),
    "battles": Table(("battle_id", "began_at", "ended_at", "state", "result", "teams"), _battles),
    "holes": Table(("kind", "began_at", "ended_at"), _holes),
    TRANSCRIPT: Table(
        ("at", "type", "user_id", "username", "nickname", "text", "diamonds"), _transcript
    ),
}
