"""A PostgreSQL server of a test's own, which can be stopped, frozen and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.server import free_port

__all__ = ["PostgreSQL", "private_postgresql"]

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_WITHIN = 60


class PostgreSQL:
    """Attributes:
    url: of an empty database.
    """

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._user = user
        self._port = free_port()
        self._frozen: list[int] = []
        self.url = f"postgres://relay@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "--pgdata", self._data, "--auth", "trust", "--username", "relay")

    def start(self) -> None:
        """Returns when it accepts connections."""
        options = f"-p {self._port} -k {self._folder} -c fsync=off -c listen_addresses=127.0.0.1"
        log = self._folder / "log"
        self._run("pg_ctl", "start", "--wait", "--pgdata", self._data, "-o", options, "-l", log)

    def stop(self) -> None:
        """End it and its connections at once. Twice does no harm."""
        self.thaw()
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--pgdata", self._data, "--mode", "fast")

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

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=_WITHIN,
        )


@contextmanager
def private_postgresql() -> Iterator[PostgreSQL]:
    """One that runs. Skips the test where PostgreSQL is not installed as Debian does."""
    if not _PROGRAMS:
        pytest.skip("no PostgreSQL: apt-get install --no-install-recommends postgresql")
    # PostgreSQL does not run as root.
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="relay-postgresql-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    postgresql = None
    try:
        postgresql = PostgreSQL(_PROGRAMS[-1], folder, user)
        postgresql.start()
        yield postgresql
    finally:
        if postgresql is not None:
            postgresql.stop()
        shutil.rmtree(folder)
