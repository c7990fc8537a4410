"""A host of pictures, as TikTok has them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Self

from aiohttp import web

__all__ = ["PNG", "Host"]

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture"


class Host:
    """Serves what a test says, whatever the path.

    Attributes:
        requests: all that came.
        answers: may be cleared, to hold answers back.
    """

    def __init__(self) -> None:
        self.content = PNG
        self.headers = {"Content-Type": "image/png"}
        self.status = 200
        self.requests: list[web.Request] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.origin = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = "http://127.0.0.1:{1}".format(*self._runner.addresses[0])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answers.set()
        await self._runner.cleanup()

    @property
    def asked_for(self) -> Counter[str]:
        return Counter(request.path for request in self.requests)

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        await self.answers.wait()
        return web.Response(body=self.content, status=self.status, headers=self.headers)
