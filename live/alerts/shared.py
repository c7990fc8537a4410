"""Processes that share a Redis agree on which alerts there are, so that each is told once.

A process says of each condition whether it holds there. The first one that says so raises the
alert, and tells people. When no process says so any more, the next one that says that it does not
hold clears it, and tells that. What a process has said counts for some seconds after it was said
last, so that one that has died keeps no alert.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from live.alerts.alert import Alert, Condition
from live.cluster.scripts import FAILURES, Scripts, connect

__all__ = ["Agreed", "Change", "SharedAlerts", "Vote"]

logger = logging.getLogger(__name__)

# Seconds to wait for Redis.
_TIMEOUT = 0.5
# Seconds for which it counts what a process has said.
_COUNTS_FOR = 15
# Seconds for which an alert is kept while no process runs.
_KEPT_FOR = 24 * 60 * 60

# KEYS: the alert, who says that the condition holds. ARGV: process, vote, the alert to raise, for
# how long a vote counts, for how long all is kept. Returns what has changed, and the alert.
_AGREE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[4])
if ARGV[2] == 'holds' then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  redis.call('EXPIRE', KEYS[2], ARGV[5])
elseif ARGV[2] == 'over' then
  redis.call('ZREM', KEYS[2], ARGV[1])
end
local alert = redis.call('GET', KEYS[1])
if ARGV[2] == 'holds' and not alert then
  redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[5])
  return {'raised', ARGV[3]}
end
if ARGV[2] == 'over' and alert and redis.call('ZCARD', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1])
  return {'cleared', alert}
end
if alert then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
return {'', alert or ''}
"""


class Vote(StrEnum):
    """What a process says of a condition."""

    HOLDS = "holds"
    OVER = "over"
    UNSURE = "unsure"  # it has not been the one or the other for long enough


class Change(StrEnum):
    """What has come of it."""

    NONE = ""
    RAISED = "raised"
    CLEARED = "cleared"


class Agreed(NamedTuple):
    """What all processes agree on for one condition.

    Attributes:
        change: what this process has to tell.
        alert: the one that there is, or that was cleared; None if there is none.
    """

    change: Change
    alert: Alert | None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Alert).decode


class SharedAlerts:
    """Args:
    server: how to connect to Redis, as the setting `REDIS` has it.
    process: names this process.
    """

    def __init__(self, server: Mapping[str, Any], process: str) -> None:
        self._scripts = Scripts(connect(server, _TIMEOUT), {"agree": _AGREE})
        self._process = process

    async def agree(
        self, votes: Mapping[Condition, tuple[Vote, Alert]]
    ) -> dict[Condition, Agreed] | None:
        """Say what this process sees, and learn what there is.

        Args:
            votes: by condition, with the alert that would be raised.

        Returns:
            None while Redis can't be reached.
        """
        steps = [
            (
                "agree",
                (f"relay:alert:{condition}", f"relay:alert:{condition}:by"),
                (self._process, vote.value, _encode(alert), _COUNTS_FOR, _KEPT_FOR),
            )
            for condition, (vote, alert) in votes.items()
        ]
        try:
            answers = await self._scripts.run(steps)
        except FAILURES as failure:
            logger.debug("Redis can't tell which alerts there are: %s", failure)
            return None
        return {
            condition: _agreed(answer) for condition, answer in zip(votes, answers, strict=True)
        }

    async def close(self) -> None:
        await self._scripts.close()


def _agreed(answer: list[bytes]) -> Agreed:
    change, told = answer
    try:
        return Agreed(Change(change.decode()), _decode(told) if told else None)
    except msgspec.MsgspecError as failure:  # of another version, or somebody else's
        logger.debug("an alert in Redis can't be read: %s", failure)
        return Agreed(Change.NONE, None)
