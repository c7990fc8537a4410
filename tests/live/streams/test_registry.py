"""Which sockets share a stream, how long it is kept, and when another takes its place."""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.streams import (
    CLOSE_TIME,
    KEPT_FOR,
    LINGER,
    LONG,
    OFFLINE,
    gaps,
    over,
    until_over,
)
from tests.support.upstreams import HANGS, World, failure


class TestFanOut:
    @virtual_time
    async def test_the_registry_connects_once_for_a_storm_of_sockets(self) -> None:
        async with World().running() as world:
            sockets = [world.socket() for _ in range(200)]
            await sockets[0].is_live()
            world.newest.say(messages.chat("a", "hello"))

            assert len(world.upstreams) == len(world.sign_requests) == 1
            assert all(socket.comments() == ["hello"] for socket in sockets)

    @virtual_time
    async def test_the_registry_connects_once_more_for_another_username(self) -> None:
        async with World().running() as world:
            await world.socket("one").is_live()
            await world.socket("two").is_live()

            assert [upstream.username for upstream in world.upstreams] == ["one", "two"]

    @virtual_time
    async def test_the_registry_gives_every_socket_the_same_error(self) -> None:
        async with World(failure(ErrorCode.AGE_RESTRICTED)).running() as world:
            sockets = [world.socket() for _ in range(20)]
            await until_over(*sockets)

            assert {socket.error for socket in sockets} == {ErrorCode.AGE_RESTRICTED}
            assert len(world.upstreams) == 1


class TestReplacement:
    @virtual_time
    async def test_a_stream_is_replaced_when_it_failed(self) -> None:
        async with World(failure(ErrorCode.TIKTOK_BLOCKED)).running() as world:
            failed = world.socket()
            await until_over(failed)

            socket = world.socket()
            await socket.is_live()

            assert socket.stream is not failed.stream
            failed.leave()
            assert not over(socket)

    @virtual_time
    async def test_a_failed_stream_is_replaced_though_its_sockets_have_not_left_yet(self) -> None:
        async with World(failure(ErrorCode.USER_NOT_FOUND)).running() as world:
            failed = world.socket()
            await until_over(failed)
            socket = world.socket(since=failed.cursor)

            failed.leave()
            await asyncio.sleep(2 * LINGER)

            assert not over(socket)
            socket.leave()

    @virtual_time
    async def test_a_failed_stream_leaves_its_frames_to_the_next(self) -> None:
        async with World(None, failure(ErrorCode.AGE_RESTRICTED)).running() as world:
            failed = world.socket()
            await failed.is_live()
            seen = failed.cursor
            world.newest.say(messages.chat("a", "the last"))
            world.newest.cut()
            await until_over(failed)

            socket = world.socket(since=seen)
            await socket.is_live()
            failed.leave()
            await asyncio.sleep(2 * LINGER)

            assert socket.stream is not failed.stream
            assert socket.comments() == ["the last"]
            sides = [gap["side"] for gap in socket.of_type("gap")]
            assert sides == ["upstream"]
            assert not over(socket)

    @virtual_time
    async def test_nothing_but_its_log_is_kept_of_a_failed_stream(self) -> None:
        async with World(None, failure(ErrorCode.AGE_RESTRICTED)).running() as world:
            failed = world.socket()
            await failed.is_live()
            world.newest.cut()
            await until_over(failed)
            failed.leave()
            assert not list(world.streams)

            await asyncio.sleep(KEPT_FOR + 1)
            world.assert_tidy()


