"""Refuses attempts to sign in of clients that are over their limit, before Django has the request.

Django takes a thread for each request, and threads share Python's lock with the event loop. So
somebody who guesses passwords would delay the frames of all phones, even with guesses that nobody
looks at. `accounts.lockout` knows the limits, and counts the attempts that come through.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from io import BytesIO
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError

from accounts import lockout, requests

__all__ = ["SignInDoor"]

# A client that comes again before its time is answered after about so many seconds, so that it
# can't keep the server busy by asking again at once. The range keeps many apart that came together.
_DELAY = (0.5, 1.5)
# How many answers are held back at the same time, at most. Others are answered at once.
_MOST_DELAYED = 1_000


class SignInDoor:
    """It wraps an ASGI application for HTTP.

    Args:
        application: the application to wrap.
        delay: the seconds that a refusal takes, from and to.
    """

    def __init__(self, application: Any, delay: tuple[float, float] = _DELAY) -> None:
        self._application = application
        self._delay = delay
        self._delayed = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST" or not lockout.limits.has_to_wait(requests.client(scope)):
            await self._application(scope, receive, send)
            return
        body = await _read(scope, receive)
        refusal = _refusal(scope, b"".join(message.get("body", b"") for message in body))
        if refusal is None:

            async def receive_again() -> Any:
                return body.popleft() if body else await receive()

            await self._application(scope, receive_again, send)
            return
        if not body:  # what is left of it would be taken for the next request
            refusal["Connection"] = "close"
        await self._wait()
        await _answer(refusal, send)

    async def _wait(self) -> None:
        if self._delayed < _MOST_DELAYED:
            self._delayed += 1
            try:
                await asyncio.sleep(random.uniform(*self._delay))  # noqa: S311 -- no secret
            finally:
                self._delayed -= 1


async def _read(scope: Any, receive: Any) -> deque[Any]:
    """The messages of the body; none if it is larger than what a form to sign in sends."""
    messages: deque[Any] = deque()
    if lockout.is_form(requests.header(scope, b"content-length")):
        while not messages or messages[-1].get("more_body", False):
            messages.append(await receive())
    return messages


def _refusal(scope: Any, body: bytes) -> HttpResponse | None:
    try:
        return lockout.early_refusal(ASGIRequest(scope, BytesIO(body)))
    except (BadRequest, LookupError, MultiPartParserError, SuspiciousOperation, UnicodeError):
        return None  # Django says what is wrong with it


async def _answer(response: HttpResponse, send: Any) -> None:
    headers = [
        (name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()
    ]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": response.content})
