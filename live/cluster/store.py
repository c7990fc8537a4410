"""What the relay has Redis do with a stream in one step.

Every step on a stream is one Lua function, so that no other process comes between a question and
what follows from its answer. Keys of one stream: its lease (who leads it, for some seconds), what
is known of its log, the log itself (a Redis Stream), the leader's state, and who follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from redis.exceptions import ResponseError

from live.cluster.scripts import Scripts, connect
from live.streams.followers import MAX_AHEAD, Elsewhere

__all__ = ["Granted", "Held", "LogKeys", "Store", "StoredLog", "offset_of"]

# Seconds to wait for a connection, and for an answer.
_TIMEOUT = 3.0
# Milliseconds that the reader waits for entries; and entries of one stream that it takes at once.
_BLOCK = 1000
_ENTRIES = 512

# The newest offset of a log; 0 if it has none.
_NEWEST = """
local function newest_of(log)
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
  return last[1] and tonumber(string.match(last[1][1], '^%d+')) or 0
end
"""
# Adds to a list the counts of each process that follows; those that no longer do are forgotten.
_FOLLOWERS = """
local function add_followers(found, followers)
  local now, all = tonumber(redis.call('TIME')[1]), redis.call('HGETALL', followers)
  for i = 1, #all, 2 do
    local counts, till = string.match(all[i + 1], '^(.*) (%d+)$')
    if till and tonumber(till) >= now then found[#found + 1] = counts
    else redis.call('HDEL', followers, all[i]) end
  end
  return found
end
"""
# Asks to lead. KEYS: lease, log's facts, log. ARGV: lease's value, its ms, ms to keep the log, an
# epoch for a new log, how many offsets a leader may be ahead of Redis.
_ACQUIRE = """
local held = redis.call('GET', KEYS[1])
if held then
  local known = redis.call('HMGET', KEYS[2], 'epoch', 'run')
  return {0, known[1] or '', tonumber(known[2] or 0)}
end
local is_new = redis.call('HSETNX', KEYS[2], 'epoch', ARGV[4])
if is_new == 1 then redis.call('DEL', KEYS[3]) end
local known = redis.call('HMGET', KEYS[2], 'epoch', 'run', 'reserved', 'idle')
local last = newest_of(KEYS[3])
local reserved = math.max(tonumber(known[3] or 0), last)
redis.call('HSET', KEYS[2], 'reserved', string.format('%d', reserved + ARGV[5]))
local run, idle = tonumber(known[2] or 0), known[4] ~= '0'
if idle then
  run = redis.call('HINCRBY', KEYS[2], 'run', 1)
  redis.call('HSET', KEYS[2], 'idle', '0')
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {1, known[1], run, idle and 1 or 0, reserved, last}
"""
# Appends entries to several logs, as their leader. Offsets that are there are left out: an answer
# may have been lost on its way. ARGV, only two of them, which takes less time: all entries, one
# behind the other; and msgpack, which has of each stream the keys of lease, facts and log, the
# lease's value, about how many entries to keep, the offset up to which the leader may go on without
# Redis, and the offset and the length of each of its entries by turns.
_APPEND = """
local at = 1
local function append(facts, log, length, reserved, entries)
  for i = 1, #entries, 2 do
    local id = string.format('%d-0', entries[i])
    local entry = string.sub(ARGV[1], at, at + entries[i + 1] - 1)
    at = at + entries[i + 1]
    id = redis.pcall('XADD', log, 'MAXLEN', '~', length, id, 'e', entry)
    if type(id) == 'table' and id.err then
      if newest_of(log) < entries[i] then return id.err end
    end
  end
  redis.call('HSET', facts, 'reserved', string.format('%d', reserved))
  return 1
end
local answers = {}
for i, push in ipairs(cmsgpack.unpack(ARGV[2])) do
  local lease, facts, log, value, length, reserved, entries = unpack(push)
  local behind = at
  for n = 2, #entries, 2 do behind = behind + entries[n] end
  if redis.call('GET', lease) == value then
    answers[i] = append(facts, log, length, reserved, entries)
  else
    answers[i] = 0
  end
  at = behind
end
return answers
"""
# Stays leader. KEYS: lease, facts, log, state, followers. ARGV: lease's value, its ms, ms to keep
# the rest, the state or ''. Returns who follows.
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[4] ~= '' then redis.call('SET', KEYS[4], ARGV[4]) end
for i = 2, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
return add_followers({1}, KEYS[5])
"""
# Follows. KEYS: lease, facts, followers. ARGV: process, its counts, seconds that they hold.
_FOLLOW = """
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ' ' .. (now + ARGV[3]))
redis.call('EXPIRE', KEYS[3], ARGV[3] * 2)
return {redis.call('EXISTS', KEYS[1]), redis.call('HGET', KEYS[2], 'epoch') or ''}
"""
# Leads no longer. KEYS: lease, facts, log. ARGV: lease's value, the log's end, whether the next
# leader begins a new run ('1') or goes on with this one ('0').
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'reserved', ARGV[2], 'idle', ARGV[3])
redis.pcall('XADD', KEYS[3], ARGV[2] .. '-*', 'e', '')
redis.call('DEL', KEYS[1])
return 1
"""
# Tells of the stream, as its leader. KEYS: lease, facts. ARGV: lease's value, what is told.
_TELL = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('HSET', KEYS[2], 'seen', ARGV[2]) end
"""
# Looks at a stream. KEYS: lease, facts, followers. Returns what its leader told, or nothing, and
# who follows.
_LOOK = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
return add_followers({redis.call('HGET', KEYS[2], 'seen') or ''}, KEYS[3])
"""
_FUNCTIONS = {
    "tell": _TELL,
    "look": _FOLLOWERS + _LOOK,
    "acquire": _NEWEST + _ACQUIRE,
    "append": _NEWEST + _APPEND,
    "renew": _FOLLOWERS + _RENEW,
    "follow": _FOLLOW,
    "release": _RELEASE,
}


_encode = msgspec.msgpack.Encoder().encode


class LogKeys(NamedTuple):
    """Redis' keys of one stream."""

    lease: str
    facts: str
    log: str
    state: str
    followers: str

    @classmethod
    def of(cls, username: str) -> LogKeys:
        return cls(*(f"relay:stream:{username}:{name}" for name in cls._fields))


