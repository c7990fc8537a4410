"""Writes many refusals of one client as one row of the connection log.

Anybody may open sockets that are refused, as often as they like. A row for each would fill the
database, and hide what the staff look for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

from accounts import requests
from live.clock import Clock
from live.connections.record import Connection
from live.connections.writer import ConnectionLogWriter
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["Refusals"]

# Seconds between two writes of a row whose number has grown.
_WRITE_EVERY = 5.0
# Seconds without a refusal after which the next one gets a new row, and those after which it gets
# one in any case.
_QUIET, _LONGEST = 60.0, 3600.0
# How many rows grow at the same time, at most. The refusals of further clients share one.
_MOST = 1_000


@dataclass(eq=False, slots=True)
class _Row:
    """A row that grows."""

    connection: Connection
    began_at: float
    last_at: float
    written: int = 0


class Refusals:
    """All rows of refusals that grow. It belongs to one event loop.

    Args:
        log: writes the rows.
        clock: tells the time.
    """

    def __init__(self, log: ConnectionLogWriter, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._rows: dict[Hashable, _Row] = {}
        self._timer: asyncio.TimerHandle | None = None

    def is_counting(self, address: str | None, reason: str) -> bool:
        """Whether there is a row that grows for this client and this reason."""
        return (requests.network(address), reason) in self._rows

    def add(self, refused: Connection, code: ErrorCode, reason: str) -> None:
        """Count one refused socket.

        Args:
            refused: the socket. Its address and user agent are those of the row if it is the first.
            code: what clients are told.
            reason: what the staff read. Each reason has a row of its own.
        """
        now = self._clock.monotonic()
        key: Hashable = (requests.network(refused.address), reason)
        if key not in self._rows and len(self._rows) >= _MOST:
            key = None
        row = self._rows.get(key)
        if row is None:
            connection = Connection(
                refused.address,
                refused.user_agent,
                is_test=refused.is_test,
                error_code=code,
                close_code=RelayError(code).close_code,
                reason=reason,
            )
            self._rows[key] = row = _Row(connection, now, now)
            self._log.opened(connection)
            self._write(row)
        else:
            row.connection.attempts += 1
            row.last_at = now
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WRITE_EVERY, self._write_grown)

    def close(self) -> None:
        """Write what has not been written. The rows grow no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for row in self._rows.values():
            self._write(row)
        self._rows.clear()

    def _write_grown(self) -> None:
        now = self._clock.monotonic()
        for key, row in list(self._rows.items()):
            self._write(row)
            if now - row.last_at > _QUIET or now - row.began_at > _LONGEST:
                del self._rows[key]
        self._timer = None
        if self._rows:
            self._timer = asyncio.get_running_loop().call_later(_WRITE_EVERY, self._write_grown)

    def _write(self, row: _Row) -> None:
        if row.written != row.connection.attempts:
            row.written = row.connection.attempts
            self._log.closed(row.connection)
