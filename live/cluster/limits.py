"""Limits that all processes count together: open sockets, budgets, and what the sign server says.

- **Sockets** of accounts and of addresses: before one is added, a process says how many it has, and
  learns how many the others have. What a process says counts while it shows every second that it
  runs.
- **Budgets**: each process counts by itself. Once a second it adds to Redis what was taken here,
  and learns what was taken elsewhere. So within a second each process may use up a budget.
- **Sign gates**: what the sign server has said last of a key, to whichever process, counts in all
  of them a second later.

While Redis can't be reached, each process goes by what it knows.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from live.clock import SYSTEM_CLOCK, Clock
from live.cluster.scripts import FAILURES, Scripts, Step, connect
from live.tasks import cancel_until_done
from live.tiktok.signgate import SignGates, ToldGate

__all__ = ["SharedBudgets", "SharedLimits"]

logger = logging.getLogger(__name__)

# Seconds to wait for Redis: sockets wait for it.
_TIMEOUT = 0.5
# Seconds for which it is not asked after it has failed, but for once a second.
_PAUSE = 1.0
_EVERY = 1.0
# What a process has said counts for so many seconds after its last sign of life.
_ALIVE_FOR = 10
# Counts are kept so long, and said again in time.
_COUNTS_KEPT = 2 * 60 * 60
_SAY_AGAIN_EVERY = 60 * 60
# What the sign server says of a key is kept for a day: no limit is longer.
_GATES_KEPT = 24 * 60 * 60
# Of how many keys, or budgets, Redis is asked in one round trip.
_AT_ONCE = 500

# Says how many of something this process has. KEYS: the counts. ARGV: process, its count, seconds
# to keep. Returns how many the others have.
_COUNT = """
if tonumber(ARGV[2]) > 0 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
else redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
local others, all = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= ARGV[1] then
    if redis.call('EXISTS', 'relay:process:' .. all[i]) == 1 then others = others + all[i + 1]
    else redis.call('HDEL', KEYS[1], all[i]) end
  end
end
return others
"""
# Takes from a budget. KEYS: the budget. ARGV: milliseconds by which it is whole later (negative to
# give back). Returns the milliseconds until it is whole.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owed = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + ARGV[1] - now
if owed > 0 then redis.call('SET', KEYS[1], string.format('%d', now + owed), 'PX', math.ceil(owed))
else redis.call('DEL', KEYS[1]); owed = 0 end
return math.ceil(owed)
"""
# Keeps what was heard of a key, unless something newer is there. KEYS: the gate. ARGV: when it was
# heard, the rest, seconds to keep.
_TELL = """
local known = redis.call('HGET', KEYS[1], 'at')
if not known or tonumber(known) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'at', ARGV[1], 'gate', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
"""
_FUNCTIONS = {"count": _COUNT, "take": _TAKE, "tell": _TELL}


class SharedBudgets(Protocol):
    """Budgets of which other processes may take, too. `accounts.budgets.Budgets` are."""

    def drain(self) -> dict[Any, float]:
        """What was taken since the last time: by key, seconds by which it is whole later."""

    def put_back(self, taken: Mapping[Any, float]) -> None:
        """Have `drain` return these again."""

    def owes(self, key: Any, seconds: float) -> None:
        """The budget of a key is whole in so many seconds, at the earliest."""


