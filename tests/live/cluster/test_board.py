"""What processes say of themselves for staff, through a real Redis."""

from __future__ import annotations

from contextlib import aclosing

from live.cluster.board import Board
from tests.support.redis_server import RedisServer


class Closing(Board):
    aclose = Board.close


async def test_each_hears_what_the_others_have_said_last(redis: RedisServer) -> None:
    server = {"address": redis.url, "db": 0}
    async with (
        aclosing(Closing(server, "one", "numbers")) as one,
        aclosing(Closing(server, "two", "numbers")) as two,
        aclosing(Closing(server, "three", "another")) as three,
    ):
        assert await one.others() == []
        await one.say(b"first")
        await one.say(b"second")
        await two.say(b"hello \x00\xff world")
        await three.say(b"not for you")
        assert await one.others() == [b"hello \x00\xff world"]
        assert await two.others() == [b"second"]
        redis.stop()
        await one.say(b"lost")
        assert await one.others() == []
