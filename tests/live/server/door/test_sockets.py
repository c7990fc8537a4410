"""The sockets of each address: how many are open, and how often tokens are tried in vain; and of
which pages they may be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from live.clock import Clock
from live.relay.failed_tokens import FailedTokens
from live.relay.traffic import Traffic
from live.server.door.sockets import SocketDoor


class Sums:
    """The refusals that were counted."""

    def __init__(self) -> None:
        self.counted: list[tuple[str | None, str, str]] = []

    def add(self, refused: Any, code: str, reason: str) -> None:
        self.counted.append((refused.address, code, reason))


class House:
    """A door with two sockets for each address, and what is behind it."""

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self.failed_tokens = FailedTokens(lambda: 0.0)
        self.refusals = Sums()
        self.traffic = Traffic()
        self.inside = 0
        self.closes = asyncio.Event()
        relay: Any = SimpleNamespace(
            failed_tokens=self.failed_tokens,
            refusals=self.refusals,
            clock=Clock(),
            traffic=self.traffic,
        )
        self.door = SocketDoor(self.serve, relay, most=2, origins=origins)

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        try:
            await self.closes.wait()
        finally:
            self.inside -= 1

    async def knock(
        self, address: str, path: str = "/ws/token", query: str = "lang=en", **headers: str
    ) -> list[Any]:
        """What a client gets that is refused; nothing once it is in, and its socket then closes."""
        sent: list[Any] = []
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "client": (address, 1234),
            "subprotocols": ["bearer", "token"],
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.door(scope, receive, send)
        return sent

    @asynccontextmanager
    async def having(self, *addresses: str, **headers: str) -> AsyncIterator[None]:
        """Sockets of these addresses are open."""
        async with asyncio.TaskGroup() as tasks:
            for address in addresses:
                tasks.create_task(self.knock(address, **headers))
            while self.inside < len(addresses):
                await asyncio.sleep(0)
            yield
            self.closes.set()
        self.closes.clear()

    async def is_refused(
        self, address: str, path: str = "/ws/token", query: str = "", **headers: str
    ) -> bool:
        knock = asyncio.create_task(self.knock(address, path, query, **headers))
        inside = self.inside
        while not knock.done() and self.inside == inside:
            await asyncio.sleep(0)
        if knock.done():
            return bool(knock.result())
        knock.cancel()
        await asyncio.wait([knock])
        return False


class TestNumber:
    async def test_one_too_many_is_told_so(self) -> None:
        house = House()
        async with house.having("192.0.2.1", "192.0.2.1"):
            accept, error, close = await house.knock("192.0.2.1")
        assert accept == {"type": "websocket.accept", "subprotocol": "bearer"}
        assert close == {"type": "websocket.close", "code": 1008}
        data = json.loads(error["text"])["data"]
        assert (data["code"], data["retry_after"]) == ("too_many_connections", 30)
        assert house.refusals.counted == [
            ("192.0.2.1", "too_many_connections", "Too many sockets from this address.")
        ]
        assert house.traffic.frames == {"error": 1}
        assert house.traffic.closed == {"too_many_connections": 1}

    async def test_a_program_that_understands_tikfinity_alone_is_told_an_event(self) -> None:
        house = House()
        async with house.having("192.0.2.1", "192.0.2.1"):
            _accept, error, close = await house.knock("192.0.2.1", "/ws/tikfinity/token")
        event = json.loads(error["text"])
        assert (event["event"], event["data"]["code"]) == ("error", "too_many_connections")
        assert close["code"] == 1008
        assert house.traffic.frames == {"tikfinity": 1}

    async def test_it_is_over_once_one_has_closed(self) -> None:
        house = House()
        async with house.having("192.0.2.1", "192.0.2.1"):
            assert await house.is_refused("192.0.2.1")
        assert not await house.is_refused("192.0.2.1")

    async def test_each_address_has_its_own(self) -> None:
        house = House()
        async with house.having("192.0.2.1", "192.0.2.1"):
            assert not await house.is_refused("192.0.2.2")

    async def test_a_network_of_ipv6_is_one_address(self) -> None:
        house = House()
        async with house.having("2001:db8::1", "2001:db8::2"):
            assert await house.is_refused("2001:db8::3")
            assert not await house.is_refused("2001:db8:0:1::1")

    async def test_it_believes_trusted_proxies(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        house = House()
        async with house.having("10.0.0.1", "10.0.0.1", x_forwarded_for="192.0.2.7"):
            assert await house.is_refused("10.0.0.1", x_forwarded_for="192.0.2.7")
            assert not await house.is_refused("10.0.0.1", x_forwarded_for="192.0.2.8")

    async def test_it_believes_nobody_else(self) -> None:
        house = House()
        async with house.having("192.0.2.1", "192.0.2.1", x_forwarded_for="192.0.2.7"):
            assert await house.is_refused("192.0.2.1", x_forwarded_for="192.0.2.8")


class TestTokens:
    async def test_a_client_with_many_wrong_ones_is_told_to_wait(self) -> None:
        house = House()
        for n in range(5):
            house.failed_tokens.failed("192.0.2.1", f"wrong{n}")
        _accept, error, _close = await house.knock("192.0.2.1")
        data = json.loads(error["text"])["data"]
        assert (data["code"], data["retry_after"]) == ("too_many_connections", 10)
        [(_address, _code, reason)] = house.refusals.counted
        assert reason == "Too many wrong tokens from this address."

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/ws/right", {}),
            ("/ws/right/", {}),
            ("/ws/test/right", {}),
            ("/ws", {"authorization": "Bearer right"}),
            ("/ws/test", {"authorization": "Bearer right"}),
            ("/ws/tikfinity/right", {}),
            ("/ws/tikfinity", {"authorization": "Bearer right"}),
        ],
    )
    async def test_a_token_that_has_worked_gets_in(
        self, path: str, headers: dict[str, str]
    ) -> None:
        house = House()
        house.failed_tokens.works("right")
        for n in range(5):
            house.failed_tokens.failed("192.0.2.1", f"wrong{n}")
        assert not await house.is_refused("192.0.2.1", path=path, **headers)

    async def test_one_in_the_query_gets_in_where_it_may_be_there(self) -> None:
        house = House()
        house.failed_tokens.works("right")
        for n in range(5):
            house.failed_tokens.failed("192.0.2.1", f"wrong{n}")
        query = "token=right"
        assert not await house.is_refused("192.0.2.1", path="/ws/tikfinity", query=query)
        assert await house.is_refused("192.0.2.1", path="/ws", query=query)

    async def test_the_staff_s_socket_has_none(self) -> None:
        house = House()
        for n in range(5):
            house.failed_tokens.failed("192.0.2.1", f"wrong{n}")
        assert not await house.is_refused("192.0.2.1", path="/staff/socket")


class TestOrigins:
    ALLOWED = ("https://app.example", "capacitor://localhost")

    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("https://app.example", "relay.example"),
            ("HTTPS://App.Example", "relay.example"),
            ("capacitor://localhost", "relay.example"),
            ("https://relay.example", "relay.example"),  # the console, and React Native
            ("https://relay.example", "relay.example:443"),
            ("http://localhost:8000", "localhost:8000"),
        ],
    )
    async def test_pages_that_are_allowed_may_and_its_own(self, origin: str, host: str) -> None:
        house = House(self.ALLOWED)
        assert not await house.is_refused("192.0.2.1", origin=origin, host=host)

    async def test_what_is_no_page_may(self) -> None:
        house = House(self.ALLOWED)
        assert not await house.is_refused("192.0.2.1", host="relay.example")

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://sub.app.example",
            "null",
            "app.example",
        ],
    )
    async def test_others_are_told_so(self, origin: str) -> None:
        house = House(self.ALLOWED)
        accept, error, close = await house.knock("192.0.2.1", origin=origin, host="relay.example")
        assert accept == {"type": "websocket.accept", "subprotocol": "bearer"}
        data = json.loads(error["text"])["data"]
        assert (data["code"], data["close_code"]) == ("bad_request", 1008)
        assert "ALLOWED_ORIGINS" in data["detail"]
        assert close == {"type": "websocket.close", "code": 1008}
        assert house.refusals.counted[0][:2] == ("192.0.2.1", "bad_request")
        assert house.inside == 0

    async def test_unless_some_are_named_all_may(self) -> None:
        house = House()
        for origin in ("https://evil.example", "null"):
            assert not await house.is_refused("192.0.2.1", origin=origin, host="relay.example")

    async def test_the_staff_s_socket_has_a_check_of_its_own(self) -> None:
        house = House(self.ALLOWED)
        assert not await house.is_refused(
            "192.0.2.1", path="/staff/socket", origin="https://evil.example", host="relay.example"
        )
