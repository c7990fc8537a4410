"""A connection to Redis, and Lua functions that it runs, many in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from channels_redis.utils import create_pool
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

__all__ = ["FAILURES", "Scripts", "Step", "connect"]

# What goes wrong with Redis, and passes.
FAILURES = (RedisError, OSError, asyncio.TimeoutError)

# A call of a function: its name, its keys and its other arguments.
Step = tuple[str, Sequence[str], Sequence[Any]]


def connect(server: Mapping[str, Any], timeout: float) -> Redis:
    """Make a client, which connects when it is used.

    Args:
        server: how to connect, as the setting `REDIS` has it.
        timeout: seconds to wait for a connection, and for an answer.
    """
    # Whoever uses this tries again by itself, and knows when that makes sense.
    limits = {
        "socket_connect_timeout": timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }
    return Redis(connection_pool=create_pool({**server, **limits}))


class Scripts:
    """Runs Lua functions, which Redis is given once.

    Args:
        redis: the client. Its owner calls `close` of this.
        functions: by their names.
    """

    def __init__(self, redis: Redis, functions: Mapping[str, str]) -> None:
        self._redis = redis
        self._functions = functions
        self._loaded: dict[str, str] = {}

    async def close(self) -> None:
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def run(self, steps: Sequence[Step], *, raises: bool = True) -> list[Any]:
        """Run the functions one after another. They are not one transaction.

        Args:
            raises: otherwise an error that a function ends with stands in the place of its answer.

        Returns:
            The answer of each.

        Raises:
            One of `FAILURES`: Redis can't be reached, or does not answer in time. Some of the
            functions may have run.
        """
        if not steps:
            return []
        if not self._loaded:
            await self._load()
        answers = await self._try(steps)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._load()  # Redis was restarted; none of these steps has run
            answers = await self._try(steps)
        if raises:
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    async def _try(self, steps: Sequence[Step]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for name, keys, values in steps:
                pipeline.evalsha(self._loaded[name], len(keys), *keys, *values)
            return await pipeline.execute(raise_on_error=False)

    async def _load(self) -> None:
        for name, function in self._functions.items():
            self._loaded[name] = await self._redis.script_load(function)
