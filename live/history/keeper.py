"""Keeps the LIVEs of the streams that this process leads: reads their logs, and has them written.

Once a second it takes what is new in the logs, off the way of the events; every few seconds a
thread counts and writes it. Until then, and while the database fails, the pieces wait in memory. If
they become too many, the logs are not read any further; what a log then drops is a hole of its
LIVE.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from live.clock import SYSTEM_CLOCK, Clock
from live.connections.database import own_connection
from live.connections.database_thread import DatabaseThread
from live.history.arrivals import Arrivals
from live.history.heard import Sink
from live.history.log_reader import LogReader, StreamNow
from live.history.pieces import LiveInLog, Newcomers, Piece
from live.history.pruning import prune_some
from live.history.writing import Writer
from live.streams.log import EventLog
from live.streams.stream import LiveStream
from live.tasks import cancel_and_wait

__all__ = ["HistoryKeeper"]

logger = logging.getLogger(__name__)

# Seconds between two looks at the logs, and between two transactions.
_LOOK_EVERY = 1.0
_WRITE_EVERY = 3.0
# Seconds before a transaction is tried again that has failed: the first time, and at most.
_RETRY = (1.0, 15.0)
# Seconds after which a transaction counts as hung: its connection is cut.
_HUNG = 15.0
# Seconds after which a LIVE in which nothing happens is written all the same.
_TOUCH_EVERY = 30.0
# How many entries may wait, and their bytes; about how many of them one transaction writes, and of
# how many pieces: databases limit a query's length.
_MOST_WAITING = 100_000
_MOST_BYTES = 64 * 1024 * 1024
# So many bytes are written at once, before the next transaction is due.
_SOON_BYTES = 2 * 1024 * 1024
_AT_ONCE = 5000
_PIECES_AT_ONCE = 400
# Seconds for which the end of a stream may wait until other processes can have it.
_SETTLE_WITHIN = 30.0
# How many streams that are over may wait until the rest of their logs is read.
_MOST_OVER = 1000
# Seconds until old LIVEs are looked for first, between two such looks, and between two steps. A
# step comes before what has to be written.
_PRUNE_FIRST = 60.0
_PRUNE_EVERY = 600.0
_PRUNE_STEP = 3.0

# These say that the database fails. Any other error says that what is written is bad.
_TROUBLE = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)


class HistoryKeeper:
    """Belongs to one event loop, from `start` to `close`.

    Args:
        listeners: yields each stream that is heard in this process, with the primary key of an
            account that hears it.
        sinks: get what was heard, in the transactions in which it is counted.
        connect: returns the connection that the thread is to use. Runs in the thread.
        write_every: seconds between two transactions.

    Attributes:
        written: how many entries were counted and written.
        failures: how many transactions have failed.
        lost: how many entries could not be written, whatever was tried.
    """

    def __init__(
        self,
        listeners: Callable[[], Iterable[tuple[LiveStream, int]]],
        clock: Clock = SYSTEM_CLOCK,
        sinks: Iterable[Sink] = (),
        connect: Callable[[], BaseDatabaseWrapper] = own_connection,
        write_every: float = _WRITE_EVERY,
        retry: tuple[float, float] = _RETRY,
    ) -> None:
        self.sinks = list(sinks)
        self.written = self.failures = self.lost = 0
        self._listeners = listeners
        self._clock = clock
        self._write_every = write_every
        self._retry_first, self._retry_at_most = retry
        self._writer = Writer(self.sinks)
        self._thread = DatabaseThread("history", connect)
        self._task: asyncio.Task[None] | None = None
        self._work: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        # In the order in which they began. A stream stays until the end of its log was read.
        self._streams: dict[LiveStream, None] = {}
        self._readers: WeakKeyDictionary[EventLog, LogReader] = WeakKeyDictionary()
        # Who hears each stream, at the last look and since then.
        self._accounts: dict[LiveStream, set[int]] = {}
        # When something of each was last written, and when each was found to be over.
        self._touched: dict[LiveStream, float] = {}
        self._over: dict[LiveStream, float] = {}
        self._pieces: list[Piece] = []
        self._waiting = self._bytes = 0
        # Who hears what other processes may count, and has no row yet.
        self._arrivals: dict[EventLog, Arrivals] = {}
        self._due, self._prune_at = 0.0, math.inf
        self._in_a_row = 0  # failures

    @property
    def waiting(self) -> int:
        """How many entries were read and are not written yet."""
        return self._waiting

    @property
    def is_in_trouble(self) -> bool:
        """The database takes nothing, by the last times that it was tried."""
        return self._in_a_row >= 2

    def start(self) -> None:
        """Begin. Only the first call does something."""
        if self._task is None and not self._stopping.is_set():
            self._prune_at = self._clock.monotonic() + _PRUNE_FIRST
            self._task = asyncio.create_task(self._run(), name="history")

    def stream_started(self, stream: LiveStream) -> None:
        """A stream of this process has begun."""
        self._streams[stream] = None
        self._reader_of(stream)

    def joined(self, stream: LiveStream, account: int) -> None:
        """An account hears the stream from now on, be it for a moment."""
        if stream in self._streams:
            self._accounts.setdefault(stream, set()).add(account)

    def look(self) -> None:
        """Read what is new in the logs."""
        now = self._clock.unix_ms()
        listening: dict[LiveStream, set[int]] = {}
        for stream, account in self._listeners():
            listening.setdefault(stream, set()).add(account)
        newest = {stream.log: stream for stream in self._streams}
        for stream in list(self._streams):
            if (newer := newest[stream.log]) is not stream:  # which goes on with its log
                self._accounts.setdefault(newer, set()).update(self._accounts.get(stream, ()))
                self._forget(stream)
                continue
            present = listening.get(stream, set())
            accounts = present | self._accounts.get(stream, set())
            connected = stream.is_leading and stream.is_connected
            elsewhere = stream.elsewhere.listeners > 0
            is_shared = stream.is_following or stream.feed.last_copy is not None
            state = StreamNow(now, frozenset(accounts), elsewhere, connected, is_shared)
            if is_shared:
                self._arrivals_of(stream).look(stream.log, _end_of(stream), state)
            is_read = not stream.has_led or self._read(stream, state)
            if not is_read:
                self._accounts[stream] = accounts
            elif stream.over:
                self._forget(stream)
            else:
                self._accounts[stream] = present
        over = [stream for stream in self._streams if stream.over]
        for stream in over[: max(0, len(over) - _MOST_OVER)]:
            self._forget(stream)
        self._forget_arrivals()

    async def close(self, within: float) -> None:
        """Read the ends of the logs, and write everything. To be called when the streams were
        stopped. If it takes longer, the log says how much is lost.

        Args:
            within: the longest time to wait, in seconds.
        """
        self._stopping.set()
        try:
            self.look()
            async with asyncio.timeout(within):
                if self._task is not None:
                    await asyncio.wait([self._task])
                is_first = self._has_newcomers
                while self._pieces or is_first:
                    is_first = False
                    await self._write()
                    if self._in_a_row:
                        await asyncio.sleep(min(self._retry_first, within / 4))
        except TimeoutError:
            logger.warning("%d entries of LIVEs could not be counted before the end", self._waiting)
        finally:
            await cancel_and_wait(self._task, self._work)
            self._thread.stop()

    # --- Reading -------------------------------------------------------------------------------

    def _read(self, stream: LiveStream, state: StreamNow) -> bool:
        """Read the log of a stream that this process leads or has led, as far as there is room.
        Returns whether all of it was read."""
        log, copy = stream.log, stream.feed.last_copy
        reader = self._reader_of(stream)
        # What other processes don't have, the next leader may give the same offsets as something
        # else.
        end = log.end if copy is None else min(log.end, copy.written)
        room = _MOST_WAITING - self._waiting if self._bytes < _MOST_BYTES else 0
        before = len(self._pieces)
        for piece in reader.read(log, end, room, state):
            self._take(piece)
        # When this process stops, and when Redis fails for long, the rest is never written.
        is_settled = copy is None or not copy.has_entries or self._gives_up(stream)
        is_read = reader.position >= end and is_settled
        now = self._clock.monotonic()
        if len(self._pieces) > before:
            self._touched[stream] = now
        elif reader.is_in_room and is_read:
            is_left = stream.over and end < log.end and stream.error is None
            if is_left and not (self._stopping.is_set() or stream.is_following):
                self._take(reader.leave(state))
            elif state.is_connected and now - self._touched.get(stream, now) >= _TOUCH_EVERY:
                self._touched[stream] = now
                self._take(reader.touch(state))
        return is_read

    def _gives_up(self, stream: LiveStream) -> bool:
        """Whether nobody waits any more for what a stream that is over has not handed on."""
        if not stream.over:
            return False
        now = self._clock.monotonic()
        return self._stopping.is_set() or now - self._over.setdefault(stream, now) >= _SETTLE_WITHIN

    def _reader_of(self, stream: LiveStream) -> LogReader:
        reader = self._readers.get(stream.log)
        if reader is None:
            reader = LogReader(stream.username, stream.log.epoch, stream.run)
            self._readers[stream.log] = reader
        return reader

    def _take(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece.entries)
        self._bytes += sum(entry.size for entry in piece.entries)

    def _forget(self, stream: LiveStream) -> None:
        self._streams.pop(stream, None)
        self._accounts.pop(stream, None)
        self._touched.pop(stream, None)
        self._over.pop(stream, None)

    def _arrivals_of(self, stream: LiveStream) -> Arrivals:
        log = stream.log
        if log not in self._arrivals:
            self._arrivals[log] = Arrivals(
                stream.username, log.epoch, stream.run, stream.begins_behind
            )
        return self._arrivals[log]

    def _forget_arrivals(self) -> None:
        """Those of streams that are over, once all have their rows, or after a while."""
        now, logs = self._clock.monotonic(), {stream.log for stream in self._streams}
        for log, arrivals in list(self._arrivals.items()):
            if log in logs:
                arrivals.over_since = None
            elif arrivals.over_since is None:
                arrivals.over_since = now
            if arrivals.over_since is not None and (
                not arrivals.are_waiting or now - arrivals.over_since >= _SETTLE_WITHIN
            ):
                del self._arrivals[log]

    @property
    def _has_newcomers(self) -> bool:
        return any(arrivals.are_waiting for arrivals in self._arrivals.values())

    def _newcomers(self) -> Iterable[tuple[Arrivals, Newcomers]]:
        for arrivals in self._arrivals.values():
            for newcomers in arrivals.newcomers():
                yield arrivals, newcomers

    # --- Writing -------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Look, and see to it that what was read is written, until `close`."""
        while not self._stopping.is_set():
            self._tend()
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._stopping.wait()
            except TimeoutError:
                pass
        if self._work is not None:
            await asyncio.wait([self._work])

    def _tend(self) -> None:
        try:
            self.look()
        except Exception:
            logger.exception("the logs of streams can't be read for history")
        if self._work is not None and not self._work.done():
            self._thread.cut(_HUNG)
            return
        now = self._clock.monotonic()
        if now >= self._prune_at and not self._in_a_row:
            self._work = asyncio.create_task(self._prune(), name="prune history")
        elif self._is_due(now) and (self._pieces or self._has_newcomers):
            self._due = now + self._write_every
            self._work = asyncio.create_task(self._write(), name="write history")

    def _is_due(self, now: float) -> bool:
        return now >= self._due or (self._bytes >= _SOON_BYTES and not self._in_a_row)

    async def _write(self) -> None:
        """Write what waits, in one transaction after the other, unless the database fails."""
        while True:
            pieces = self._next_pieces()
            newcomers = list(islice(self._newcomers(), _PIECES_AT_ONCE))
            is_all = len(pieces) == len(self._pieces)
            try:
                done = await self._thread.run(
                    partial(self._attempt, pieces, [n for _arrivals, n in newcomers])
                )
            except DatabaseError as failure:
                self._note_failure(_one_line(failure))
                return
            self._note_success()
            self._settle(pieces)
            for arrivals, each in newcomers:
                if each in done:
                    arrivals.settle(each)
            if is_all or self._stopping.is_set() or self._clock.monotonic() >= self._prune_at:
                return

    def _next_pieces(self) -> list[Piece]:
        """What one transaction writes."""
        count = entries = 0
        for piece in self._pieces[:_PIECES_AT_ONCE]:
            count += 1
            entries += len(piece.entries)
            if entries >= _AT_ONCE:
                break
        return self._pieces[:count]

    def _settle(self, pieces: list[Piece]) -> None:
        del self._pieces[: len(pieces)]
        entries = sum(len(piece.entries) for piece in pieces)
        self._waiting -= entries
        self.written += entries
        self._bytes -= sum(entry.size for piece in pieces for entry in piece.entries)

    def _note_failure(self, reason: str) -> None:
        self.failures += 1
        self._in_a_row += 1
        pause = min(self._retry_first * 2.0 ** min(self._in_a_row - 1, 10), self._retry_at_most)
        self._due = self._clock.monotonic() + pause
        # The first time, the connection may be one that the database has ended long ago.
        if self._in_a_row == 2:
            logger.warning("LIVEs can't be written to the database, and wait: %s", reason)

    def _note_success(self) -> None:
        if self._in_a_row >= 2:
            logger.info("LIVEs are written to the database again")
        self._in_a_row = 0

    async def _prune(self) -> None:
        """One step; the next one comes soon, as long as there is something to forget."""
        self._prune_at = self._clock.monotonic() + _PRUNE_EVERY
        self._due = 0.0  # what waited behind this is written at once
        days = settings.RELAY_HISTORY_DAYS, settings.RELAY_TRANSCRIPT_DAYS
        try:
            await self._thread.run(self._writer.end_forgotten)
            deleted = await self._thread.run(partial(prune_some, *days))
        except DatabaseError as failure:
            logger.warning("Old LIVEs can't be forgotten: %s", _one_line(failure))
            return
        if deleted != (0, 0):
            logger.debug("forgot %d LIVEs and %d lines", *deleted)
            self._prune_at = self._clock.monotonic() + _PRUNE_STEP

    # --- In the thread -------------------------------------------------------------------------

    def _attempt(self, pieces: Sequence[Piece], newcomers: Sequence[Newcomers]) -> list[Newcomers]:
        """Write the pieces. If the database works and refuses them, write each LIVE by itself; what
        still can't be written is a hole.

        Raises:
            DatabaseError: the database fails.
        """
        try:
            return self._writer.write(pieces, newcomers)
        except _TROUBLE:
            raise
        except Exception as refusal:
            logger.info("LIVEs are written one by one: %s", _one_line(refusal))
        by_source: dict[LiveInLog, list[Piece]] = {}
        for piece in pieces:
            by_source.setdefault(piece.source, []).append(piece)
        done = []
        # First the newcomers: who gets a row with a piece is not told of what was before.
        for each in newcomers:
            done += self._attempt_one([], [each])
        for own in by_source.values():
            self._attempt_one(own, [])
        return done

    def _attempt_one(self, pieces: Sequence[Piece], newcomers: list[Newcomers]) -> list[Newcomers]:
        """Returns the newcomers that have their rows, or can't have them."""
        empty = [
            replace(each, entries=(), lost_until=each.until) if each.entries else each
            for each in pieces
        ]
        for attempt in (pieces, empty):
            try:
                return self._writer.write(attempt, newcomers)
            except _TROUBLE:
                raise
            except Exception as refusal:
                logger.error(
                    "@%s: its LIVE can't be written: %s",
                    (pieces or newcomers)[0].source.username,
                    _one_line(refusal),
                    exc_info=None if isinstance(refusal, DatabaseError) else refusal,
                )
                if attempt is pieces:
                    self.lost += sum(len(piece.entries) for piece in pieces)
        return newcomers


def _end_of(stream: LiveStream) -> int:
    """Up to which offset other processes have the log, too. The next leader may give those behind
    it to something else."""
    log, copy = stream.log, stream.feed.last_copy
    return log.end if copy is None or stream.is_following else min(log.end, copy.written)


def _one_line(error: Exception) -> str:
    """Only the first line: PostgreSQL's other lines may hold the row's values."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
