"""The streamer is offline, and sockets wait."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from live.protocol.errors import ErrorCode
from live.streams.waiting import OfflineAnswers, look_after
from live.tiktok.pacer import Priority
from tests.support.clock import VirtualClock, now, now_ms, settle, virtual_time
from tests.support.streams import (
    CLOSE_TIME,
    CONNECT_TIME,
    EARLIEST_POLL,
    INTERVAL,
    LONG,
    LOST,
    OFFLINE,
    RECONNECT_FOR,
    gaps,
    limited,
    over,
    until_over,
)
from tests.support.upstreams import World, failure


class TestWaiting:
    @virtual_time
    async def test_a_waiting_stream_polls_until_the_streamer_is_live(self) -> None:
        async with World(*[failure(OFFLINE)] * 3, idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(10 * INTERVAL)

            assert socket.states() == ["connecting", "waiting", "live"]
            assert (len(world.upstreams), len(world.looks)) == (2, 3)
            assert not socket.of_type("gap")

    @virtual_time
    async def test_a_waiting_stream_refuses_nobody_once_the_streamer_is_live(self) -> None:
        async with World(failure(OFFLINE), wait_interval=1).running() as world:
            waiting = world.socket(wait=True)
            await waiting.is_live()

            newcomer = world.socket()

            assert newcomer.refusal() is None
            assert newcomer.stream is waiting.stream

    @virtual_time
    async def test_a_waiting_stream_polls_once_however_many_wait(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            sockets = [world.socket(wait=True) for _ in range(100)]
            await asyncio.sleep(20 * INTERVAL)

            assert 15 <= len(world.looks) <= 25
            assert len(world.upstreams) == 1
            assert all(socket.states() == ["connecting", "waiting"] for socket in sockets)
            assert not world.sign_requests

    @virtual_time
    async def test_a_waiting_stream_polls_at_an_interval_with_jitter(self) -> None:
        async with World(wait_interval=100).running() as world:
            world.then = failure(OFFLINE)
            for number in range(100):
                world.socket(f"streamer{number}", wait=True)
            await asyncio.sleep(150)

            pauses = [at - world.attempts[0] - CONNECT_TIME - CLOSE_TIME for at in world.looks]
            assert len(pauses) == 100
            assert 80 <= min(pauses) < 85
            assert 115 < max(pauses) <= 120.01

    @virtual_time
    async def test_a_waiting_stream_says_when_it_has_looked_and_when_it_will_again(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            world.then = failure(OFFLINE)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + 1)
            first = socket.stream.seen()
            assert first.looked_at is not None
            assert first.next_look_at is not None
            assert now_ms() - 1300 < first.looked_at < now_ms()

            await world.looked(1)
            assert now_ms() == pytest.approx(first.next_look_at, abs=2)
            await asyncio.sleep(1)
            second = socket.stream.seen()
            assert second.looked_at is not None
            assert second.next_look_at is not None
            assert second.looked_at > first.looked_at
            assert second.next_look_at > now_ms()

    @virtual_time
    async def test_a_stream_that_is_live_says_nothing_of_looks(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()

            seen = socket.stream.seen()
            assert (seen.looked_at, seen.next_look_at) == (None, None)

    @virtual_time
    async def test_a_waiting_stream_polls_the_rarer_the_longer_it_waits(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(30_000)

            began = world.attempts[0]
            for last, next_ in itertools.pairwise(world.looks):
                interval = min(max(INTERVAL, (last - began) / 10), 500)
                assert 0.79 * interval < next_ - last < 1.21 * interval + 1
            assert world.looks[-1] - world.looks[-2] > 390

    def test_after_hours_the_next_look_comes_within_ten_minutes(self) -> None:
        rng, hours = random.Random(1), 20 * 3600
        delays = [look_after(60, hours, rng) for _ in range(1000)]
        assert 400 <= min(delays) < max(delays) <= 600

    @virtual_time
    async def test_a_stream_that_waits_again_begins_with_short_intervals(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            world.then = failure(OFFLINE)
            socket = world.socket(wait=True)
            await asyncio.sleep(10_000)
            world.then = None
            await socket.is_live()
            world.looks.clear()
            world.then = failure(OFFLINE)
            world.newest.cut()
            await asyncio.sleep(3 * INTERVAL)

            assert len(world.looks) >= 2

    @virtual_time
    async def test_what_a_look_finds_is_what_is_connected_to(self) -> None:
        async with World(failure(OFFLINE), idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()
            assert [upstream.room_id for upstream in world.upstreams] == [None, world.room_id]

    @virtual_time
    async def test_looks_are_nothing_that_somebody_waits_for(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await world.looked(1)
            await asyncio.sleep(EARLIEST_POLL + 1)
            world.socket()
            await world.looked(2)

            assert world.priorities == [Priority.POLL, Priority.CONNECT]

    @virtual_time
    async def test_a_look_under_way_is_hastened_for_a_newcomer(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.connect_time = 10
            world.socket(wait=True)
            await world.looked(1)
            assert not world.hastened

            world.socket()

            assert world.hastened == ["streamer"]

    @virtual_time
    async def test_a_look_is_not_refused_by_a_closed_sign_gate(self) -> None:
        async with World(failure(OFFLINE), reconnect_for=60).running() as world:
            world.then = failure(OFFLINE)
            socket = world.socket(wait=True)
            await asyncio.sleep(1)
            world.gates.of("").on_answer(*limited(3600))
            await asyncio.sleep(5 * INTERVAL)

            assert socket.states() == ["connecting", "waiting"]
            assert len(world.looks) >= 3

    @virtual_time
    async def test_a_look_that_failed_is_repeated_though_the_sign_gate_is_closed(self) -> None:
        async with World(failure(OFFLINE), reconnect_for=60).running() as world:
            world.then = failure(OFFLINE)
            world.answers.append(failure(ErrorCode.TIKTOK_TIMEOUT))
            socket = world.socket(wait=True)
            await asyncio.sleep(1)
            world.gates.of("").on_answer(*limited(3600))
            await asyncio.sleep(5 * INTERVAL)

            assert socket.states() == ["connecting", "waiting", "reconnecting", "waiting"]

    @virtual_time
    async def test_a_streamer_who_is_gone_is_awaited_no_longer(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            world.answers.append(failure(ErrorCode.USER_NOT_FOUND))
            socket = world.socket(wait=True)
            await until_over(socket)

            assert socket.error is ErrorCode.USER_NOT_FOUND
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_waiting_stream_tells_those_who_do_not_wait(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            waiting, other = world.socket(wait=True), world.socket()
            await asyncio.sleep(1)

            assert waiting.refusal() is None
            refusal = other.refusal()
            assert refusal is not None
            assert refusal.code is OFFLINE
            assert not over(other)

    @virtual_time
    async def test_a_waiting_stream_tells_newcomers_at_once_when_it_has_just_asked(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + EARLIEST_POLL - 0.1)

            newcomer = world.socket()
            await asyncio.sleep(1)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_waiting_stream_asks_again_for_a_newcomer(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            waiting = world.socket(wait=True)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + EARLIEST_POLL + 0.1)

            newcomer = world.socket()
            assert newcomer.refusal() is None
            await newcomer.is_live()

            assert waiting.states()[-1] == "live"
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_waiting_stream_tells_a_newcomer_that_the_streamer_is_still_offline(
        self,
    ) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(30)

            newcomer = world.socket()
            looked = asyncio.create_task(newcomer.stream.log.changed(newcomer.stream.log.end))
            await asyncio.wait_for(looked, CONNECT_TIME + CLOSE_TIME + 0.1)

            assert newcomer.refusal() is not None
            assert len(world.looks) == 1

    @virtual_time
    async def test_a_waiting_stream_does_not_ask_twice_for_who_comes_while_it_asks(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.connect_time = 10
            world.socket(wait=True)
            await asyncio.sleep(30)
            world.socket()
            await asyncio.sleep(8)

            newcomer = world.socket()  # during the poll that the first newcomer started
            await asyncio.sleep(10)

            assert newcomer.refusal() is not None
            assert len(world.looks) == 1

    @virtual_time
    async def test_a_waiting_stream_does_not_ask_again_for_who_comes_during_a_poll_of_its_own(
        self,
    ) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.connect_time = 10
            world.socket(wait=True)
            await world.looked(1)

            newcomer = world.socket()
            assert newcomer.refusal() is None
            await asyncio.sleep(15)

            assert newcomer.refusal() is not None
            assert len(world.looks) == 1

    @virtual_time
    async def test_a_waiting_stream_asks_no_more_often_for_many_newcomers(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            for _ in range(600):
                await asyncio.sleep(0.1)
                world.socket(wait=True)

            assert min(gaps(world.looks)) >= EARLIEST_POLL
            assert len(world.looks) <= 60 / EARLIEST_POLL + 1

    @virtual_time
    async def test_a_waiting_stream_fails_when_only_others_are_left(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            waiting = world.socket(wait=True)
            await asyncio.sleep(30)
            newcomer = world.socket()
            waiting.leave()
            await until_over(newcomer)

            assert newcomer.error is OFFLINE

    @virtual_time
    async def test_a_waiting_stream_waits_when_the_streamer_is_offline_after_a_cut(self) -> None:
        async with World(None, failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(2 * INTERVAL)

            assert socket.states() == ["connecting", "live", "reconnecting", "waiting", "live"]
            assert socket.counts()["gap"] == 1

    @virtual_time
    async def test_a_waiting_stream_backs_off_when_a_poll_fails_otherwise(self) -> None:
        blocked = failure(ErrorCode.TIKTOK_BLOCKED)
        answers = [failure(OFFLINE), blocked, failure(OFFLINE)]
        async with World(*answers, idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(5 * INTERVAL)

            expected = ["connecting", "waiting", "reconnecting", "waiting", "live"]
            assert socket.states() == expected

    @virtual_time
    async def test_a_waiting_stream_gives_up_when_polls_go_on_failing(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            world.then = failure(ErrorCode.TIKTOK_BLOCKED)
            socket = world.socket(wait=True)
            await until_over(socket)

            assert socket.error is LOST
            assert RECONNECT_FOR <= world.looks[-1] - world.looks[0] < RECONNECT_FOR + 40
            assert len(world.upstreams) == 1


class TestAnAnswerThatIsKnown:
    @virtual_time
    async def test_it_is_told_again_for_some_seconds(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            for _ in range(200):
                socket = world.socket()
                await until_over(socket)
                assert socket.error is OFFLINE
                socket.leave()
                await asyncio.sleep(0.25)

            assert len(world.upstreams) <= 6

    @virtual_time
    async def test_it_is_of_one_user(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            await until_over(world.socket("alice"))
            await world.socket("bob").is_live()

    @virtual_time
    async def test_it_is_forgotten_after_ten_seconds(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            await until_over(world.socket())
            await asyncio.sleep(10)
            await world.socket().is_live()

    @virtual_time
    async def test_it_lets_a_new_stream_wait_at_once(self) -> None:
        async with World(failure(OFFLINE), idle_timeout=LONG).running() as world:
            await until_over(world.socket())
            waiting = world.socket(wait=True)
            await settle()
            assert waiting.states()[-1] == "waiting"
            assert len(world.upstreams) == 1
            await waiting.is_live()


class TestMany:
    @virtual_time
    async def test_a_stream_that_waits_anyway_looks_first_while_others_wait_to_connect(
        self,
    ) -> None:
        async with World().running() as world:
            world.is_busy = True
            world.then = failure(OFFLINE)
            waiting = world.socket("alice", wait=True)
            await asyncio.sleep(INTERVAL / 2)
            assert waiting.states() == ["connecting", "waiting"]
            assert (len(world.upstreams), world.priorities) == (0, [Priority.RECONNECT])
            await asyncio.sleep(INTERVAL)
            assert len(world.looks) == 2

            await until_over(world.socket("bob"))
            assert len(world.upstreams) == 1


class TestOfflineAnswers:
    @virtual_time
    async def test_they_are_forgotten_when_they_are_old_or_wrong(self) -> None:
        answers = OfflineAnswers(VirtualClock())
        answers.note("alice")
        began = now()
        await asyncio.sleep(6)
        answers.note("bob")
        assert answers.answered_at("alice") is not None
        await asyncio.sleep(6)
        answers.note("carol")
        assert answers.answered_at("alice") is None
        assert (answers.answered_at("bob") or 0) - began == pytest.approx(6, abs=0.1)
        answers.forget("bob")
        answers.forget("nobody")
        assert answers.answered_at("bob") is None
        assert list(answers._answered_at) == ["carol"]

    @virtual_time
    async def test_their_number_is_bounded(self) -> None:
        answers = OfflineAnswers(VirtualClock())
        for number in range(10_100):
            answers.note(f"user{number}")
        assert len(answers._answered_at) == 10_000
        assert answers.answered_at("user10099") is not None

    @virtual_time
    async def test_a_relay_may_keep_none(self) -> None:
        answers = OfflineAnswers(VirtualClock(), 0)
        answers.note("alice")
        assert answers.answered_at("alice") is None
