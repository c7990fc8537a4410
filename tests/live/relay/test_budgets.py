"""What one account can spend of the limits that all accounts share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pytest_django import Settings

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.budgets import AccountBudgets
from live.relay.relay import Relay
from live.server.assembly import make_relay
from tests.support.clock import VirtualClock, virtual_time
from tests.support.sessions import FakePhone, KeptLog
from tests.support.upstreams import World

LIMIT = 3


@asynccontextmanager
async def open_relay() -> AsyncIterator[tuple[World, Relay]]:
    world = World()
    relay = make_relay(world, VirtualClock())
    log: Any = KeptLog()  # threads and virtual time don't go together
    relay.connection_log = log
    try:
        yield world, relay
    finally:
        await relay.close()


@pytest.fixture(autouse=True)
def _short_budget(settings: Settings) -> None:
    settings.RELAY_STREAM_STARTS = LIMIT


class _Moved:
    """What a session sees of a token that is looked up anew, after its account was changed."""

    def __init__(self, tiktok_username: str) -> None:
        self.user: Any = self
        self.pk = 1
        self.is_active = True
        self.tiktok_username = tiktok_username

    def sign_api_key(self) -> str:
        return ""

    def proxy(self) -> str:
        return ""

    def is_usable(self) -> bool:
        return True


class TestStreamStarts:
    @virtual_time
    async def test_changes_of_the_username_spend_no_more_than_the_budget(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, Account(1, "name0", ""))
            await phone.until("connected")
            for n in range(1, 20):
                moved: Any = _Moved(f"name{n}")
                phone.session.recheck(moved)
                if n < LIMIT:
                    await phone.until("connected")
            error = (await phone.until("error"))["data"]
            assert len(world.upstreams) == LIMIT
            assert (error["code"], error["close_code"]) == ("too_many_connections", 1008)
            assert 0 < error["retry_after"] <= 600 / LIMIT
            assert error["detail"] == (
                "The account has connected to too many LIVEs in a short time."
            )
            assert error["hint"] == "Try again in a few minutes."

            # Another account has a budget of its own.
            other = FakePhone(relay, Account(2, "carol", ""))
            await other.until("connected")
            await other.session.end()
            await phone.session.end()

    @virtual_time
    async def test_to_join_a_stream_that_exists_costs_nothing(self) -> None:
        async with open_relay() as (world, relay):
            phones = [FakePhone(relay, Account(1, "alice", "")) for _ in range(8)]
            await phones[-1].until("connected")
            assert len(world.upstreams) == 1
            for phone in phones:
                await phone.session.end()
            back = FakePhone(relay, Account(1, "alice", ""))  # it lingers
            await back.until("connected")
            await back.session.end()
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_who_is_refused_does_not_count_as_a_socket(self) -> None:
        async with open_relay() as (_world, relay):
            joined = [relay.join(Account(1, f"name{n}", ""), SocketOptions()) for n in range(LIMIT)]
            for _ in range(20):
                with pytest.raises(RelayError) as refused:
                    relay.join(Account(1, "another", ""), SocketOptions())
                assert refused.value.retry_after
            for _ in range(10 - LIMIT):
                joined.append(relay.join(Account(1, "name0", ""), SocketOptions()))
            for stream in joined:
                relay.leave(stream, Account(1, stream.username, ""), SocketOptions())

    @virtual_time
    async def test_a_stream_that_was_moved_away_from_lingers_for_seconds_only(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, Account(1, "name0", ""))
            await phone.until("connected")
            moved: Any = _Moved("name1")
            phone.session.recheck(moved)
            await phone.until("connected")
            assert len(world.open_upstreams) == 2
            await asyncio.sleep(4)
            assert [upstream.username for upstream in world.open_upstreams] == ["name1"]
            await phone.session.end()


def test_look_ups_have_a_budget_of_their_own() -> None:
    budgets = AccountBudgets(starts=1, lookups=2, monotonic=lambda: 0.0)
    budgets.start_stream(1)
    budgets.look_up(1)
    budgets.look_up(1)
    budgets.look_up(2)
    with pytest.raises(RelayError) as refused:
        budgets.look_up(1)
    assert refused.value.code is ErrorCode.TOO_MANY_CONNECTIONS
    assert refused.value.retry_after == 300
