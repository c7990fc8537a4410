"""A Redis server of a test's own, which can be stopped, frozen and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import free_port
from tools.services import find_redis

__all__ = ["RedisServer", "private_redis"]

_WITHIN = 10.0


class RedisServer:
    """Attributes:
    url: as the setting `REDIS_URL` has it.
    port: on 127.0.0.1.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns when it accepts connections."""
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": str(self._folder),
            "--appendonly": "yes",
            "--save": "",
            "--logfile": f"{self._folder}.log",
        }
        arguments = [part for option in options.items() for part in option]
        self._process = subprocess.Popen(
            [self._program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                break

    def stop(self, *, forget: bool = False) -> None:
        """End it at once. Twice does no harm.

        Args:
            forget: its data is gone when it starts again.
        """
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            self._process.wait(_WITHIN)
            self._process = None
        if forget:
            for path in self._folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def freeze(self) -> None:
        """Its connections stay, but nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def private_redis(folder: Path) -> Iterator[RedisServer]:
    """A server that runs. Fails, and never skips, where there is no program for it."""
    program = find_redis()
    if program is None:
        pytest.fail("No redis-server in PATH. Install it: apt-get install redis-server")
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
