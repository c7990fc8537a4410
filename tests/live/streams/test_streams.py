"""Streams: each transition, each failure and each cancellation, under virtual time."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterable
from typing import Any

import pytest

from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.streams.streaks import STREAK_TIMEOUT
from standin import messages
from tests.support.clock import now, now_ms, settle, unix_time, virtual_time
from tests.support.upstreams import HANGS, Socket, World, failure

CONNECT_TIME, CLOSE_TIME = 0.5, 0.25
IDLE, LINGER, ATTEMPTS, INTERVAL = 60, 30, 5, 60
LONG = 10_000  # an idle timeout for tests in which nobody says anything
TICK = 5  # how often a live stream looks around
EARLIEST_POLL = 5
GATE_SPREAD = 10
FLAPS, FLAP_TIME = 50, 600
LONGEST_GATE_WAIT = 120
OFFLINE = ErrorCode.USER_OFFLINE
LOST = ErrorCode.CONNECTION_LOST

FINAL = [
    ErrorCode.USER_OFFLINE,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.AGE_RESTRICTED,
    ErrorCode.SIGN_FORBIDDEN,
]
PASSING = [
    ErrorCode.RATE_LIMITED,
    ErrorCode.TIKTOK_BLOCKED,
    ErrorCode.SIGN_UNAVAILABLE,
    ErrorCode.TIKTOK_TIMEOUT,
    ErrorCode.CONNECTION_LOST,
]


class Highest(random.Random):
    """Jitter at its most."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Lowest(random.Random):
    """Jitter at its least."""

    def uniform(self, a: float, b: float) -> float:
        return a


def world_with(rng: random.Random, *answers: Any, **options: Any) -> World:
    return World(*answers, rng=rng, **options)


def limited(seconds: int) -> tuple[int, dict[str, str]]:
    """The sign server's refusal."""
    return 429, {"ratelimit-remaining": "0", "ratelimit-reset": str(seconds)}


def over(socket: Socket) -> bool:
    return socket.stream.over


async def until_over(*sockets: Socket) -> None:
    for socket in sockets:
        await socket.is_over()


