"""Hands what this process appends to the logs of its streams to Redis, for all streams together.

One call of Redis for each push would cost more than everything else that is done for its events. So
what comes within a few milliseconds goes together. Sockets of this process do not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice

import msgspec

from live.cluster.entries import BorderEntry, Skip, encode, encode_frame
from live.cluster.scripts import FAILURES
from live.cluster.store import LogKeys, Store
from live.streams.borders import Border
from live.streams.followers import MAX_AHEAD
from live.streams.log import Entry, EventLog
from live.tasks import cancel_until_done

__all__ = ["LeaderCopy", "Writer"]

logger = logging.getLogger(__name__)

# Seconds for which entries are gathered; and until it is tried again when Redis can't be reached.
_GATHER = 0.01
_RETRY = 0.5
# About how many entries are written at once, of one stream and of all: Redis does nothing else
# meanwhile.
_AT_ONCE = 512
_ALL_AT_ONCE = 4096
# A leader may be so many offsets ahead of Redis, less what a stream says of itself meanwhile. What
# it appends beyond that could not be left out by the next leader.
_MOST_AHEAD = MAX_AHEAD - 1024


class LeaderCopy:
    """What a leader's log has and Redis does not have yet. Is a `LogCopy`.

    Args:
        length: about how many entries Redis keeps.
        end: the newest offset that Redis has.
        on_lost: is called when the lease has turned out to be another's.

    Attributes:
        lease: the one that is shown when something is written.
        written: the newest offset that Redis has.
    """

    def __init__(
        self,
        writer: Writer,
        keys: LogKeys,
        lease: str,
        length: int,
        end: int,
        on_lost: Callable[[], None],
    ) -> None:
        self.keys = keys
        self.lease = lease
        self.length = length
        self.written = end
        self.on_lost = on_lost
        self._writer = writer
        self._waiting: deque[tuple[int, tuple[Entry, str] | bytes]] = deque()
        self._all_written = asyncio.Event()
        self._all_written.set()

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= _MOST_AHEAD

    @property
    def reserved(self) -> int:
        """Up to this offset the next leader must not use any, should this one die."""
        return self.written + MAX_AHEAD

    def on_frame(self, entry: Entry, id: str) -> None:
        self._add(entry.offset, (entry, id))

    def on_border(self, offset: int, at: int, border: Border) -> None:
        self._add(offset, encode(BorderEntry.of(at, border)))

    def on_skip(self, behind: int, offset: int) -> None:
        """The offsets behind the first one, up to the second, are left out."""
        self._add(offset, encode(Skip(behind)))

    def lead_again(self, lease: str) -> None:
        """Go on with another lease."""
        self.lease = lease
        if self._waiting:
            self._writer.wake(self)

    def write_again(self, end: int, log: EventLog) -> None:
        """Redis has lost what is behind that offset: write what the log still has of it."""
        self.written = end
        self._waiting.clear()
        for entry in log.read(end, log.end - end):
            if entry.text:
                self._add(entry.offset, (entry, _id_of(entry.text)))
            elif (placed := log.border_after(entry.offset - 1)) and placed[0] == entry.offset:
                self.on_border(entry.offset, entry.at, placed[1])

    @property
    def has_entries(self) -> bool:
        """Some are not written yet."""
        return bool(self._waiting)

    def next_entries(self) -> list[tuple[int, bytes]]:
        """The oldest entries that are not written yet."""
        return [
            (offset, what if isinstance(what, bytes) else encode_frame(*what))
            for offset, what in islice(self._waiting, _AT_ONCE)
        ]

    def on_written(self, count: int) -> None:
        """The oldest `count` entries are written."""
        for _ in range(count):
            self.written = self._waiting.popleft()[0]
        if not self._waiting:
            self._all_written.set()

    async def flushed(self) -> None:
        """Wait until Redis has everything."""
        await self._all_written.wait()

    def _add(self, offset: int, what: tuple[Entry, str] | bytes) -> None:
        self._waiting.append((offset, what))
        self._all_written.clear()
        self._writer.wake(self)


_read_id = msgspec.json.Decoder(msgspec.defstruct("WithId", [("id", str, "")])).decode


def _id_of(text: str) -> str:
    """The id of an event, from its frame."""
    return str(_read_id(text).id)  # type: ignore[attr-defined]


class Writer:
    """Writes for all streams that this process leads, from `start` to `close`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dirty: dict[LeaderCopy, None] = {}  # an ordered set
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="log writer")

    async def close(self) -> None:
        await cancel_until_done(self._task)

    def wake(self, copy: LeaderCopy) -> None:
        """There is something to write."""
        self._dirty[copy] = None
        self._woken.set()

    def forget(self, copy: LeaderCopy) -> None:
        """Write nothing more of it, until it wakes the writer."""
        self._dirty.pop(copy, None)

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(_GATHER)
            self._woken.clear()
            try:
                await self._write()
            except FAILURES as failure:
                logger.debug("Redis takes no entries: %s", failure)
                await asyncio.sleep(_RETRY)
                self._woken.set()
            except Exception:
                logger.exception("entries could not be written")
                await asyncio.sleep(_RETRY)
                self._woken.set()

    async def _write(self) -> None:
        pushes, count = [], 0
        for copy in self._dirty:
            entries = copy.next_entries()
            pushes.append((copy, copy.lease, entries))
            count += len(entries)
            if count >= _ALL_AT_ONCE:
                break
        answers = await self._store.append(
            (copy.keys, lease, copy.length, copy.reserved + len(entries), entries)
            for copy, lease, entries in pushes
        )
        failed: Exception | None = None
        for (copy, lease, entries), answer in zip(pushes, answers, strict=True):
            if isinstance(answer, Exception):
                failed = answer
            elif answer:
                copy.on_written(len(entries))
                self._dirty.pop(copy, None)
                if copy.has_entries:
                    self._dirty[copy] = None  # behind the others
            elif copy.lease == lease:
                # It is lost. The cluster sees so within a second, and takes it again if it can:
                # then this is tried again.
                self._dirty.pop(copy, None)
        if self._dirty:
            self._woken.set()
        if failed is not None:
            raise failed
