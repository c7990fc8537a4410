"""Server processes: the relay as `make run` starts it, and what it is compared with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from bench.processes import Child, free_port
from bench.results import ROOT
from bench.standin import STREAMER

__all__ = ["SERVERS", "Plain", "Reference", "Relay"]

SERVERS = ("uvicorn", "daphne")
_MOST_SOCKETS = "10000"
_MANAGE_WITHIN = 60
_RESTART_WITHIN = 60


def _command(kind: str, application: str, port: int) -> list[str]:
    if kind == "daphne":
        return ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), application]
    return [
        *("-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)),
        *("--ws", "websockets-sansio", "--no-proxy-headers", "--timeout-graceful-shutdown", "10"),
    ]


class _PlaysTikTok(Protocol):
    environment: dict[str, str]


class Relay(Child):
    """The relay on "uvicorn" or "daphne", with a database of its own and one account.

    Args:
        tiktok: the variables that point it at a stand-in are its `environment`.
        streams: how many accounts there are besides, for the streamers of `StandIn.go_live`.
        redis: the address of a Redis, for several processes.
        beside: another process, whose database and accounts it shares; it has none of its own.
        settings: further variables of its environment.

    Attributes:
        path: the account's socket address.
        paths: those of the accounts besides.
        database: SQLite.
    """

    def __init__(
        self,
        kind: str,
        tiktok: _PlaysTikTok,
        streams: int = 0,
        redis: str = "",
        beside: Relay | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        port = free_port()
        self._folder = tempfile.TemporaryDirectory()
        self._beside = beside
        own = Path(self._folder.name) / "bench.sqlite3"
        self.database: Path = own if beside is None else beside.database
        environment = {
            **tiktok.environment,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SECRET_KEY": "of the benchmark",
            "RELAY_MAX_SOCKETS": _MOST_SOCKETS,
            "RELAY_STREAM_STARTS": _MOST_SOCKETS,
            "RELAY_MAX_SOCKETS_PER_ADDRESS": _MOST_SOCKETS,
            "RELAY_TIKTOK_RATE": _MOST_SOCKETS,
            **({"REDIS_URL": redis} if redis else {}),
            **(settings or {}),
        }
        super().__init__(_command(kind, "relay_project.asgi:application", port), environment, port)
        self.port: int = port
        self.path = ""
        self.paths: list[str] = []
        self._streams = streams

    def __enter__(self) -> Relay:
        if self._beside is None:
            self._make_accounts()
        else:
            self.path, self.paths = self._beside.path, self._beside.paths
        super().__enter__()
        return self

    def _make_accounts(self) -> None:
        self._manage("manage.py", "migrate", "--verbosity", "0")
        account = self._manage("manage.py", "add_account", "bench", "--tiktok-username", STREAMER)
        self.path = f"/ws/{json.loads(account)['token']}"
        if self._streams:
            tokens = self._manage("-m", "bench.accounts", str(self._streams))
            self.paths = [f"/ws/{token}" for token in json.loads(tokens)]

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(None, None, None)
        self._folder.cleanup()

    def restart(self) -> None:
        """Stop it as an operator does, with SIGTERM, and start it again on the same port."""
        self.stop(_RESTART_WITHIN)
        super().__enter__()

    def _manage(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=_MANAGE_WITHIN,
        ).stdout


class Reference(Child):
    """A server that does nothing but send texts to all its sockets.

    Args:
        kind: "uvicorn" or "daphne" with a bare Channels consumer, or "websockets".
        texts: a file with one frame's text a line.
    """

    path = "/"

    def __init__(self, kind: str, texts: Path) -> None:
        port = free_port()
        if kind == "websockets":
            command = ["-m", "bench.broadcast_reference", str(port)]
        else:
            command = _command(kind, "bench.channels_reference:application", port)
        environment = {"BENCH_TEXTS": str(texts), "PYTHONPATH": os.fspath(ROOT)}
        super().__init__(command, environment, port)
        self.port: int = port

    def publish(self, events: int, rate: float, burst: int) -> None:
        """Begin to send that many texts, so many a second, `burst` at a time."""
        address = f"http://127.0.0.1:{self.port}/publish?{events},{rate:g},{burst}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            answer.read()


class Plain(Child):
    """A server that greets each socket with one text, and does nothing else.

    Args:
        kind: "uvicorn" or "daphne".
    """

    path = "/"

    def __init__(self, kind: str) -> None:
        port = free_port()
        super().__init__(
            _command(kind, "bench.plain_reference:application", port),
            {"PYTHONPATH": os.fspath(ROOT)},
            port,
        )
        self.port: int = port
