"""The relay as it is run: a real process of a real server, with a database of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from tests.support.preloaded import Program, start_program

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("daphne", "uvicorn")
_START_WITHIN = 60.0
_ROW_WITHIN = 10.0
# A migrated SQLite database without rows: migrating takes longer than most tests.
_migrated: list[bytes] = []


@dataclass(frozen=True)
class Account:
    """What `add_account` printed."""

    user_id: int
    username: str
    tiktok_username: str
    token: str


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in: the session's cookie, and whether it is staff."""

    session: str
    is_staff: bool


class Server:
    """Args:
    kind: "daphne" or "uvicorn".
    folder: for the database and the log.
    environment: settings, on top of a clean environment.
    options: of Uvicorn, on top of the project's.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
    ) -> None:
        self.kind = kind
        self.options = options
        self.port = free_port()
        self.database = folder / f"{kind}.sqlite3"
        self.log = folder / f"{kind}.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SECRET_KEY": "of the tests",
            "PYTHONASYNCIODEBUG": "1",
            "PYTHONUNBUFFERED": "1",  # Daphne's access log goes to stdout
            # Tests do in seconds what people do in hours.
            "RELAY_STREAM_STARTS": "100000",
            "RELAY_USERNAME_CHANGES": "100000",
            "RELAY_LOOKUPS": "100000",
            **environment,
        }
        self._program: Program | None = None
        self._adding: _Adding | None = None
        self._adds = asyncio.Lock()

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def log_text(self) -> str:
        return self.log.read_text()

    async def start(self, *, migrate: bool = True) -> None:
        """Serve; returns when connections are accepted.

        Args:
            migrate: before that, make the database's tables.
        """
        if migrate:
            await self._migrate()
        port = str(self.port)
        command = {
            "daphne": ["daphne", "-b", "127.0.0.1", "-p", port, "relay_project.asgi:application"],
            "uvicorn": ["relay_project.serve", "--port", port, *self.options],
        }[self.kind]
        with self.log.open("ab") as log:
            self._program = await start_program(
                *command, environment=self.environment, stdout=log.fileno(), stderr=log.fileno()
            )
        async with asyncio.timeout(_START_WITHIN):
            while True:
                if self._program.has_ended:
                    raise RuntimeError(f"{self.kind} did not start:\n{self.log_text}")
                with contextlib.suppress(OSError):
                    _reader, writer = await self._connect()
                    writer.close()
                    await writer.wait_closed()
                    return
                await asyncio.sleep(0.1)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if path := self.environment.get("UVICORN_UDS"):
            return await asyncio.open_unix_connection(path)
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def _migrate(self) -> None:
        """A new SQLite database is a copy of the first that was migrated in this process."""
        new = not self.database.exists()
        sqlite = self.environment["DATABASE_URL"] == f"sqlite:///{self.database}"
        if new and sqlite and _migrated:
            self.database.write_bytes(_migrated[0])
            return
        await self.manage("migrate", "--verbosity", "0", "--skip-checks")
        if new and sqlite and not _migrated:
            with contextlib.closing(sqlite3.connect(self.database)) as database:
                _migrated.append(database.serialize())

    @property
    def is_running(self) -> bool:
        return self._program is not None and not self._program.has_ended

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, and do not wait for anything."""
        assert self._program is not None
        self._program.send_signal(number)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal and wait for the end of the process."""
        adding, self._adding = self._adding, None
        if adding is not None:
            adding.close()  # which ends it, while the server stops
        program, self._program = self._program, None
        if program is not None:
            program.send_signal(how)
            async with asyncio.timeout(30):
                await program.wait()
        if adding is not None:
            await adding.end()

    def memory(self) -> int:
        """The process's resident memory, in bytes."""
        assert self._program is not None
        pages = Path(f"/proc/{self._program.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def manage(self, *arguments: str) -> str:
        """Run manage.py; returns what it printed.

        Raises:
            RuntimeError: it failed.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            *arguments,
            cwd=ROOT,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"manage.py {arguments[0]}: {errors.decode()}")
        return out.decode()

    async def add_account(self, name: str, tiktok_username: str, *arguments: str) -> Account:
        """Run the command, in a process that stays for the next time.

        Raises:
            RuntimeError: it failed.
        """
        return Account(
            **await self._added(
                "add_account", name, "--tiktok-username", tiktok_username, *arguments
            )
        )

    async def begin_session(self, name: str) -> Session:
        """Sign somebody in without the login page, whose hashing takes most of a second.

        Raises:
            RuntimeError: there is no such account.
        """
        return Session(**await self._added("sign_in", name))

    async def _added(self, *line: str) -> dict[str, Any]:
        async with self._adds:
            if self._adding is None:
                self._adding = await _Adding.start(self.environment)
            printed = await self._adding.add(json.dumps(line))
            if not printed:
                adding, self._adding = self._adding, None
                raise RuntimeError(f"{' '.join(line[:2])}: {await adding.end()}")
        added: dict[str, Any] = json.loads(printed)
        return added

    def execute(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Look into the server's database, or change it behind its back."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            with database:
                return [dict(row) for row in database.execute(sql, values)]

    async def closed_row(self, account: Account) -> dict[str, Any]:
        """The newest connection-log row of the account, once it is closed."""
        deadline = time.monotonic() + _ROW_WITHIN
        while time.monotonic() < deadline:
            rows = self.execute(
                "SELECT * FROM live_connectionlog WHERE account_id = ? ORDER BY id DESC LIMIT 1",
                account.user_id,
            )
            if rows and rows[0]["closed_at"]:
                return rows[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"no closed row for {account.username}: {rows}")

    @staticmethod
    def timeline(row: dict[str, Any]) -> list[list[Any]]:
        """What the connection log's row says has happened."""
        timeline: list[list[Any]] = json.loads(row["timeline"])
        return timeline


class _Adding:
    """A process of `tests.support.adding`."""

    def __init__(
        self,
        program: Program,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        errors: IO[bytes],
    ) -> None:
        self._program = program
        self._reader = reader
        self._writer = writer
        self._errors = errors

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> Self:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 -- it is closed by `end`
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            program = await start_program(
                "tests.support.adding",
                environment=environment,
                stdin=end,
                stdout=end,
                stderr=errors.fileno(),
            )
        return cls(program, *await asyncio.open_connection(sock=ours), errors)

    async def add(self, line: str) -> bytes:
        """What is printed for the line; nothing if the process has ended instead."""
        self._writer.write(f"{line}\n".encode())
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""

    def close(self) -> None:
        """It ends soon."""
        self._writer.close()

    async def end(self) -> str:
        """What it wrote of errors."""
        self.close()
        await self._program.wait()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        with self._errors as errors:
            errors.seek(0)
            return errors.read().decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
