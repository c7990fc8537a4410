"""A connection to Redis, and Lua functions that it runs, many in one round trip."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from channels_redis.utils import create_pool
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

__all__ = ["FAILURES", "Scripts", "Step", "WithoutFailures", "connect"]

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
    # Whoever uses this tries again by itself, and knows when that makes sense. But a connection of
    # the pool may have ended long ago: then another one is made at once. Every step may be done
    # twice.
    limits = {
        "socket_connect_timeout": timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    }
    pool = create_pool({**server, **limits})
    kind = pool.connection_class
    pool.connection_class = type(f"Mended{kind.__name__}", (_Mended, kind), {})
    return Redis(connection_pool=pool)


class _Mended:
    """What redis-py's connections for asyncio lack.

    - They pack commands in Python, which takes a few µs for each argument. hiredis does it in C.
    - They send within `asyncio.wait_for`, which may lose a cancellation before Python 3.12
      (https://github.com/python/cpython/issues/86296): a task then goes on that nobody waits for.
    """

    socket_timeout: float | None
    _serializer = HiredisRespSerializer()

    def pack_command(self, *arguments: Any) -> Any:
        return self._serializer.pack(*arguments)

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        timeout, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(timeout):
                await super().send_packed_command(command, check_health)  # type: ignore[misc]
        finally:
            self.socket_timeout = timeout


class Scripts:
    """Runs Lua functions, which Redis is given when it does not have them.

    Args:
        redis: the client. Its owner calls `close` of this.
        functions: by their names.
    """

    def __init__(self, redis: Redis, functions: Mapping[str, str]) -> None:
        self._redis = redis
        self._functions = functions
        # Redis names a function by its digest.
        self._digests = {
            name: hashlib.sha1(function.encode()).hexdigest()  # noqa: S324 -- as Redis does
            for name, function in functions.items()
        }

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
        answers = await self._try(steps)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._load()
            answers = await self._try(steps)  # none has run: Redis has all of them or none
        if raises:
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    async def _try(self, steps: Sequence[Step]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for name, keys, values in steps:
                pipeline.evalsha(self._digests[name], len(keys), *keys, *values)
            return await pipeline.execute(raise_on_error=False)

    async def _load(self) -> None:
        for function in self._functions.values():
            await self._redis.script_load(function)


class WithoutFailures(logging.Filter):
    """Drops what the channel layer logs while Redis can't be reached: a traceback a second. The
    cluster says so once."""

    def filter(self, record: logging.LogRecord) -> bool:
        failure = record.exc_info[1] if record.exc_info else None
        # While it reconnects, its receiver and whoever joins a group may read at the same time.
        is_collision = isinstance(failure, RuntimeError) and "another coroutine" in str(failure)
        return not (isinstance(failure, FAILURES) or is_collision)
