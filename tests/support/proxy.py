"""Proxies between a client and a server, with which tests cut or freeze their connections."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_CHUNK = 65536


@dataclass(eq=False)
class _Connection:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    flowing: asyncio.Event

    def abort(self) -> None:
        self.flowing.set()
        self.near.transport.abort()
        self.far.transport.abort()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy(ABC):
    """Passes connections on: `async with` starts and stops it.

    Args:
        tls: what it speaks TLS with to its clients; None for none.

    Attributes:
        port: the proxy's own, to which clients connect.
        refuses: while true, new connections are aborted at once.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.port = 0
        self.refuses = False
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def is_idle(self) -> None:
        """Wait until no client is connected, nor waits to be let through."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """Abort all open connections; client and server notice at once."""
        for connection in self._connections:
            connection.abort()

    def freeze(self) -> None:
        """Pass nothing on any more over the open connections; neither client nor server notices."""
        for connection in self._connections:
            connection.flowing.clear()

    def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self.refuses:
            near.transport.abort()
            return
        task = asyncio.create_task(self._carry(reader, near), name="proxy")
        self._tasks.add(task)

        def is_over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            near.close()  # what has been written already still goes out, unless it was cut

        task.add_done_callback(is_over)

    @abstractmethod
    async def _open(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> Streams:
        """Connect to where the client wants to go.

        Args:
            reader, near: the client's connection.

        Raises:
            ConnectionError, EOFError: there is nowhere to go. What was written to the client is
                still sent, and its connection is closed.
        """

    async def _carry(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        opening = asyncio.ensure_future(self._open(reader, near))
        try:
            far_reader, far = await asyncio.shield(opening)
        except (ConnectionError, EOFError):
            return
        except asyncio.CancelledError:
            await _give_up(opening)
            raise
        connection = _Connection(near, far, asyncio.Event())
        connection.flowing.set()
        self._connections.add(connection)
        ways = [
            asyncio.create_task(_pump(reader, far, connection.flowing), name="proxy up"),
            asyncio.create_task(_pump(far_reader, near, connection.flowing), name="proxy down"),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections.discard(connection)
            far.close()
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)


async def _give_up(opening: asyncio.Future[Streams]) -> None:
    """asyncio may leave a socket open when `open_connection` is cancelled; so let it end first."""
    await asyncio.wait([opening], timeout=1)
    if opening.done() and not opening.exception():
        opening.result()[1].close()
    opening.cancel()
    await asyncio.wait([opening])


class CuttableProxy(Proxy):
    """Passes connections on to one server: `async with CuttableProxy(server_port) as proxy`.

    Args:
        port: the server's.
        tls: what it speaks TLS with to its clients; None for none.
        source: this machine's address that the server takes for the client's.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, source: str = HOST) -> None:
        super().__init__(tls)
        self._far_port = port
        self._source = source

    @property
    def address(self) -> str:
        """The http:// address of the proxy; for a socket, put ws:// in its place."""
        return f"http://{HOST}:{self.port}"

    async def _open(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> Streams:
        return await asyncio.open_connection(HOST, self._far_port, local_addr=(self._source, 0))


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event
) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            await flowing.wait()
            writer.write(data)
            await writer.drain()
