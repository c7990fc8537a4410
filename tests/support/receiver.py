"""A receiver of webhooks, as somebody else would write one: it checks signatures with the library
of Standard Webhooks."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

__all__ = ["Got", "Receiver", "Reply"]

_WITHIN = 30.0


@dataclass(frozen=True)
class Got:
    """A request that has come."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def verified(self, secret: str) -> Any:
        """The payload. Raises WebhookVerificationError if the signature is not that of the
        secret."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass(frozen=True)
class Reply:
    """What the receiver answers.

    Attributes:
        after: seconds until it does.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: float = 0.0


class Receiver:
    """Answers 204, or what `replies` says, one after the other.

    Attributes:
        got: all requests.
    """

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.replies: deque[Reply] = deque()
        self._news = asyncio.Condition()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        self.port = 0

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, number: int) -> list[Got]:
        """All requests, once there are so many."""
        async with asyncio.timeout(_WITHIN), self._news:
            await self._news.wait_for(lambda: len(self.got) >= number)
        return self.got

    async def until_type(self, type: str) -> Got:
        """The first request of that type."""

        def found() -> Got | None:
            return next((got for got in self.got if got.json.get("type") == type), None)

        async with asyncio.timeout(_WITHIN), self._news:
            await self._news.wait_for(found)
        first = found()
        assert first is not None
        return first

    async def _answer(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = self.replies.popleft() if self.replies else Reply()
        async with self._news:
            self.got.append(Got(request.path, headers, body))
            self._news.notify_all()
        await asyncio.sleep(reply.after)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
