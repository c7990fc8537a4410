"""What the staff see of a relay: what is gathered, and when it is published."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings

from accounts.models import User
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay import groups
from live.relay.access import Account
from live.relay.numbers import NumbersPublisher
from live.relay.probe import probe
from live.server.assembly import make_relay
from live.tiktok.route_counts import RouteCounts
from standin import messages
from tests.support.clock import VirtualClock, settle, virtual_time
from tests.support.sockets import FakeSocket
from tests.support.upstreams import World

ALICE = Account(1, "alice", "")


class Reader:
    """A relay whose TikTok is scripted, and a member of the group that its numbers go to."""

    def __init__(self) -> None:
        self.world = World()
        self.relay = make_relay(self.world, VirtualClock())
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
async def open_reader() -> AsyncIterator[Reader]:
    reader = Reader()
    reader.channel = await reader.layer.new_channel()
    await reader.layer.group_add(groups.STAFF, reader.channel)
    try:
        yield reader
    finally:
        await reader.layer.group_discard(groups.STAFF, reader.channel)
        await reader.relay.close()


class TestNumbers:
    @virtual_time
    async def test_numbers_tell_streams_gates_and_sockets(self) -> None:
        async with open_reader() as reader:
            stream = reader.relay.join(ALICE, SocketOptions())
            await probe(reader.relay, Account(1, "alice", ""))
            reader.relay.numbers.watch()
            message = await reader.next()
            assert message["type"] == "staff.numbers"
            numbers = message["numbers"]
            assert json.loads(json.dumps(numbers)) == numbers
            assert numbers["streams"] == [
                {
                    "username": "alice",
                    "state": "live",
                    "route": "signed",
                    "attempt": None,
                    "since": list(stream.timeline)[-1].at,
                    "sockets": 1,
                    "accounts": 0,
                    "viewers": None,
                    "curve": [],
                    "events": None,
                    "faults": 0,
                    "undecodable": 0,
                    "problem": "",
                    "problem_at": None,
                    "leads": True,
                }
            ]
            assert numbers["gates"] == [{"label": "", "remaining": None, "closed_until": None}]
            assert (numbers["sockets"], numbers["is_test"], numbers["slow"]) == (0, False, [])

    @virtual_time
    async def test_it_counts_events_a_second(self) -> None:
        async with open_reader() as reader:
            reader.relay.join(ALICE, SocketOptions())
            await probe(reader.relay, Account(1, "alice", ""))
            reader.relay.numbers.watch()
            for _ in range(30):
                reader.world.newest.say(*(messages.chat("viewer", "hello") for _ in range(7)))
                numbers = (await reader.next())["numbers"]
            assert numbers["streams"][0]["events"] == pytest.approx(7, abs=0.1)
            assert numbers["events"] == pytest.approx(7, abs=0.1)

    @virtual_time
    async def test_it_counts_nothing_where_there_is_nothing(self) -> None:
        async with open_reader() as reader:
            reader.relay.numbers.watch()
            numbers = (await reader.next())["numbers"]
            assert (numbers["streams"], numbers["events"]) == ([], 0)

    @virtual_time
    async def test_it_knows_no_rates_while_nobody_watches(self) -> None:
        async with open_reader() as reader:
            numbers = await reader.relay.numbers.now()
            assert (numbers["events"], numbers["cpu"]) == (None, None)

    async def test_it_never_tells_a_key(self, settings: Settings) -> None:
        settings.SIGN_API_KEY = "secret-of-the-server"
        async with open_reader() as reader:
            gate = reader.relay.streams.access("").gate
            gate.on_answer(429, {"ratelimit-reset": "30"})
            reader.relay.join(Account(1, "alice", "secret-of-alice"), SocketOptions())
            numbers = await reader.relay.numbers.now()
            assert [gate["label"] for gate in numbers["gates"]] == ["", "@alice"]
            assert numbers["gates"][0]["remaining"] == 0
            until = numbers["gates"][0]["closed_until"]
            assert until == pytest.approx(gate.closed_until * 1000, abs=500)
            assert "secret" not in json.dumps(numbers)

    @virtual_time
    async def test_it_shows_a_closed_gate_while_it_is_closed(self) -> None:
        async with open_reader() as reader:
            relay = reader.relay
            account = Account(1, "alice", "secret-of-alice")
            gate = relay.streams.access(account.sign_api_key).gate
            reader.world.answers.append(RelayError(ErrorCode.RATE_LIMITED, username="alice"))
            stream = relay.join(account, SocketOptions())
            gate.on_answer(429, {"ratelimit-reset": "30"})
            await asyncio.sleep(1)
            relay.leave(stream, account, SocketOptions())
            assert not list(relay.streams)  # its stream has ended at once
            numbers = await relay.numbers.now()
            assert [gate["label"] for gate in numbers["gates"]] == ["", "@alice"]
            until = numbers["gates"][1]["closed_until"]
            assert until == pytest.approx(gate.closed_until * 1000, abs=500)
            assert "secret" not in json.dumps(numbers)
            await asyncio.sleep(30)
            assert [gate["label"] for gate in (await relay.numbers.now())["gates"]] == [""]

    @virtual_time
    async def test_it_shows_for_how_long_tiktok_is_not_asked(self) -> None:
        async with open_reader() as reader:
            network = reader.relay.networks.main
            numbers = await reader.relay.numbers.now()
            assert [route["closed_until"] for route in numbers["routes"]] == [None]
            assert numbers["pages_closed_until"] is None
            network.web_gate.on_blocked("alice")
            assert (await reader.relay.numbers.now())["pages_closed_until"] is None
            network.web_gate.on_blocked("bob")  # now it is no longer the fault of one LIVE
            for username in ("alice", "bob"):
                network.signed_gate.on_blocked(username)
            numbers = await reader.relay.numbers.now()
            assert json.loads(json.dumps(numbers)) == numbers
            (signed,) = numbers["routes"]
            for until in (numbers["pages_closed_until"], signed["closed_until"]):
                assert until is not None
                assert 12_000 <= until - numbers["at"] <= 18_000
            await asyncio.sleep(18)
            numbers = await reader.relay.numbers.now()
            assert (numbers["pages_closed_until"], numbers["routes"][0]["closed_until"]) == (
                None,
                None,
            )

    @virtual_time
    async def test_it_counts_what_each_route_has_opened_and_failed_at(self) -> None:
        async with open_reader() as reader:
            relay, clock = reader.relay, VirtualClock()
            counts = RouteCounts(["direct", "signed"], clock)
            publisher = NumbersPublisher(
                relay.sockets,
                relay.streams,
                relay.key_users,
                relay.networks,
                counts,
                relay.watching,
                relay.last_minutes,
                clock,
                is_test=False,
            )
            began = clock.unix_ms()
            counts.opened("direct")
            counts.refused("direct", ErrorCode.TIKTOK_TIMEOUT)
            await asyncio.sleep(3600)
            counts.opened("signed")
            for _ in range(2):
                counts.refused("direct", ErrorCode.TIKTOK_BLOCKED)
            relay.networks.main.direct_gate.on_blocked("alice")
            numbers = await publisher.now()
            assert json.loads(json.dumps(numbers)) == numbers
            assert 0 <= began - numbers["first_hour"] < 3_600_000
            direct, signed = numbers["routes"]
            assert direct["closed_until"] is not None
            assert 48_000 <= direct["closed_until"] - numbers["at"] <= 72_000
            assert (direct["name"], direct["opened"]) == ("direct", [1, 0])
            assert list(direct["refused"].items()) == [("tiktok_blocked", 2), ("tiktok_timeout", 1)]
            assert signed == {
                "name": "signed",
                "closed_until": None,
                "opened": [0, 1],
                "refused": {},
            }

    @pytest.mark.django_db(transaction=True)
    async def test_it_names_slow_sockets_the_slowest_first(self) -> None:
        account = await User.objects.acreate(username="studio")
        async with open_reader() as reader:
            for prefix, lag, stalled_for in [
                ("fast", 3, 0.0),
                ("lagging", 400, 0.0),
                ("stalled", 0, 12.34),
            ]:
                socket = FakeSocket(lag=lag, stalled_for=stalled_for)
                connection = socket.connection
                connection.account_id, connection.tiktok_username = account.pk, "alice"
                connection.token_prefix = prefix
                reader.relay.sockets.add(socket)
            slow = (await reader.relay.numbers.now())["slow"]
            for open_one in reader.relay.sockets:
                reader.relay.sockets.remove(open_one)
        assert [(socket["token"], socket["account"]) for socket in slow] == [
            ("stalled", "studio"),
            ("lagging", "studio"),
        ]
        assert (slow[0]["stalled_for"], slow[1]["lag"]) == (12.3, 400)


class TestWatching:
    @virtual_time
    async def test_numbers_come_once_a_second_while_somebody_watches(self) -> None:
        async with open_reader() as reader:
            reader.relay.numbers.watch()
            await asyncio.sleep(10.5)
            for _ in range(11):
                assert await reader.has_news(within=0.001)
            assert not await reader.has_news(within=0.001)

    @virtual_time
    async def test_it_says_nothing_unless_somebody_watches(self) -> None:
        async with open_reader() as reader:
            reader.relay.join(ALICE, SocketOptions())
            assert not await reader.has_news(within=300)

    @virtual_time
    async def test_it_ends_a_minute_after_the_last_time(self) -> None:
        async with open_reader() as reader:
            reader.relay.numbers.watch()
            await asyncio.sleep(40)
            reader.relay.numbers.watch()
            for _ in range(100):
                await reader.next()
            assert not await reader.has_news(within=300)
            reader.relay.numbers.watch()
            assert await reader.has_news(within=0.001)

    @virtual_time
    async def test_it_ends_with_the_relay(self) -> None:
        async with open_reader() as reader:
            reader.relay.numbers.watch()
            await reader.next()
            await reader.relay.close()
            await settle()
            assert not await reader.has_news(within=300)


class TestRows:
    @virtual_time
    async def test_changed_rows_are_announced_once(self) -> None:
        async with open_reader() as reader:
            reader.relay.numbers.watch()
            assert (await reader.next())["type"] == "staff.numbers"
            await settle()
            reader.relay.numbers.rows_written([7])
            reader.relay.numbers.rows_written([7, 8])
            assert (await reader.next())["type"] == "staff.numbers"
            assert await reader.next() == {"type": "staff.connections"}
            assert (await reader.next())["type"] == "staff.numbers"
            assert (await reader.next())["type"] == "staff.numbers"

    @virtual_time
    async def test_it_forgets_those_that_nobody_waited_for(self) -> None:
        async with open_reader() as reader:
            reader.relay.numbers.rows_written([7])
            reader.relay.numbers.watch()
            for _ in range(2):
                assert (await reader.next())["type"] == "staff.numbers"
