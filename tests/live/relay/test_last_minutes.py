"""What is remembered of the last minutes of each LIVE."""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.errors import ErrorCode
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.last_minutes import LENGTH, STEP, thinned
from live.relay.probe import probe
from live.relay.relay import Relay
from live.server.assembly import make_relay
from live.streams.stream import LiveStream
from standin import messages
from tests.support.clock import VirtualClock, virtual_time
from tests.support.upstreams import World, failure

ALICE = Account(1, "alice", "")
WAIT = SocketOptions(wait=True)


async def on_air(world: World) -> tuple[Relay, LiveStream]:
    """A relay with one LIVE, which it has looked at once."""
    relay = make_relay(world, VirtualClock())
    stream = relay.join(ALICE, WAIT)
    await probe(relay, ALICE)
    relay.last_minutes.look()
    return relay, stream


class TestLooking:
    @virtual_time
    async def test_it_looks_every_few_seconds(self) -> None:
        world = World()
        relay, stream = await on_air(world)
        relay.last_minutes.start()
        world.newest.say(messages.viewers(7))
        await asyncio.sleep(STEP + 0.1)
        world.newest.say(messages.viewers(9), *(messages.chat("anna", "x") for _ in range(9)))
        await asyncio.sleep(STEP)
        course = relay.last_minutes.of(stream)
        assert course is not None
        assert (course["viewers"], course["step"]) == ([7, 9], STEP)
        assert course["events"] == pytest.approx([0.2, 2.0], abs=0.05)
        assert relay.last_minutes.of_all()["events"][-2:] == pytest.approx([0.2, 2.0], abs=0.05)
        await relay.close()

    @virtual_time
    async def test_it_forgets_what_is_older_than_the_last_minutes(self) -> None:
        world = World()
        relay, stream = await on_air(world)
        for number in range(LENGTH + 30):
            world.newest.say(messages.viewers(number))
            relay.last_minutes.look()
        course = relay.last_minutes.of(stream)
        assert course is not None
        assert course["viewers"] == list(range(30, LENGTH + 30))
        assert len(course["events"]) == len(relay.last_minutes.of_all()["events"]) == LENGTH
        await relay.close()

    @virtual_time
    async def test_it_knows_no_viewers_while_the_connection_is_lost(self) -> None:
        world = World()
        relay, stream = await on_air(world)
        world.newest.say(messages.viewers(7))
        relay.last_minutes.look()
        world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
        world.newest.cut(failure(ErrorCode.CONNECTION_LOST))
        await asyncio.sleep(1)
        relay.last_minutes.look()
        course = relay.last_minutes.of(stream)
        assert course is not None
        assert course["viewers"] == [7, None]
        await relay.close()

    @virtual_time
    async def test_it_keeps_nothing_of_those_that_only_wait(self) -> None:
        world = World()
        world.then = failure(ErrorCode.USER_OFFLINE)
        relay = make_relay(world, VirtualClock())
        stream = relay.join(ALICE, WAIT)
        await asyncio.sleep(1)
        for _ in range(3):
            relay.last_minutes.look()
        assert relay.last_minutes.of(stream) is None
        await relay.close()


class TestThinning:
    def test_it_leaves_what_is_short_as_it_is(self) -> None:
        assert thinned([1, None, 3], 5) == [1, None, 3]
        assert thinned([], 5) == []

    def test_the_newest_part_is_always_whole(self) -> None:
        assert thinned([9, 1, 2, 3, 4], 3) == [9, 2, 4]
        assert thinned([9, None, None, 3, 4], 3) == [9, None, 4]
