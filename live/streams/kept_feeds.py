"""Keeps the feeds of streams that are over, for the next stream of the same username.

With its feed, a stream takes over the log and its epoch, the ids that were seen, open streaks and
the snapshot. So a phone that comes back with `since` gets nothing twice, though TikTok sends the
last minutes again to each new connection.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from live.clock import Clock
from live.streams.feed import Feed

__all__ = ["KEPT_FOR", "KeptFeeds"]

# Seconds for which a feed is kept.
KEPT_FOR = 600.0
# How many are kept, and how many ids they may remember together, about 100 bytes each. When there
# are more, the oldest are forgotten.
_MAX_FEEDS = 2000
_MAX_IDS = 2_000_000


class KeptFeeds:
    """Feeds by username, each for ten minutes. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # In the order in which they were kept: the oldest first; with the time to forget each.
        self._feeds: OrderedDict[str, tuple[Feed, float]] = OrderedDict()
        self._ids = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._feeds)

    def keep(self, username: str, feed: Feed) -> None:
        """Keep the feed of a stream that is over, unless it was never live: then it has nothing
        that anybody would come back for."""
        if not feed.was_live:
            return
        self._feeds[username] = feed, self._clock.monotonic() + KEPT_FOR
        self._ids += feed.ids_remembered
        while len(self._feeds) > _MAX_FEEDS or (self._ids > _MAX_IDS and len(self._feeds) > 1):
            self._forget(next(iter(self._feeds)))
        self._set_timer()

    def save(self) -> dict[str, tuple[Feed, float]]:
        """The feeds by username, each with the seconds for which it is still kept."""
        now = self._clock.monotonic()
        return {name: (feed, max(0.0, at - now)) for name, (feed, at) in self._feeds.items()}

    def restore(self, feeds: Mapping[str, tuple[Feed, float]]) -> None:
        """Keep feeds of an earlier process, when there are none yet. There may be more of them than
        are kept otherwise: so many have had room before.

        Args:
            feeds: each with the seconds for which to keep it.
        """
        now = self._clock.monotonic()
        for username, (feed, left) in sorted(feeds.items(), key=lambda item: item[1][1]):
            self._feeds[username] = feed, now + min(left, KEPT_FOR)
            self._ids += feed.ids_remembered
        self._set_timer()

    def take(self, username: str) -> Feed | None:
        """Hand out the feed of `username`, which is not kept any more; None if there is none."""
        return self._forget(username) if username in self._feeds else None

    def clear(self) -> None:
        """Forget all feeds."""
        self._feeds.clear()
        self._ids = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        if self._timer is None and self._feeds:
            _, forget_at = next(iter(self._feeds.values()))
            delay = max(0.0, forget_at - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._forget_old)

    def _forget_old(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        for username, (_feed, forget_at) in list(self._feeds.items()):
            if forget_at > now:
                break
            self._forget(username)
        self._set_timer()

    def _forget(self, username: str) -> Feed:
        feed, _forget_at = self._feeds.pop(username)
        self._ids -= feed.ids_remembered
        return feed
