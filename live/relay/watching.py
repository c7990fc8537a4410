"""Watches accounts: hears their LIVEs from start to end, though no app is connected.

Which accounts are watched is read from the database: when a control message says that one has
changed, and all of them once a minute, since messages may be lost. Where several processes share
their streams, each watches its part of the accounts (`live.cluster.members`). Two that watch the
same account for a moment share its stream, as two sockets do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from live.clock import Clock
from live.cluster.members import Members
from live.protocol.errors import ErrorCode
from live.relay.access import Account
from live.relay.budgets import AccountBudgets
from live.relay.day_counts import Cost, DayCounts
from live.relay.key_users import KeyUsers
from live.relay.watch import Watch, WatchState
from live.relay.watched_accounts import FAILURES, WatchedAccounts
from live.streams.registry import Streams
from live.streams.stream import LiveStream
from live.tasks import cancel_and_wait

__all__ = ["LINGER_AFTER_MOVE", "Watched", "Watching"]

logger = logging.getLogger(__name__)

# Seconds between two looks at all accounts in the database; and after one that has failed.
_READ_EVERY = 60.0
_READ_AGAIN = 2.0
# Seconds between two looks at the other processes, and at what others listen to.
_TEND_EVERY = 1.0
# After a start with many accounts, so many begin at once, and the next ones so many seconds later.
# (What they ask TikTok waits for its turn at the pacer, behind all that somebody waits for.)
_BEGIN_AT_ONCE = 20
_BEGIN_EVERY = 0.1
# How many seconds a stream outlives its last listener when that has moved to another username. Only
# a username that is corrected at once needs it again.
LINGER_AFTER_MOVE = 3.0


class Watched(NamedTuple):
    """A watched account, for the staff.

    Attributes:
        account_id: its primary key.
        username: the TikTok username; empty if the account has none that TikTok can have.
        state: how things stand.
        why: why it fails; None if it does not.
        cost: in the last 24 hours, or since this process watches the account.
    """

    account_id: int
    username: str
    state: WatchState
    why: ErrorCode | None
    cost: Cost


class Watching:
    """The watched accounts of one relay, from `start` until `close`. Belongs to one event loop.

    Args:
        streams: those of the relay.
        budgets: how many streams an account may start.
        key_users: is told whose keys are used.
        clock: tells the time.
        rng: where jitter comes from.

    Attributes:
        accounts: reads which accounts are watched; None where none is, as at the test endpoint.
        members: the processes that share the work; None for this process alone.
    """

    def __init__(
        self,
        streams: Streams,
        budgets: AccountBudgets,
        key_users: KeyUsers,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.accounts: WatchedAccounts | None = None
        self.members: Members | None = None
        self._streams = streams
        self._budgets = budgets
        self._key_users = key_users
        self._clock = clock
        self._rng = rng
        self._known: dict[int, Account | ErrorCode] = {}  # all that are watched in any process
        self._mine: set[int] = set()  # those of them that this process watches
        self._to_begin: dict[int, None] = {}  # those of them that have no `Watch` yet, in order
        self._watches: dict[int, Watch] = {}
        self._changed: set[int] = set()  # the accounts to be read again
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._was_read = self._fails = self._is_closing = False

    def start(self) -> None:
        """Begin to watch. Does nothing if it has begun, or is ending."""
        if self.accounts is not None and not self._tasks and not self._is_closing:
            self._tasks = [
                asyncio.create_task(self._read(self.accounts), name="read watched accounts"),
                asyncio.create_task(self._tend(), name="watch accounts"),
            ]

    def changed(self, account_ids: Iterable[int]) -> None:
        """These accounts may have changed: read them again."""
        if self._tasks:
            self._changed.update(account_ids)
            self._news.set()

    def listening(self) -> Iterator[tuple[LiveStream, int]]:
        """The streams that are heard for watched accounts, each with the account's primary key. One
        that is over stays here for some seconds."""
        for account_id, watch in list(self._watches.items()):
            if watch.stream is not None:
                yield watch.stream, account_id

    def __iter__(self) -> Iterator[Watched]:
        """The accounts that this process watches."""
        for account_id in self._mine:
            watch, known = self._watches.get(account_id), self._known[account_id]
            if isinstance(known, ErrorCode):
                yield Watched(account_id, "", WatchState.FAILING, known, Cost())
            elif watch is None:
                username = known.tiktok_username
                yield Watched(account_id, username, WatchState.CONNECTING, None, Cost())
            else:
                username = watch.account.tiktok_username
                yield Watched(account_id, username, watch.state, watch.why, watch.cost)

    @property
    def states(self) -> Counter[WatchState]:
        """How many accounts this process watches, by state."""
        begun = Counter(watch.state for watch in self._watches.values())
        begun[WatchState.CONNECTING] += len(self._to_begin)
        begun[WatchState.FAILING] += len(self._mine) - len(self._watches) - len(self._to_begin)
        return begun

    async def hand_over(self) -> None:
        """This process stops: other processes shall watch its part. Streams stay joined here until
        `close`."""
        self._is_closing = True
        await cancel_and_wait(*self._tasks)
        if self.members is not None:
            members, self.members = self.members, None
            await members.leave()

    async def close(self) -> None:
        """Leave all streams."""
        await self.hand_over()
        for account_id in list(self._watches):
            self._end(account_id)
        await cancel_and_wait(*self._ending)
        self._mine.clear()
        self._to_begin.clear()
        if self.accounts is not None:
            self.accounts.stop()

    # --- Which accounts are watched ------------------------------------------------------------

    async def _read(self, accounts: WatchedAccounts) -> None:
        """Keep up with the database."""
        all_due_at = self._clock.monotonic()
        while True:
            changed, self._changed = self._changed, set()
            self._news.clear()
            try:
                if self._clock.monotonic() >= all_due_at:
                    self._take(await accounts.all())
                    all_due_at = self._clock.monotonic() + _READ_EVERY
                elif changed:
                    self._take(await accounts.among(changed), changed)
            except Exception as failure:
                self._changed |= changed
                if isinstance(failure, FAILURES):
                    self._note_failure(str(failure) or "no answer in time")
                else:
                    logger.exception("watched accounts can't be read")
                await asyncio.sleep(_READ_AGAIN)
                continue
            self._note_success()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(all_due_at):
                    await self._news.wait()

    def _take(
        self, found: Mapping[int, Account | ErrorCode], asked: Collection[int] | None = None
    ) -> None:
        """Args:
        asked: the accounts that were asked for; None for all.
        """
        known = self._known
        ids = {*known, *found} if asked is None else set(asked)
        changed = [each for each in ids if known.get(each) != found.get(each)]
        for each in changed:
            if each in found:
                known[each] = found[each]
            else:
                known.pop(each, None)
        if not self._was_read:
            self._was_read = True
            if known:
                logger.info("Accounts that are watched: %d", len(known))
            self._rng.shuffle(changed)  # so that not the same ones wait longest at every start
        self._apply(changed)

    def _note_failure(self, reason: str) -> None:
        """Log the first failure only."""
        if not self._fails:
            self._fails = True
            logger.error(
                "Watched accounts can't be read in the database: %s", " ".join(reason.split())
            )

    def _note_success(self) -> None:
        if self._fails:
            self._fails = False
            logger.info("Watched accounts can be read in the database again")

    # --- Which of them are watched here --------------------------------------------------------

    async def _tend(self) -> None:
        """Share the work with other processes, begin to watch, and look what others listen to."""
        while True:
            try:
                await self._share()
                self._begin_some()
                for watch in self._watches.values():
                    watch.look_around()
            except Exception:
                logger.exception("watched accounts can't be looked after")
            await asyncio.sleep(_BEGIN_EVERY if self._to_begin else _TEND_EVERY)

    async def _share(self) -> None:
        if self.members is not None:
            before = self.members.known
            await self.members.show()
            if self.members.known != before:
                self._apply(self._known)

    def _apply(self, account_ids: Iterable[int]) -> None:
        """Watch these as it is known of them now."""
        for account_id in list(account_ids):
            known = self._known.get(account_id)
            is_mine = known is not None and (
                self.members is None or self.members.is_mine(account_id)
            )
            if is_mine:
                self._mine.add(account_id)
            else:
                self._mine.discard(account_id)
            if not is_mine or not isinstance(known, Account):
                self._to_begin.pop(account_id, None)
                self._end(account_id)
            elif account_id in self._watches:
                self._change(account_id, known)
            else:
                self._to_begin[account_id] = None
        self._begin_some()

    def _begin_some(self) -> None:
        for account_id in list(self._to_begin)[:_BEGIN_AT_ONCE]:
            del self._to_begin[account_id]
            account = self._known[account_id]
            assert isinstance(account, Account)
            self._begin(account)

    def _begin(self, account: Account, counts: DayCounts | None = None) -> None:
        watch = Watch(account, self._streams, self._admit, self._clock, self._rng, counts)
        self._watches[account.id] = watch
        watch.start()

    def _admit(self, account: Account) -> None:
        """Raises RelayError: the account has started too many streams in a short time."""
        if self._streams.would_start(account.tiktok_username, None):
            self._budgets.start_stream(account.id)
        if account.sign_api_key:
            self._key_users.note(account.access(self._streams).gate, account.tiktok_username)

    def _change(self, account_id: int, account: Account) -> None:
        watch = self._watches[account_id]
        if watch.account.tiktok_username != account.tiktok_username:
            self._end(account_id, LINGER_AFTER_MOVE)
            self._begin(account, watch.counts)
        elif watch.account != account:
            watch.change(account)

    def _end(self, account_id: int, linger: float | None = None) -> None:
        watch = self._watches.pop(account_id, None)
        task = None if watch is None else watch.stop(linger)
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
