"""Child processes: how they are started, asked, measured, and always ended. Linux only."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

from bench.results import ROOT

__all__ = ["Child", "Helper", "answer_commands", "cpu_seconds", "free_port", "memory"]

_PR_SET_PDEATHSIG = 1
_STOP_WITHIN = 10.0
_START_WITHIN = 60.0
_PAUSE = 0.05
_libc = ctypes.CDLL(None)


def cpu_seconds(pid: int) -> float:
    """CPU time that the process has used so far, all threads, to the nanosecond."""
    # The clock that clock_getcpuclockid(3) returns for the process.
    return time.clock_gettime((~pid << 3) | 2)


def memory(pid: int, what: str = "Pss") -> int:
    """Bytes of memory by /proc/…/smaps_rollup: "Pss" (shared pages in proportion) or "Rss"."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(what)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A process of ours, ended on leaving the context. Its output is shown if it fails to start.

    Args:
        arguments: for the program.
        port: what it listens on when it is ready; None for a process that does not listen.
        program: this Python, unless it is given.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
        program: str = sys.executable,
    ) -> None:
        self.port = port
        self._arguments = [program, *arguments]
        self._environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(environment or {})}
        if captures := os.environ.get("TIKTOK_CAPTURES"):
            self._environment["TIKTOK_CAPTURES"] = captures
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- closed on leaving
        self._process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def __enter__(self) -> Self:
        self._process = self._start(stdout=self._log)
        try:
            self._wait_until_listening()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self, **pipes: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._arguments,
            cwd=ROOT,
            env=self._environment,
            stderr=self._log,
            preexec_fn=_end_with_parent,
            **pipes,
        )

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + _START_WITHIN
        while self.port is not None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._arguments} did not start:\n{self.output}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(_PAUSE)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._log.close()

    def stop(self, within: float = _STOP_WITHIN) -> None:
        """End it with SIGTERM; with SIGKILL, if it takes longer than that many seconds."""
        self._process.terminate()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Helper(Child):
    """A child that answers commands (see `answer_commands`)."""

    def __enter__(self) -> Self:
        self._process = self._start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        super().__exit__(*exc_info)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def ask(self, command: str, within: float = 60, **arguments: Any) -> Any:
        """Have a command done, and return its answer."""
        self.tell(command, **arguments)
        return self.answer(within)

    def tell(self, command: str, **arguments: Any) -> None:
        """Have a command begun; `answer` is to follow."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, arguments]).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, within: float = 60) -> Any:
        """The answer to the command that was told.

        Raises:
            TimeoutError: there was none `within` seconds.
            RuntimeError: the command failed.
        """
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(within):
                raise TimeoutError(f"{self._arguments} did not answer")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._arguments} failed:\n{self.output}")
        return json.loads(line)


def answer_commands(
    commands: Mapping[str, Callable[..., Awaitable[Any]]],
    run: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run,
) -> None:
    """Do one command after the other from standard input, until it ends. One that raises ends the
    process.

    Args:
        run: `asyncio.run` for asyncio's own event loop.
    """
    run(_answer_commands(commands))


async def _answer_commands(commands: Mapping[str, Callable[..., Awaitable[Any]]]) -> None:
    reader = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command, arguments = json.loads(line)
        print(json.dumps(await commands[command](**arguments)), flush=True)
