"""Several relay processes behind nginx, on this machine: `make run-cluster N=3`.

PostgreSQL and Redis are those of `DATABASE_URL` and `REDIS_URL`. Where one is not set, a private
server of what is installed runs as long as this command does; its data stays in a folder, so that
accounts are there the next time.

Every program started here has a process group of its own, so Ctrl-C reaches this command alone,
which then stops them in order: relay processes, nginx, Redis, PostgreSQL. A second Ctrl-C kills
them. Where there is `setpriv` (Linux), they end also when this command is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, NoReturn
from urllib.parse import quote

from tools.services import PostgreSQLPrograms, find_nginx, find_redis, nginx_main

__all__ = ["main", "site"]

ROOT = Path(__file__).resolve().parent.parent
# Seconds. A relay process ends within five.
_START_WITHIN = 120.0
_STOP_WITHIN = 8.0
_POLL = 0.05
# Linux has room for so many bytes in the name of a socket.
_LONGEST_SOCKET = 107
_ELSEWHERE = "for another folder: CLUSTER=/a/folder"
_CONNECTIONS = 4096
# With these, nginx listens on all addresses; and how this machine reaches it then.
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104
_LOG = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class StartError(Exception):
    """Why nothing is served, in one line."""


class StoppedError(Exception):
    """Ctrl-C came while something was started."""


def say(text: str) -> None:
    # A terminal that is closed, or `| head`, stops nothing.
    with contextlib.suppress(OSError):
        print(text, flush=True)


class Program:
    """One program that runs.

    Args:
        name: as people read it.
        how: the signal by which it stops in order.
    """

    def __init__(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        self.name = name
        self.is_stopping = False
        self._how = how
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None]

    async def start(
        self,
        command: Sequence[str | Path],
        ended: Callable[[Program, int], None],
        *,
        log: Path | None = None,
        user: str | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Args:
        ended: is told when it has ended, and its exit code as Popen has it.
        log: the file for what it prints; None to print that here, with its name before each line.
        """
        tied: list[str | Path] = []
        if setpriv := shutil.which("setpriv"):
            tied = [setpriv, "--pdeathsig", self._how.name.removeprefix("SIG"), "--"]
        # No pipe of asyncio's: it would wait for all who hold it, such as nginx's workers.
        printed, out = os.pipe() if log is None else (None, os.open(log, _LOG, mode=0o600))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *tied,
                *command,
                cwd=ROOT if user is None else "/",
                env=environment,
                user=user,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(out)
        if printed is not None:
            self._reading = asyncio.create_task(self._pass_on(printed))
        self._watching = asyncio.create_task(self._watch(ended))

    @property
    def runs(self) -> bool:
        return self._process.returncode is None

    async def end(self) -> None:
        """Stop it in order; kill it if that takes too long."""
        self.is_stopping = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._how)
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await asyncio.shield(self._watching)
        except TimeoutError:
            say(f"{self.name} takes longer than {_STOP_WITHIN:g} seconds to stop: killed")
            self.kill()
            await self._watching

    def kill(self) -> None:
        """End it, and what it has started, now."""
        self.is_stopping = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _watch(self, ended: Callable[[Program, int], None]) -> None:
        code = await self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # nginx's workers outlive a killed master
        if self._reading is not None:
            await self._reading
        ended(self, code)

    async def _pass_on(self, pipe: int) -> None:
        stream, loop = asyncio.StreamReader(), asyncio.get_running_loop()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb", buffering=0)
        )
        rest = b""
        while chunk := await stream.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                say(f"[{self.name}] {line.decode(errors='replace')}")
        if rest:
            say(f"[{self.name}] {rest.decode(errors='replace')}")


