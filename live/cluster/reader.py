"""Reads what other processes append to the logs of streams: one reader for all streams that this
process follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from live.cluster.scripts import FAILURES
from live.cluster.store import LogKeys, Store
from live.tasks import cancel_until_done

__all__ = ["Reader"]

logger = logging.getLogger(__name__)

# Seconds until it is tried again when Redis can't be reached.
_RETRY = 0.5


@dataclass
class _Followed:
    after: str
    take: Callable[[Sequence[tuple[bytes, bytes]]], None]


class Reader:
    """Reads from `start` to `close`.

    Args:
        process: names this process, for a key of Redis by which its own wait is ended.
    """

    def __init__(self, store: Store, process: str) -> None:
        self._store = store
        self._followed: dict[str, _Followed] = {}
        self._wake_key = f"relay:process:{process}:wake"
        self._woken = "0-0"
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="log reader")

    async def close(self) -> None:
        await cancel_until_done(self._task)

    async def follow(
        self,
        keys: LogKeys,
        after: str,
        take: Callable[[Sequence[tuple[bytes, bytes]]], None],
    ) -> None:
        """Read the log of a stream from now on.

        Args:
            after: the newest id in Redis that is known.
            take: is given the entries, oldest first, with their ids in Redis.
        """
        self._followed[keys.log] = _Followed(after, take)
        self._begun.set()
        try:
            await self._store.wake(self._wake_key)
        except FAILURES as failure:
            logger.debug("the reader was not woken: %s", failure)

    def unfollow(self, keys: LogKeys) -> None:
        """Read it no longer."""
        self._followed.pop(keys.log, None)

    async def _run(self) -> None:
        while True:
            if not self._followed:
                self._begun.clear()
                await self._begun.wait()
            try:
                await self._read()
            except FAILURES as failure:
                logger.debug("Redis gives no entries: %s", failure)
                await asyncio.sleep(_RETRY)

    async def _read(self) -> None:
        asked = dict(self._followed)
        answer = await self._store.read(
            {log: followed.after for log, followed in asked.items()}, self._wake_key, self._woken
        )
        for log, entries in answer.items():
            newest = entries[-1][0].decode()
            if log == self._wake_key:
                self._woken = newest
                continue
            followed = asked[log]
            if self._followed.get(log) is not followed:
                continue  # not wanted any more
            followed.after = newest
            try:
                followed.take(entries)
            except Exception:
                logger.exception("entries of %s could not be taken over", log)
                self._followed.pop(log, None)
