"""Which processes share some work, and which of them does which part.

Each process shows every second that it takes part. Every process gives each piece of work to the
same member by itself, without asking anybody (rendezvous hashing): when a member comes or goes,
only its own pieces move. For a moment, two processes may know different members; then a piece is
done twice, or not at all. So this is for work that is harmless then.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from live.clock import SYSTEM_CLOCK, Clock
from live.cluster.scripts import FAILURES, Scripts, connect

__all__ = ["Members"]

logger = logging.getLogger(__name__)

# Seconds to wait for Redis.
_TIMEOUT = 0.5
# Seconds for which a member counts after its last sign of life.
_ALIVE_FOR = 6.0
# Seconds for which it is remembered that a member has left.
_LEFT_FOR = 30

# Shows a sign of life. KEYS: the times of signs of life, who has left. ARGV: process, seconds for
# which a member counts. Returns, by turns, each member and the milliseconds since its last sign of
# life, then an empty text and who has left.
_SHOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2] * 1000)
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2000)
local found, all = {}, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #all, 2 do
  found[#found + 1] = all[i]
  found[#found + 1] = string.format('%d', now - all[i + 1])
end
found[#found + 1] = ''
for _, left in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do found[#found + 1] = left end
return found
"""
# Leaves. KEYS: as above. ARGV: process, seconds for which that is remembered.
_LEAVE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
"""


class Members:
    """This process as a member. While Redis can't be reached, those count that were known last, and
    nobody before it was reached for the first time.

    Args:
        server: how to connect to Redis, as the setting `REDIS` has it.
        process: names this process.
        name: of the work that is shared.
    """

    def __init__(
        self, server: Mapping[str, Any], process: str, name: str, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._scripts = Scripts(connect(server, _TIMEOUT), {"show": _SHOW, "leave": _LEAVE})
        self._process = process
        self._keys = (f"relay:members:{name}", f"relay:members:{name}:left")
        self._clock = clock
        # Until when each counts, in monotonic seconds. Kept here, so that a Redis that has lost
        # everything does not take the others for dead.
        self._until: dict[str, float] = {}

    async def show(self) -> None:
        """Show that this process takes part, and hear of the others. To be called every second.
        Does nothing while Redis can't be reached."""
        try:
            [answer] = await self._scripts.run([("show", self._keys, (self._process, _ALIVE_FOR))])
        except FAILURES as failure:
            logger.debug("Redis does not tell which processes take part: %s", failure)
            return
        now = self._clock.monotonic()
        texts = [each.decode() for each in answer]
        end = texts.index("")
        for process, age in zip(texts[:end:2], texts[1:end:2], strict=True):
            self._until[process] = now + _ALIVE_FOR - int(age) / 1000
        left = set(texts[end + 1 :])
        self._until = {
            process: until
            for process, until in self._until.items()
            if until > now and process not in left
        }

    async def leave(self) -> None:
        """This process does nothing of it any more: others see so within a second."""
        try:
            await self._scripts.run([("leave", self._keys, (self._process, _LEFT_FOR))])
        except FAILURES as failure:
            logger.debug("Redis could not be told that this process leaves: %s", failure)
        finally:
            await self._scripts.close()

    @property
    def known(self) -> frozenset[str]:
        """Those that take part, as far as this process knows."""
        return frozenset(self._until)

    def is_mine(self, piece: object) -> bool:
        """Whether this process does that piece of the work.

        Args:
            piece: names it, with a text that is the same in all processes.
        """
        return self._process == max(
            self._until, key=lambda member: _weight(member, piece), default=None
        )


def _weight(member: str, piece: object) -> bytes:
    return hashlib.blake2b(f"{member} {piece}".encode(), digest_size=8).digest()
