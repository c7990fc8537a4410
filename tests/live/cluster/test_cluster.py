"""Streams that several processes share through Redis. Each `World` is what one process has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from live.protocol.errors import ErrorCode, RelayError
from standin import messages
from tests.support.proxy import CuttableProxy
from tests.support.redis_server import RedisServer
from tests.support.upstreams import Socket, World

Process = Callable[..., Awaitable[World]]


async def until(holds: Callable[[], object], within: float = 15) -> None:
    """Wait until something holds that another process brings about."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.01)


async def listening(world: World, **options: Any) -> Socket:
    return await world.socket(**options).prepared()


class TestFollowing:
    async def test_a_second_process_gets_what_the_first_one_hears(self, process: Process) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        other = await listening(second)
        first.newest.say(messages.chat("bob", "hello"), messages.chat("bob", "again"))
        await until(lambda: other.comments() == ["hello", "again"])

        assert not second.upstreams
        assert [f["cursor"] for f in other.frames()][-1] == one.frames()[-1]["cursor"]
        assert other.stream.status.state == "live"
        assert other.stream.current_room == one.stream.current_room

    async def test_a_newcomer_has_the_snapshot_of_the_live(self, process: Process) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        first.newest.say(messages.chat("bob", "hello"), messages.like("bob", total=77))
        await until(lambda: one.comments() == ["hello"])
        third = await listening(second)  # so that Redis is known to have them
        await until(lambda: third.stream.snapshot().likes == 77)
        third.leave()
        await until(lambda: second.streams.is_empty)
        other = await listening(second)
        assert other.stream is not third.stream
        assert other.stream.snapshot().likes == 77
        assert len(other.stream.snapshot().comments) == 1

    async def test_a_phone_resumes_in_another_process(self, process: Process) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        first.newest.say(messages.chat("bob", "1"))
        cursor = one.cursor
        first.newest.say(messages.chat("bob", "2"), messages.chat("bob", "3"))
        other = await listening(second, since=cursor)
        await until(lambda: other.comments() == ["2", "3"])
        assert other.resumed
        assert not other.of_type("gap")

    async def test_a_phone_that_comes_before_the_log_gets_nothing_twice(
        self, process: Process, redis: RedisServer
    ) -> None:
        async with CuttableProxy(redis.port) as way:
            first, second = await process(), await process(port=way.port)
            one = await listening(first)
            await one.is_live()
            other = await listening(second)
            first.newest.say(messages.chat("bob", "1"))
            await until(lambda: other.comments() == ["1"])
            way.freeze()  # the second process hears nothing more for now
            first.newest.say(messages.chat("bob", "2"))
            await until(lambda: one.comments() == ["1", "2"])
            moved = await listening(second, since=one.cursor)
            assert moved.frames() == []
            assert moved.resumed
            first.newest.say(messages.chat("bob", "3"))
            way.cut()
            await until(lambda: other.comments() == ["1", "2", "3"])
            assert moved.comments() == ["3"]
            assert not moved.of_type("gap")


class TestTakingOver:
    async def test_a_process_that_stops_hands_its_streams_over(self, process: Process) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        before, after = messages.chat("bob", "before"), messages.chat("bob", "after")
        other = await listening(second)
        first.newest.say(before)
        await until(lambda: other.comments() == ["before"])
        await first.streams.close()
        await until(lambda: second.upstreams and second.newest.was_opened, within=1)
        second.newest.say(before, after)
        await until(lambda: other.comments() == ["before", "after"])

        assert other.stream.log.epoch == one.stream.log.epoch
        assert len(other.of_type("gap")) == 1
        assert other.states()[-2:] == ["reconnecting", "live"]

    async def test_a_streak_goes_on_with_the_next_leader(self, process: Process) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        other = await listening(second)
        assert one.stream.current_room is not None
        heard_since = one.stream.current_room.heard_since
        first.newest.say(messages.gift("bob", repeat_count=3, repeat_end=False, group_id=9))
        await until(lambda: other.of_type("gift"))
        await first.streams.close()
        await until(lambda: second.upstreams and second.newest.was_opened)
        second.newest.say(messages.gift("bob", repeat_count=5, group_id=9))
        await until(lambda: len(other.of_type("gift")) == 2)

        settled = [g["count"] for g in other.of_type("gift") if g["streak"] in {"ended", None}]
        assert sum(settled) == 5
        assert other.stream.snapshot().diamonds == 5
        assert other.stream.current_room is not None
        assert other.stream.current_room.heard_since == heard_since

    async def test_the_last_phone_of_one_process_leaves_and_others_stay(
        self, process: Process
    ) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        other = await listening(second)
        await until(lambda: one.stream.elsewhere.listeners == 1)
        one.leave()
        first.newest.say(messages.chat("bob", "still here"))
        await until(lambda: other.comments() == ["still here"])
        assert not second.upstreams

    async def test_a_leader_that_is_cut_off_is_replaced_and_follows(
        self, process: Process, redis: RedisServer
    ) -> None:
        async with CuttableProxy(redis.port) as way:
            first, second = await process(port=way.port), await process()
            one = await listening(first)
            await one.is_live()
            other = await listening(second)
            hello, seen_by_one, both = (messages.chat("bob", text) for text in ("1", "2", "3"))
            first.newest.say(hello)
            await until(lambda: other.comments() == ["1"])
            way.refuses = True
            way.cut()
            first.newest.say(seen_by_one)  # under an offset that Redis never gets
            await until(lambda: one.comments() == ["1", "2"])
            fork = one.cursor
            early = await listening(second, since=fork)
            await until(lambda: second.upstreams and second.newest.was_opened, within=10)
            second.newest.say(hello, seen_by_one)
            await until(lambda: other.comments() == ["1", "2"])
            assert other.cursor.offset > fork.offset

            way.refuses = False
            await until(lambda: not one.stream.is_leading)
            second.newest.say(both)
            await until(lambda: one.comments() == ["1", "2", "3"])
            await until(lambda: other.comments() == ["1", "2", "3"])
            assert one.cursor == other.cursor

            late = await listening(second, since=fork)
            await until(lambda: late.comments())
            assert late.types()[0] == "gap"
            assert early.types()[0] == "gap"
            assert early.comments() == ["2", "3"]


