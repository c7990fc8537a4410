"""`make run-cluster`: two relay processes behind nginx, with Redis and PostgreSQL of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest
import pytest_asyncio

from standin import TikTok, messages
from tests.end_to_end.conftest import SETTINGS
from tests.support.phone import Phone
from tests.support.server import ROOT, free_port
from tools.services import PostgreSQLPrograms, find_nginx, find_redis

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Seconds, on a machine that is busy.
START_WITHIN = 120.0
TAKEN_OVER_WITHIN = 30.0
END_WITHIN = 15.0


class Cluster:
    """What `make run-cluster` runs.

    Attributes:
        port: nginx's.
        said: all that was printed.
        exports: the variables that it prints, for manage.py in another terminal.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.said = ""
        self.exports: dict[str, str] = {}
        self._folder = folder
        self._environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment}
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]

    async def start(self) -> Self:
        """Returns when it serves."""
        installed = self._folder / "environment"  # to which nothing needs to be added
        installed.mkdir()
        (installed / "run.stamp").touch()
        self._process = await asyncio.create_subprocess_exec(
            *("make", "run-cluster", "N=2", f"PORT={self.port}", f"CLUSTER={self._folder / 'c'}"),
            *(f"VENV={installed}", f"BIN={Path(sys.executable).parent}"),
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # as a terminal gives it a process group
        )
        self._reading = asyncio.create_task(self._read())
        await self.until("For manage.py in another terminal: ")
        line = self.said.partition("export ")[2].splitlines()[0]
        self.exports = dict(word.split("=", 1) for word in shlex.split(line))
        return self

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.said += line.decode()

    async def until(self, text: str) -> None:
        """Wait until a line with this text has been printed."""
        async with asyncio.timeout(START_WITHIN):
            while text not in self.said.rpartition("\n")[0]:
                assert not self._reading.done(), f"make run-cluster has ended:\n{self.said}"
                await asyncio.sleep(0.05)

    async def add_token(self, tiktok_username: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "manage.py", "add_account", "anna"),
            *("--tiktok-username", tiktok_username),
            cwd=ROOT,
            env={**self._environment, **self.exports},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _errors = await process.communicate()
        return str(json.loads(printed)["token"])

    def phone(self, token: str, since: str = "") -> Phone:
        query = f"?since={since}" if since else ""
        return Phone(f"ws://127.0.0.1:{self.port}/ws/{token}{query}")

    def of_last_socket(self) -> int:
        """The number of the relay process that took the last socket, by its access log."""
        return int(re.findall(r'\[(\d)\] .*"WebSocket /ws/.* \[accepted\]', self.said)[-1])

    def relay(self, number: int) -> int:
        """The process's id."""
        socket = f"{self._folder}/c/run/{number}.sock"
        (process,) = (each for each in self.processes() if socket in _command(each))
        return process

    def processes(self) -> set[int]:
        """All that descend from make."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
        found: set[int] = set()
        new = {self._process.pid} & parents.keys()
        while new:
            found |= new
            new = {each for each, parent in parents.items() if parent in new} - found
        return found

    async def interrupt(self) -> None:
        """Ctrl-C: the terminal sends the signal to the process group. Returns when make is gone."""
        os.killpg(self._process.pid, signal.SIGINT)
        async with asyncio.timeout(END_WITHIN):
            await self._process.wait()
        await self._reading

    async def kill(self) -> None:
        """End what still runs, after a failure."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):  # its parent's end has ended it
                os.kill(process, signal.SIGKILL)
        await self._process.wait()


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not in pytest's folder, which PostgreSQL's user may not enter."""
    with tempfile.TemporaryDirectory(prefix="relay-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(tiktok: TikTok, folder: Path) -> AsyncIterator[Cluster]:
    if PostgreSQLPrograms.find() is None:
        pytest.skip("no PostgreSQL: apt-get install --no-install-recommends postgresql")
    if None in (find_nginx(), find_redis(), shutil.which("make")):
        assert "CI" not in os.environ, "CI needs nginx, Redis and make"
        pytest.skip("apt-get install --no-install-recommends nginx redis-server make")
    settings = {"SECRET_KEY": "of the tests", **tiktok.environment(), **SETTINGS}
    cluster = Cluster(folder, settings)
    try:
        yield await cluster.start()
    finally:
        await cluster.kill()


async def test_phones_outlive_a_process_and_ctrl_c_leaves_nothing(
    cluster: Cluster, tiktok: TikTok, streamer: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{cluster.port}/readyz")
    assert answer.json()["checks"] == {"database": "ok", "server": "ok", "redis": "ok"}

    room = tiktok.go_live(streamer)
    token = await cluster.add_token(streamer)
    async with cluster.phone(token) as phone:
        await phone.until_type("connected")
        await room.push(messages.chat("viewer", "before"))
        before = await phone.until_type("comment")
        dies = cluster.of_last_socket()
        os.kill(cluster.relay(dies), signal.SIGKILL)
        assert await phone.until_closed() == 1006
    await cluster.until(f"relay process {dies} was killed by SIGKILL. The others go on")

    async with cluster.phone(token, since=before["cursor"]) as phone:
        # The other process leads once the dead one's lease has ended.
        await room.wait_until_left(TAKEN_OVER_WITHIN)
        await room.wait_for_socket(within=TAKEN_OVER_WITHIN)
        await room.push(messages.chat("viewer", "after"))
        after = await phone.until_type("comment")
    assert after["data"]["text"] == "after"
    assert _epoch(after["cursor"]) == _epoch(before["cursor"])
    assert cluster.of_last_socket() != dies

    running = cluster.processes()
    kinds = ("make", "tools.cluster", "relay_project.serve", "nginx", "redis", "postgres")
    commands = [_command(process) for process in running]
    assert [kind for kind in kinds if not any(kind in command for command in commands)] == []
    await cluster.interrupt()
    assert [command for process in running if (command := _command(process))] == []
    assert "Traceback" not in cluster.said


def _epoch(cursor: str) -> str:
    return cursor.rpartition("-")[0]