def gaps(numbers: Iterable[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(numbers)]


class TestBeingAskedToReconnect:
    @virtual_time
    async def test_it_works(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            socket.stream.reconnect()
            await socket.is_back()

            assert len(world.open_upstreams) == 1
            assert socket.states() == ["connecting", "live", "reconnecting", "live"]
            assert gaps(world.attempts) == [pytest.approx(CONNECT_TIME + CLOSE_TIME, abs=0.01)]

    @virtual_time
    async def test_it_does_not_wait_for_the_next_attempt(self) -> None:
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
    async def test_it_has_tiktok_asked_for_a_streamer_who_is_waited_for(self) -> None:
        async with World(failure(OFFLINE), None).running() as world:
            socket = world.socket(wait=True)
            while socket.stream.offline is None:
                await socket.stream.log.changed(socket.stream.log.end)

            socket.stream.reconnect()
            await world.attempted(2)
            await socket.is_live()

            assert world.attempts[1] - world.attempts[0] < 2

    @virtual_time
    async def test_it_is_no_news_while_a_connection_is_being_made(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await settle()
            socket.stream.reconnect()
            await socket.is_live()
            await asyncio.sleep(TICK)

            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_does_not_use_up_the_attempts(self) -> None:
        async with World(reconnect_attempts=2).running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(5):
                socket.stream.reconnect()
                await socket.is_back()

            assert len(world.upstreams) == 6

    @virtual_time
    async def test_it_leaves_a_connection_alone_while_the_gate_is_closed(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").closed_until = unix_time() + 900

            for _ in range(20):
                socket.stream.reconnect()
                await asyncio.sleep(TICK)
            assert len(world.upstreams) == 1
            assert not over(socket)

    @virtual_time
    async def test_it_does_not_go_before_the_gate(self) -> None:
        async with World(None, failure(LOST)).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").closed_until = unix_time() + 60
            world.newest.cut()
            for _ in range(10):
                await asyncio.sleep(TICK)
                socket.stream.reconnect()
            assert len(world.upstreams) == 1
            assert not over(socket)


class TestTheHistory:
    @virtual_time
    async def test_it_works(self) -> None:
        async with world_with(Lowest()).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut(failure(LOST, said="1006"))
            await socket.is_back()

            told = [(moment.what, moment.detail) for moment in socket.stream.timeline]
            assert told == [
                ("connecting", {}),
                ("live", {}),
                ("cut", {"error": "connection_lost", "said": "1006"}),
                ("reconnecting", {"attempt": 1, "retry_in": 0.0}),
                ("live", {}),
            ]

    @virtual_time
    async def test_it_is_told_from_any_place_on(self) -> None:
        async with World().running() as world:
            history = (socket := world.socket()).stream.timeline
            await socket.is_live()
            assert [moment.what for moment in history.since(1)] == ["live"]
            assert history.since(history.total) == []

    @virtual_time
    async def test_it_does_not_grow_for_ever(self) -> None:
        async with World().running() as world:
            history = world.socket().stream.timeline
            for number in range(1000):
                history.add("cut", number=number)
            assert [moment.detail["number"] for moment in history] == list(range(900, 1000))
            assert len(history.since(3)) == 100


class TestBeingConnected:
    """`connected`, which a test of the connection waits for."""

    @virtual_time
    async def test_it_works(self) -> None:
        async with World().running() as world:
            stream = world.socket().stream
            assert (await stream.connected()).id == world.room_id

    @pytest.mark.parametrize("code", [*FINAL, *PASSING])
    @virtual_time
    async def test_it_says_why_it_is_not(self, code: ErrorCode) -> None:
        async with World(failure(code)).running() as world:
            stream = world.socket().stream
            with pytest.raises(RelayError) as raised:
                await stream.connected()
            assert raised.value.code is code

    @virtual_time
    async def test_it_says_that_others_wait_for_the_streamer(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            stream = world.socket(wait=True).stream
            with pytest.raises(RelayError) as raised:
                await stream.connected()
            assert raised.value.code is OFFLINE

    @virtual_time
    async def test_it_does_not_take_a_lost_connection_for_one(self) -> None:
        async with world_with(Highest(), None, HANGS).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await world.attempted(2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await socket.stream.connected()


class TestConnecting:
    @virtual_time
    async def test_it_tells_its_sockets_how_it_becomes_live(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await settle()
            assert socket.states() == ["connecting"]

            await socket.is_live()

            assert socket.states() == ["connecting", "live"]
            assert socket.stream.room is not None
            assert socket.stream.room.title == "A title"

    @virtual_time
    async def test_it_passes_on_what_comes_with_the_connection(self) -> None:
        async with World().running() as world:
            world.greeting = [messages.chat("a", "earlier")]
            socket = world.socket()
            await socket.is_live()

            assert socket.types() == ["status", "status", "comment"]

    @pytest.mark.parametrize("code", [*FINAL, *PASSING, ErrorCode.INTERNAL_ERROR])
    @virtual_time
    async def test_it_tells_the_first_failure_at_once(self, code: ErrorCode) -> None:
        async with World(failure(code, retry_after=7)).running() as world:
            socket = world.socket()
            await until_over(socket)

            assert socket.error is code
            assert socket.states() == ["connecting"]
            assert len(world.upstreams) == 1
            assert now() - world.attempts[0] == pytest.approx(CONNECT_TIME + CLOSE_TIME, abs=0.01)

    @virtual_time
    async def test_it_survives_a_fault_of_its_own(self, caplog: pytest.LogCaptureFixture) -> None:
        async with World(ZeroDivisionError()).running() as world:
            socket = world.socket()
            await until_over(socket)

            assert socket.error is ErrorCode.INTERNAL_ERROR
            assert "ZeroDivisionError" in caplog.text

    @virtual_time
    async def test_it_is_cancelled_when_nobody_listens_any_more(self) -> None:
        async with World(HANGS).running() as world:
            socket = world.socket()
            await asyncio.sleep(5)

            socket.leave()
            await asyncio.sleep(CLOSE_TIME + 0.01)

            assert over(socket)
            assert not world.open_upstreams

    @virtual_time
    async def test_it_goes_on_while_somebody_listens(self) -> None:
        async with World().running() as world:
            first, second = world.socket(), world.socket()
            await settle()
            first.leave()

            await second.is_live()

            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_never_connects_for_a_socket_that_was_gone_at_once(self) -> None:
        async with World().running() as world:
            world.socket().leave()
            await settle()

            assert not world.upstreams

    @virtual_time
    async def test_it_is_replaced_when_it_failed(self) -> None:
        async with World(failure(ErrorCode.TIKTOK_BLOCKED)).running() as world:
            failed = world.socket()
            await until_over(failed)

            socket = world.socket()
            await socket.is_live()

            assert socket.stream is not failed.stream
            failed.leave()
            assert not over(socket)

    @virtual_time
    async def test_it_is_replaced_though_its_sockets_have_not_left_yet(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            failed = world.socket()
            await until_over(failed)
            socket = world.socket(since=failed.cursor)

            failed.leave()
            await asyncio.sleep(2 * LINGER)

            assert not over(socket)
            socket.leave()

    @virtual_time
    async def test_it_is_replaced_though_it_was_live_and_has_frames_left(self) -> None:
        async with World(None, failure(ErrorCode.AGE_RESTRICTED)).running() as world:
            failed = world.socket()
            await failed.is_live()
            seen = failed.cursor
            world.newest.cut()
            await until_over(failed)

            socket = world.socket(since=seen)
            await socket.is_live()
            failed.leave()
            await asyncio.sleep(2 * LINGER)

            assert socket.stream is not failed.stream
            assert socket.types()[0] == "gap"
            assert not over(socket)

    @virtual_time
    async def test_it_is_not_kept_when_it_failed(self) -> None:
        async with World(None, failure(ErrorCode.AGE_RESTRICTED)).running() as world:
            failed = world.socket()
            await failed.is_live()
            world.newest.cut()
            await until_over(failed)
            failed.leave()

            world.assert_tidy()


class TestFanOut:
    @virtual_time
    async def test_it_connects_once_for_a_storm_of_sockets(self) -> None:
        async with World().running() as world:
            sockets = [world.socket() for _ in range(200)]
            await sockets[0].is_live()
            world.newest.say(messages.chat("a", "hello"))

            assert len(world.upstreams) == len(world.sign_requests) == 1
            assert all(socket.comments() == ["hello"] for socket in sockets)

    @virtual_time
    async def test_it_connects_once_more_for_another_username(self) -> None:
        async with World().running() as world:
            await world.socket("one").is_live()
            await world.socket("two").is_live()

            assert [upstream.username for upstream in world.upstreams] == ["one", "two"]

    @virtual_time
    async def test_it_gives_every_socket_the_same_error(self) -> None:
        async with World(failure(ErrorCode.AGE_RESTRICTED)).running() as world:
            sockets = [world.socket() for _ in range(20)]
            await until_over(*sockets)

            assert {socket.error for socket in sockets} == {ErrorCode.AGE_RESTRICTED}
            assert len(world.upstreams) == 1


class TestLive:
    @virtual_time
    async def test_it_ends_a_streak_that_tiktok_forgot(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.say(*messages.streak("a", count=3)[:-1])
            await asyncio.sleep(STREAK_TIMEOUT + TICK + 0.1)

            assert [gift["streak"] for gift in socket.of_type("gift")] == ["ongoing"] * 3 + [
                "ended"
            ]

    @virtual_time
    async def test_it_is_quiet_when_only_heartbeats_come(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(20):
                await asyncio.sleep(10)
                world.newest.beat()

            assert socket.states() == ["connecting", "live", "quiet"]
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_is_live_again_with_the_next_message(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(7):
                await asyncio.sleep(10)
                world.newest.beat()

            world.newest.say(messages.chat("a", "hello"))

            assert socket.states() == ["connecting", "live", "quiet", "live"]
            assert socket.types()[-2:] == ["status", "comment"]

    @virtual_time
    async def test_it_reconnects_when_nothing_at_all_comes(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            connected = now()

            await asyncio.sleep(IDLE - 1)
            assert socket.states() == ["connecting", "live"]
            await world.attempted(2)
            await socket.is_live()

            assert socket.states() == ["connecting", "live", "deaf", "reconnecting", "live"]
            assert now() - connected < IDLE + 1 + CLOSE_TIME + CONNECT_TIME + 0.2
            assert len(world.open_upstreams) == 1

    @virtual_time
    async def test_it_hears_bytes_that_it_cannot_read(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(20):
                await asyncio.sleep(10)
                world.newest.garble()

            assert "deaf" not in socket.states()

    @virtual_time
    async def test_it_is_deaf_after_it_was_quiet(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(7):
                await asyncio.sleep(10)
                world.newest.beat()

            await asyncio.sleep(IDLE + 0.1)

            assert socket.states()[:4] == ["connecting", "live", "quiet", "deaf"]


class TestLiveEnd:
    @virtual_time
    async def test_it_is_no_cut(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.say(messages.end())
            await until_over(socket)

            assert socket.types()[-1] == "live_end"
            assert socket.error is None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_ends_though_the_connection_is_cut_in_the_same_moment(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.say(messages.end())
            world.newest.cut()
            await until_over(socket)

            assert socket.error is None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_ends_though_it_hears_so_only_while_a_connection_is_closed(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.cut()
            await settle()
            world.newest.say(messages.end())
            await until_over(socket)

            assert socket.error is None
            assert socket.types()[-1] == "live_end"
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_ends_when_the_end_is_the_first_that_it_hears(self) -> None:
        async with World().running() as world:
            world.greeting = [messages.end()]
            socket = world.socket()
            await until_over(socket)

            assert socket.types() == ["status", "status", "live_end"]

    @virtual_time
    async def test_it_serves_those_who_have_not_seen_the_end(self) -> None:
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
    async def test_it_lingers_anew_after_each_who_came_back(self) -> None:
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
    async def test_it_is_forgotten_after_the_linger(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            seen = socket.cursor
            world.newest.say(messages.end())
            await until_over(socket)
            socket.leave()
            await asyncio.sleep(LINGER + 1)

            late = world.socket(since=seen)
            await late.is_live()

            assert late.types()[0] == "gap"
            assert len(world.upstreams) == 2

    @pytest.mark.parametrize("since", ["the end", "nothing", "elsewhere"])
    @virtual_time
    async def test_it_makes_way_for_those_who_want_a_new_one(self, since: str) -> None:
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
    async def test_it_is_forgotten_at_once_when_it_ended_while_it_lingered_out(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            socket.leave()
            world.newest.say(messages.end())

            await asyncio.sleep(LINGER + 1)

            assert not list(world.streams)


class TestLinger:
    @virtual_time
    async def test_it_stays_connected_for_a_phone_that_comes_back(self) -> None:
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
    async def test_it_disconnects_after_that(self) -> None:
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
    async def test_it_disconnects_at_once_without_a_linger(self) -> None:
        async with World(linger=0).running() as world:
            socket = world.socket()
            await socket.is_live()

            socket.leave()
            await settle()

            assert not world.open_upstreams

    @virtual_time
    async def test_it_begins_anew_with_each_last_socket(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(3):
                socket.leave()
                await asyncio.sleep(LINGER - 1)
                socket = world.socket()

            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_takes_a_new_stream_while_the_old_one_closes(self) -> None:
        async with World(linger=0).running() as world:
            socket = world.socket()
            await socket.is_live()
            socket.leave()
            await settle()

            fresh = world.socket()
            await fresh.is_live()

            assert fresh.stream is not socket.stream
            assert len(world.open_upstreams) == 1


class TestReconnecting:
    @virtual_time
    async def test_it_is_live_again_and_says_what_could_not_be_heard(self) -> None:
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
    async def test_it_announces_one_gap_for_several_attempts(self) -> None:
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
    async def test_it_announces_each_cut_with_its_own_times(self) -> None:
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
    async def test_it_drops_what_tiktok_repeats(self) -> None:
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
    async def test_it_tries_again_after_a_failure_that_passes(self, code: ErrorCode) -> None:
        async with World(None, failure(code)).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await socket.is_back()

            assert len(world.upstreams) == 3

    @pytest.mark.parametrize("code", FINAL)
    @virtual_time
    async def test_it_gives_up_at_once_where_trying_does_not_help(self, code: ErrorCode) -> None:
        async with World(None, failure(code)).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            assert socket.error is code
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_gives_up_when_the_connection_ends_for_good(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut(failure(ErrorCode.SIGN_FORBIDDEN))
            await until_over(socket)

            assert socket.error is ErrorCode.SIGN_FORBIDDEN

    @virtual_time
    async def test_it_survives_a_fault_of_the_upstream(
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
    async def test_it_gives_up_after_so_many_attempts(self) -> None:
        async with World(None).running() as world:
            world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            assert socket.error is LOST
            assert socket.states() == ["connecting", "live"] + ["reconnecting"] * ATTEMPTS
            assert len(world.upstreams) == 1 + ATTEMPTS
            assert socket.stream.error is not None
            assert "tiktok_timeout" in socket.stream.error.said

    @virtual_time
    async def test_it_does_not_try_at_all_when_told_so(self) -> None:
        async with World(reconnect_attempts=0).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            assert socket.error is LOST
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_waits_for_as_long_as_it_announced(self) -> None:
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
        [(Highest(), [1, 2, 4, 8, 16, 30, 30]), (Lowest(), [0, 0, 0, 0, 0, 0, 0])],
    )
    @virtual_time
    async def test_it_waits_longer_each_time_up_to_a_cap(
        self, rng: random.Random, delays: list[float]
    ) -> None:
        async with world_with(rng, None, reconnect_attempts=len(delays)).running() as world:
            world.then = failure(LOST)
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await until_over(socket)

            retries = [s["retry_in"] for s in socket.of_type("status") if "retry_in" in s]
            assert retries == delays

    @virtual_time
    async def test_it_spreads_attempts_over_the_whole_of_the_time(self) -> None:
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
    async def test_it_counts_from_one_again_after_something_new_came(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for number in range(3 * ATTEMPTS):
                world.newest.say(messages.chat("a", str(number)))
                world.newest.cut()
                await socket.is_back()

            attempts = {s["attempt"] for s in socket.of_type("status") if "attempt" in s}
            assert attempts == {1}
            assert socket.comments() == [str(number) for number in range(3 * ATTEMPTS)]

    @virtual_time
    async def test_it_counts_on_while_connections_bring_nothing_new(self) -> None:
        async with World().running() as world:
            world.greeting = [messages.chat("a", "always the same")]
            socket = world.socket()
            await socket.is_live()
            for _ in range(ATTEMPTS):
                world.newest.cut()
                await socket.is_back()
            world.newest.cut()
            await until_over(socket)

            attempts = [s["attempt"] for s in socket.of_type("status") if "attempt" in s]
            assert attempts == [1, 2, 3, 4, 5]
            assert socket.error is LOST

    @virtual_time
    async def test_it_counts_from_one_again_after_a_connection_that_held_quietly(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(2 * ATTEMPTS):
                for _ in range(7):
                    await asyncio.sleep(10)
                    world.newest.beat()
                world.newest.cut()
                await socket.is_back()

            assert not over(socket)

    @virtual_time
    async def test_it_gives_up_when_connections_are_cut_again_and_again(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for number in range(FLAPS + ATTEMPTS - 2):
                world.newest.say(messages.chat("a", str(number)))
                world.newest.cut()
                await socket.is_back()
            world.newest.say(messages.chat("a", "the last"))
            world.newest.cut()
            await asyncio.sleep(1)

            assert socket.error is LOST

    @virtual_time
    async def test_it_bears_as_many_cuts_when_they_are_far_between(self) -> None:
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
    async def test_it_misses_nothing_between_one_live_and_the_next(self) -> None:
        async with World(None, failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()
            world.newest.say(messages.viewers(12), *messages.streak("a", count=2)[:-1])
            world.room_id = "7000000000000000002"
            world.newest.cut()
            await socket.is_back()

            assert not socket.of_type("gap")
            assert socket.of_type("gift")[-1]["streak"] == "ended"
            assert socket.stream.snapshot().viewers is None

    @virtual_time
    async def test_it_gives_up_when_it_stays_deaf(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await until_over(socket)

            assert socket.error is LOST
            assert socket.states().count("deaf") == 1 + ATTEMPTS

    @virtual_time
    async def test_it_lets_a_phone_back_in_while_it_reconnects(self) -> None:
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


class TestCancellation:
    """Nobody listens any more, in every state."""

    @virtual_time
    async def test_it_ends_while_it_backs_off(self) -> None:
        async with world_with(Highest(), None, linger=0.5).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(CLOSE_TIME + 0.1)
            assert socket.stream.status.state == "reconnecting"

            socket.leave()
            await asyncio.sleep(0.6)

            assert over(socket)
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_ends_while_it_reconnects(self) -> None:
        async with World(None, HANGS).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(5)

            socket.leave()
            await asyncio.sleep(LINGER + CLOSE_TIME + 0.1)

            assert over(socket)
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_closes_a_connection_to_its_end(self) -> None:
        async with World(linger=1).running() as world:
            world.close_time = 2
            socket = world.socket()
            await socket.is_live()
            socket.leave()

            world.newest.cut()  # the linger is over while the connection is being closed
            await asyncio.sleep(1.5)
            assert not over(socket)
            await asyncio.sleep(1)

            assert world.newest.close_was_completed
            assert over(socket)
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_ends_while_it_waits_for_the_streamer(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            socket = world.socket(wait=True)
            await asyncio.sleep(5)

            socket.leave()
            await settle()

            assert over(socket)
            assert not list(world.streams)

    @virtual_time
    async def test_it_ends_while_it_polls(self) -> None:
        async with World(failure(OFFLINE), HANGS).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(2 * INTERVAL)
            assert len(world.upstreams) == 2

            socket.leave()
            await asyncio.sleep(CLOSE_TIME + 0.1)

            assert over(socket)

    @virtual_time
    async def test_it_ends_open_streaks(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(*messages.streak("a", count=2)[:-1])
            socket.leave()

            await asyncio.sleep(LINGER + 1)

            assert socket.of_type("gift")[-1]["streak"] == "ended"


class TestWaiting:
    @virtual_time
    async def test_it_polls_until_the_streamer_is_live(self) -> None:
        async with World(*[failure(OFFLINE)] * 3, idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(10 * INTERVAL)

            assert socket.states() == ["connecting", "waiting", "live"]
            assert len(world.upstreams) == 4
            assert not socket.of_type("gap")

    @virtual_time
    async def test_it_refuses_nobody_once_the_streamer_is_live(self) -> None:
        async with World(failure(OFFLINE), wait_interval=1).running() as world:
            waiting = world.socket(wait=True)
            await waiting.is_live()

            newcomer = world.socket()

            assert newcomer.refusal() is None
            assert newcomer.stream is waiting.stream

    @virtual_time
    async def test_it_polls_once_however_many_wait(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            sockets = [world.socket(wait=True) for _ in range(100)]
            await asyncio.sleep(20 * INTERVAL)

            assert 16 <= len(world.upstreams) <= 26
            assert all(socket.states() == ["connecting", "waiting"] for socket in sockets)
            assert not world.sign_requests

    @virtual_time
    async def test_it_polls_at_an_interval_with_jitter(self) -> None:
        async with World(wait_interval=100).running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(10_000)

            pauses = [gap - CONNECT_TIME - CLOSE_TIME for gap in gaps(world.attempts)]
            assert 80 <= min(pauses) < 85
            assert 115 < max(pauses) <= 120.01

    @virtual_time
    async def test_it_tells_those_who_do_not_wait(self) -> None:
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
    async def test_it_tells_newcomers_at_once_when_it_has_just_asked(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + EARLIEST_POLL - 0.1)

            newcomer = world.socket()
            await asyncio.sleep(1)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_asks_again_for_a_newcomer(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            waiting = world.socket(wait=True)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + EARLIEST_POLL + 0.1)

            newcomer = world.socket()
            assert newcomer.refusal() is None
            await newcomer.is_live()

            assert waiting.states()[-1] == "live"
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_tells_a_newcomer_that_the_streamer_is_still_offline(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(30)

            newcomer = world.socket()
            looked = asyncio.create_task(newcomer.stream.log.changed(newcomer.stream.log.end))
            await asyncio.wait_for(looked, CONNECT_TIME + CLOSE_TIME + 0.1)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_does_not_ask_twice_for_who_comes_while_it_asks(self) -> None:
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
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_does_not_ask_again_for_who_comes_during_a_poll_of_its_own(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.connect_time = 10
            world.socket(wait=True)
            await world.attempted(2)

            newcomer = world.socket()
            assert newcomer.refusal() is None
            await asyncio.sleep(15)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_asks_no_more_often_for_many_newcomers(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            for _ in range(600):
                await asyncio.sleep(0.1)
                world.socket(wait=True)

            assert min(gaps(world.attempts)) >= EARLIEST_POLL
            assert len(world.upstreams) <= 60 / EARLIEST_POLL + 1

    @virtual_time
    async def test_it_fails_when_only_others_are_left(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            waiting = world.socket(wait=True)
            await asyncio.sleep(30)
            newcomer = world.socket()
            waiting.leave()
            await until_over(newcomer)

            assert newcomer.error is OFFLINE

    @virtual_time
    async def test_it_waits_when_the_streamer_is_offline_after_a_cut(self) -> None:
        async with World(None, failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(2 * INTERVAL)

            assert socket.states() == ["connecting", "live", "reconnecting", "waiting", "live"]
            assert socket.counts()["gap"] == 1

    @virtual_time
    async def test_it_backs_off_when_a_poll_fails_otherwise(self) -> None:
        blocked = failure(ErrorCode.TIKTOK_BLOCKED)
        answers = [failure(OFFLINE), blocked, failure(OFFLINE)]
        async with World(*answers, idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(5 * INTERVAL)

            expected = ["connecting", "waiting", "reconnecting", "waiting", "live"]
            assert socket.states() == expected

    @virtual_time
    async def test_it_gives_up_when_polls_go_on_failing(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            world.then = failure(ErrorCode.TIKTOK_BLOCKED)
            socket = world.socket(wait=True)
            await until_over(socket)

            assert socket.error is LOST
            assert len(world.upstreams) == 2 + ATTEMPTS


class TestSignGate:
    @virtual_time
    async def test_it_tells_a_refusal_and_asks_no_more(self) -> None:
        async with World().running() as world:
            world.sign_answers.append(limited(90))
            first = world.socket()
            await until_over(first)
            await asyncio.sleep(30)
            later = [world.socket(f"streamer{number}") for number in range(50)]
            await until_over(*later)

            assert first.error is ErrorCode.RATE_LIMITED
            assert {socket.error for socket in later} == {ErrorCode.RATE_LIMITED}
            assert {s.stream.error.retry_after for s in later if s.stream.error} == {60}
            assert len(world.sign_requests) == 1

    @virtual_time
    async def test_it_sends_one_request_a_reset_however_many_ask(self) -> None:
        async with World().running() as world:
            world.sign_answers += [limited(60)] * 3
            for _ in range(3):
                sockets = [world.socket(f"streamer{number}") for number in range(30)]
                await until_over(*sockets)
                for socket in sockets:
                    socket.leave()
                await asyncio.sleep(61)

            assert len(world.sign_requests) == 3

    @virtual_time
    async def test_it_connects_with_another_key(self) -> None:
        async with World().running() as world:
            world.sign_answers.append(limited(90))
            await until_over(world.socket("one"))

            await world.socket("two", key="own").is_live()

            assert [key for key, _ in world.sign_requests] == ["", "own"]

    @virtual_time
    async def test_it_reconnects_with_the_key_of_any_listener(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.socket(key="own")
            world.gates.of("").on_answer(*limited(60))
            world.newest.cut()
            await socket.is_back()

            assert [key for key, _ in world.sign_requests] == ["", "own"]

    @virtual_time
    async def test_it_does_not_use_the_key_of_a_listener_who_left(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.socket(key="own").leave()
            world.gates.of("").on_answer(*limited(60))
            world.newest.cut()
            await socket.is_back()

            assert [key for key, _ in world.sign_requests] == ["", ""]

    @virtual_time
    async def test_it_waits_for_the_gate_when_it_reconnects(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").on_answer(*limited(60))
            closed = now()
            world.newest.cut()
            await socket.is_back()

            reconnected = world.attempts[1] - closed
            assert 60 <= reconnected <= 60 + GATE_SPREAD
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_it_waits_for_the_gate_that_a_reconnect_closed(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.sign_answers.append(limited(60))
            world.newest.cut()
            await socket.is_back()

            assert len(world.sign_requests) == 3
            assert 60 <= gaps(at for _, at in world.sign_requests)[1] <= 62 + GATE_SPREAD

    @virtual_time
    async def test_it_comes_back_spread_out(self) -> None:
        async with World().running() as world:
            sockets = [world.socket(f"streamer{number}") for number in range(50)]
            await sockets[-1].is_live()
            world.gates.of("").on_answer(*limited(60))
            reset = now() + 60
            for upstream in world.upstreams[:50]:
                upstream.cut()
            await asyncio.sleep(60 + GATE_SPREAD + 5)

            again = [attempt - reset for attempt in world.attempts[50:]]
            assert len(again) == 50
            assert 0 <= min(again) < 1
            assert GATE_SPREAD - 1 < max(again) <= GATE_SPREAD
            assert all(socket.stream.status.state == "live" for socket in sockets)

    @virtual_time
    async def test_it_tries_one_request_a_reset_when_many_streams_wait(self) -> None:
        async with World(idle_timeout=LONG).running() as world:
            sockets = [world.socket(f"streamer{number}") for number in range(50)]
            await sockets[-1].is_live()
            world.sign_answers += [limited(60)] * 2
            for upstream in world.upstreams[:50]:
                upstream.cut()
            await asyncio.sleep(240)

            again = [at for _, at in world.sign_requests[50:]]
            assert min(gaps(again)[:2]) >= 60
            assert len(again) == 52
            assert all(socket.stream.status.state == "live" for socket in sockets)

    @virtual_time
    async def test_it_says_so_at_once_when_the_gate_stays_closed_for_long(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").on_answer(*limited(LONGEST_GATE_WAIT + 80))
            world.newest.cut()
            await until_over(socket)

            assert socket.error is ErrorCode.RATE_LIMITED
            assert socket.stream.error is not None
            assert socket.stream.error.retry_after == LONGEST_GATE_WAIT + 80
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_it_ends_while_it_waits_for_the_gate(self) -> None:
        async with World(linger=1).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").on_answer(*limited(60))
            world.newest.cut()
            await asyncio.sleep(5)

            socket.leave()
            await asyncio.sleep(2)

            assert over(socket)
            assert len(world.upstreams) == 1


class TestClose:
    @virtual_time
    async def test_it_ends_every_stream_in_whatever_state(self) -> None:
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
    async def test_it_closes_connections_to_their_end_though_sockets_leave(self) -> None:
        async with World(HANGS, linger=0).running() as world:
            socket = world.socket()
            await asyncio.sleep(2)

            closing = asyncio.create_task(world.streams.close())
            await settle()
            socket.leave()
            await closing

            assert world.newest.close_was_completed

    @virtual_time
    async def test_it_does_not_linger_for_sockets_that_leave_meanwhile(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            closing = asyncio.create_task(world.streams.close())
            await settle()
            socket.leave()
            await closing

            world.assert_tidy()

    @virtual_time
    async def test_it_ends_streams_that_start_meanwhile(self) -> None:
        async with World().running() as world:
            await world.socket("one").is_live()
            closing = asyncio.create_task(world.streams.close())
            await settle()

            late = world.socket("two")
            await asyncio.wait_for(closing, 5)

            assert over(late)

    @virtual_time
    async def test_it_is_done_at_once_when_there_is_nothing(self) -> None:
        await World().streams.close()
