"""Which server process a row of the connection log belongs to, and whether that one still runs;
and whether a process is the only one of its database.

Each server process has an id, which stands in its rows, and holds a lock by that id while it runs.
The lock is free again when the process ends, however it ends. On SQLite it is a lock on a file
beside the database, which the kernel frees; on PostgreSQL it belongs to a connection. A process
whose lock nobody holds is gone, and another has to close the rows that it left open.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from live.connections.database import cut, own_connection

__all__ = ["THIS_PROCESS", "ServerProcess"]

# Seconds to wait for PostgreSQL: for a connection, and for an answer.
_WITHIN = 5.0
# Seconds between two attempts to be the only process.
_PAUSE = 0.1
# The lock of the only process. Ids are smaller.
_ALONE = 2**62
# PostgreSQL asks whether this end still is there, and so lets go of the locks of a machine that
# vanished after 25 seconds, and not after two hours.
_KEEPALIVES = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
# PostgreSQL shows the number of an advisory lock in two halves.
_IS_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) + objid::bigint = %s::bigint
)
"""


class _Locks(Protocol):
    """Locks by number, all of one owner."""

    def take(self, number: int) -> bool:
        """Take the lock unless another process holds it. Returns whether this one does now."""

    def is_held(self, number: int) -> bool:
        """Whether another process holds the lock."""

    def keep(self, numbers: Sequence[int]) -> None:
        """Take these locks again if they were lost."""

    def cut(self) -> None:
        """End what another thread waits for, which then fails."""

    def close(self) -> None: ...


class ServerProcess:
    """One process that writes the connection log.

    Until it has begun it holds no lock, and others count it as gone. That is right for tests and
    commands: they leave no rows open.
    """

    def __init__(self) -> None:
        self.id = secrets.randbelow(_ALONE)
        self._held = [self.id]
        self._locks: _Locks | None = None

    def begin(self, *, alone: bool = False) -> None:
        """Hold the lock from now on, until `end` or the end of the process.

        Args:
            alone: whether to be the only process, which `be_alone` then tells. If PostgreSQL does
                not answer now, that lock too is taken with the first row.

        Raises:
            OSError: the file beside the database can't be made.
            DatabaseError: PostgreSQL does not answer.
        """
        self._held = [self.id, _ALONE] if alone else [self.id]
        self._locks = _locks_of(connections[DEFAULT_DB_ALIAS])
        if self._locks is not None:
            self._locks.take(self.id)

    def be_alone(self, within: float) -> bool:
        """Be the only process of this database; to be called after `begin(alone=True)`.

        Args:
            within: seconds to wait for another process, which may be about to end. This thread
                sleeps meanwhile.

        Returns:
            Whether it is, until `end` or the end of the process. Always, where no other process can
            share the database or it can't be told.

        Raises:
            DatabaseError: PostgreSQL does not answer.
        """
        deadline = time.monotonic() + within
        while self._locks is not None and not self._locks.take(_ALONE):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        return True

    def end(self) -> None:
        """Let go of the locks."""
        if self._locks is not None:
            self._locks.close()
            self._locks = None

    def owner(self) -> int:
        """The id, for a row that is written now.

        PostgreSQL lets go of the locks when it restarts; they are taken again here, and by
        `live.connections.orphans` within seconds. A process that starts between the restart and
        this call would close this one's rows, and would not notice that this one runs.

        Raises:
            DatabaseError: PostgreSQL does not answer.
        """
        if self._locks is not None:
            self._locks.keep(self._held)
        return self.id

    @property
    def sees_others(self) -> bool:
        """Whether it can be told which other processes run. They can't be seen before `begin`."""
        return self._locks is not None

    def cut(self) -> None:
        """End what another thread waits for here, which then fails."""
        if self._locks is not None:
            self._locks.cut()

    def is_running(self, number: int) -> bool:
        """Whether the process with that id runs; to be asked after `begin`."""
        if number == self.id:
            return True
        return self._locks is not None and self._locks.is_held(number)


THIS_PROCESS = ServerProcess()


def _locks_of(connection: BaseDatabaseWrapper) -> _Locks | None:
    """None where no other process can share the database, or it can't be told: Windows has no
    such locks."""
    if connection.vendor == "postgresql":
        return _PostgreSQLLocks()
    name = str(connection.settings_dict["NAME"])
    in_memory = name == ":memory:" or "mode=memory" in name
    return None if in_memory or sys.platform == "win32" else _FileLocks(Path(f"{name}-processes"))


class _FileLocks:
    """Locks on single bytes of an empty file, each at the offset of its number.

    POSIX gives up all of a process's locks on a file when the process closes it anywhere, so it is
    opened once.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, mode=0o600)

    def take(self, number: int) -> bool:
        import fcntl  # there is none on Windows

        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            return False
        return True

    def is_held(self, number: int) -> bool:
        import fcntl

        if not self.take(number):
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)
        return False

    def keep(self, numbers: Sequence[int]) -> None:
        """Nothing to do: file locks are never lost."""

    def cut(self) -> None:
        """Nothing to do: nobody waits for the kernel."""

    def close(self) -> None:
        os.close(self._file)


class _PostgreSQLLocks:
    """Advisory locks, held by a connection that is used for nothing else."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._connection = own_connection(_WITHIN, _WITHIN)
        self._connection.settings_dict["OPTIONS"]["options"] += f" {_KEEPALIVES}"
        self._connection.inc_thread_sharing()
        # Those that were lost and could not be taken again yet: PostgreSQL may still count them to
        # the connection before.
        self._lost: set[int] = set()

    def take(self, number: int) -> bool:
        with self._one_at_a_time:
            return self._ask("SELECT pg_try_advisory_lock(%s::bigint)", number)

    def is_held(self, number: int) -> bool:
        # It only looks. Would it take the lock for a moment, the owner might want it just then.
        with self._one_at_a_time:
            return self._ask(_IS_HELD, number)

    def keep(self, numbers: Sequence[int]) -> None:
        with self._one_at_a_time:
            if not self._connection.is_usable():
                self._connection.close()
                self._lost = set(numbers)
            for number in sorted(self._lost):
                if self._ask("SELECT pg_try_advisory_lock(%s::bigint)", number):
                    self._lost.discard(number)

    def cut(self) -> None:
        if self._one_at_a_time.locked():  # else it would only lose its locks
            cut(self._connection)

    def close(self) -> None:
        with self._one_at_a_time:
            self._connection.close()

    def _ask(self, question: str, number: int) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute(question, [number])
            return bool(cursor.fetchone()[0])
