"""The relay: the object that holds everything that the sockets and pages of a process share.

`live.server.assembly` makes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from accounts.models import User
from live.alerts.watch import Alerts
from live.clock import Clock
from live.cluster.cluster import Cluster
from live.cluster.limits import SharedLimits
from live.connections.orphans import OrphanCloser
from live.connections.writer import ConnectionLogWriter
from live.history.heard import Sink
from live.history.keeper import HistoryKeeper
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay import access
from live.relay.access import Account
from live.relay.budgets import AccountBudgets
from live.relay.control import Control
from live.relay.failed_tokens import FailedTokens
from live.relay.key_users import KeyUsers
from live.relay.last_minutes import LastMinutes
from live.relay.numbers import NumbersPublisher
from live.relay.open_sockets import OpenSockets
from live.relay.quota import SocketQuota
from live.relay.refusals import Refusals
from live.relay.shutdown import Shutdown
from live.relay.socket import Socket
from live.relay.state_file import StateFile
from live.relay.token_lookup import TokenLookup
from live.relay.traffic import Traffic
from live.relay.watching import LINGER_AFTER_MOVE, Watching
from live.streams import operator_log
from live.streams.registry import Streams
from live.streams.stream import LiveStream
from live.tasks import cancel_and_wait
from live.tiktok.lookup import GiftList, Lookup
from live.tiktok.network import Networks
from live.tiktok.pictures import Pictures
from live.tiktok.route_counts import RouteCounts
from live.webhooks.sender import Sender

__all__ = ["Limits", "Relay"]

logger = logging.getLogger(__name__)

# Seconds to close; and how much of it is kept for the rest of the connection log.
_CLOSE_WITHIN = 3.5
_FOR_THE_LOG = 0.5


@dataclass(frozen=True)
class Limits:
    """The time limits of sockets, in seconds.

    Attributes:
        connect_timeout: how long to wait for the database, and for TikTok, when a socket or a
            probe connects.
        send_timeout: after how long a client that takes nothing of what is sent is disconnected.
    """

    connect_timeout: float = 20
    send_timeout: float = 30


@dataclass(eq=False, repr=False, kw_only=True)
class Relay:
    """Holds the parts that sockets and pages share. Sockets join and leave streams through it.

    It belongs to one event loop.

    Attributes:
        is_test: whether it is the relay of the test endpoint, whose LIVEs are invented or
            recorded.
        quota: limits the sockets of each account.
        overlay_quota: limits those of its overlays, apart from the others: however many scenes of
            OBS are open, the phone gets in.
        state_file: what the streams are kept in while no process runs; None where nothing is kept.
        cluster: shares the streams with other processes; None where there are none.
        shared_limits: what is counted together with other processes; None where there are none.
        history: keeps the LIVEs; None where they are not kept.
        webhooks: sends what webhooks are told; None where nothing is sent.
        alerts: watches what is wrong with the server; None where nothing is watched.
        orphans: closes rows of the connection log that dead processes left open; None where that is
            not done.
    """

    is_test: ClassVar[bool] = False

    streams: Streams
    sockets: OpenSockets
    quota: SocketQuota
    overlay_quota: SocketQuota
    budgets: AccountBudgets
    tokens: TokenLookup
    failed_tokens: FailedTokens
    refusals: Refusals
    limits: Limits
    connection_log: ConnectionLogWriter
    numbers: NumbersPublisher
    last_minutes: LastMinutes
    key_users: KeyUsers
    control: Control
    watching: Watching
    shutdown: Shutdown
    lookup: Lookup
    pictures: Pictures
    networks: Networks
    route_counts: RouteCounts
    traffic: Traffic
    clock: Clock
    state_file: StateFile | None = None
    cluster: Cluster | None = None
    shared_limits: SharedLimits | None = None
    history: HistoryKeeper | None = None
    webhooks: Sender | None = None
    alerts: Alerts | None = None
    orphans: OrphanCloser | None = None

    def keep_history(self, sinks: Iterable[Sink] = ()) -> None:
        """Keep the LIVEs of the streams. To be called before any socket opens.

        Args:
            sinks: get what is heard of them.
        """
        self.history = self.numbers.history = HistoryKeeper(self._listeners, self.clock, sinks)
        self.streams.on_started = self.history.stream_started

    def _listeners(self) -> Iterator[tuple[LiveStream, int]]:
        """The streams that are heard here, each with an account that hears it: by a socket, or
        since it is watched."""
        for socket in self.sockets:
            account = socket.connection.account_id
            if socket.stream is not None and account is not None:
                yield socket.stream, account
        yield from self.watching.listening()

    def share_limits(self, shared_limits: SharedLimits) -> None:
        """Count limits together with other processes. To be called before any socket opens."""
        self.shared_limits = shared_limits
        self.quota.counts = self.overlay_quota.counts = shared_limits

    def quota_of(self, options: SocketOptions) -> SocketQuota:
        """Return the quota that a socket with these options counts against."""
        return self.overlay_quota if options.is_overlay else self.quota

    def start(self) -> None:
        """Begin to receive control messages, go on where the last process has stopped, and watch
        accounts. To be called when the server starts, and before each request and each socket is
        served; only the first call does something."""
        self.restore()
        self.control.start()
        self.watching.start()
        self.last_minutes.start()
        if self.shared_limits is not None:
            self.shared_limits.start()
        if self.history is not None:
            self.history.start()
        if self.webhooks is not None:
            self.webhooks.start()
        if self.alerts is not None:
            self.alerts.start()
        if self.orphans is not None:
            self.orphans.start()

    def restore(self) -> None:
        """Go on where the last process has stopped, unless that has been done."""
        if self.state_file is not None:
            self.state_file.restore()

    def opened(self, socket: Socket) -> None:
        """Register a socket that has opened. The socket calls `closed` when it has closed."""
        self.start()
        self.sockets.add(socket)

    def closed(self, socket: Socket) -> None:
        """Forget a socket that was registered by `opened`, and complete its row in the log."""
        self.traffic.closed[socket.connection.error_code] += 1
        if not socket.connection.is_summed:
            self.connection_log.closed(socket.connection)
        self.sockets.remove(socket)

    def check(self) -> None:
        """Check that the server is not stopping.

        Raises:
            RelayError: `server_shutdown`, if it is.
        """
        self.shutdown.check()

    def account_of(self, user: User) -> Account:
        """Return what a socket needs to know of its account.

        An account without a TikTok username is also reported to operators, in the server's log.

        Raises:
            RelayError: `username_missing`, `username_invalid`.
        """
        try:
            return access.account_of(user)
        except RelayError as error:
            if error.code is ErrorCode.USERNAME_MISSING:
                operator_log.username_missing(user.pk)
            raise

    def streams_of(self, options: SocketOptions) -> Streams:
        """Return the streams among which a socket with these options finds its own."""
        return self.streams

    def join(self, account: Account, options: SocketOptions) -> LiveStream:
        """Add one more socket to the account's stream. The socket must `leave` it later.

        Args:
            account: the socket's account.
            options: the options in the socket's address.

        Raises:
            RelayError: `too_many_connections`, if the account has reached the limit of sockets, or
                has started too many streams in a short time. Joining others' streams is free.
        """
        quota = self.quota_of(options)
        quota.take(account.id)
        streams = self.streams_of(options)
        if not self.is_test and streams.would_start(account.tiktok_username, options.since):
            try:
                self.budgets.start_stream(account.id)
            except RelayError:
                quota.give_back(account.id)
                raise
        self.note_key(streams, account)
        stream = streams.join(
            account.tiktok_username,
            account.access(streams),
            wait=options.wait,
            since=options.since,
            others=options.wants_others,
        )
        if self.history is not None:
            self.history.joined(stream, account.id)
        return stream

    def refusal(
        self, stream: LiveStream, account: Account, options: SocketOptions
    ) -> RelayError | None:
        """What the sign server has said when the stream tried to connect with the account's key.

        Returns:
            `sign_forbidden` or `rate_limited`; None if the key was not refused, or not tried.
        """
        streams = self.streams_of(options)
        return streams.refusal(stream, account.access(streams))

    def change_access(
        self, stream: LiveStream, old: Account, new: Account, options: SocketOptions
    ) -> None:
        """Use the account's new API key and proxy for the stream, after one of them has changed.

        Args:
            stream: the stream that a socket of the account has joined.
            old: the account as it was before.
            new: the account as it is from now on.
            options: the options that the stream was joined with.
        """
        streams = self.streams_of(options)
        self.note_key(streams, new)
        streams.change_access(
            stream,
            old.access(streams),
            new.access(streams),
        )

    def leave(
        self, stream: LiveStream, account: Account, options: SocketOptions, *, moved: bool = False
    ) -> None:
        """Remove a socket from the stream that it joined.

        Args:
            stream: what `join` returned.
            account: the account as it is now: with its new key, if `change_access` was called.
            options: the options that the stream was joined with.
            moved: whether the socket goes on with the stream of another username.
        """
        streams = self.streams_of(options)
        streams.leave(
            stream,
            account.access(streams),
            wait=options.wait,
            others=options.wants_others,
            linger=LINGER_AFTER_MOVE if moved else None,
        )
        self.quota_of(options).give_back(account.id)

    async def live_room(self, account_id: int, username: str) -> str | None:
        """Ask TikTok in which room the user is live, as `Lookup.live_room`, for an account.

        Raises:
            RelayError: as `Lookup.live_room`; `too_many_connections`, if the account has asked
                TikTok too much. Answers that are known already cost nothing.
        """
        if not self.lookup.knows_live_room(username):
            self.budgets.look_up(account_id)
        return await self.lookup.live_room(username)

    async def gifts(self, account_id: int, username: str, room_id: str | None) -> GiftList:
        """Ask TikTok for gifts, as `Lookup.gifts`, for an account.

        Raises:
            RelayError: as `Lookup.gifts`, and as `live_room`.
        """
        if not self.lookup.knows_gifts(username, room_id):
            self.budgets.look_up(account_id)
        return await self.lookup.gifts(username, room_id)

    def note_key(self, streams: Streams, account: Account) -> None:
        """Remember, for the staff, that the LIVE may be connected to with an account's own key.

        Args:
            streams: the streams whose sign gates are used.
            account: nothing is noted if it has no key of its own.
        """
        if account.sign_api_key:
            gate = account.access(streams).gate
            self.key_users.note(gate, account.tiktok_username)

    async def _stop_webhooks(self) -> None:
        if self.webhooks is not None:
            await self.webhooks.close()

    async def _stop_alerts(self) -> None:
        if self.alerts is not None:
            await self.alerts.close()

    async def close(self) -> None:
        """Tell all clients that the server stops, end all streams, keep what they know, and write
        the rest of the log.

        The order matters: other processes lead the streams as soon as no socket here gets anything
        new; sockets close before their streams, these have stopped when they are kept and counted,
        and the log is written last. It takes three and a half seconds at most, whatever the
        database and the disk do.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _CLOSE_WITHIN
        saving: asyncio.Task[None] | None = None
        counting: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout_at(end - _FOR_THE_LOG):
                # Others need not wait for the slowest socket: it gets nothing new any more.
                await asyncio.gather(
                    self.shutdown.close_sockets(self.sockets),
                    self._hand_over(),
                    self._stop_webhooks(),
                    self._stop_alerts(),
                )
                self.streams.stop()
                if self.history is not None:
                    within = end - loop.time()
                    counting = asyncio.create_task(self.history.close(within), name="end history")
                if self.state_file is not None and (write := self.state_file.save()):
                    saving = asyncio.create_task(asyncio.to_thread(write), name="state file")
                await self.control.close()
                await self.tokens.close()
                await self.numbers.close()
                await self.last_minutes.close()
                if self.orphans is not None:
                    await self.orphans.close()
                await self.watching.close()
                await self.streams.close()
                await self.lookup.close()
                await self.pictures.close()
                await self.networks.close()
                if self.shared_limits is not None:
                    await self.shared_limits.close()
                if saving is not None:
                    await saving
        except TimeoutError:
            logger.warning("The relay did not close in time; the server stops all the same")
            if saving is not None:
                # Its thread goes on until the process ends, and may still get through.
                await cancel_and_wait(saving)
        self.refusals.close()
        if self.history is not None and counting is None:
            within = end - loop.time()
            counting = asyncio.create_task(self.history.close(within), name="end history")
        await self.connection_log.flush(end - loop.time())
        if counting is not None:
            await counting

    async def _hand_over(self) -> None:
        """Have other processes go on, where there are some: first with the streams, then with what
        is watched here, which joins those."""
        await self.streams.hand_over()
        await self.watching.hand_over()
