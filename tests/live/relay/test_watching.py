"""Accounts that are watched, in virtual time, with streams in front of a TikTok of the test's own.
Over real processes, see tests/end_to_end/test_watching.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import OperationalError

from live.protocol.errors import ErrorCode, RelayError
from live.relay.access import Account
from live.relay.budgets import AccountBudgets
from live.relay.day_counts import Cost
from live.relay.key_users import KeyUsers
from live.relay.watch import WatchState
from live.relay.watched_accounts import WatchedAccounts
from live.relay.watching import Watched, Watching
from live.tiktok.pacer import Priority
from standin import messages
from tests.support.clock import VirtualClock, now, settle, virtual_time
from tests.support.streams import LONG, LOST, OFFLINE, gaps, limited
from tests.support.upstreams import World, failure

WAITING, LIVE, FAILING = WatchState.WAITING, WatchState.LIVE, WatchState.FAILING
# A second more than the relay takes to see what others do.
SOON = 2.0
NOT_FOUND = ErrorCode.USER_NOT_FOUND


class Table(WatchedAccounts):
    """The accounts that are watched, where others have a database."""

    def __init__(self) -> None:
        self.rows: dict[int, Account | ErrorCode] = {}
        self.is_down = False
        self.questions: list[Collection[int] | None] = []

    async def all(self) -> Mapping[int, Account | ErrorCode]:
        return await self._answer(None)

    async def among(self, account_ids: Collection[int]) -> Mapping[int, Account | ErrorCode]:
        return await self._answer(account_ids)

    async def _answer(self, ids: Collection[int] | None) -> Mapping[int, Account | ErrorCode]:
        self.questions.append(ids)
        if self.is_down:
            raise OperationalError("gone")
        return {pk: row for pk, row in self.rows.items() if ids is None or pk in ids}

    def stop(self) -> None:
        pass


class Relay:
    """A world, and what watches in it.

    Attributes:
        table: which accounts are watched.
    """

    def __init__(self, world: World, starts: int = 1000) -> None:
        self.world = world
        self.table = Table()
        clock = VirtualClock()
        budgets = AccountBudgets(starts, 1000, clock.monotonic)
        self.watching = Watching(world.streams, budgets, KeyUsers(), clock, world.rng)
        self.watching.accounts = self.table

    def watch(self, pk: int = 1, username: str = "streamer", key: str = "") -> None:
        """Have the account watched, with that username and key from now on, and tell so."""
        self.table.rows[pk] = Account(pk, username, key)
        self.watching.changed([pk])

    def unwatch(self, pk: int = 1) -> None:
        del self.table.rows[pk]
        self.watching.changed([pk])

    @property
    def all(self) -> list[Watched]:
        return sorted(self.watching)

    @property
    def one(self) -> Watched:
        (only,) = self.watching
        return only

    @property
    def heard(self) -> list[tuple[str, int]]:
        pairs = self.watching.listening()
        return sorted((stream.username, account_id) for stream, account_id in pairs)

    async def until(self, state: WatchState) -> None:
        """Wait until the one account is in that state."""
        while [watched.state for watched in self.watching] != [state]:
            await asyncio.sleep(0.25)


@asynccontextmanager
async def relay(*answers: Any, starts: int = 1000, **options: Any) -> AsyncIterator[Relay]:
    """One that watches the account 1, whose streamer is TikTok's @streamer."""
    async with World(*answers, **{"idle_timeout": LONG, **options}).running() as world:
        running = Relay(world, starts)
        running.watch()
        running.watching.start()
        yield running
        await running.watching.close()


def offline(times: int = 1) -> list[RelayError]:
    return [failure(OFFLINE)] * times


