"""Programs of this project, each in a process of its own that need not import the libraries first.

Importing them takes seconds of CPU, which a hundred servers of tests would take again and again.
One process imports them, and forks for each program, which then runs as by `python -m`: with an
environment, arguments and files of its own. What is imported before is none of the project's, and
depends on no setting.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Program", "start_program"]

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = (
    *("TikTokLive", "TikTokLive.events.proto_events", "google.protobuf.message_factory"),
    *("django.core.asgi", "django.core.management", "django.db.models", "django.forms"),
    *("channels.routing", "channels.generic.websocket", "channels.db"),
    *("uvicorn.main", "uvicorn.protocols.websockets.websockets_sansio_impl"),
    *("httpx", "picows", "msgspec", "prometheus_client", "cryptography.fernet", "websockets"),
    *("python_socks.async_.asyncio", "deflate", "environ", "pydantic", "yaml", "logging.config"),
)
_MAX_REQUEST = 1 << 20  # bytes


class Program:
    """A process that runs."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd

    @property
    def has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def send_signal(self, how: signal.Signals) -> None:
        """Does nothing if the process has ended."""
        if not self.has_ended:
            signal.pidfd_send_signal(self._pidfd, how)

    async def wait(self) -> None:
        """Wait for its end."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def __del__(self) -> None:
        os.close(self._pidfd)


class _Preloaded:
    """The process that has imported the libraries. It starts when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], files: Sequence[int]
    ) -> Program:
        with self._lock:
            if self._socket is None:
                self._socket = self._begin()
            request = json.dumps([command, dict(environment)]).encode()
            socket.send_fds(self._socket, [request], files)
            answer, fds, _flags, _address = socket.recv_fds(self._socket, 64, 1)
        return Program(int(answer), fds[0])

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=_ROOT,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
                pass_fds=[theirs.fileno()],
            )

        def end() -> None:
            ours.close()
            process.wait()

        atexit.register(end)
        return ours


_preloaded = _Preloaded()


async def start_program(
    *command: str,
    environment: Mapping[str, str],
    stdin: int | None = None,
    stdout: int,
    stderr: int,
) -> Program:
    """Run a module of the project in a process of its own.

    Args:
        command: the module's name, and its arguments.
        environment: all of it.
        stdin, stdout, stderr: file descriptors, which the process gets copies of. By default, it
            has nothing to read.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        files = [nothing if stdin is None else stdin, stdout, stderr]
        return await asyncio.to_thread(_preloaded.start, command, environment, files)
    finally:
        os.close(nothing)


def _serve(requests: socket.socket) -> list[str]:
    """Fork for each request. Returns in the processes that are to run a program, with its
    command; in the first process, when nobody can ask any more."""
    while True:
        request, files, _flags, _address = socket.recv_fds(requests, _MAX_REQUEST, 3)
        if not request:
            sys.exit()
        pid = os.fork()
        if not pid:
            break
        pidfd = os.pidfd_open(pid)
        socket.send_fds(requests, [str(pid).encode()], [pidfd])
        for file in (*files, pidfd):
            os.close(file)
        _reap()
    command, environment = json.loads(request)
    requests.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    found: list[str] = command
    return found


def _reap() -> None:
    """So that no process that has ended is left in the system's table."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in _LIBRARIES:
            importlib.import_module(library)
    assert threading.active_count() == 1, "a thread does not survive a fork"
    module, *arguments = _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
