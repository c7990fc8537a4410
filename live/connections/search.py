"""Finds a page of the connection log without reading the log, however long it is.

The log has an index for each thing that can be searched for, in the order of time. A page starts
at a place in the log (`Position`), never at a number of rows. If several things are searched for at
once, or something that has no index, or another order is asked for, no index is enough. Then a page
reads at most `REACH` rows of the rarest of these things, and says how far back it has looked.
Costs one to seven queries a page; measured by `make bench ARGS=pages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, IsNull

from live.connections.position import Position
from live.models import ConnectionLog

__all__ = ["REACH", "Found", "Position", "Search"]

REACH = 5_000


@dataclass(frozen=True)
class Found:
    """A page.

    Attributes:
        further: what to go on from; None at the end of the log.
        reached: where looking ended before the page was full; else None.
    """

    rows: list[ConnectionLog]
    further: Position | None
    reached: Position | None = None


@dataclass(frozen=True)
class Search:
    """What is searched for.

    Args:
        log: where it is searched; select and defer what the rows are to have.
        values: of fields with an index, by name; `closed_at` may be None: those still open.
        closed: leave out those still open.
        also: what else rows must fulfil, and what no index serves.
    """

    log: QuerySet[ConnectionLog]
    values: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    closed: bool = False
    also: tuple[Q, ...] = ()

    def page(self, size: int, start: Position | None = None, newest_first: bool = True) -> Found:
        """The `size` rows behind `start`, in the order of time."""
        rarest, edge = self._rarest(start, newest_first)
        rows = self.rows(rarest, start, edge, newest_first)
        found = list(rows[: size + 1])
        if len(found) > size:
            return Found(found[:size], _position_of(found[size - 1]))
        return Found(found, edge, reached=edge)

    def ordered(self, size: int, skip: int, *order: str) -> Found:
        """Sort the newest rows, `REACH` at most; return `size` of them after the first `skip`."""
        rarest, edge = self._rarest(None, newest_first=True)
        edge = edge or self._edge(rarest, None, newest_first=True)
        rows = self.rows(rarest, None, edge, newest_first=True).order_by(*order, *_order(True))
        found = list(rows[skip : skip + size + 1])
        further = _position_of(found[size - 1]) if len(found) > size else None
        return Found(found[:size], further, reached=edge)

    def chunks(self, size: int, newest_first: bool = True) -> Iterator[list[ConnectionLog]]:
        """All of it, piece by piece: nothing is held in memory or locked in between."""
        found = self.page(size, None, newest_first)
        yield found.rows
        while found.further:
            found = self.page(size, found.further, newest_first)
            yield found.rows

    def rows(
        self, rarest: str | None, start: Position | None, edge: Position | None, newest_first: bool
    ) -> QuerySet[ConnectionLog]:
        """The rows behind `start` and not behind `edge`, by the index of the field `rarest`."""
        rows = self._span(start, edge, newest_first)
        for name, value in self.values.items():
            if name == rarest:
                rows = rows.filter(**{name: value})
            else:
                rows = rows.filter(_compared(name, value))
        if self.closed:
            rows = rows.filter(closed_at__isnull=False)
        rows = rows.filter(*self.also)
        return rows.order_by(*_order(newest_first))

    def _rarest(
        self, start: Position | None, newest_first: bool
    ) -> tuple[str | None, Position | None]:
        """The field whose index reaches furthest within `REACH` rows, and how far it gets; None: to
        the end of the log."""
        if len(self.values) < 2 and not self.also:
            return next(iter(self.values), None), None
        edges: dict[str | None, Position | None] = {}
        for name in self.values or [None]:
            edges[name] = edge = self._edge(name, start, newest_first)
            if edge is None:
                return name, None
        known = {name: edge for name, edge in edges.items() if edge is not None}
        by_place = sorted(known, key=lambda name: known[name])
        furthest = by_place[0] if newest_first else by_place[-1]
        return furthest, known[furthest]

    def _edge(
        self, name: str | None, start: Position | None, newest_first: bool
    ) -> Position | None:
        """The `REACH`-th row with the value of that field; None if there are fewer."""
        rows = self._span(start, None, newest_first)
        if name is not None:
            rows = rows.filter(**{name: self.values[name]})
        keys = rows.order_by(*_order(newest_first)).values_list("opened_at", "pk")
        last = list(keys[REACH - 1 : REACH])
        return Position(*last[0]) if last else None

    def _span(
        self, start: Position | None, edge: Position | None, newest_first: bool
    ) -> QuerySet[ConnectionLog]:
        newer, older = (start, edge) if newest_first else (edge, start)
        # One bound at each end: with several, a database may begin at the wrong one.
        oldest = max(filter(None, (self.since, older and older.at)), default=None)
        newest = min(filter(None, (self.until, newer and newer.at)), default=None)
        rows = self.log
        if oldest is not None:
            rows = rows.filter(opened_at__gte=oldest)
        if newest is not None:
            rows = rows.filter(opened_at__lte=newest)
        # Rows of the same microsecond are told apart by their ids: behind `start`, up to `edge`.
        if start is not None:
            side = "gte" if newest_first else "lte"
            rows = rows.exclude(**{"opened_at": start.at, f"pk__{side}": start.pk})
        if edge is not None:
            side = "lt" if newest_first else "gt"
            rows = rows.exclude(**{"opened_at": edge.at, f"pk__{side}": edge.pk})
        return rows


def _position_of(row: ConnectionLog) -> Position:
    return Position(row.opened_at, row.pk)


def _order(newest_first: bool) -> tuple[str, str]:
    return ("-opened_at", "-pk") if newest_first else ("opened_at", "pk")


def _compared(name: str, value: Any) -> Exact | IsNull:
    """A comparison for which SQLite does not choose an index; it does not know
    how many rows have a value, and might choose the wrong one."""
    expression = Coalesce(F(name), Value(None))
    return IsNull(expression, True) if value is None else Exact(expression, value)