class ClusterRun:
    """Everything that runs, from the start to the stop.

    Args:
        count: of relay processes.
        host, port: where nginx listens.
        folder: for all that the programs write.
    """

    def __init__(self, count: int, host: str, port: int, folder: Path) -> None:
        self._count = count
        self._host = f"[{host}]" if ":" in host else host
        self._port = port
        self._folder = folder
        self._run = folder / "run"
        self._environment = dict(os.environ)
        self._private: dict[str, str] = {}
        self._started: list[Program] = []
        self._relays: list[Program] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failed = False

    @property
    def _reachable(self) -> str:
        """The host by which this machine reaches nginx."""
        return _EVERY_ADDRESS.get(self._host, self._host)

    async def serve(self) -> int:
        """Run until Ctrl-C. Returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        try:
            await self._start()
            await self._stop.wait()
        except StoppedError:
            pass
        except (StartError, OSError) as failure:  # also such as a full disk
            self._failed = True
            say(f"{failure}. Nothing is served.")
        finally:
            await self._end()
        return int(self._failed)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        else:
            say("Stopping. Ctrl-C again kills what still runs.")
            self._stop.set()

    def _ended(self, program: Program, code: int) -> None:
        if program.is_stopping or self._stop.is_set():
            return
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        name = f"relay process {program.name}" if program in self._relays else program.name
        if program in self._relays and not any(each.runs for each in self._relays):
            say(f"{name} {how}. No relay process is left.")
            self._failed = True
            self._stop.set()
        else:
            say(f"{name} {how}. The others go on; Ctrl-C stops them.")

    # --- Start ---------------------------------------------------------------------------------

    async def _start(self) -> None:
        nginx, redis, postgresql = self._find_programs()
        self._check_port()
        self._run.mkdir(mode=0o700, exist_ok=True)
        for left in self._run.glob("*.sock"):
            left.unlink()
        self._check_socket(self._run / f"{self._count}.sock")
        if postgresql is not None:
            await self._start_postgresql(postgresql)
        if redis is not None:
            await self._start_redis(redis)
        self._environment |= self._private
        # Who may open the sockets is nginx, and nobody else.
        trusted = self._environment.get("TRUSTED_PROXIES", "")
        self._environment["TRUSTED_PROXIES"] = ",".join(filter(None, (trusted, "unix")))
        address = f"http://{self._host}:{self._port}"
        await self._do("manage.py", "migrate", "--verbosity", "0")
        # `migrate` has made the checks, which take seconds.
        await self._do("manage.py", "ensure_admin", "--skip-checks", "--address", address)
        if self._host in _EVERY_ADDRESS:
            await self._do("-m", "relay_project.addresses", self._host.strip("[]"), str(self._port))
        await self._start_relays()
        await self._start_nginx(nginx)
        numbers = f"1 to {self._count}" if self._count > 1 else "1"
        address = f"http://{self._reachable}:{self._port}/"
        say(f"Relay processes {numbers} behind nginx: {address}  (Ctrl-C stops all)")
        if self._private:
            known = " ".join(f"{name}={shlex.quote(url)}" for name, url in self._private.items())
            say(f"For manage.py in another terminal: export {known}")

    def _find_programs(self) -> tuple[str, str | None, PostgreSQLPrograms | None]:
        """Raises:
        StartError: something is not installed.
        """
        missing = []
        nginx = find_nginx()
        if nginx is None:
            missing.append("nginx")
        redis = postgresql = None
        if not os.environ.get("REDIS_URL", "").strip():
            redis = find_redis()
            if redis is None:
                missing.append("redis-server")
        if not os.environ.get("DATABASE_URL", "").strip():
            made = self._folder / "postgresql" / "data" / "PG_VERSION"
            version = made.read_text().strip() if made.exists() else ""
            postgresql = PostgreSQLPrograms.find(version)
            if postgresql is None:
                missing.append("postgresql")
        if nginx is None or missing:
            need = " ".join(missing)
            raise StartError(f"Missing: {', '.join(missing)}. Install: apt-get install {need}")
        return nginx, redis, postgresql

    def _check_port(self) -> None:
        """Raises:
        StartError: nginx can't listen there. It would say so several times.
        """
        try:
            infos = socket.getaddrinfo(
                self._host.strip("[]"), self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            with socket.socket(infos[0][0]) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(infos[0][4])
        except OSError as failure:
            where = f"{self._host}:{self._port}"
            raise StartError(
                f"Can't listen on {where} ({failure.strerror}): set PORT="
            ) from failure

    @staticmethod
    def _check_socket(path: Path) -> None:
        if len(os.fsencode(path)) > _LONGEST_SOCKET:
            raise StartError(
                f"The path {path} is too long for a socket; for another folder: CLUSTER=/a/folder"
            )

    async def _start_postgresql(self, programs: PostgreSQLPrograms) -> None:
        folder = self._folder / "postgresql"
        self._check_socket(folder / ".s.PGSQL.5432")
        data = folder / "data"
        try:
            programs.make_folder(folder)
            if not (data / "PG_VERSION").exists():
                await self._in_thread(lambda: programs.make_database(data))
        except subprocess.CalledProcessError as failure:
            raise StartError(
                f"PostgreSQL's initdb failed: {_last_line(failure.stderr)}"
            ) from failure
        except KeyError as failure:
            raise StartError(
                "PostgreSQL does not run as root, and has no user postgres"
            ) from failure
        log = self._folder / "postgresql.log"
        # SIGINT: it ends its connections, and does not wait for them.
        postgresql = Program("PostgreSQL", signal.SIGINT)
        places = ("-D", data, "-k", folder, "-p", "5432", "-c", "listen_addresses=")
        command = (programs.folder / "postgres", *places)
        await postgresql.start(command, self._ended, log=log, user=programs.user)
        self._started.append(postgresql)
        asked = (programs.folder / "pg_isready", "--quiet", "-h", folder, "-p", "5432")

        await self._until(partial(_succeeds, asked), postgresql, log)
        self._private["DATABASE_URL"] = f"postgres://relay@/postgres?host={quote(str(folder))}"

    async def _start_redis(self, program: str) -> None:
        folder = self._folder / "redis"
        folder.mkdir(mode=0o700, exist_ok=True)
        password = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        configuration = folder / "redis.conf"
        configuration.touch(mode=0o600)
        deployed = (ROOT / "deploy" / "redis.conf").read_text()
        users = deployed.replace(">PASSWORD", f">{password}")
        configuration.write_text(f"port {port}\nbind 127.0.0.1\n{users}")
        log = self._folder / "redis.log"
        redis = Program("Redis")
        await redis.start([program, configuration], self._ended, log=log)
        self._started.append(redis)
        await self._until(partial(_accepts, "127.0.0.1", port), redis, log)
        self._private["REDIS_URL"] = f"redis://relay:{password}@127.0.0.1:{port}/0"

    async def _start_relays(self) -> None:
        for number in range(1, self._count + 1):
            relay = Program(str(number))
            await relay.start(
                (sys.executable, "-m", "relay_project.serve", "--uds", self._socket(number)),
                self._ended,
                environment=self._environment,
            )
            self._started.append(relay)
            self._relays.append(relay)
        for number, relay in enumerate(self._relays, start=1):
            await self._until(partial(_accepts, self._socket(number)), relay, within=None)
        if not any(relay.runs for relay in self._relays):
            raise StartError("No relay process has started")

    async def _start_nginx(self, program: str) -> None:
        folder = self._folder / "nginx"
        folder.mkdir(mode=0o700, exist_ok=True)
        sockets = [self._socket(number) for number in range(1, self._count + 1)]
        template = (ROOT / "deploy" / "nginx.conf").read_text()
        (folder / "site.conf").write_text(site(template, f"{self._host}:{self._port}", sockets))
        main = nginx_main(folder, "stderr crit", _CONNECTIONS)
        (folder / "nginx.conf").write_text(main)
        nginx = Program("nginx")
        command = (program, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf")
        await nginx.start(command, self._ended)
        self._started.append(nginx)
        host = self._reachable.strip("[]")
        await self._until(partial(_accepts, host, self._port), nginx)

    def _socket(self, number: int) -> Path:
        return self._run / f"{number}.sock"

    async def _do(self, *command: str) -> None:
        """Run a command of the project to its end.

        Raises:
            StoppedError: Ctrl-C came.
            StartError: it failed; it has said why.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=ROOT,
            env=self._environment,
            start_new_session=True,
        )
        ending = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ending.done():
            process.terminate()
            await ending
            raise StoppedError
        if process.returncode:
            raise StartError(f"{' '.join(command[:2])} failed")

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.to_thread(work)
        if self._stop.is_set():
            raise StoppedError

    async def _until(
        self,
        is_ready: Callable[[], Awaitable[bool]],
        program: Program,
        log: Path | None = None,
        within: float | None = _START_WITHIN,
    ) -> None:
        """Wait until a program serves.

        Args:
            log: what it has printed, if that is in a file.
            within: seconds; None for no limit, and if it ends, that is no refusal.

        Raises:
            StoppedError: Ctrl-C came.
            StartError: it has ended, or takes too long.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (within or float("inf"))
        while not await is_ready():
            if self._stop.is_set():
                raise StoppedError
            if not program.runs and within is None:
                return
            if not program.runs or loop.time() > deadline:
                program.is_stopping = True
                raise StartError(f"{program.name} did not start{_last_words(log)}")
            await asyncio.sleep(_POLL)

    # --- Stop ----------------------------------------------------------------------------------

    async def _end(self) -> None:
        self._stop.set()
        hurry = asyncio.create_task(self._hurry.wait())
        ending = asyncio.create_task(self._end_in_order())
        await asyncio.wait({hurry, ending}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not ending.done():
            for program in self._started:
                program.kill()
        await ending

    async def _end_in_order(self) -> None:
        await asyncio.gather(*(relay.end() for relay in self._relays))
        for program in reversed(self._started):
            if program not in self._relays:
                await program.end()


def site(template: str, listen: str, sockets: Sequence[Path]) -> str:
    """Make nginx's site from deploy/nginx.conf, without TLS, for processes on these sockets."""
    upstream = _part(template, r"(?ms)^upstream relay \{.*?^\}\n")
    line = _part(upstream, r"(?m)^ +server unix:[^;]+;\n")
    path = _part(line, r"unix:[^; ]+")
    lines = "".join(line.replace(path, f"unix:{socket}") for socket in sockets)
    parts = (
        upstream.replace(line, lines),
        _part(template, r"(?ms)^map .*?^\}\n"),
        f"server {{\n    listen {listen};\n    access_log off;\n    error_log stderr emerg;",
        _part(template, r"(?m)^    client_max_body_size .*;\n"),
        _part(template, r"(?ms)^    location / \{\n        proxy_pass.*?^    \}\n"),
        "}\n",
    )
    return "\n".join(parts)


