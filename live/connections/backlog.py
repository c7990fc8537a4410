"""The rows of the connection log that wait to be written, each with its newest values."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import Any

from live.connections.record import Connection
from live.connections.rows import Row

__all__ = ["Backlog"]


class Backlog:
    """Keeps rows until they are written. Its owner sees to it that one thread uses it at a time.

    Only new rows are limited in number. There are no more of the others than sockets were open, and
    an end that is lost would leave its row open.

    Args:
        most_new: how many new rows there may be.
    """

    def __init__(self, most_new: int) -> None:
        self._most_new = most_new
        self._new = 0
        # By `id` of the connection. What is being written may wait a second time, with newer
        # values.
        self._waiting: dict[int, Row] = {}
        self._writing: dict[int, Row] = {}

    def __len__(self) -> int:
        """How many rows are not written yet."""
        return len(self._waiting.keys() | self._writing.keys())

    def __contains__(self, connection: Connection) -> bool:
        key = id(connection)
        return key in self._waiting or key in self._writing

    def begin(self, connection: Connection, values: dict[str, Any]) -> bool:
        """Add a new row. Returns whether there was room for it."""
        if self._new >= self._most_new:
            return False
        self._new += 1
        self._waiting[id(connection)] = Row(connection, values, begins=True)
        return True

    def change(self, connection: Connection, values: dict[str, Any]) -> bool:
        """Add newer values of a row. Returns whether there is such a row: it may have been lost,
        or never begun."""
        waits = self._waiting.get(id(connection))
        if waits is not None:
            waits.values |= values
        elif connection.row_id is not None or connection in self:
            self._waiting[id(connection)] = Row(connection, values)
        else:
            return False
        return True

    def take(self, most: int) -> list[Row]:
        """The rows that have waited longest, to write them now and then to `settle` them."""
        for key in list(islice(self._waiting, most)):
            self._writing[key] = self._waiting.pop(key)
        return list(self._writing.values())

    def settle(self, written: Collection[Row], lost: Collection[Row]) -> None:
        """Forget the taken rows that were written or are lost. The rest waits again."""
        for row in written:
            self._forget(row)
        for row in lost:
            self._forget(row)
            if row.begins:  # without it there is nothing to change
                self._waiting.pop(id(row.connection), None)
        again, self._writing = self._writing, {}
        for key, row in again.items():
            row.in_doubt = row.begins
            newer = self._waiting.pop(key, None)
            if newer is not None:
                row.values |= newer.values
        self._waiting = again | self._waiting

    def _forget(self, row: Row) -> None:
        del self._writing[id(row.connection)]
        self._new -= row.begins
