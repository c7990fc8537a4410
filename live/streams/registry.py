"""The streams of this process, by username. Sockets join one, and leave it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.cursor import Cursor
from live.protocol.errors import RelayError
from live.streams import waiting
from live.streams.counts import StreamCounts
from live.streams.feed import Feed
from live.streams.followers import Seen
from live.streams.kept_feeds import KEPT_FOR, KeptFeeds
from live.streams.saved import SavedFeed, SavedStream
from live.streams.sharing import Sharing
from live.streams.stream import LiveStream, StreamOptions
from live.streams.waiting import OfflineAnswers
from live.tiktok.access import Access, OneAccess
from live.tiktok.gifts import SeenGifts
from live.tiktok.looks import ByConnecting, Looks
from live.tiktok.signgate import SignGate, SignGates
from live.tiktok.upstream import UpstreamFactory

__all__ = ["Streams"]

# Seconds between two looks whether a stream without sockets here has some in another process.
_LOOK_AGAIN = 5.0


class Streams:
    """Starts a stream for the first socket of a username, shares it among all that follow, and ends
    it some time after the last one has left. Owns the streams' tasks. Keeps the feed of a stream
    that is over for the next one of the same username.

    Args:
        make_upstream: makes one attempt at a connection.
        gates: of the sign server's API keys.
        rng: where jitter comes from.
        clock: the time, for the streams.
        looks: finds out whether awaited streamers are live; None for attempts to connect.
        sharing: shares the streams with other processes, and keeps their logs; None for one
            process that has them to itself.

    Attributes:
        gifts: the kinds of gifts that were given on any of them.
        on_started: is told of each stream that begins.
    """

    def __init__(
        self,
        make_upstream: UpstreamFactory,
        options: StreamOptions,
        gates: SignGates | None = None,
        rng: random.Random | None = None,
        clock: Clock = SYSTEM_CLOCK,
        looks: Looks | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        self.gifts = SeenGifts()
        self.on_started: Callable[[LiveStream], None] = lambda stream: None
        self._make_upstream = make_upstream
        self._options = options
        self._gates = gates or SignGates()
        self._rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
        self._clock = clock
        self._looks = looks or ByConnecting()
        self._sharing = sharing
        # In the test endpoint, the same username has several plans, and each its own answer.
        self._offline_answers = OfflineAnswers(clock, 0 if options.is_test else waiting.KEPT_FOR)
        self._kept = KeptFeeds(clock)
        self._streams: dict[str, LiveStream] = {}
        self._tasks: dict[LiveStream, asyncio.Task[None]] = {}
        # Of streams without sockets: what ends them when they have lingered.
        self._linger_timers: dict[LiveStream, asyncio.TimerHandle] = {}

    def __iter__(self) -> Iterator[LiveStream]:
        return iter(list(self._streams.values()))

    @property
    def counts(self) -> StreamCounts:
        """What they have counted together, those that are over included."""
        return self._options.counts

    @property
    def sign_gates(self) -> SignGates:
        """The gates of all API keys in use."""
        return self._gates

    @property
    def is_empty(self) -> bool:
        """Nothing is left: no stream, no task that is ending one, no timer, no feed."""
        return not (self._streams or self._tasks or self._linger_timers or self._kept)

    def get(self, username: str) -> LiveStream | None:
        """The stream of `username` that is up; None where there is none, or it is over."""
        stream = self._streams.get(username)
        return None if stream is None or stream.over else stream

    async def look(self, username: str) -> Seen | None:
        """What is known of the stream of `username`, in whichever processes it is; None where there
        is none, or it is over."""
        elsewhere = None if self._sharing is None else await self._sharing.look(username)
        stream = self.get(username)
        return elsewhere if stream is None else elsewhere or stream.seen()

    @property
    def gates(self) -> list[tuple[str, SignGate]]:
        """The gates in use, each with the names of the streams that may connect through it; first
        that of the server's key, with an empty name."""
        shared = self._gates.of("")
        names: dict[SignGate, list[str]] = {}
        for stream in self:
            for access in stream.access:
                names.setdefault(access.gate, []).append(f"@{stream.username}")
        names.pop(shared, None)
        return [("", shared), *((", ".join(sorted(n)), gate) for gate, n in names.items())]

    def access(self, sign_api_key: str, proxy: str = "") -> Access:
        """What an account connects with.

        Args:
            sign_api_key: of the account; empty for the server's.
            proxy: of the account; empty for the server's way out.
        """
        return Access(self._gates.of(sign_api_key, proxy), proxy)

    def check(self, access: Access) -> None:
        """Check that an attempt with that access might succeed.

        Raises:
            RelayError: every route is closed, and the sign server's limit is the reason.
        """
        if self._make_upstream.seconds_closed(OneAccess(access)):
            access.gate.check()

    def join(
        self,
        username: str,
        access: Access,
        *,
        wait: bool,
        since: Cursor | None,
        others: bool = False,
        watches: bool = False,
    ) -> LiveStream:
        """The stream of `username`, started if there is none; to be left again with `leave`.

        Args:
            access: of the account; a stream connects with that of one of its listeners.
            wait: the socket would wait for an offline streamer.
            since: where the socket wants to go on; a stream that has ended serves only those who
                have not seen its end.
            others: the socket wants `other` frames.
            watches: it is no socket, but the relay itself, which watches the account: nobody waits
                now for TikTok's answer.
        """
        stream = self._streams.get(username)
        if stream is None or self.would_start(username, since):
            if stream is not None:
                self._remove(stream)
            stream = self._start(username, access)
        self._stop_lingering(stream)
        stream.add_listener(access, wait=wait, others=others, watches=watches)
        if stream.offline is not None and not watches:
            stream.poll_soon()
        return stream

    def would_start(self, username: str, since: Cursor | None) -> bool:
        """Whether `join` would start a stream, and so connect to TikTok."""
        stream = self._streams.get(username)
        return stream is None or (stream.over and not _has_more_for(stream, since))

    def change_access(self, stream: LiveStream, old: Access, new: Access) -> None:
        """A socket of `join` has another access from now on."""
        stream.change_access(old, new)

    def refusal(self, stream: LiveStream, access: Access) -> RelayError | None:
        """What the sign server has said when the stream tried to connect with this access and was
        refused; None if it was not, or if there is a route that needs no signature."""
        return stream.access.refusal(access) if self._make_upstream.needs_signature else None

    def leave(
        self,
        stream: LiveStream,
        access: Access,
        *,
        wait: bool,
        others: bool = False,
        watches: bool = False,
        linger: float | None = None,
    ) -> None:
        """A socket of `join` is gone. The last one's leave ends the stream, after it lingered.

        Args:
            linger: seconds that it lingers at most, where the options would allow more.
        """
        stream.remove_listener(access, wait=wait, others=others, watches=watches)
        if stream.listeners or self._streams.get(stream.username) is not stream:
            return
        # A stream that was never live has nothing that a phone would come back for.
        longest = self._options.linger if stream.room is not None else 0
        linger = longest if linger is None else min(longest, linger)
        if linger:
            loop = asyncio.get_running_loop()
            self._linger_timers[stream] = loop.call_later(linger, self._end_unless, stream, linger)
        else:
            self._end_unless(stream, _LOOK_AGAIN)

    async def hand_over(self) -> None:
        """Have other processes go on with the streams, where there are others."""
        if self._sharing is not None:
            await self._sharing.hand_over()

    def stop(self) -> None:
        """End all streams: nothing is appended any more. To be followed by `close`."""
        for stream in self:
            stream.stop()

    def save(self) -> list[SavedStream]:
        """All logs that somebody might come back for, to be written down. Only what is over is
        complete: call `stop` before. None where streams are shared: the others have them."""
        if self._sharing is not None:
            return []
        now = self._clock.monotonic()
        feeds = self._kept.save()
        feeds |= {s.username: (s.feed, KEPT_FOR) for s in self if s.feed.was_live}
        return [
            SavedStream(username, feed.save(now), left) for username, (feed, left) in feeds.items()
        ]

    def restore(self, saved: Iterable[SavedStream]) -> None:
        """Keep the logs of an earlier process for the next streams of their usernames. None of them
        connects before somebody asks for it. To be called when there are no streams yet.

        Raises:
            RestoreError: one of them can't have been saved; none is kept then.
        """
        feeds = {}
        for stream in saved:
            feed = self.restored_feed(stream.username, stream.feed)
            feeds[stream.username] = feed, stream.keep_for
        self._kept.restore(feeds)

    async def close(self) -> None:
        """End all streams and wait until they have ended. Those that are shared go on in other
        processes."""
        if self._sharing is not None:
            await self._sharing.close()
        while self._streams or self._tasks:
            for stream in self:
                self._end(stream)
            if self._tasks:
                await asyncio.wait(list(self._tasks.values()))
        self._kept.clear()

    def _start(self, username: str, access: Access) -> LiveStream:
        feed = self._kept.take(username) or self.new_feed(username)
        stream = LiveStream(
            username,
            access,
            self._make_upstream,
            self._options,
            self._rng,
            self._clock,
            feed,
            self._looks,
            self._offline_answers,
            is_shared=self._sharing is not None,
        )
        self._streams[username] = stream
        task = asyncio.create_task(self._run(stream), name=f"stream @{username}")
        self._tasks[stream] = task
        task.add_done_callback(lambda _: self._on_done(stream))
        self.on_started(stream)
        return stream

    def new_feed(self, username: str) -> Feed:
        """A feed that knows nothing yet."""
        options = self._options
        return Feed(
            options.backlog, self._clock, username, self.gifts, options.memory, options.counts
        )

    def restored_feed(self, username: str, saved: SavedFeed) -> Feed:
        """A feed that goes on with what was saved.

        Raises:
            RestoreError: it can't have been saved.
        """
        now, options = self._clock.monotonic(), self._options
        return Feed.restore(
            saved,
            now,
            options.backlog,
            self._clock,
            username,
            self.gifts,
            options.memory,
            options.counts,
        )

    async def _run(self, stream: LiveStream) -> None:
        """To be cancelled after the stream was stopped."""
        if self._sharing is None:
            await stream.lead()
        else:
            await self._sharing.take_part(stream, self)

    def _on_done(self, stream: LiveStream) -> None:
        del self._tasks[stream]
        if stream.error is not None:
            self._remove(stream)  # the next socket gets a new attempt

    def _end_unless(self, stream: LiveStream, look_again: float) -> None:
        """End it, unless somebody listens in another process; then look again later."""
        if stream.is_leading and stream.elsewhere.listeners:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(look_again, self._end_unless, stream, look_again)
            self._linger_timers[stream] = timer
        else:
            self._end(stream)

    def _end(self, stream: LiveStream) -> None:
        """Nobody wants it any more."""
        stream.stop()
        self._remove(stream)
        if task := self._tasks.get(stream):
            task.cancel()

    def _remove(self, stream: LiveStream) -> None:
        """The stream is over: whoever joins its username from now on gets another one, which goes
        on with its log."""
        self._stop_lingering(stream)
        if self._streams.get(stream.username) is stream:
            del self._streams[stream.username]
            if self._sharing is None:
                self._kept.keep(stream.username, stream.feed)

    def _stop_lingering(self, stream: LiveStream) -> None:
        if timer := self._linger_timers.pop(stream, None):
            timer.cancel()


def _has_more_for(stream: LiveStream, since: Cursor | None) -> bool:
    """Whether there are frames behind `since`; the log's last entry is the border of the end."""
    log = stream.log
    return since is not None and since.epoch == log.epoch and since.offset + 1 < log.end