class SharedLimits:
    """Belongs to one event loop, from `start` until `close`.

    Args:
        server: how to connect to Redis, as the setting `REDIS` has it.
        process: names this process.
        budgets: those that are shared, by names that are the same in all processes.
        gates: whose answers are shared.
    """

    def __init__(
        self,
        server: Mapping[str, Any],
        process: str,
        budgets: Mapping[str, SharedBudgets],
        gates: SignGates,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._redis = connect(server, _TIMEOUT)
        self._scripts = Scripts(self._redis, _FUNCTIONS)
        self._process = process
        self._budgets = dict(budgets)
        for each in self._budgets.values():
            each.drain()  # from now on it notes what is taken
        self._gates = gates
        self._clock = clock
        self._counts: dict[str, int] = {}  # what this process has, without zeros
        self._unsaid: set[str] = set()  # the keys of counts that have changed
        self._told: dict[str, tuple[Any, ...]] = {}  # the keys that were last taken from, by budget
        self._say_again_at = 0.0
        self._failed_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to tell others. Does nothing if it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="shared limits")

    async def close(self) -> None:
        """Tell the others once more, and end the connection. What this process has said counts no
        longer."""
        await cancel_until_done(self._task)
        if self._task is not None:
            try:
                await self._exchange()
                await self._redis.delete(_process_key(self._process))
            except FAILURES as failure:
                logger.debug("the last counts could not be told: %s", failure)
        await self._scripts.close()

    async def count(self, key: str, mine: int) -> int:
        """Say how many of something this process has now.

        Args:
            key: what is counted, and of whom.

        Returns:
            How many all other processes have. 0 if Redis does not say so in time.
        """
        self.note(key, mine)
        self.start()
        if self._failed_at is not None and self._clock.monotonic() - self._failed_at < _PAUSE:
            return 0
        try:
            async with asyncio.timeout(_TIMEOUT):
                [others] = await self._scripts.run([self._say(key)])
            self._unsaid.discard(key)
        except FAILURES as failure:
            self._on_failure(failure)
            return 0
        return int(others)

    def note(self, key: str, mine: int) -> None:
        """As `count`, within a second, and without an answer."""
        if mine == self._counts.get(key, 0):
            return
        if mine:
            self._counts[key] = mine
        else:
            del self._counts[key]
        self._unsaid.add(key)

    async def _run(self) -> None:
        while True:
            try:
                await self._exchange()
            except FAILURES as failure:
                self._on_failure(failure)
            except Exception:
                logger.exception("limits could not be shared")
            await asyncio.sleep(_EVERY)

    def _on_failure(self, failure: BaseException) -> None:
        if self._failed_at is None:
            logger.warning("Limits are counted by each process alone, as Redis fails: %s", failure)
        self._failed_at = self._clock.monotonic()

    async def _exchange(self) -> None:
        await self._show_life()
        await self._say_counts()
        for name, budgets in self._budgets.items():
            await self._exchange_budgets(name, budgets)
        await self._exchange_gates()
        if self._failed_at is not None:
            self._failed_at = None
            logger.warning("Limits are counted by all processes together again")

    async def _show_life(self) -> None:
        was_alive = await self._redis.set(_process_key(self._process), "", ex=_ALIVE_FOR, get=True)
        now = self._clock.monotonic()
        if was_alive is None or now >= self._say_again_at:
            # Redis is new, or others have taken this process for dead.
            self._unsaid.update(self._counts)
            self._say_again_at = now + _SAY_AGAIN_EVERY

    async def _say_counts(self) -> None:
        while self._unsaid:
            keys = list(self._unsaid)[:_AT_ONCE]
            self._unsaid.difference_update(keys)
            try:
                await self._scripts.run([self._say(key) for key in keys])
            except FAILURES:
                self._unsaid.update(keys)
                raise

    def _say(self, key: str) -> Step:
        values = (self._process, self._counts.get(key, 0), _COUNTS_KEPT)
        return "count", (f"relay:count:{_name_of(key)}",), values

    async def _exchange_budgets(self, name: str, budgets: SharedBudgets) -> None:
        taken = budgets.drain()
        # Those of the last time are asked for again: others may have taken at the same moment.
        told, self._told[name] = self._told.get(name, ()), tuple(taken)
        keys = list(dict.fromkeys((*taken, *told)))
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            try:
                answers = await self._scripts.run(
                    [
                        ("take", (_budget_key(name, key),), (round(taken.get(key, 0) * 1000),))
                        for key in some
                    ]
                )
            except FAILURES:
                budgets.put_back({key: taken[key] for key in keys[start:] if key in taken})
                raise
            for key, owed in zip(some, answers, strict=True):
                budgets.owes(key, owed / 1000)

    async def _exchange_gates(self) -> None:
        told = self._gates.to_tell()
        try:
            await self._scripts.run(
                [
                    ("tell", (_gate_key(gate.name),), (gate.at, _encode(gate), _GATES_KEPT))
                    for gate in told
                ]
            )
        except FAILURES:
            self._gates.tell_again(told)
            raise
        names = self._gates.names()
        for start in range(0, len(names), _AT_ONCE):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for name in names[start : start + _AT_ONCE]:
                    pipeline.hget(_gate_key(name), "gate")
                answers = await pipeline.execute()
            self._gates.hear(_read_gates(answers))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ToldGate).decode


def _read_gates(answers: Iterable[bytes | None]) -> Iterator[ToldGate]:
    for answer in answers:
        if answer is not None:
            try:
                yield _decode(answer)
            except (msgspec.MsgspecError, ValueError) as failure:
                logger.warning("what Redis has of a sign gate can't be read: %s", failure)


def _name_of(key: object) -> str:
    """A name for a key in Redis. Keys may be any text that a client has sent, and addresses of
    people, which need not be known there."""
    return hashlib.blake2b(str(key).encode(errors="replace"), digest_size=16).hexdigest()


def _budget_key(name: str, key: object) -> str:
    return f"relay:budget:{name}:{_name_of(key)}"


def _process_key(process: str) -> str:
    return f"relay:process:{process}"


def _gate_key(name: bytes) -> str:
    return f"relay:gate:{name.hex()}"
