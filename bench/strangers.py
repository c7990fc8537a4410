"""Strangers who guess: clients that try passwords as fast as they are answered, and others that
open sockets with tokens that there are not.

One process holds all of them, so that their work is not the server's.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import re
import secrets
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode

from bench.processes import Helper, answer_commands

__all__ = ["Strangers"]

_HOST = "127.0.0.1"
_HANDSHAKE = (
    "GET /ws/{token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_FORM_SECRET = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')
_COOKIE = re.compile(rb"set-cookie: *csrftoken=(\w+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
# A close frame of a client, without a code: final, close; masked, empty; the mask.
_CLOSE_FRAME = b"\x88\x80\x00\x00\x00\x00"


class Strangers(Helper):
    """The parent's side."""

    def __init__(self) -> None:
        super().__init__(["-m", "bench.strangers"])

    def begin(self, port: int, guessers: int, tokens_a_second: float) -> None:
        """Begin to guess; returns at once."""
        self.ask("begin", port=port, guessers=guessers, tokens_a_second=tokens_a_second)

    def end(self) -> dict[str, Any]:
        """Stop.

        Returns:
            `seconds`: for how long they guessed. `passwords`: how many were answered, by status.
            `tokens`: how many were tried. `refused`: how many of these were told an error.
        """
        told: dict[str, Any] = self.ask("end")
        return told


class _Commands:
    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._passwords: Counter[int] = Counter()
        self._tokens = self._refused = 0

    async def begin(self, port: int, guessers: int, tokens_a_second: float) -> None:
        browsers = [_Browser(port) for _ in range(guessers)]
        for browser in browsers:  # what pages cost is not the question
            await browser.open_form()
        self._began_at = time.monotonic()
        self._tasks = [asyncio.create_task(self._guess(browser)) for browser in browsers]
        self._tasks.append(asyncio.create_task(self._try_tokens(port, tokens_a_second)))

    async def end(self) -> dict[str, Any]:
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if failures := [e for e in results if not isinstance(e, asyncio.CancelledError)]:
            raise RuntimeError(f"strangers failed: {failures}")
        return {
            "seconds": time.monotonic() - self._began_at,
            "passwords": dict(self._passwords),
            "tokens": self._tokens,
            "refused": self._refused,
        }

    async def _guess(self, browser: _Browser) -> None:
        """Guess passwords of ever new usernames, one after the other."""
        while True:
            self._passwords[await browser.guess()] += 1

    async def _try_tokens(self, port: int, rate: float) -> None:
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for number in itertools.count(1):
                tasks.create_task(self._try_token(port))
                await asyncio.sleep(began + number / rate - asyncio.get_running_loop().time())

    async def _try_token(self, port: int) -> None:
        self._tokens += 1
        reader, writer = await asyncio.open_connection(_HOST, port)
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            token = secrets.token_urlsafe(32)
            writer.write(_HANDSHAKE.format(token=token, key=key).encode())
            read = b""
            while b'"type":"error"' not in read:
                data = await reader.read(65536)
                if not data:
                    return
                read += data
            self._refused += 1
            writer.write(_CLOSE_FRAME)
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()


class _Browser:
    """One client of the pages, on a connection that stays open as long as the server lets it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self._cookie = self._secret = ""

    async def open_form(self) -> None:
        page = await self._request("GET")
        form, cookie = _FORM_SECRET.search(page), _COOKIE.search(page)
        assert form, page
        assert cookie, page
        self._secret, self._cookie = form[1].decode(), cookie[1].decode()

    async def guess(self) -> int:
        """Send a password for a username; the status of the answer."""
        fields = {
            "csrfmiddlewaretoken": self._secret,
            "username": f"nobody{secrets.token_hex(4)}",
            "password": secrets.token_hex(4),
        }
        answer = await self._request("POST", urlencode(fields))
        return int(answer.split(None, 2)[1])

    async def _request(self, method: str, body: str = "") -> bytes:
        """The answer, with its headers."""
        lines = [f"{method} /login/ HTTP/1.1", f"Host: {_HOST}", "Accept-Language: en"]
        if self._cookie:
            lines.append(f"Cookie: csrftoken={self._cookie}")
        if body:
            lines.append("Content-Type: application/x-www-form-urlencoded")
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, "", body]).encode()
        while True:
            try:
                return await self._ask(request)
            except (ConnectionError, asyncio.IncompleteReadError):  # the server has closed it
                self._writer = None

    async def _ask(self, request: bytes) -> bytes:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(_HOST, self._port)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert length, head
        return head + await self._reader.readexactly(int(length[1]))


def main() -> None:
    commands = _Commands()
    answer_commands({name: getattr(commands, name) for name in ("begin", "end")})


if __name__ == "__main__":
    main()
