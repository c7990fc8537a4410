"""Clients of the relay as cheap as they can be, so that a hundred fit beside the server.

One process holds all sockets. Each is a bare protocol on uvloop that does the WebSocket handshake,
splits frames, counts events, answers pings and, where asked to, notes when each event came. No
extension is offered, so nothing is compressed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.processes import Helper, answer_commands

__all__ = ["Phone", "Phones", "connect", "until"]

_KEY = base64.b64encode(bytes(16)).decode()
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
# Every event's frame has one, and so has each event in a batch.
_CURSOR = b'"cursor":"'
_GAP = b'{"type":"gap"'
_ID = re.compile(rb'"id":"(\d+)","data"')
# A client that does not read, does not have the kernel read much for it.
_SMALL_BUFFER = 65_536
_POLL = 0.02
_GREETED_WITHIN = 50.0


class Phones(Helper):
    """The parent's side."""

    def __init__(self) -> None:
        super().__init__(["-m", "bench.phones"])

    def open(self, port: int, path: str, count: int, greeting: bool, stamps: bool = False) -> None:
        """Open more sockets; returns when all are open and, if `greeting`, have their first frame.

        Args:
            stamps: note when each event comes.
        """
        self.ask("open", port=port, path=path, count=count, greeting=greeting, stamps=stamps)

    def open_each(self, port: int, paths: Sequence[str], stamps: bool = False) -> None:
        """Open a socket on each path, and return when all have their first frame.

        Args:
            stamps: note when each event comes.
        """
        self.ask("open_each", port=port, paths=paths, stamps=stamps)

    def visit(self, port: int, path: str, count: int, at_once: int) -> float:
        """Open that many sockets, `at_once` at any time, each closed once it has its first frame.

        Returns:
            The seconds that all of it took.
        """
        seconds: float = self.ask("visit", port=port, path=path, count=count, at_once=at_once)
        return seconds

    def reset(self) -> None:
        """Forget what has come so far."""
        self.ask("reset")

    def wait_for_events(self, each: int, within: float) -> dict[str, Any]:
        """Return `counts()` once every socket that reads has `each` events, or when time is up."""
        counts: dict[str, Any] = self.ask("wait_for_events", within + 10, each=each, seconds=within)
        return counts

    def counts(self) -> dict[str, Any]:
        """`events`: by socket; `bytes`: all; `closed`: close codes of sockets that are closed."""
        counts: dict[str, Any] = self.ask("counts")
        return counts

    def latencies(self, pushed: dict[str, float]) -> list[float]:
        """From push to arrival, seconds, sorted, of every event on every socket."""
        latencies: list[float] = self.ask("latencies", pushed=pushed)
        return latencies

    def latencies_each(self, pushed: Sequence[dict[str, float]]) -> list[float]:
        """The same, where each socket of `open_each` has a stream of its own."""
        latencies: list[float] = self.ask("latencies_each", pushed=pushed)
        return latencies

    def stall(self) -> None:
        """The last socket stops reading."""
        self.ask("stall")

    def resume(self, within: float) -> dict[str, Any]:
        """The last socket reads again, for some seconds or until it is closed.

        Returns:
            `events`, `gaps`: how many; `code`: of the close, if there was one; `last`: its last
            text.
        """
        told: dict[str, Any] = self.ask("resume", within + 10, seconds=within)
        return told


class Phone(asyncio.Protocol):
    """One socket.

    Attributes:
        opened, greeted, gone: futures that are done when the handshake, the first frame and the end
            of the connection have come.
        code: of the close; None while it is open.
    """

    def __init__(self, path: str, stamps: bool) -> None:
        loop = asyncio.get_running_loop()
        self.opened = loop.create_future()
        self.greeted, self.gone = loop.create_future(), loop.create_future()
        self.events = self.bytes = self.texts = self.gaps = 0
        self.last = b""
        self.code: int | None = None
        self.reads = True
        self.arrivals: list[tuple[float, bytes]] = []
        self._path = path
        self._stamps = stamps
        self._closes = False
        self.buffer = bytearray()
        self._transport: Any = None
        self._take: Callable[[], None] = self._take_handshake

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(_REQUEST.format(path=self._path).encode())

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self.buffer += data
        self._take()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.code is None:
            self.code = 1006
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed in the handshake"))
        self.gone.set_result(None)

    def close(self) -> None:
        self._closes = True
        self._reply(_CLOSE, (1000).to_bytes(2, "big"))

    def reset(self) -> None:
        self.events = self.bytes = self.gaps = 0
        self.arrivals.clear()

    def stall(self) -> None:
        self.reads = False
        self._transport.pause_reading()

    def resume(self) -> None:
        self._transport.resume_reading()

    def _take_handshake(self) -> None:
        head, separator, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        if not separator:
            return
        if b" 101 " not in head.partition(b"\r\n")[0]:
            self._transport.abort()
            return
        self.buffer[:] = rest
        self._take = self._take_frames
        if self.opened.cancelled():  # nobody waits for it any more
            self._transport.abort()
            return
        self.opened.set_result(None)
        self._take_frames()

    def _take_frames(self) -> None:
        buffer, at = self.buffer, 0
        while len(buffer) >= at + 2:
            length, body = buffer[at + 1], at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length = int.from_bytes(buffer[body : body + size], "big")
                body += size
            end = body + length
            if len(buffer) < end:
                break
            self._take_frame(buffer[at] & 0xF, body, end)
            at = end
        del buffer[:at]

    def _take_frame(self, opcode: int, start: int, end: int) -> None:
        buffer = self.buffer
        if opcode == _TEXT:
            self.texts += 1
            if self.texts == 1:
                self.greeted.set_result(None)
            self.take_text(start, end)
        elif opcode == _PING:
            self._reply(_PONG, bytes(buffer[start:end]))
        elif opcode == _CLOSE:
            self.code = int.from_bytes(buffer[start : start + 2], "big") or 1005
            if not self._closes:
                self._reply(_CLOSE, bytes(buffer[start:end]))

    def take_text(self, start: int, end: int) -> None:
        """Count a text that lies in the buffer between these places."""
        buffer = self.buffer
        if self._stamps:
            now = time.monotonic()
            self.arrivals += [(now, found) for found in _ID.findall(buffer, start, end)]
        if buffer.startswith(_GAP, start):
            self.gaps += 1
        else:
            self.events += buffer.count(_CURSOR, start, end)
        if not self.reads:
            self.last = bytes(buffer[start:end])

    def _reply(self, opcode: int, payload: bytes) -> None:
        # Masked, as a client must, with zeros.
        self._transport.write(bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload)


