"""Streams and the sign server's limit: what they do while a gate is closed."""

from __future__ import annotations

import asyncio

from live.protocol.errors import ErrorCode
from tests.support.clock import now, virtual_time
from tests.support.streams import (
    GATE_SPREAD,
    LONG,
    RECONNECT_FOR,
    gaps,
    limited,
    over,
    until_over,
)
from tests.support.upstreams import World


class TestSignGate:
    @virtual_time
    async def test_a_stream_tells_a_refusal_and_asks_no_more(self) -> None:
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
    async def test_a_stream_sends_one_request_a_reset_however_many_ask(self) -> None:
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
    async def test_a_stream_connects_with_another_key(self) -> None:
        async with World().running() as world:
            world.sign_answers.append(limited(90))
            await until_over(world.socket("one"))

            await world.socket("two", key="own").is_live()

            assert [key for key, _ in world.sign_requests] == ["", "own"]

    @virtual_time
    async def test_a_stream_reconnects_with_the_key_of_any_listener(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.socket(key="own")
            world.gates.of("").on_answer(*limited(60))
            world.newest.cut()
            await socket.is_back()

            assert [key for key, _ in world.sign_requests] == ["", "own"]

    @virtual_time
    async def test_a_stream_does_not_use_the_key_of_a_listener_who_left(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.socket(key="own").leave()
            world.gates.of("").on_answer(*limited(60))
            world.newest.cut()
            await socket.is_back()

            assert [key for key, _ in world.sign_requests] == ["", ""]

    @virtual_time
    async def test_a_stream_waits_for_the_gate_when_it_reconnects(self) -> None:
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
    async def test_a_stream_waits_for_the_gate_that_a_reconnect_closed(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.sign_answers.append(limited(60))
            world.newest.cut()
            await socket.is_back()

            assert len(world.sign_requests) == 3
            assert 60 <= gaps(at for _, at in world.sign_requests)[1] <= 62 + GATE_SPREAD

    @virtual_time
    async def test_a_stream_comes_back_spread_out(self) -> None:
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
    async def test_a_stream_tries_one_request_a_reset_when_many_streams_wait(self) -> None:
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
    async def test_a_stream_says_so_at_once_when_the_gate_stays_closed_for_long(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.gates.of("").on_answer(*limited(RECONNECT_FOR + 80))
            world.newest.cut()
            await until_over(socket)

            assert socket.error is ErrorCode.RATE_LIMITED
            assert socket.stream.error is not None
            assert socket.stream.error.retry_after == RECONNECT_FOR + 80
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_ends_while_it_waits_for_the_gate(self) -> None:
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
