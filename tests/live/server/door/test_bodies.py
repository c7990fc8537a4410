"""The bodies of requests: their size, and the time in which they arrive."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from live.server.door.bodies import Bodies
from tests.support.clock import now, virtual_time

MOST = 100
SECONDS = 10.0


class Request:
    """One request, and the answer to it.

    Args:
        chunks: of the body, with the seconds before each.
    """

    def __init__(self, *chunks: tuple[float, bytes], path: str = "/login/", **headers: str) -> None:
        self.scope = {
            "type": "http",
            "path": path,
            "query_string": b"lang=en",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self.sent: list[dict[str, Any]] = []
        self.read = 0
        self._chunks = list(chunks)

    async def receive(self) -> dict[str, Any]:
        if not self._chunks:
            return {"type": "http.disconnect"}
        pause, chunk = self._chunks.pop(0)
        await asyncio.sleep(pause)
        self.read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def ask(self) -> int:
        """The status of the answer."""
        await Bodies(answer_ok, MOST, SECONDS)(self.scope, self.receive, self.send)
        return int(self.sent[0]["status"])

    @property
    def answer(self) -> bytes:
        return bytes(self.sent[1]["body"])


async def answer_ok(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads all of the body."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    assert (await receive())["type"] == "http.disconnect"
    await send({"type": "http.response.body", "body": b"ok"})


class TestSize:
    @virtual_time
    async def test_a_small_one_is_read(self) -> None:
        assert await Request((0, b"x" * MOST), content_length=str(MOST)).ask() == 200
        assert await Request((0, b"x" * 50), (0, b"x" * 50)).ask() == 200
        assert await Request((0, b"")).ask() == 200

    @virtual_time
    async def test_a_large_one_is_refused_before_it_is_read(self) -> None:
        request = Request((0, b"x" * (MOST + 1)), content_length=str(MOST + 1))
        assert await request.ask() == 413
        assert request.read == 0
        assert request.answer == b"The request is too large.\n"
        assert (b"connection", b"close") in request.sent[0]["headers"]

    @virtual_time
    async def test_one_in_chunks_is_counted(self) -> None:
        request = Request((0, b"x" * 60), (0, b"x" * 60), (0, b"x" * 60))
        assert await request.ask() == 413
        assert request.read == 120

    @virtual_time
    async def test_one_that_says_less_than_it_is_is_counted(self) -> None:
        assert await Request((0, b"x" * (MOST + 1)), content_length="1").ask() == 413

    @virtual_time
    async def test_the_api_answers_as_it_always_does(self) -> None:
        request = Request(content_length="1000", path="/api/v1/account")
        assert await request.ask() == 413
        assert json.loads(request.answer) == {
            "code": "bad_request",
            "title": "The app sent something wrong",
            "detail": "The request is too large.",
        }


class TestTime:
    @virtual_time
    async def test_all_of_it_has_its_time(self) -> None:
        began = now()
        request = Request(*[(4.0, b"x")] * 10)
        assert await request.ask() == 408
        assert SECONDS <= now() - began <= SECONDS + 1

    @virtual_time
    async def test_the_answer_has_any_time(self) -> None:
        async def think(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await asyncio.sleep(10 * SECONDS)
            await answer_ok(scope, receive, send)

        request = Request((1.0, b"x"))
        await Bodies(think, MOST, SECONDS)(request.scope, request.receive, request.send)
        assert request.sent[0]["status"] == 200