async def connect(phone: Phone, port: int) -> None:
    """Open the socket of a phone.

    Raises:
        OSError: it could not be opened.
    """
    raw = socket.socket()
    raw.setblocking(False)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(raw, ("127.0.0.1", port))
        await loop.create_connection(lambda: phone, sock=raw)
    except OSError:
        raw.close()
        raise
    await phone.opened


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until it is true, or time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return
        await asyncio.sleep(_POLL)


class _Commands:
    def __init__(self) -> None:
        self._phones: list[Phone] = []

    async def open(self, port: int, path: str, count: int, greeting: bool, stamps: bool) -> None:
        await self._open(port, [Phone(path, stamps) for _ in range(count)], greeting)

    async def open_each(self, port: int, paths: list[str], stamps: bool) -> None:
        await self._open(port, [Phone(path, stamps) for path in paths], greeting=True)

    async def _open(self, port: int, new: list[Phone], greeting: bool) -> None:
        await asyncio.gather(*(connect(phone, port) for phone in new))
        self._phones += new
        if greeting:
            await until(lambda: all(phone.texts for phone in new), _GREETED_WITHIN)

    async def visit(self, port: int, path: str, count: int, at_once: int) -> float:
        began = time.monotonic()
        left = iter(range(count))

        async def visit_in_turn() -> None:
            for _ in left:
                phone = Phone(path, stamps=False)
                await connect(phone, port)
                await asyncio.wait({phone.greeted, phone.gone}, return_when="FIRST_COMPLETED")
                if not phone.texts or phone.code is not None:
                    raise ConnectionError(f"not greeted, but closed with {phone.code}")
                phone.close()
                await phone.gone

        await asyncio.gather(*(visit_in_turn() for _ in range(at_once)))
        return time.monotonic() - began

    async def reset(self) -> None:
        for phone in self._phones:
            phone.reset()

    async def wait_for_events(self, each: int, seconds: float) -> dict[str, Any]:
        reading = [phone for phone in self._phones if phone.reads]
        await until(lambda: all(phone.events >= each for phone in reading), seconds)
        return await self.counts()

    async def counts(self) -> dict[str, Any]:
        return {
            "events": [phone.events for phone in self._phones],
            "bytes": sum(phone.bytes for phone in self._phones),
            "closed": [phone.code for phone in self._phones if phone.code is not None],
        }

    async def latencies(self, pushed: dict[str, float]) -> list[float]:
        return sorted(
            arrived - pushed[event_id.decode()]
            for phone in self._phones
            for arrived, event_id in phone.arrivals
        )

    async def latencies_each(self, pushed: list[dict[str, float]]) -> list[float]:
        return sorted(
            arrived - of_stream[event_id.decode()]
            for phone, of_stream in zip(self._phones, pushed, strict=True)
            for arrived, event_id in phone.arrivals
        )

    async def stall(self) -> None:
        self._phones[-1].stall()

    async def resume(self, seconds: float) -> dict[str, Any]:
        phone = self._phones[-1]
        phone.resume()
        await until(lambda: phone.code is not None, seconds)
        last = json.loads(phone.last) if phone.last else {}
        return {
            "events": phone.events,
            "gaps": phone.gaps,
            "code": phone.code,
            "last": last.get("data") if last.get("type") == "error" else last.get("type"),
        }


def main() -> None:
    commands = _Commands()
    names = (
        *("open", "open_each", "visit", "reset", "wait_for_events", "counts", "latencies"),
        *("latencies_each", "stall", "resume"),
    )
    answer_commands({name: getattr(commands, name) for name in names})


if __name__ == "__main__":
    main()
