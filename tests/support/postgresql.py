"""A PostgreSQL server of a test's own, which can be stopped, frozen and started again."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.server import free_port
from tools.services import PostgreSQLPrograms

__all__ = ["PostgreSQL", "private_postgresql"]


class PostgreSQL:
    """Attributes:
    url: of an empty database.
    """

    def __init__(self, programs: PostgreSQLPrograms, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._port = free_port()
        self._frozen: list[int] = []
        self.url = f"postgres://relay@127.0.0.1:{self._port}/postgres"
        programs.make_database(self._data)

    def start(self) -> None:
        """Returns when it accepts connections."""
        options = f"-p {self._port} -k {self._folder} -c fsync=off -c listen_addresses=127.0.0.1"
        log = self._folder / "log"
        self._control("start", "-o", options, "-l", log)

    def stop(self) -> None:
        """End it and its connections at once. Twice does no harm."""
        self.thaw()
        if (self._data / "postmaster.pid").exists():
            self._control("stop", "--mode", "fast")

    def freeze(self) -> None:
        """Its connections stay, and new ones are made by the kernel; but nothing answers."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        # The postmaster first, so that it starts no other process meanwhile.
        self._freeze(postmaster)
        for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
            self._freeze(int(child))

    def thaw(self) -> None:
        """It answers again, also what it was asked meanwhile."""
        frozen, self._frozen = self._frozen, []
        for process in frozen:
            # One that ended just before the freeze is gone as soon as the postmaster goes on.
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def _freeze(self, process: int) -> None:
        os.kill(process, signal.SIGSTOP)
        self._frozen.append(process)

    def _control(self, what: str, *arguments: str | Path) -> None:
        self._programs.run("pg_ctl", what, "--wait", "--pgdata", self._data, *arguments)


@contextmanager
def private_postgresql() -> Iterator[PostgreSQL]:
    """One that runs. Skips the test where PostgreSQL is not installed."""
    programs = PostgreSQLPrograms.find()
    if programs is None:
        pytest.skip("no PostgreSQL: apt-get install --no-install-recommends postgresql")
    folder = Path(tempfile.mkdtemp(prefix="relay-postgresql-"))
    programs.make_folder(folder)
    postgresql = None
    try:
        postgresql = PostgreSQL(programs, folder)
        postgresql.start()
        yield postgresql
    finally:
        if postgresql is not None:
            postgresql.stop()
        shutil.rmtree(folder)
