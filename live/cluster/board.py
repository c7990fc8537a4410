"""What each process says of itself for staff: every process can read what all others have said."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from live.cluster.scripts import FAILURES, Scripts, connect

__all__ = ["Board"]

logger = logging.getLogger(__name__)

# Seconds to wait for Redis; and for which counts what a process has said.
_TIMEOUT = 0.5
_FRESH = 5

# KEYS: all that is said. ARGV: process, what it says, seconds for which it counts.
_SAY = """
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] + ARGV[3] .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3] * 2)
"""
# KEYS: all that is said. ARGV: the process that asks. Returns what the others say.
_OTHERS = """
local now, found, all = tonumber(redis.call('TIME')[1]), {}, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local till, said = string.match(all[i + 1], '^(%d+) (.*)$')
  if tonumber(till) < now then redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then found[#found + 1] = said end
end
return found
"""
_FUNCTIONS = {"say": _SAY, "others": _OTHERS}


class Board:
    """While Redis can't be reached, what is said is lost, and nobody else says anything.

    Args:
        server: how to connect to Redis, as the setting `REDIS` has it.
        process: names this process.
        name: of what is said; processes that use the same one hear each other.
    """

    def __init__(self, server: Mapping[str, Any], process: str, name: str) -> None:
        self._scripts = Scripts(connect(server, _TIMEOUT), _FUNCTIONS)
        self._process = process
        self._key = f"relay:board:{name}"

    async def say(self, what: bytes) -> None:
        """Say something, in the place of what this process has said before."""
        await self._run("say", self._process, what, _FRESH)

    async def others(self) -> list[bytes]:
        """What the other processes have said in the last seconds."""
        return list(await self._run("others", self._process) or [])

    async def close(self) -> None:
        await self._scripts.close()

    async def _run(self, function: str, *values: Any) -> Any:
        try:
            [answer] = await self._scripts.run([(function, (self._key,), values)])
        except FAILURES as failure:
            logger.debug("Redis can't tell processes of each other: %s", failure)
            return None
        return answer