class TestRedis:
    async def test_it_is_away_for_a_while(self, process: Process, redis: RedisServer) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        other = await listening(second)
        redis.stop()
        first.newest.say(messages.chat("bob", "1"))
        await until(lambda: one.comments() == ["1"])
        await until(lambda: other.stream.aside is not None)
        redis.start()
        await until(lambda: other.comments() == ["1"])
        await until(lambda: other.stream.aside is None)
        assert first.newest.closings == 0
        assert not second.upstreams

    async def test_it_loses_everything(self, process: Process, redis: RedisServer) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        other = await listening(second)
        first.newest.say(messages.chat("bob", "1"))
        await until(lambda: other.comments() == ["1"])
        redis.stop(forget=True)
        redis.start()
        first.newest.say(messages.chat("bob", "2"))
        await until(lambda: other.comments() == ["1", "2"])
        assert not second.upstreams
        late = await listening(second, since=None)
        assert late.stream.log.epoch == one.stream.log.epoch

    async def test_it_freezes(self, process: Process, redis: RedisServer) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        other = await listening(second)
        redis.freeze()
        first.newest.say(messages.chat("bob", "1"))
        await until(lambda: one.comments() == ["1"])
        await until(lambda: other.stream.aside is not None)
        redis.thaw()
        await until(lambda: other.comments() == ["1"])

    async def test_without_it_nobody_new_is_served(
        self, process: Process, redis: RedisServer
    ) -> None:
        redis.stop()
        world = await process()
        phone = world.socket()
        with pytest.raises(RelayError, match="internal_error"):
            await phone.stream.prepared()


class TestLooking:
    async def test_a_process_without_the_stream_knows_of_it(self, process: Process) -> None:
        first, second = await process(), await process()
        one = await listening(first)
        await one.is_live()
        assert await second.streams.look("nobody") is None
        async with asyncio.timeout(10):
            while not (seen := await second.streams.look(one.stream.username)) or not seen.room_id:
                await asyncio.sleep(0.05)
        assert one.stream.room is not None
        assert (seen.state, seen.room_id, seen.sockets) == ("live", one.stream.room.id, 1)
        assert (seen.looked_at, seen.next_look_at) == (None, None)
        await listening(second)
        async with asyncio.timeout(10):
            while (seen := await first.streams.look(one.stream.username)) and seen.sockets < 2:
                await asyncio.sleep(0.05)
        assert seen is not None
        await first.streams.close()

    async def test_it_knows_when_a_streamer_is_looked_for(self, process: Process) -> None:
        first, second = await process(wait_interval=60), await process()
        first.answers.append(RelayError(ErrorCode.USER_OFFLINE, username="streamer"))
        one = await listening(first, wait=True)
        async with asyncio.timeout(10):
            while not (seen := await second.streams.look("streamer")) or not seen.next_look_at:
                await asyncio.sleep(0.05)
        assert seen == one.stream.seen()
        assert seen.looked_at is not None
        assert 0 < seen.next_look_at - seen.looked_at <= 75_000
