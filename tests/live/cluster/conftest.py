from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from live.clock import SYSTEM_CLOCK
from live.cluster.cluster import Cluster
from tests.support.redis_server import RedisServer, private_redis
from tests.support.upstreams import World

__all__: list[str] = []


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with private_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def process(redis: RedisServer) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """Makes what one server process has: streams of its own, and a TikTok of its own."""
    async with AsyncExitStack() as stack:

        async def make(*, port: int = redis.port, **options: Any) -> World:
            server = {"address": f"redis://127.0.0.1:{port}/0", "db": 0}
            world = World(
                clock=SYSTEM_CLOCK, sharing=Cluster(server, 4096), **{"linger": 0, **options}
            )
            world.connect_time = world.close_time = 0.01
            return await stack.enter_async_context(world.running())

        yield make
