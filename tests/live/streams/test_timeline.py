"""What has happened to a stream, for the staff."""

from __future__ import annotations

from tests.support.clock import virtual_time
from tests.support.streams import LOST, Lowest, world_with
from tests.support.upstreams import World, failure


class TestTimeline:
    @virtual_time
    async def test_the_timeline_has_each_state_and_each_cut(self) -> None:
        async with world_with(Lowest()).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut(failure(LOST, said="1006"))
            await socket.is_back()

            told = [(moment.what, moment.detail) for moment in socket.stream.timeline]
            assert told == [
                ("connecting", {}),
                ("live", {"route": "signed"}),
                ("cut", {"error": "connection_lost", "said": "1006"}),
                ("reconnecting", {"attempt": 1, "retry_in": 0.0}),
                ("live", {"route": "signed"}),
            ]

    @virtual_time
    async def test_the_timeline_is_told_from_any_place_on(self) -> None:
        async with World().running() as world:
            history = (socket := world.socket()).stream.timeline
            await socket.is_live()
            assert [moment.what for moment in history.since(1)] == ["live"]
            assert history.since(history.total) == []

    @virtual_time
    async def test_the_timeline_does_not_grow_for_ever(self) -> None:
        async with World().running() as world:
            history = world.socket().stream.timeline
            for number in range(1000):
                history.add("cut", number=number)
            assert [moment.detail["number"] for moment in history] == list(range(900, 1000))
            assert len(history.since(3)) == 100
