"""A connection is lost: when a stream tries again, for how long, and what it tells."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from live.protocol.errors import ErrorCode
from live.streams.reconnecting import Reconnecting
from standin import messages
from tests.support.clock import now, now_ms, settle, virtual_time
from tests.support.streams import (
    CLOSE_TIME,
    CONNECT_TIME,
    FINAL,
    FLAP_TIME,
    FLAPS,
    GATE_SPREAD,
    IDLE,
    LINGER,
    LONG,
    LOST,
    OFFLINE,
    PASSING,
    RECONNECT_FOR,
    TICK,
    Highest,
    Lowest,
    gaps,
    limited,
    over,
    until_over,
    world_with,
)
from tests.support.upstreams import HANGS, World, failure


class TestDecisions:
    """`Reconnecting` alone: no event loop, and the times are given."""

    def test_attempts_are_counted_until_the_time_is_over(self) -> None:
        reconnecting = Reconnecting(20, Highest())
        reconnecting.on_open()
        counted = [(reconnecting.on_cut(at), reconnecting.seconds_left(at)) for at in (10, 29, 31)]
        assert counted == [(1, 20), (2, 1), (3, 0)]

    def test_the_time_begins_again_after_progress_but_not_after_an_open_connection(self) -> None:
        reconnecting = Reconnecting(20, Highest())
        reconnecting.on_cut(0.0)
        reconnecting.on_open()
        reconnecting.on_cut(15.0)
        assert reconnecting.seconds_left(15.0) == 5
        reconnecting.on_open()
        reconnecting.on_progress()
        reconnecting.on_cut(16.0)
        assert reconnecting.seconds_left(16.0) == 20

    def test_it_runs_on_while_connections_are_flapping(self) -> None:
        reconnecting = Reconnecting(20, Highest())
        for number in range(FLAPS + 5):
            reconnecting.on_open()
            reconnecting.on_progress()
            reconnecting.on_cut(float(number))
        assert reconnecting.seconds_left(FLAPS + 4) == 20 - 6

    def test_the_last_attempt_is_made_when_the_time_is_over(self) -> None:
        reconnecting = Reconnecting(20, Highest())
        for at in (0.0, 1.0, 2.0, 3.0, 4.0, 15.0):
            reconnecting.on_cut(at)
        assert reconnecting.delay(15.0, 0) == 5

    def test_the_count_begins_again_after_progress_but_not_after_an_open_connection(self) -> None:
        reconnecting = Reconnecting(5, Highest())
        assert [reconnecting.on_cut(0.0), reconnecting.on_cut(1.0)] == [1, 2]
        reconnecting.on_open()
        assert reconnecting.on_cut(2.0) == 3
        reconnecting.on_open()
        reconnecting.on_progress()
        assert [reconnecting.on_cut(3.0), reconnecting.on_cut(4.0)] == [1, 2]

    @pytest.mark.parametrize(("pause", "next_attempt"), [(1.0, 2), (FLAP_TIME / (FLAPS - 1), 1)])
    def test_progress_does_not_count_once_connections_are_flapping(
        self, pause: float, next_attempt: int
    ) -> None:
        reconnecting = Reconnecting(5, Highest())
        attempts = []
        for number in range(FLAPS):
            reconnecting.on_open()
            reconnecting.on_progress()
            attempts.append(reconnecting.on_cut(number * pause))
        assert attempts == [1] * (FLAPS - 1) + [next_attempt]

    @pytest.mark.parametrize("code", ErrorCode)
    def test_any_failure_of_the_first_attempt_is_final(self, code: ErrorCode) -> None:
        assert Reconnecting(5, Highest()).is_final(code)

    @pytest.mark.parametrize("begin", [Reconnecting.on_open, Reconnecting.on_waited])
    def test_later_only_failures_that_do_not_pass_are_final(
        self, begin: Callable[[Reconnecting], None]
    ) -> None:
        reconnecting = Reconnecting(5, Highest())
        begin(reconnecting)
        assert all(map(reconnecting.is_final, [*FINAL, ErrorCode.INTERNAL_ERROR]))
        assert not any(map(reconnecting.is_final, PASSING))

    def test_waiting_for_a_streamer_uses_up_no_attempts(self) -> None:
        reconnecting = Reconnecting(5, Highest())
        reconnecting.on_cut(0.0)
        reconnecting.on_waited()
        assert reconnecting.on_cut(1.0) == 1

    def test_delays_double_up_to_a_cap_and_jitter_takes_any_part_of_them(self) -> None:
        longest, shortest = Reconnecting(300, Highest()), Reconnecting(300, Lowest())
        delays = []
        for at in range(7):
            longest.on_cut(at)
            shortest.on_cut(at)
            delays.append((shortest.delay(at, 0), longest.delay(at, 0)))
        assert delays == [(0, most) for most in (1, 2, 4, 8, 16, 30, 30)]

    def test_whoever_asks_not_to_wait_waits_for_the_gate_alone(self) -> None:
        reconnecting = Reconnecting(5, Highest())
        reconnecting.on_cut(0.0)
        assert reconnecting.delay(0.0, 0, at_once=True) == 0
        assert reconnecting.delay(0.0, 60, at_once=True) == 60 + GATE_SPREAD

    def test_a_delay_is_never_over_before_the_gate_opens(self) -> None:
        for rng, spread in ((Lowest(), 0), (Highest(), GATE_SPREAD)):
            reconnecting = Reconnecting(5, rng)
            reconnecting.on_cut(0.0)
            assert reconnecting.delay(0.0, 60) == 60 + spread


class TestReconnecting:
    @virtual_time
    async def test_a_reconnecting_stream_is_live_again_and_says_what_could_not_be_heard(
        self,
    ) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            await asyncio.sleep(3)
            world.newest.say(messages.chat("a", "before"))
            heard = now_ms()
            await asyncio.sleep(2)

            world.newest.cut()
            await socket.is_back()
            back = now_ms()

            assert socket.types()[-3:] == ["status", "gap", "status"]
            (gap,) = socket.of_type("gap")
            assert (gap["side"], gap["missed"]) == ("upstream", None)
            assert gap["from"] == heard
            assert abs(gap["to"] - back) < 10
            assert socket.states()[2:] == ["reconnecting", "live"]

    @virtual_time
    async def test_a_reconnecting_stream_announces_one_gap_for_several_attempts(self) -> None:
        async with World(None, failure(LOST), failure(LOST)).running() as world:
            socket = world.socket()
            await socket.is_live()
            heard = now_ms()
            await asyncio.sleep(1)
            world.newest.cut()
            await socket.is_back()

            assert [gap["from"] for gap in socket.of_type("gap")] == [heard]
            attempts = [s["attempt"] for s in socket.of_type("status") if "attempt" in s]
            assert attempts == [1, 2, 3]

    @virtual_time
    async def test_a_reconnecting_stream_announces_each_cut_with_its_own_times(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            heard = []
            for number in range(3):
                await asyncio.sleep(10)
                world.newest.say(messages.chat("a", str(number)))
                heard.append(now_ms())
                world.newest.cut()
                await socket.is_back()

            assert [gap["from"] for gap in socket.of_type("gap")] == heard

    @virtual_time
    async def test_a_reconnecting_stream_drops_what_tiktok_repeats(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            history = [messages.chat("a", "1"), messages.chat("a", "2")]
            world.newest.say(*history)
            world.greeting = [*history, messages.chat("a", "3")]

            world.newest.cut()
            await socket.is_back()

            assert socket.comments() == ["1", "2", "3"]

    @pytest.mark.parametrize("code", PASSING)
    @virtual_time
    async def test_a_reconnecting_stream_tries_again_after_a_failure_that_passes(
        self, code: ErrorCode
    ) -> None:
        async with World(None, failure(code)).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await socket.is_back()

            assert len(world.upstreams) == 3

    @pytest.mark.parametrize("code", FINAL)
    @virtual_time
    async def test_a_reconnecting_stream_gives_up_at_once_where_trying_does_not_help(
        self, code: ErrorCode
    ) -> None:
        async with World(None, failure(code)).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            assert socket.error is code
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_reconnecting_stream_gives_up_when_the_connection_ends_for_good(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut(failure(ErrorCode.SIGN_FORBIDDEN))
            await until_over(socket)

            assert socket.error is ErrorCode.SIGN_FORBIDDEN

    @virtual_time
    async def test_a_reconnecting_stream_survives_a_fault_of_the_upstream(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut(ZeroDivisionError())
            await until_over(socket)

            assert socket.error is ErrorCode.INTERNAL_ERROR
            assert "ZeroDivisionError" in caplog.text

    @virtual_time
    async def test_a_reconnecting_stream_gives_up_after_its_time(self) -> None:
        async with World(None).running() as world:
            world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            cut = now()
            await until_over(socket)

            assert socket.error is LOST
            assert RECONNECT_FOR <= now() - cut <= RECONNECT_FOR + 2 * (CONNECT_TIME + CLOSE_TIME)
            assert set(socket.states()[2:]) == {"reconnecting"}
            assert socket.stream.error is not None
            assert "tiktok_timeout" in socket.stream.error.said

    @pytest.mark.parametrize("seed", range(20))
    @virtual_time
    async def test_a_reconnecting_stream_outlasts_four_minutes_without_tiktok(
        self, seed: int
    ) -> None:
        async with World(seed=seed, idle_timeout=LONG).running() as world:
            world.connect_time = 20  # each attempt takes the whole connect timeout
            socket = world.socket()
            await socket.is_live()
            world.newest.say(messages.chat("a", "before"))
            world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
            world.newest.cut()
            await asyncio.sleep(240)
            world.then = None
            world.connect_time = CONNECT_TIME
            await asyncio.sleep(RECONNECT_FOR - 240)

            assert socket.states()[-1] == "live"
            assert [gap["side"] for gap in socket.of_type("gap")] == ["upstream"]

    @virtual_time
    async def test_a_reconnecting_stream_does_not_try_at_all_when_told_so(self) -> None:
        async with World(reconnect_for=0).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            assert socket.error is LOST
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_reconnecting_stream_waits_for_as_long_as_it_announced(self) -> None:
        async with World(None).running() as world:
            world.then = failure(LOST)
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            cut = now()
            await until_over(socket)

            announced = [s["retry_in"] for s in socket.of_type("status") if "retry_in" in s]
            waited = [
                attempt - before
                for before, attempt in zip(
                    [cut + CLOSE_TIME]
                    + [attempt + CONNECT_TIME + CLOSE_TIME for attempt in world.attempts[1:]],
                    world.attempts[1:],
                    strict=False,
                )
            ]
            assert waited == pytest.approx(announced, abs=0.01)

    @pytest.mark.parametrize(
        ("rng", "delays"),
        [(Highest(), [1, 2, 4, 8, 16, 30, 30]), (Lowest(), [0])],
    )
    @virtual_time
    async def test_a_reconnecting_stream_waits_longer_each_time_up_to_a_cap(
        self, rng: random.Random, delays: list[float]
    ) -> None:
        async with world_with(rng, None).running() as world:
            world.then = failure(LOST)
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            retries = [s["retry_in"] for s in socket.of_type("status") if "retry_in" in s]
            assert retries[: len(delays)] == delays
            assert max(retries) <= max(delays)

    @virtual_time
    async def test_a_reconnecting_stream_spreads_attempts_over_the_whole_of_the_time(self) -> None:
        async with World(seed=7).running() as world:
            sockets = [world.socket(f"streamer{number}") for number in range(200)]
            await sockets[-1].is_live()
            for upstream in world.upstreams[:200]:
                upstream.cut()
            await asyncio.sleep(CLOSE_TIME + 0.01)

            retries = [socket.stream.status.retry_in for socket in sockets]
            numbers = [retry for retry in retries if isinstance(retry, float)]
            assert len(numbers) == 200
            assert 0 <= min(numbers) < 0.05
            assert 0.95 < max(numbers) <= 1
            assert 0.4 < sum(numbers) / 200 < 0.6

    @virtual_time
    async def test_a_reconnecting_stream_counts_from_one_again_after_something_new_came(
        self,
    ) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for number in range(15):
                world.newest.say(messages.chat("a", str(number)))
                world.newest.cut()
                await socket.is_back()

            attempts = {s["attempt"] for s in socket.of_type("status") if "attempt" in s}
            assert attempts == {1}
            assert socket.comments() == [str(number) for number in range(15)]

    @virtual_time
    async def test_a_reconnecting_stream_counts_on_while_connections_bring_nothing_new(
        self,
    ) -> None:
        async with World(idle_timeout=LONG).running() as world:
            world.greeting = [messages.chat("a", "always the same")]
            socket = world.socket()
            await socket.is_live()
            cut = now()
            for _ in range(8):
                world.newest.cut()
                await socket.is_back()
            await asyncio.sleep(RECONNECT_FOR - (now() - cut))
            world.newest.cut()
            await until_over(socket)

            attempts = [s["attempt"] for s in socket.of_type("status") if "attempt" in s]
            assert attempts == [1, 2, 3, 4, 5, 6, 7, 8]
            assert socket.error is LOST

    @virtual_time
    async def test_a_reconnecting_stream_counts_from_one_again_after_a_connection_that_held_quietly(
        self,
    ) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(10):
                for _ in range(7):
                    await asyncio.sleep(10)
                    world.newest.beat()
                world.newest.cut()
                await socket.is_back()

            assert not over(socket)

    @virtual_time
    async def test_a_reconnecting_stream_gives_up_when_connections_are_cut_again_and_again(
        self,
    ) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            first = now()
            while not over(socket):
                world.newest.say(messages.chat("a", str(len(world.upstreams))))
                world.newest.cut()
                await asyncio.sleep(CLOSE_TIME + 0.01)
                while not over(socket) and socket.stream.status.state != "live":
                    await asyncio.sleep(0.1)

            assert socket.error is LOST
            assert now() - first < FLAP_TIME

    @virtual_time
    async def test_a_reconnecting_stream_bears_as_many_cuts_when_they_are_far_between(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for number in range(2 * FLAPS):
                await asyncio.sleep(FLAP_TIME / FLAPS)
                world.newest.say(messages.chat("a", str(number)))
                world.newest.cut()
                await socket.is_back()

            assert not over(socket)

    @virtual_time
    async def test_a_stream_that_is_cut_off_until_the_next_live_tells_so(self) -> None:
        async with World(None, failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()
            world.newest.say(messages.viewers(12), *messages.streak("a", count=2)[:-1])
            world.room_id = "7000000000000000002"
            world.newest.cut()
            await socket.is_back()

            (gap,) = socket.of_type("gap")  # the end of the LIVE before was not heard
            assert gap["side"] == "upstream"
            assert socket.of_type("gift")[-1]["streak"] == "ended"
            assert socket.stream.snapshot().viewers is None

    @virtual_time
    async def test_a_reconnecting_stream_gives_up_when_it_stays_deaf(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await until_over(socket)

            assert socket.error is LOST
            assert socket.states().count("deaf") >= RECONNECT_FOR / (IDLE + 30)

    @virtual_time
    async def test_a_reconnecting_stream_lets_a_phone_back_in_while_it_reconnects(self) -> None:
        async with World(None, HANGS).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(5)
            socket.leave()
            await asyncio.sleep(LINGER - 1)

            back = world.socket()

            assert back.stream is socket.stream
            back.leave()
            await asyncio.sleep(LINGER + CLOSE_TIME + 0.1)
            assert over(back)


class TestBeingAskedToReconnect:
    @virtual_time
    async def test_asking_to_reconnect_makes_the_connection_anew(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            socket.stream.reconnect()
            await socket.is_back()

            assert len(world.open_upstreams) == 1
            assert socket.states() == ["connecting", "live", "reconnecting", "live"]
            assert gaps(world.attempts) == [pytest.approx(CONNECT_TIME + CLOSE_TIME, abs=0.01)]

    @virtual_time
    async def test_the_timeline_alone_says_which_of_the_staff_asked_to_reconnect(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            socket.stream.reconnect(by="boss")
            await socket.is_back()
            socket.stream.reconnect()
            await socket.is_back()

            cuts = [moment.detail for moment in socket.stream.timeline if moment.what == "cut"]
            assert [cut.get("by") for cut in cuts] == ["boss", None]
            frames = socket.frames()
            assert frames
            assert not [frame for frame in frames if "boss" in str(frame)]

    @virtual_time
    async def test_asking_to_reconnect_does_not_wait_for_the_next_attempt(self) -> None:
        async with world_with(Highest(), None, failure(LOST), None).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await world.attempted(2)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + 0.01)

            asked_at = now()
            socket.stream.reconnect()
            await world.attempted(3)

            assert now() == pytest.approx(asked_at, abs=0.01)

    @virtual_time
    async def test_asking_to_reconnect_has_tiktok_asked_for_a_streamer_who_is_waited_for(
        self,
    ) -> None:
        async with World(failure(OFFLINE), None).running() as world:
            socket = world.socket(wait=True)
            while socket.stream.offline is None:
                await socket.stream.log.changed(socket.stream.log.end)

            socket.stream.reconnect()
            await world.attempted(2)
            await socket.is_live()

            assert world.attempts[1] - world.attempts[0] < 2

    @virtual_time
    async def test_asking_to_reconnect_is_no_news_while_a_connection_is_being_made(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await settle()
            socket.stream.reconnect()
            await socket.is_live()
            await asyncio.sleep(TICK)

            assert len(world.upstreams) == 1

    @virtual_time
    async def test_asking_to_reconnect_does_not_use_up_the_attempts(self) -> None:
        async with World(reconnect_for=2).running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(5):
                socket.stream.reconnect()
                await socket.is_back()

            assert len(world.upstreams) == 6

    @virtual_time
    async def test_asking_to_reconnect_leaves_a_connection_alone_while_the_gate_is_closed(
        self,
    ) -> None:
        async with World(idle_timeout=LONG).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").on_answer(*limited(900))

            for _ in range(20):
                socket.stream.reconnect()
                await asyncio.sleep(TICK)
            assert len(world.upstreams) == 1
            assert not over(socket)

    @virtual_time
    async def test_asking_to_reconnect_does_not_go_before_the_gate(self) -> None:
        async with World(None, failure(LOST)).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").on_answer(*limited(60))
            world.newest.cut()
            for _ in range(10):
                await asyncio.sleep(TICK)
                socket.stream.reconnect()
            assert len(world.upstreams) == 1
            assert not over(socket)
