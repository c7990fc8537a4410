"""Sessions of sockets without a server: a phone whose frames are kept, and who may be slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from live.connections.record import Connection
from live.protocol.errors import CloseCode, RelayError
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.relay import Relay
from live.server.assembly import make_relay
from live.sockets.dialects import FRAMES, Dialect
from live.sockets.session import Session
from live.sockets.wire.asgi import Parcel
from tests.support.clock import VirtualClock
from tests.support.upstreams import World

__all__ = ["FakePhone", "KeptLog", "open_relay"]


@asynccontextmanager
async def open_relay(**options: Any) -> AsyncIterator[tuple[World, Relay]]:
    """A relay in front of a `World`, for phones; it is closed in the end.

    Args:
        options: of its streams, as `World` has them.
    """
    world = World(**options)
    relay = make_relay(world, VirtualClock())
    relay.streams = world.streams
    log: Any = KeptLog()  # threads and virtual time don't go together
    relay.connection_log = log
    try:
        yield world, relay
    finally:
        await relay.close()


class KeptLog:
    """A `ConnectionLogWriter` that writes to no database.

    Attributes:
        written: what it was asked for, and of which connection.
    """

    def __init__(self) -> None:
        self.written: list[tuple[str, Connection]] = []

    def opened(self, connection: Connection) -> None:
        self.written.append(("opened", connection))

    def moved(self, connection: Connection) -> None:
        self.written.append(("moved", connection))

    def closed(self, connection: Connection) -> None:
        self.written.append(("closed", connection))

    async def flush(self, within: float) -> None:
        pass


class FakePhone:
    """The client, the wire and the admission of one session.

    Attributes:
        takes: cleared while it takes nothing.
        frames: what it got.
        closed_with: the code that the relay closed with.
        aborted: the connection was dropped.
    """

    language = "en"

    def __init__(
        self,
        relay: Relay,
        account: Account,
        options: SocketOptions | None = None,
        refused: RelayError | None = None,
        dialect: Dialect = FRAMES,
    ) -> None:
        self.takes = asyncio.Event()
        self.takes.set()
        self.frames: list[dict[str, Any]] = []
        self.closed_with: CloseCode | None = None
        self.aborted = False
        self._account = account
        self._options = options or SocketOptions()
        self._refused = refused
        self._news = asyncio.Event()
        self.connection = Connection(None, "")
        self.connection.tiktok_username = account.tiktok_username
        self.session = Session(relay, self, self, self, self.connection, dialect)
        self.session.start()

    def types(self) -> list[str]:
        """Of the frames; in another dialect, the names of the events."""
        return [_name(frame) for frame in self.frames]

    async def until(self, type: str) -> dict[str, Any]:
        """Wait for the next frame of that type, from now on."""
        seen = len(self.frames)
        while True:
            for frame in self.frames[seen:]:
                seen += 1
                if _name(frame) == type:
                    return frame
            self._news.clear()
            await self._news.wait()

    # --- The admission ---

    async def admit(self) -> tuple[Account, SocketOptions]:
        if self._refused is not None:
            raise self._refused
        return self._account, self._options

    # --- The client ---

    async def accept_handshake(self) -> None:
        pass

    async def close(self, code: CloseCode) -> None:
        await self.takes.wait()
        self.closed_with = code

    # --- The wire ---

    async def send(self, parcel: Parcel) -> None:
        await self.takes.wait()
        self.frames += map(json.loads, parcel.texts)
        self._news.set()

    def forget_handshake(self, scope: Any = None) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


def _name(frame: dict[str, Any]) -> str:
    return str(frame["type"] if "type" in frame else frame["event"])
