"""What newsrooms gather and publish."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings

from accounts.models import User
from live.connections.record import Connection
from live.protocol.options import SocketOptions
from live.relay import numbers as newsroom
from live.relay.relay import Account, Relay
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.upstreams import World

ALICE = Account(1, "alice", "")


class Newsstand:
    """A relay whose TikTok is scripted, and a member of the group that its newsroom sends to."""

    def __init__(self) -> None:
        self.world = World()
        self.relay = Relay(self.world.upstream)
        self.layer = get_channel_layer()
        self.channel = ""

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.layer.receive(self.channel)
        return message

    async def has_news(self, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self.next()
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def open_newsstand() -> AsyncIterator[Newsstand]:
    stand = Newsstand()
    stand.channel = await stand.layer.new_channel()
    await stand.layer.group_add(newsroom.GROUP, stand.channel)
    try:
        yield stand
    finally:
        await stand.layer.group_discard(newsroom.GROUP, stand.channel)
        await stand.relay.close()


@dataclass(eq=False)
class PhonesSocket:
    """What newsrooms see of a `live.relay.relay.Socket`."""

    connection: Connection
    lag: int
    stalled_for: float


class TestNumbers:
    @virtual_time
    async def test_it_works(self) -> None:
        async with open_newsstand() as stand:
            stream = stand.relay.join(ALICE, SocketOptions())
            await stand.relay.probe("alice", "")
            stand.relay.newsroom.watch()
            message = await stand.next()
            assert message["type"] == "staff.numbers"
            numbers = message["numbers"]
            assert json.loads(json.dumps(numbers)) == numbers
            assert numbers["streams"] == [
                {
                    "username": "alice",
                    "state": "live",
                    "attempt": None,
                    "since": list(stream.history)[-1].at,
                    "sockets": 1,
                    "events": None,
                    "faults": 0,
                }
            ]
            assert numbers["gates"] == [{"label": "", "remaining": None, "closed_until": None}]
            assert (numbers["sockets"], numbers["is_test"], numbers["slow"]) == (0, False, [])

    @virtual_time
    async def test_it_counts_events_a_second(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.join(ALICE, SocketOptions())
            await stand.relay.probe("alice", "")
            stand.relay.newsroom.watch()
            for _ in range(30):
                stand.world.newest.say(*(messages.chat("viewer", "hello") for _ in range(7)))
                numbers = (await stand.next())["numbers"]
            assert numbers["streams"][0]["events"] == pytest.approx(7, abs=0.1)
            assert numbers["events"] == pytest.approx(7, abs=0.1)

    @virtual_time
    async def test_it_counts_nothing_where_there_is_nothing(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.newsroom.watch()
            numbers = (await stand.next())["numbers"]
            assert (numbers["streams"], numbers["events"]) == ([], 0)

    @virtual_time
    async def test_it_knows_no_rates_while_nobody_watches(self) -> None:
        async with open_newsstand() as stand:
            numbers = await stand.relay.newsroom.numbers()
            assert (numbers["events"], numbers["cpu"]) == (None, None)

    async def test_it_never_tells_a_key(self, settings: Settings) -> None:
        settings.SIGN_API_KEY = "secret-of-the-server"
        async with open_newsstand() as stand:
            gate = stand.relay.streams.gate("")
            gate.on_answer(429, {"ratelimit-reset": "30"})
            stand.relay.join(Account(1, "alice", "secret-of-alice"), SocketOptions())
            numbers = await stand.relay.newsroom.numbers()
            assert [gate["label"] for gate in numbers["gates"]] == ["", "@alice"]
            assert numbers["gates"][0]["remaining"] == 0
            assert numbers["gates"][0]["closed_until"] == round(gate.closed_until * 1000)
            assert "secret" not in json.dumps(numbers)

    @pytest.mark.django_db(transaction=True)
    async def test_it_names_slow_sockets_the_slowest_first(self) -> None:
        account = await User.objects.acreate(username="studio")
        async with open_newsstand() as stand:
            for prefix, lag, stalled_for in [
                ("fast", 3, 0.0),
                ("lagging", 400, 0.0),
                ("stalled", 0, 12.34),
            ]:
                connection = Connection(address=None, user_agent="", account_id=account.pk)
                connection.token_prefix, connection.tiktok_username = prefix, "alice"
                socket: Any = PhonesSocket(connection, lag, stalled_for)
                stand.relay.sockets.add(socket)
            slow = (await stand.relay.newsroom.numbers())["slow"]
            stand.relay.sockets.clear()
        assert [(socket["token"], socket["account"]) for socket in slow] == [
            ("stalled", "studio"),
            ("lagging", "studio"),
        ]
        assert (slow[0]["stalled_for"], slow[1]["lag"]) == (12.3, 400)


class TestWatching:
    @virtual_time
    async def test_it_works(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.newsroom.watch()
            await asyncio.sleep(10.5)
            for _ in range(11):
                assert await stand.has_news(within=0.001)
            assert not await stand.has_news(within=0.001)

    @virtual_time
    async def test_it_says_nothing_unless_somebody_watches(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.join(ALICE, SocketOptions())
            assert not await stand.has_news(within=300)

    @virtual_time
    async def test_it_ends_a_minute_after_the_last_time(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.newsroom.watch()
            await asyncio.sleep(40)
            stand.relay.newsroom.watch()
            for _ in range(100):
                await stand.next()
            assert not await stand.has_news(within=300)
            stand.relay.newsroom.watch()
            assert await stand.has_news(within=0.001)

    @virtual_time
    async def test_it_ends_with_the_relay(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.newsroom.watch()
            await stand.next()
            await stand.relay.close()
            await settle()
            assert not await stand.has_news(within=300)


class TestRows:
    @virtual_time
    async def test_it_works(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.newsroom.watch()
            assert (await stand.next())["type"] == "staff.numbers"
            await settle()
            stand.relay.newsroom.rows_written([7])
            stand.relay.newsroom.rows_written([7, 8])
            assert (await stand.next())["type"] == "staff.numbers"
            assert await stand.next() == {"type": "staff.connections"}
            assert (await stand.next())["type"] == "staff.numbers"
            assert (await stand.next())["type"] == "staff.numbers"

    @virtual_time
    async def test_it_forgets_those_that_nobody_waited_for(self) -> None:
        async with open_newsstand() as stand:
            stand.relay.newsroom.rows_written([7])
            stand.relay.newsroom.watch()
            for _ in range(2):
                assert (await stand.next())["type"] == "staff.numbers"