class TestEndedStreams:
    @virtual_time
    async def test_an_ended_stream_serves_those_who_have_not_seen_the_end(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(messages.chat("a", "1"))
            seen = socket.cursor
            world.newest.say(messages.chat("a", "2"), messages.end())
            await until_over(socket)
            socket.leave()
            await asyncio.sleep(LINGER - 1)

            late = world.socket(since=seen)

            assert late.types() == ["comment", "live_end"]
            assert late.finished
            assert late.error is None
            late.leave()
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_an_ended_stream_lingers_anew_after_each_who_came_back(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            seen = socket.cursor
            world.newest.say(messages.end())
            await until_over(socket)
            socket.leave()
            for _ in range(3):
                await asyncio.sleep(LINGER - 1)
                late = world.socket(since=seen)
                assert late.types() == ["live_end"]
                late.leave()

    @virtual_time
    async def test_an_ended_stream_leaves_its_log_to_the_next_after_the_linger(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            seen = socket.cursor
            world.newest.say(messages.end())
            await until_over(socket)
            socket.leave()
            await asyncio.sleep(LINGER + 1)

            world.room_id = "7000000000000000002"
            late = world.socket(since=seen)
            await late.is_live()

            assert late.types() == ["live_end", "status", "status"]
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_log_is_forgotten_in_the_end(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            seen = socket.cursor
            socket.leave()
            await asyncio.sleep(LINGER + KEPT_FOR + 1)

            late = world.socket(since=seen)
            await late.is_live()

            assert late.types()[0] == "gap"

    @virtual_time
    async def test_nothing_is_kept_of_a_stream_that_was_never_live(self) -> None:
        async with World(failure(ErrorCode.USER_NOT_FOUND)).running() as world:
            socket = world.socket()
            await until_over(socket)
            socket.leave()

            world.assert_tidy()

    @virtual_time
    async def test_what_tiktok_repeats_is_told_once_though_the_stream_is_another(self) -> None:
        async with World().running() as world:
            world.greeting = messages.streak("a", count=3)
            socket = world.socket()
            await socket.is_live()
            seen = socket.cursor
            socket.leave()
            await asyncio.sleep(2 * LINGER)

            world.greeting = [*world.greeting, messages.gift("b", combo=False)]
            back = world.socket(since=seen)
            await back.is_live()

            assert len(world.upstreams) == 2
            assert [gift["user"]["username"] for gift in back.of_type("gift")] == ["b"]
            assert [gap["side"] for gap in back.of_type("gap")] == ["upstream"]

    @virtual_time
    async def test_the_same_live_goes_on_with_its_snapshot(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(messages.chat("a", "before"))
            socket.leave()
            await asyncio.sleep(2 * LINGER)

            back = world.socket()
            await back.is_live()

            assert len(back.stream.snapshot().comments) == 1

    @virtual_time
    async def test_the_next_live_begins_with_an_empty_one(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(messages.chat("a", "before"))
            socket.leave()
            await asyncio.sleep(2 * LINGER)

            world.room_id = "7000000000000000002"
            back = world.socket()
            await back.is_live()

            assert not back.stream.snapshot().comments
            (gap,) = back.of_type("gap")  # the rest of the LIVE before, which nobody heard
            assert gap["side"] == "upstream"

    @pytest.mark.parametrize("since", ["the end", "nothing", "elsewhere"])
    @virtual_time
    async def test_an_ended_stream_makes_way_for_those_who_want_a_new_one(self, since: str) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(messages.end())
            await until_over(socket)
            cursors = {"the end": socket.cursor, "elsewhere": Cursor("elsewhere", 1)}

            fresh = world.socket(since=cursors.get(since))
            await fresh.is_live()
            socket.leave()
            await asyncio.sleep(2 * LINGER)

            assert fresh.stream is not socket.stream
            assert not over(fresh)
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_stream_that_ended_while_it_lingered_is_forgotten_after_that(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            socket.leave()
            world.newest.say(messages.end())

            await asyncio.sleep(LINGER + 1)

            assert not list(world.streams)


class TestLinger:
    @virtual_time
    async def test_a_lingering_stream_stays_connected_for_a_phone_that_comes_back(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            socket = world.socket()
            await socket.is_live()
            seen = socket.cursor
            socket.leave()
            await asyncio.sleep(LINGER - 2)
            world.newest.say(messages.chat("a", "while you were away"))
            await asyncio.sleep(1)

            back = world.socket(since=seen)
            await asyncio.sleep(2 * LINGER - 10)
            world.newest.say(messages.chat("a", "now"))

            assert back.comments() == ["while you were away", "now"]
            assert back.types() == ["comment", "comment"]
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_disconnects_after_it_lingered(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            socket.leave()

            await asyncio.sleep(LINGER - 0.1)
            assert world.open_upstreams
            await asyncio.sleep(0.2 + CLOSE_TIME)

            assert not world.open_upstreams
            assert over(socket)

    @virtual_time
    async def test_a_stream_disconnects_at_once_without_a_linger(self) -> None:
        async with World(linger=0).running() as world:
            socket = world.socket()
            await socket.is_live()

            socket.leave()
            await settle()

            assert not world.open_upstreams

    @virtual_time
    async def test_the_linger_begins_anew_with_each_last_socket(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(3):
                socket.leave()
                await asyncio.sleep(LINGER - 1)
                socket = world.socket()

            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_username_gets_a_new_stream_while_the_old_one_closes(self) -> None:
        async with World(linger=0).running() as world:
            socket = world.socket()
            await socket.is_live()
            socket.leave()
            await settle()

            fresh = world.socket()
            await fresh.is_live()

            assert fresh.stream is not socket.stream
            assert len(world.open_upstreams) == 1


class TestOthers:
    """Messages that have no frame of their own."""

    @virtual_time
    async def test_they_are_told_until_the_last_who_wants_them_has_left(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            keeper = world.socket()
            curious = [world.socket(others=True) for _ in range(2)]
            await keeper.is_live()
            ends = [keeper.stream.log.end]
            for _ in range(3):
                world.newest.say(messages.unknown())
                ends.append(keeper.stream.log.end)
                if curious:
                    curious.pop().leave()

            assert gaps(ends) == [1, 1, 0]


class TestClose:
    @virtual_time
    async def test_closing_ends_every_stream_in_whatever_state(self) -> None:
        async with World(None, None, failure(OFFLINE), HANGS).running() as world:
            ended, live = world.socket("ended"), world.socket("live")
            await live.is_live()
            world.upstreams[0].say(messages.end())
            waiting = world.socket("waiting", wait=True)
            await asyncio.sleep(2)
            connecting = world.socket("connecting")
            await asyncio.sleep(2)
            assert [s.stream.status.state for s in (waiting, connecting)] == [
                "waiting",
                "connecting",
            ]

            await world.streams.close()

            assert all(map(over, (ended, live, waiting, connecting)))
            assert not world.open_upstreams

    @virtual_time
    async def test_closing_closes_connections_to_their_end_though_sockets_leave(self) -> None:
        async with World(HANGS, linger=0).running() as world:
            socket = world.socket()
            await asyncio.sleep(2)

            closing = asyncio.create_task(world.streams.close())
            await settle()
            socket.leave()
            await closing

            assert world.newest.close_was_completed

    @virtual_time
    async def test_closing_does_not_linger_for_sockets_that_leave_meanwhile(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            closing = asyncio.create_task(world.streams.close())
            await settle()
            socket.leave()
            await closing

            world.assert_tidy()

    @virtual_time
    async def test_closing_ends_streams_that_start_meanwhile(self) -> None:
        async with World().running() as world:
            await world.socket("one").is_live()
            closing = asyncio.create_task(world.streams.close())
            await settle()

            late = world.socket("two")
            await asyncio.wait_for(closing, 5)

            assert over(late)

    @virtual_time
    async def test_closing_is_done_at_once_when_there_is_nothing(self) -> None:
        await World().streams.close()
