"""What other processes have written into Redis: a leader's state, and the entries of its log."""

from __future__ import annotations

from collections.abc import Coroutine
from random import Random
from typing import Any

import msgspec

from fuzz.feeds import NOW, clock, use, wear, why
from fuzz.mutation import MsgpackCorpus
from fuzz.running import Target
from live.cluster.entries import BorderEntry, Skip, encode, encode_frame
from live.cluster.loading import LoadedFeed, encode_state, load_feed
from live.cluster.store import StoredLog
from live.streams.borders import Border
from live.streams.feed import Feed
from live.streams.log import Entry
from live.streams.saved import RestoreError, SavedFeed

__all__ = ["entries"]

_BACKLOG = 32
_EPOCH = "fuzzfuzz"
_NAME = "anna.live"
_MOST = 10**15


class _Leader:
    """Is a `LogCopy` that keeps what a leader would write into Redis."""

    is_full = has_entries = False
    written = 0
    reserved = _MOST

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, bytes]] = []

    def on_frame(self, entry: Entry, id: str) -> None:
        self.entries.append((entry.offset, 0, encode_frame(entry, id)))

    def on_border(self, offset: int, at: int, border: Border) -> None:
        self.entries.append((offset, 0, encode(BorderEntry.of(at, border))))


def entries() -> Target:
    """A stream's log in Redis, loaded by a process that begins to follow it or takes it over."""
    return _Entries().target()


class _Entries:
    def __init__(self) -> None:
        leader = _Leader()
        feed = Feed(_BACKLOG, clock(), _NAME)
        feed.log.epoch = _EPOCH
        feed.copy_to = leader
        wear(feed, 20)
        self._state = encode_state(feed, NOW)
        wear(feed, 40)  # which the state does not know
        last = feed.log.end
        # An offset that was left out, and the mark of a leader that has left.
        self._entries = [
            *leader.entries[-30:],
            (last + 9, 0, encode(Skip(last))),
            (last + 9, 1, b""),
        ]
        self._spoilt = MsgpackCorpus([data for _, _, data in self._entries if data])
        end, inner = msgspec.msgpack.decode(self._state)
        self._end = end
        self._feeds = MsgpackCorpus([inner])
        self._states = MsgpackCorpus([self._state])

    def target(self) -> Target:
        return Target(self._make, self._give)

    def _make(self, rng: Random) -> StoredLog:
        """Redis keeps ids in their order, each once, so what is made does so, too."""
        entries = list(self._entries[rng.randrange(len(self._entries) + 1) :])
        for _ in range(rng.randrange(3)):
            if not entries:
                break
            at = rng.randrange(len(entries))
            offset, number, _data = entries[at]
            match rng.randrange(8):
                case 0:
                    del entries[at]
                case 1:
                    entries[at] = offset, number, rng.choice(entries)[2]
                case 2:
                    entries[at:] = [(each[0] + 10**9, *each[1:]) for each in entries[at:]]
                case 3:
                    entries.insert(at, (offset - 1, 7, b""))
                case 4:
                    entries[at] = offset, number, b""
                case _:
                    entries[at] = offset, number, self._spoilt.make(rng)
        stored = sorted({each[:2]: each for each in entries}.values())
        state = self._state_of(rng)
        return StoredLog(state, [(f"{offset}-{n}".encode(), data) for offset, n, data in stored])

    def _state_of(self, rng: Random) -> bytes | None:
        kind = rng.random()
        if kind < 0.4:
            return self._state
        if kind < 0.6:
            return None
        if kind < 0.7:
            return self._states.make(rng)
        return msgspec.msgpack.encode([self._end, self._feeds.make(rng)])

    def _give(self, stored: StoredLog) -> str:
        try:
            loaded = _loaded(stored)
        except RestoreError as refused:
            return f"RestoreError: {why(refused)}"
        if loaded.offline is not None:
            loaded.offline.explain("ru")
        if loaded.status is not None:
            loaded.feed.append_status(loaded.status)
        use(loaded.feed, sum(len(data) for _, data in stored.entries))
        try:
            state = encode_state(loaded.feed, NOW)
        except RestoreError:
            return "loaded, and used; a number does not fit then"
        assert _loaded(StoredLog(state, [])).feed.room == loaded.feed.room
        return "loaded, and used"


def _loaded(stored: StoredLog) -> LoadedFeed:
    def new() -> Feed:
        return Feed(_BACKLOG, clock(), _NAME)

    def restored(saved: SavedFeed) -> Feed:
        return Feed.restore(saved, NOW, _BACKLOG, clock(), _NAME)

    return _to_its_end(load_feed(stored, _EPOCH, new, restored))


def _to_its_end(coroutine: Coroutine[Any, Any, LoadedFeed]) -> LoadedFeed:
    """Run what only lets others have a turn: there are no others here."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as done:
            loaded: LoadedFeed = done.value
            return loaded
