"""Limits the bodies of requests: their size, and the time in which they arrive.

The pages, the admin and REST take forms and small JSON; the largest body is a sound of 512 KiB that
an account uploads. Without a limit, the server would keep all that a stranger sends until it has
found out that the stranger may send nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec
from django.utils.translation import gettext, override
from django.utils.translation import gettext_noop as _

from accounts import requests
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["MOST", "Bodies", "Refusal"]

# The size of the largest body that is read, in bytes.
MOST = 1024 * 1024

_API = "/api/"


class Refusal(Enum):
    """Why a request is not read to its end."""

    TOO_LARGE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The request is too large."))
    TOO_SLOW = (HTTPStatus.REQUEST_TIMEOUT, _("The request did not arrive in time."))

    @property
    def status(self) -> HTTPStatus:
        return self.value[0]

    def answer(self, scope: Mapping[str, Any]) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The headers and the body of the answer: JSON for the API, else a plain text.

        Args:
            scope: of the request; its `path`, `query_string` and `headers` are read.
        """
        language = requests.language(scope)
        if scope["path"].startswith(_API):
            error = RelayError(ErrorCode.BAD_REQUEST, reason=self.value[1]).explain(language)
            fields = msgspec.to_builtins(error)
            del fields["close_code"]  # of sockets only
            kind, body = b"application/json", msgspec.json.encode(fields)
        else:
            with override(language):
                kind, body = b"text/plain; charset=utf-8", f"{gettext(self.value[1])}\n".encode()
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"content-language", language.encode()),
            (b"connection", b"close"),  # else the rest of the body would be taken for a request
        ]
        return headers, body

    def as_http(self, scope: Mapping[str, Any]) -> bytes:
        """The answer as bytes of HTTP/1.1, for a server whose application is not called."""
        headers, body = self.answer(scope)
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join([*lines, b"", body])


class _RefusedError(Exception):
    """Ends the application's reading."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


class Bodies:
    """Refuses large bodies and slow ones. It wraps an ASGI application for HTTP.

    A body that says its size is refused before any of it is read; one in chunks, as soon as too
    much of it has come.

    Args:
        application: the application to wrap.
        most: the size of a body, in bytes.
        seconds: how long all of a body may take to arrive.
    """

    def __init__(self, application: Any, most: int, seconds: float) -> None:
        self._application = application
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        declared = requests.header(scope, b"content-length")
        if declared.isdecimal() and int(declared) > self._most:
            await _refuse(Refusal.TOO_LARGE, scope, send)
            return
        has_begun = False

        async def noticing_send(message: Any) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        body = _Body(receive, self._most, self._seconds)
        try:
            await self._application(scope, body.receive, noticing_send)
        except _RefusedError as refused:
            if not has_begun:
                await _refuse(refused.refusal, scope, send)


class _Body:
    """The body of one request, on its way to the application."""

    def __init__(self, receive: Any, most: int, seconds: float) -> None:
        self._receive = receive
        self._left = most
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._is_complete = False

    async def receive(self) -> Any:
        """Raises _RefusedError: it is too large, or does not arrive in time."""
        if self._is_complete:  # the application waits for the client to go
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise _RefusedError(Refusal.TOO_SLOW) from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _RefusedError(Refusal.TOO_LARGE)
        self._is_complete = not message.get("more_body", False)
        return message


async def _refuse(refusal: Refusal, scope: Any, send: Any) -> None:
    headers, body = refusal.answer(scope)
    start = {"type": "http.response.start", "status": refusal.status.value, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})