class TestALive:
    @virtual_time
    async def test_it_is_heard_once_it_begins(self) -> None:
        async with relay(*offline(3)) as watched:
            await watched.until(WAITING)
            assert watched.heard == [("streamer", 1)]
            await watched.until(LIVE)
            assert len(watched.world.looks) == 4
            assert len(watched.world.upstreams) == 1

    @virtual_time
    async def test_while_the_streamer_is_offline_nobody_is_asked_to_connect(self) -> None:
        async with relay(*offline(10)) as watched:
            await watched.world.looked(10)
            assert watched.world.upstreams == []
            assert set(watched.world.priorities) == {Priority.POLL}

    @virtual_time
    async def test_it_waits_for_the_next_one_after_the_end(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            await asyncio.sleep(100)
            watched.world.answers.extend(offline())
            ended_at = now()
            watched.world.newest.say(messages.end())
            await watched.until(WAITING)
            assert watched.one.why is None
            await watched.world.looked(2)
            assert 10 <= now() - ended_at <= 20  # TikTok's pages may be late
            await watched.until(LIVE)
            assert len(watched.world.upstreams) == 2

    @virtual_time
    async def test_one_that_ends_again_and_again_is_connected_to_ever_more_rarely(self) -> None:
        async with relay() as watched:
            for number in range(8):
                await watched.world.attempted(number + 1)
                while not watched.world.newest.was_opened:
                    await asyncio.sleep(0.1)
                watched.world.newest.say(messages.end())
            attempts = watched.world.attempts
            assert attempts[-1] - attempts[-2] > 450

    @virtual_time
    async def test_a_connection_that_is_cut_is_made_anew_as_for_sockets(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            watched.world.newest.cut()
            await watched.until(WatchState.RECONNECTING)
            await watched.until(LIVE)

    @virtual_time
    async def test_the_log_goes_on_from_before(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            [(before, _)] = watched.watching.listening()
            await asyncio.sleep(100)
            watched.world.newest.say(messages.end())
            await watched.world.attempted(2)
            [(after, _)] = watched.watching.listening()
            assert before is not after
            assert before.log.epoch == after.log.epoch

    @virtual_time
    async def test_one_that_is_over_is_still_told_of_for_some_seconds(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            [(stream, _)] = watched.watching.listening()
            watched.world.newest.say(messages.end())
            await stream.is_over()
            await asyncio.sleep(9)
            assert list(watched.watching.listening()) == [(stream, 1)]


class TestAFailure:
    @virtual_time
    async def test_it_backs_off(self) -> None:
        async with relay(*[failure(ErrorCode.TIKTOK_TIMEOUT)] * 9) as watched:
            await watched.until(FAILING)
            assert watched.one.why is ErrorCode.TIKTOK_TIMEOUT
            await watched.world.looked(4)
            pauses = gaps(watched.world.looks)
            assert [24 <= pauses[0] <= 37, 48 <= pauses[1] <= 73, 96 <= pauses[2] <= 145] == [
                True
            ] * 3

    @virtual_time
    async def test_it_is_over_with_the_next_answer(self) -> None:
        async with relay(failure(LOST), *offline(2)) as watched:
            await watched.until(FAILING)
            await watched.until(WAITING)
            assert watched.one.why is None

    @virtual_time
    async def test_a_limit_of_the_sign_server_is_waited_for(self) -> None:
        async with World().running() as world:
            world.sign_answers.append(limited(60))
            watched = Relay(world)
            watched.watch()
            watched.watching.start()
            await watched.until(FAILING)
            assert watched.one.why is ErrorCode.RATE_LIMITED
            await watched.until(LIVE)
            (_, first), (_, second) = world.sign_requests
            assert 60 <= second - first <= 85
            await watched.watching.close()

    @virtual_time
    async def test_a_new_key_is_tried_at_once(self) -> None:
        async with World().running() as world:
            world.refused_keys["bad"] = 403
            watched = Relay(world)
            watched.watch(key="bad")
            watched.watching.start()
            await watched.until(FAILING)
            assert watched.one.why is ErrorCode.SIGN_FORBIDDEN
            await asyncio.sleep(20)
            watched.watch(key="good")
            changed_at = now()
            await watched.until(LIVE)
            assert now() - changed_at < SOON
            await watched.watching.close()

    @virtual_time
    async def test_somebody_elses_stream_ends_the_pause(self) -> None:
        async with relay(failure(NOT_FOUND)) as watched:
            await watched.until(FAILING)
            await asyncio.sleep(20)
            phone = watched.world.socket()
            await phone.is_live()
            await watched.until(LIVE)
            assert phone.stream.listeners == 2
            phone.leave()

    @virtual_time
    async def test_an_account_does_not_start_more_streams_than_it_may(self) -> None:
        async with relay(*[failure(LOST)] * 9, starts=1) as watched:
            await watched.world.looked(1)
            watched.unwatch()
            await settle()
            watched.watch()
            await watched.until(FAILING)
            assert watched.one.why is ErrorCode.TOO_MANY_CONNECTIONS
            assert len(watched.world.looks) == 1

    @virtual_time
    async def test_an_account_without_a_username_is_left_alone(self) -> None:
        async with relay() as watched:
            watched.table.rows[1] = ErrorCode.USERNAME_MISSING
            await watched.until(FAILING)
            assert watched.one.why is ErrorCode.USERNAME_MISSING
            assert watched.watching.states[FAILING] == 1
            assert watched.world.looks == []
            watched.watch(username="streamer")
            await watched.until(LIVE)


class TestAChange:
    @virtual_time
    async def test_one_that_is_switched_off_is_left_at_once(self) -> None:
        async with relay(*offline(9)) as watched:
            await watched.until(WAITING)
            watched.unwatch()
            await settle()
            assert watched.heard == []
            assert list(watched.world.streams) == []
            assert watched.all == []

    @virtual_time
    async def test_another_username_is_heard_at_once(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            watched.watch(username="another")
            await settle()
            assert watched.heard == [("another", 1)]
            await asyncio.sleep(5)
            assert [stream.username for stream in watched.world.streams] == ["another"]

    @virtual_time
    async def test_a_new_key_is_used_by_the_next_connection(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            watched.watch(key="own")
            await settle()
            watched.world.newest.cut()
            await watched.until(WatchState.RECONNECTING)
            await watched.until(LIVE)
            assert [key for key, _ in watched.world.sign_requests] == ["", "own"]

    @virtual_time
    async def test_one_that_nobody_has_told_of_is_seen_within_a_minute(self) -> None:
        async with relay(*offline(99)) as watched:
            await watched.until(WAITING)
            watched.table.rows[2] = Account(2, "another", "")
            del watched.table.rows[1]
            await asyncio.sleep(62)
            assert watched.heard == [("another", 2)]

    @virtual_time
    async def test_one_that_is_told_asks_the_database_for_that_account_only(self) -> None:
        async with relay(*offline(9)) as watched:
            await watched.until(WAITING)
            watched.watching.changed([1, 7])
            await settle()
            assert watched.table.questions == [None, {1, 7}]

    @virtual_time
    async def test_a_database_that_fails_changes_nothing_and_is_asked_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with relay(*offline(99)) as watched:
            await watched.until(WAITING)
            watched.table.is_down = True
            watched.watch(2, "another")
            await asyncio.sleep(30)
            assert watched.heard == [("streamer", 1)]
            watched.table.is_down = False
            await asyncio.sleep(SOON)
            assert watched.heard == [("another", 2), ("streamer", 1)]
        said = [record.message for record in caplog.records if "can" in record.message]
        assert said == [
            "Watched accounts can't be read in the database: gone",
            "Watched accounts can be read in the database again",
        ]


class TestSharing:
    @virtual_time
    async def test_accounts_with_the_same_username_share_the_stream(self) -> None:
        async with relay() as watched:
            watched.watch(2)
            await asyncio.sleep(SOON)
            assert watched.heard == [("streamer", 1), ("streamer", 2)]
            assert len(watched.world.upstreams) == 1
            watched.unwatch(1)
            await asyncio.sleep(100)
            assert [each.state for each in watched.all] == [LIVE]

    @virtual_time
    async def test_it_is_no_socket(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            [(stream, _)] = watched.watching.listening()
            assert (stream.listeners, stream.sockets, stream.seen().sockets) == (1, 0, 0)

    @virtual_time
    async def test_a_phone_need_not_wait_for_the_look_that_is_due(self) -> None:
        async with relay() as watched:
            watched.world.answers.append(failure(OFFLINE))
            watched.world.connect_time = 50
            await watched.world.looked(1)
            phone = watched.world.socket(wait=True)
            assert watched.world.hastened == ["streamer"]
            phone.leave()

    @virtual_time
    async def test_the_stream_goes_on_when_the_phone_has_left(self) -> None:
        async with relay() as watched:
            phone = watched.world.socket()
            await phone.is_live()
            phone.leave()
            await asyncio.sleep(1000)
            assert [each.state for each in watched.all] == [LIVE]
            assert len(watched.world.upstreams) == 1


class TestMany:
    @virtual_time
    async def test_a_start_with_many_begins_some_at_a_time(self) -> None:
        async with World(*offline(9999)).running() as world:
            watched = Relay(world)
            for pk in range(1, 301):
                watched.table.rows[pk] = Account(pk, f"streamer{pk}", "")
            watched.watching.start()
            await settle()
            assert 20 <= len(watched.heard) <= 40
            assert watched.watching.states[WatchState.CONNECTING] == 300
            await asyncio.sleep(2)
            assert len(watched.heard) == len(watched.all) == 300
            await watched.watching.close()

    @virtual_time
    async def test_the_end_of_the_server_leaves_nothing(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            await watched.watching.hand_over()
            assert watched.heard == [("streamer", 1)]  # until streams have stopped
            await watched.watching.close()
            assert watched.heard == []
            watched.watching.start()  # a request that comes late
            await settle()
            assert watched.heard == []


class TestTheCost:
    @virtual_time
    async def test_looks_and_signatures_are_counted(self) -> None:
        async with relay(*offline(3)) as watched:
            await watched.until(LIVE)
            assert watched.one.cost == Cost(looks=4, signed=1)
            watched.world.newest.cut()
            await watched.until(WatchState.RECONNECTING)
            await watched.until(LIVE)
            assert watched.one.cost == Cost(looks=4, signed=2)

    @virtual_time
    async def test_it_goes_on_with_another_username(self) -> None:
        async with relay() as watched:
            await watched.until(LIVE)
            watched.watch(username="another")
            await watched.world.attempted(2)
            await watched.until(LIVE)
            assert watched.one.cost == Cost(looks=2, signed=2)
