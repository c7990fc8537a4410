"""A mail server that keeps what it is given: as much of SMTP as Django's mails need."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self

__all__ = ["MailServer"]

_WITHIN = 60.0


class MailServer:
    """Attributes:
    got: all mails, the oldest first.
    """

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.port = 0
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def until(self, number: int) -> list[EmailMessage]:
        """All mails, once there are so many."""
        async with asyncio.timeout(_WITHIN), self._news:
            await self._news.wait_for(lambda: len(self.got) >= number)
        return self.got

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 mail\r\n")
            while line := await reader.readline():
                command = line.strip().upper()
                if command == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await self._take(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
                await writer.drain()
                if command == b"QUIT":
                    break
        finally:
            writer.close()

    async def _take(self, given: bytes) -> None:
        parsed = message_from_bytes(given.removesuffix(b".\r\n"), policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        async with self._news:
            self.got.append(parsed)
            self._news.notify_all()