@dataclass(frozen=True)
class Granted:
    """This process leads from now on.

    Attributes:
        epoch, run: of the log; the epoch is the one that was offered where there was no log.
        is_new_run: the run before was over.
        reserved: offsets up to this one may have been used by the leader before.
        end: the newest offset that Redis has; 0 if it has none.
    """

    epoch: str
    run: int
    is_new_run: bool
    reserved: int
    end: int


@dataclass(frozen=True)
class Held:
    """Another process leads."""

    epoch: str
    run: int


class StoredLog(NamedTuple):
    """What Redis has of a stream: the leader's state, and entries with their ids."""

    state: bytes | None
    entries: list[tuple[bytes, bytes]]


class Store:
    """Does the steps. Its owner closes it.

    Every method raises one of `FAILURES` when Redis can't be reached or does not answer in time.

    Args:
        server: how to connect, as the setting `REDIS` has it.
        lease_time: seconds after which a lease ends that is not renewed.
        keep: seconds for which a log is kept that nobody leads.
        follow_time: seconds for which a follower counts that does not say that it still follows.
    """

    def __init__(
        self, server: Mapping[str, Any], lease_time: float, keep: float, follow_time: int
    ) -> None:
        self._redis = connect(server, _TIMEOUT)
        self._scripts = Scripts(self._redis, _FUNCTIONS)
        self._lease_ms = round(lease_time * 1000)
        self._keep_ms = round(keep * 1000)
        self._follow_time = follow_time

    async def close(self) -> None:
        await self._scripts.close()

    async def check(self) -> None:
        """Ask Redis for a sign of life."""
        await self._redis.ping()

    async def acquire(self, keys: LogKeys, lease: str, epoch: str) -> Granted | Held:
        """Ask to lead a stream.

        Args:
            lease: names this process and this request; every later step shows it.
            epoch: for the log, where there is none.
        """
        given = (lease, self._lease_ms, self._keep_ms, epoch, MAX_AHEAD)
        [answer] = await self._scripts.run([("acquire", keys[:3], given)])
        if not answer[0]:
            return Held(answer[1].decode(), answer[2])
        _one, known, run, is_new_run, reserved, last = answer
        return Granted(known.decode(), run, bool(is_new_run), reserved, last)

    async def append(
        self, pushes: Iterable[tuple[LogKeys, str, int, int, Sequence[tuple[int, bytes]]]]
    ) -> list[bool | Exception]:
        """Append to the logs of several streams.

        Args:
            pushes: for each, its keys, the lease, about how many entries to keep, the offset up to
                which the leader may go on without Redis, and the entries with their offsets.

        Returns:
            For each: whether this process still leads it; or what went wrong.
        """
        all_entries: list[bytes] = []
        streams = []
        for keys, lease, length, reserved, entries in pushes:
            places: list[int] = []
            for offset, entry in entries:
                places += (offset, len(entry))
                all_entries.append(entry)
            streams.append((*keys[:3], lease, length, reserved, places))
        if not streams:
            return []
        given = (b"".join(all_entries), _encode(streams))
        [answers] = await self._scripts.run([("append", (), given)])
        return [
            bool(answer) if isinstance(answer, int) else ResponseError(answer.decode())
            for answer in answers
        ]

    async def renew(
        self, leases: Iterable[tuple[LogKeys, str, bytes]]
    ) -> list[list[Elsewhere] | None]:
        """Go on leading streams.

        Args:
            leases: for each, its keys, the lease, and the state to keep, or nothing.

        Returns:
            For each: the counts of each process that follows; None if the lease is lost.
        """
        steps = [
            ("renew", keys, (lease, self._lease_ms, self._keep_ms, state))
            for keys, lease, state in leases
        ]
        return [
            [_counts(each) for each in answer[1:]] if answer[0] else None
            for answer in await self._scripts.run(steps)
        ]

    async def follow(
        self, process: str, following: Iterable[tuple[LogKeys, Elsewhere]]
    ) -> list[tuple[bool, str]]:
        """Say which streams a process follows, and for how many sockets.

        Returns:
            For each: whether somebody leads it, and the epoch of its log.
        """
        steps = [
            (
                "follow",
                (keys.lease, keys.facts, keys.followers),
                (process, ":".join(map(str, counts)), self._follow_time),
            )
            for keys, counts in following
        ]
        return [(bool(held), epoch.decode()) for held, epoch in await self._scripts.run(steps)]

    async def tell(self, told: Iterable[tuple[LogKeys, str, bytes]]) -> None:
        """Tell of streams that this process leads: for each its keys, the lease, what is told."""
        await self._scripts.run([("tell", keys[:2], (lease, what)) for keys, lease, what in told])

    async def look(self, keys: LogKeys) -> tuple[bytes, list[Elsewhere]]:
        """What the leader of a stream has told last, or nothing if nobody leads; and the counts of
        each process that follows."""
        [answer] = await self._scripts.run([("look", (keys.lease, keys.facts, keys.followers), ())])
        told, *followers = answer or [b""]
        return told, [_counts(each) for each in followers]

    async def release(self, keys: LogKeys, lease: str, end: int, *, is_over: bool) -> bool:
        """Stop leading. Those who follow are told.

        Args:
            end: the newest offset, which Redis has.
            is_over: the next leader begins a new run.

        Returns:
            Whether this process was still leading.
        """
        [answer] = await self._scripts.run([("release", keys[:3], (lease, end, str(int(is_over))))])
        return bool(answer)

    async def load(self, keys: LogKeys, behind: str = "") -> StoredLog:
        """The leader's state, and the entries behind an id; all entries without one."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.get(keys.state)
            pipeline.xrange(keys.log, f"({behind}" if behind else "-", "+")
            state, entries = await pipeline.execute()
        return StoredLog(state, [(each, fields[b"e"]) for each, fields in entries])

    async def read(
        self, after: Mapping[str, str], wake: str, woken: str
    ) -> dict[str, list[tuple[bytes, bytes]]]:
        """Wait up to a second for entries behind these ids, by the keys of their logs.

        Args:
            wake: a key that `wake` writes to, so that the wait ends.
            woken: the last id of that key.
        """
        asked: dict[Any, Any] = {**after, wake: woken}
        answer: Any = await self._redis.xread(asked, count=_ENTRIES, block=_BLOCK)
        return {
            key.decode(): [(each, fields.get(b"e", b"")) for each, fields in entries]
            for key, entries in answer
        }

    async def wake(self, key: str) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xadd(key, {"e": ""}, maxlen=1)
            pipeline.expire(key, 60)
            await pipeline.execute()


def _counts(given: bytes) -> Elsewhere:
    # A process of another version may say less of it, or more.
    return Elsewhere(*map(int, given.split(b":")[: len(Elsewhere._fields)]))


def offset_of(id: bytes) -> int:
    """The offset of an entry's id in Redis."""
    return int(id.partition(b"-")[0])