def _part(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"deploy/nginx.conf has nothing like {pattern}")
    return found[0]


def _last_words(log: Path | None) -> str:
    return f": {_last_line(log.read_text(errors='replace'))}" if log else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


async def _succeeds(command: Sequence[str | Path]) -> bool:
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    return await process.wait() == 0


async def _accepts(where: str | Path, port: int = 0) -> bool:
    """Whether somebody accepts connections at a Unix socket, or a host and port."""
    try:
        if isinstance(where, Path):
            _reader, writer = await asyncio.open_unix_connection(where)
        else:
            _reader, writer = await asyncio.open_connection(where, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _lock(folder: Path) -> IO[bytes]:
    """Hold the folder until the end of this process.

    Raises:
        StartError: another process does, or it can't be made.
    """
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        file = (folder / "lock").open("wb")
    except OSError as failure:
        raise StartError(f"The folder {folder} can't be used ({failure.strerror})") from failure
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        file.close()
        raise StartError(
            f"Another cluster runs in {folder}; for another folder: CLUSTER=/a/folder"
        ) from failure
    return file


def _count(text: str) -> int:
    if not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("from 1 to 64")
    return int(text)


def main() -> NoReturn:
    parser = argparse.ArgumentParser(description="Serve with several relay processes behind nginx.")
    parser.add_argument("--processes", type=_count, default=3)
    parser.add_argument("--host", default="127.0.0.1", help="that nginx listens on")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cluster", help="for their data")
    options = parser.parse_args()
    folder = options.folder.resolve()
    try:
        with _lock(folder):
            run = ClusterRun(options.processes, options.host, options.port, folder)
            code = asyncio.run(run.serve())
    except StartError as refusal:
        sys.exit(f"{refusal}. Nothing is served.")
    sys.exit(code)


if __name__ == "__main__":
    main()
