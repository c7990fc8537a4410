"""The adapter between a server and a session, by ASGI's messages. Over real servers, see
tests/end_to_end/test_live.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import AccessToken, User
from live.relay.relay import Relay
from live.server.assembly import make_relay
from live.sockets.phone import PhoneSocket, reject
from tests.support.upstreams import World

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0


class App:
    """One client, without a server in between."""

    def __init__(self, token: str) -> None:
        self.scope = {
            "type": "websocket",
            "client": ("10.0.0.7", 1234),
            "headers": [(b"user-agent", b"App/1")],
            "subprotocols": ["bearer", token],
            "query_string": b"",
        }
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received.put_nowait({"type": "websocket.connect"})
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def served_by(self, relay: Relay) -> None:
        """Returns when the socket has ended."""
        await PhoneSocket(relay, self.scope, self.sent.put, "").serve(self.received.get)

    def say(self, text: str | None = None, data: bytes | None = None) -> None:
        self.received.put_nowait({"type": "websocket.receive", "text": text, "bytes": data})

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN):
            return await self.sent.get()

    async def frame(self, type: str) -> dict[str, Any]:
        """The next frame of that type."""
        while True:
            message = await self.next()
            if message["type"] == "websocket.send":
                frame: dict[str, Any] = json.loads(message["text"])
                if frame["type"] == type:
                    return frame


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    world = World()
    world.connect_time = world.close_time = 0
    relay = make_relay(world)
    yield relay
    await relay.close()


@pytest.fixture
async def token() -> str:
    user = await User.objects.acreate(username="anna", tiktok_username="anna.live")
    _issued, text = await sync_to_async(AccessToken.objects.issue)(user)
    return text


@asynccontextmanager
async def opened(relay: Relay, token: str) -> AsyncIterator[App]:
    app = App(token)
    running = asyncio.create_task(app.served_by(relay))
    try:
        yield app
    finally:
        app.received.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(WITHIN):
            await running


async def test_it_accepts_with_the_subprotocol_and_follows_the_live(
    relay: Relay, token: str
) -> None:
    async with opened(relay, token) as app:
        assert await app.next() == {"type": "websocket.accept", "subprotocol": "bearer"}
        assert (await app.frame("connected"))["data"]["username"] == "anna.live"
        (socket,) = relay.sockets
        assert socket.connection.user_agent == "App/1"
    assert socket.connection.close_code == 1001
    assert not len(relay.sockets)


async def test_a_ping_is_answered_with_its_id(relay: Relay, token: str) -> None:
    async with opened(relay, token) as app:
        await app.frame("connected")
        app.say('{"type":"ping","id":"abc"}')
        assert (await app.frame("pong"))["id"] == "abc"


@pytest.mark.parametrize("said", [{"data": b"binary"}, {"text": "x" * 5000}, {"text": "no json"}])
async def test_anything_else_is_explained_and_closes(
    relay: Relay, token: str, said: dict[str, Any]
) -> None:
    async with opened(relay, token) as app:
        await app.frame("connected")
        app.say(**said)
        app.say('{"type":"ping"}')
        assert (await app.frame("error"))["data"]["code"] == "bad_request"
        message = await app.next()
        assert (message["type"], message["code"]) == ("websocket.close", 1008)
        assert app.sent.empty()


async def test_it_ends_its_session_when_the_server_ends_it(relay: Relay, token: str) -> None:
    app = App(token)
    running = asyncio.create_task(app.served_by(relay))
    await app.frame("connected")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not len(relay.sockets)


async def test_another_address_is_rejected_in_the_handshake() -> None:
    app = App("token")
    await reject(app.scope, app.received.get, app.sent.put)
    assert await app.next() == {"type": "websocket.close"}
