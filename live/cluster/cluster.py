"""Decides for this process which streams it leads and which it follows. Is a `Sharing`.

A process leads a stream while it holds the stream's lease in Redis, which it renews every second.
When a leader dies, its lease ends by itself, and a follower takes it. A leader that has lost its
lease, since it stood still or was cut off for too long, is told so by Redis at its next step, and
follows from then on.

What the leader appends, its own sockets see at once, and those of other processes when Redis has
it. So a leader that dies may have used offsets that nobody else knows of. How many they can be is
agreed beforehand, and the next leader leaves them out.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from live.clock import SYSTEM_CLOCK, Clock
from live.cluster.entries import BorderEntry, FrameEntry, decode_entry
from live.cluster.loading import encode_state, load_feed
from live.cluster.reader import Reader
from live.cluster.scripts import FAILURES
from live.cluster.store import Granted, Held, LogKeys, Store, offset_of
from live.cluster.writer import LeaderCopy, Writer
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import State, Status
from live.streams.followers import NOBODY, Elsewhere, Seen
from live.streams.saved import RestoreError
from live.streams.sharing import Feeds
from live.streams.state import StreamState
from live.streams.stream import LiveStream
from live.tasks import cancel_and_wait, cancel_until_done, run_to_end

__all__ = ["Cluster", "LeaseChange"]

logger = logging.getLogger(__name__)

# Seconds.
_LEASE_TIME = 5.0
_RENEW_EVERY = 1.0
_FOLLOW_TIME = 10
# A follower leaves a lease that has ended to its last holder for so long. That one has the log even
# where Redis has lost it.
_LEAVE_IT = 2.5
# How long a log is kept that nobody leads.
_KEEP = 600.0
# How old the leader's state may be that Redis has, while something happens.
_STATE_EVERY = 5.0
# How long a new stream waits for a Redis that can't be reached; and between two attempts.
_REDIS_WITHIN = 10.0
_RETRY = 0.5
# Until the last entries are written when this process stops.
_FLUSH_WITHIN = 1.0
# Whoever asks what is known of a stream does not wait longer.
_LOOK_WITHIN = 0.5
# What followers are told while Redis can't be reached.
_CUT_OFF = Status(State.RECONNECTING)


_write_seen = msgspec.msgpack.Encoder().encode
_read_seen = msgspec.msgpack.Decoder(Seen).decode


class LeaseChange(StrEnum):
    """What became of a lease, for those who count."""

    TAKEN = "taken"
    GIVEN_BACK = "given_back"
    LOST = "lost"


class _Member:
    """What this process does for one stream."""

    def __init__(self, stream: LiveStream, feeds: Feeds, clock: Clock) -> None:
        self.stream = stream
        self.feeds = feeds
        self.keys = LogKeys.of(stream.username)
        self.is_loaded = False
        self.last_id = "0-0"  # of the newest thing in Redis that is known here
        self.copy: LeaderCopy | None = None
        self.is_following = False
        self.look = asyncio.Event()  # who leads has to be looked at again
        self.is_broken = False  # the log that is followed does not go on
        self.state_end = 0  # the offset of the state that Redis has
        self.state_at = clock.monotonic()
        self.told: Seen | None = None  # what Redis knows of it in short
        self.free_since: float | None = None  # nobody has the lease since then (monotonic)

    @property
    def counts(self) -> Elsewhere:
        stream = self.stream
        return Elsewhere(stream.listeners, stream.waiters, stream.others, stream.watchers)


class Cluster:
    """Belongs to one event loop, from the first stream until `close`.

    Args:
        server: how to connect to Redis, as the setting `REDIS` has it.
        length: about how many entries of a stream Redis keeps.

    Attributes:
        changes: of leases, since the process started.
        is_cut_off: Redis could not be reached the last time.
    """

    def __init__(
        self,
        server: Mapping[str, Any],
        length: int,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.process = secrets.token_hex(8)
        self._store = Store(server, _LEASE_TIME, _KEEP, _FOLLOW_TIME)
        self._length = length
        self._clock = clock
        self._writer = Writer(self._store)
        self._reader = Reader(self._store, self.process)
        self._members: set[_Member] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False
        self.changes: Counter[LeaseChange] = Counter()
        self.is_cut_off = False

    async def check(self) -> None:
        """Ask Redis for a sign of life.

        Raises:
            One of `live.cluster.scripts.FAILURES`: there is none.
        """
        await self._store.check()

    async def look(self, username: str) -> Seen | None:
        try:
            async with asyncio.timeout(_LOOK_WITHIN):
                told, followers = await self._store.look(LogKeys.of(username))
            seen = _read_seen(told) if told else None
        except (*FAILURES, msgspec.MsgspecError) as failure:
            logger.debug("stream @%s can't be looked at: %s", username, failure)
            return None
        if seen is None:
            return None
        sockets = seen.sockets + sum(counts.sockets for counts in followers)
        return msgspec.structs.replace(seen, sockets=sockets)

    async def hand_over(self) -> None:
        self._closing = True
        await asyncio.gather(*(self._hand_over(member) for member in self._members))

    async def close(self) -> None:
        await self.hand_over()
        await cancel_until_done(self._keeper)
        await self._writer.close()
        await self._reader.close()
        await self._store.close()

    async def take_part(self, stream: LiveStream, feeds: Feeds) -> None:
        self._start()
        member = _Member(stream, feeds, self._clock)
        self._members.add(member)
        try:
            while not stream.over:
                if self._closing:
                    await asyncio.Event().wait()  # for the end: others shall lead
                answer = await self._ask(member)
                await self._load_if_needed(member, answer)
                if isinstance(answer, Held):
                    await self._follow(member)
                else:
                    await self._lead(member, answer)
        except RelayError as error:
            stream.fail(error)
        except RestoreError as failure:
            logger.error("stream @%s: its log in Redis can't be read: %s", stream.username, failure)
            stream.fail(RelayError(ErrorCode.INTERNAL_ERROR, username=stream.username))
        except Exception:
            logger.exception(
                "stream @%s can't be shared", stream.username, extra={"stream": stream.username}
            )
            stream.fail(RelayError(ErrorCode.INTERNAL_ERROR, username=stream.username))
        finally:
            if member.copy is not None:
                await run_to_end(self._let_go(member))
            self._members.discard(member)

    def _start(self) -> None:
        if self._keeper is None:
            self._writer.start()
            self._reader.start()
            self._keeper = asyncio.create_task(self._keep(), name="leases")

    # --- Asking who leads ----------------------------------------------------------------------

    async def _ask(self, member: _Member) -> Granted | Held:
        """Ask to lead. Waits while Redis can't be reached.

        Raises:
            RelayError: the stream is new, and it takes too long; or its log is gone.
        """
        began = self._clock.monotonic()
        while True:
            lease = f"{self.process}:{secrets.token_hex(8)}"
            epoch = member.stream.log.epoch
            try:
                answer = await self._store.acquire(member.keys, lease, epoch)
            except FAILURES as failure:
                logger.debug("Redis can't be asked who leads: %s", failure)
                if not member.is_loaded and self._clock.monotonic() - began > _REDIS_WITHIN:
                    raise RelayError(
                        ErrorCode.INTERNAL_ERROR,
                        username=member.stream.username,
                        said="Redis can't be reached",
                    ) from None
                await asyncio.sleep(_RETRY)
                continue
            if isinstance(answer, Granted):
                member.copy = LeaderCopy(
                    self._writer, member.keys, lease, self._length, answer.end, member.look.set
                )
            if member.is_loaded and answer.epoch != epoch:
                raise _log_is_gone()
            return answer

    async def _load_if_needed(self, member: _Member, answer: Granted | Held) -> None:
        """Have the stream's log here, as far as Redis has it.

        Raises:
            RestoreError: it can't be read.
        """
        stream = member.stream
        while True:
            try:
                if member.is_loaded:
                    await self._catch_up(member, answer)
                else:
                    await self._load(member, answer)
                break
            except FAILURES as failure:
                logger.debug("Redis gives no log: %s", failure)
                await asyncio.sleep(_RETRY)
        member.is_loaded = True
        logger.debug("stream @%s: %s", stream.username, answer)

    async def _load(self, member: _Member, answer: Granted | Held) -> None:
        username = member.stream.username
        loaded = await load_feed(
            await self._store.load(member.keys),
            answer.epoch,
            lambda: member.feeds.new_feed(username),
            lambda saved: member.feeds.restored_feed(username, saved),
        )
        member.last_id = loaded.last_id
        feed, status, offline = loaded.feed, loaded.status, loaded.offline
        if isinstance(answer, Granted) and answer.is_new_run:
            feed.begin_run(answer.run)
            status = offline = None
        feed.run = max(feed.run, answer.run)
        member.stream.begin_copy(feed, status, offline)

    async def _catch_up(self, member: _Member, answer: Granted | Held) -> None:
        """Take what was appended since this process has read the log.

        Raises:
            RelayError: the log does not go on.
        """
        stored = await self._store.load(member.keys, member.last_id)
        self._take(member, stored.entries)
        if member.is_broken:
            raise _log_is_gone()
        if isinstance(answer, Granted) and answer.is_new_run:
            member.stream.begin_run(answer.run)

    # --- Leading -------------------------------------------------------------------------------

    async def _lead(self, member: _Member, granted: Granted) -> None:
        """Lead until the stream is over, or the lease is lost."""
        stream, copy = member.stream, member.copy
        assert copy is not None
        member.look.clear()
        self.changes[LeaseChange.TAKEN] += 1
        goes_on = stream.state is not StreamState.NEW
        self._leave_out(stream, copy, granted.reserved)
        stream.feed.copy_to = stream.feed.last_copy = copy
        work = asyncio.create_task(
            stream.lead(taken_over=goes_on), name=f"leading @{stream.username}"
        )
        lost = asyncio.create_task(member.look.wait())
        try:
            await asyncio.wait([work, lost], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await run_to_end(self._stop_leading(member, work, lost))

    def _leave_out(self, stream: LiveStream, copy: LeaderCopy, reserved: int) -> None:
        """Leave out the offsets that a leader may have used that died."""
        end = stream.log.end
        if reserved > end:
            stream.log.skip_to(reserved)
            copy.on_skip(end, reserved)

    async def _stop_leading(self, member: _Member, *tasks: asyncio.Task[Any]) -> None:
        member.told = None
        await cancel_and_wait(*tasks)
        member.stream.feed.copy_to = None
        member.stream.note_elsewhere(NOBODY)
        if member.copy is not None:
            if member.look.is_set():
                # Another process leads; what Redis does not have of this log stays here alone.
                logger.warning("stream @%s is led by another process", member.stream.username)
                self.changes[LeaseChange.LOST] += 1
                copy, member.copy = member.copy, None
                self._forget(member, copy)
            else:
                await self._let_go(member)

    async def _let_go(self, member: _Member) -> None:
        """Give the lease back, with everything written. The next leader begins a new run, unless
        this process stops: then the run goes on there."""
        # From here on the keeper, which would take a lease again that is gone, leaves it alone.
        copy, member.copy = member.copy, None
        if copy is None:
            return
        try:
            async with asyncio.timeout(_FLUSH_WITHIN):
                await copy.flushed()
                await self._store.renew([(member.keys, copy.lease, self._note_state(member))])
                await self._store.release(
                    member.keys, copy.lease, copy.written, is_over=not self._closing
                )
        except FAILURES as failure:
            logger.warning(
                "stream @%s could not be handed over: %s",
                member.stream.username,
                str(failure) or "Redis has not taken all of it in time",
            )
        except Exception:
            logger.exception("stream @%s could not be handed over", member.stream.username)
        else:
            self.changes[LeaseChange.GIVEN_BACK] += 1
        self._forget(member, copy)

    def _forget(self, member: _Member, copy: LeaderCopy) -> None:
        member.last_id = f"{copy.written}-0"
        self._writer.forget(copy)

    async def _hand_over(self, member: _Member) -> None:
        """This process stops: another one shall lead. What is appended here from now on is seen
        by nobody."""
        member.stream.feed.copy_to = None
        if member.copy is not None and member.is_loaded:
            await self._let_go(member)

    # --- Following -----------------------------------------------------------------------------

    async def _follow(self, member: _Member) -> None:
        """Follow until somebody has to lead, or the stream is over.

        Raises:
            RelayError: the log does not go on.
        """
        stream = member.stream
        member.look.clear()
        member.free_since = None
        member.is_following = True
        stream.follow()
        try:
            await self._reader.follow(
                member.keys, member.last_id, lambda entries: self._take(member, entries)
            )
            await member.look.wait()
            if member.is_broken:
                raise _log_is_gone()
        finally:
            member.is_following = False
            self._reader.unfollow(member.keys)
            stream.tell_aside(None)

    def _take(self, member: _Member, entries: Sequence[tuple[bytes, bytes]]) -> None:
        stream = member.stream
        for entry_id, given in entries:
            member.last_id = entry_id.decode()
            if not given:
                member.look.set()  # the leader has left
                continue
            try:
                self._take_entry(stream, offset_of(entry_id), given)
            except (ValueError, RestoreError) as failure:
                logger.warning("stream @%s can't be followed: %s", stream.username, failure)
                member.is_broken = True
            if member.is_broken or stream.over:
                member.look.set()
                return

    def _take_entry(self, stream: LiveStream, offset: int, given: bytes) -> None:
        """Raises:
        ValueError, RestoreError: entries are missing before this one, or it can't be read.
        """
        entry, end = decode_entry(given), stream.log.end
        if offset <= end:
            return  # this process has appended it, while it led
        if isinstance(entry, FrameEntry | BorderEntry) and offset != end + 1:
            raise ValueError(f"entries between {end} and {offset} are missing")
        if isinstance(entry, FrameEntry):
            stream.copy_frame(offset, entry.at, entry.type, entry.id, entry.text)
        elif isinstance(entry, BorderEntry):
            stream.copy_border(offset, entry.at, entry.restore())
        elif entry.behind > end:
            raise ValueError(f"entries between {end} and {entry.behind} are missing")
        else:
            stream.log.skip_to(offset)

    # --- Once a second -------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Renew the leases of this process, and say what it follows."""
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            leading = [member for member in self._members if member.copy is not None]
            following = [member for member in self._members if member.is_following]
            try:
                await self._renew(leading)
                await self._tell(leading)
                await self._say_what_is_followed(following)
                self._note_success()
            except FAILURES as failure:
                self._note_failure(failure)
                for member in following:
                    member.stream.tell_aside(_CUT_OFF)
            except Exception:
                logger.exception("leases could not be renewed")

    def _note_failure(self, failure: Exception) -> None:
        """Log the first failure only: there is one a second."""
        if not self.is_cut_off:
            self.is_cut_off = True
            logger.error("Redis can't be reached: %s", failure)

    def _note_success(self) -> None:
        if self.is_cut_off:
            self.is_cut_off = False
            logger.info("Redis can be reached again")

    async def _renew(self, leading: Sequence[_Member]) -> None:
        leases = [
            (member.keys, member.copy.lease, self._state(member))
            for member in leading
            if member.copy is not None
        ]
        for member, counts in zip(leading, await self._store.renew(leases), strict=True):
            if counts is None:
                await self._lead_again(member)
            elif member.stream.is_leading:
                sums = [sum(column) for column in zip(*counts, strict=True)]
                member.stream.note_elsewhere(Elsewhere(*sums) if sums else NOBODY)

    async def _tell(self, leading: Sequence[_Member]) -> None:
        """Have Redis know in short what others may ask of the streams that this process leads."""
        told = []
        for member in leading:
            seen = member.stream.seen()
            if member.copy is not None and member.stream.is_leading and seen != member.told:
                member.told = seen
                told.append((member.keys, member.copy.lease, _write_seen(seen)))
        await self._store.tell(told)

    def _state(self, member: _Member) -> bytes:
        """The state to keep in Redis; nothing if what is there is new enough."""
        stream, now = member.stream, self._clock.monotonic()
        moved = stream.log.end - member.state_end
        if not stream.is_leading or not moved or now - member.state_at < _STATE_EVERY:
            return b""
        return self._note_state(member)

    def _note_state(self, member: _Member) -> bytes:
        member.state_end, member.state_at = member.stream.log.end, self._clock.monotonic()
        return encode_state(member.stream.feed, member.state_at)

    async def _lead_again(self, member: _Member) -> None:
        """The lease is not there any more. Take it again, unless somebody else has it."""
        copy = member.copy
        if copy is None:
            return
        lease = f"{self.process}:{secrets.token_hex(8)}"
        answer = await self._store.acquire(member.keys, lease, member.stream.log.epoch)
        if isinstance(answer, Granted) and answer.epoch == member.stream.log.epoch:
            if answer.end < copy.written:
                copy.write_again(answer.end, member.stream.log)
            copy.lead_again(lease)
        else:
            copy.on_lost()

    async def _say_what_is_followed(self, following: Sequence[_Member]) -> None:
        said = [(member.keys, member.counts) for member in following]
        answers = await self._store.follow(self.process, said)
        now = self._clock.monotonic()
        for member, (is_led, epoch) in zip(following, answers, strict=True):
            if is_led:
                member.free_since = None
                if epoch != member.stream.log.epoch:
                    member.is_broken = True
                    member.look.set()
                else:
                    member.stream.tell_aside(None)
            elif member.free_since is None:
                member.free_since = now
            elif now - member.free_since >= _LEAVE_IT:
                member.look.set()


def _log_is_gone() -> RelayError:
    """The log of a stream does not go on here: clients come back, and are told of the gap."""
    return RelayError(ErrorCode.SERVER_SHUTDOWN, retry_after=1)
