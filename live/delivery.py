"""From a stream's log to one socket: in order, at the socket's own pace, nothing lost unsaid.

A `Delivery` is a place in a log and what the socket wants of it. It gives ASGI messages; sending
them, and how long that takes, is its consumer's affair. A socket that lags behind gets fewer,
merged frames; one that fell off the log gets a `gap` and goes on from the oldest frame. What was
gathered for a batch, or is replayed to a socket that comes back, is no lag: it is sent as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from live.eventlog import Cursor, Entry, EventLog
from live.frames import Frame, FrameType, Gap, Join, Like, Side, encode

__all__ = ["Delivery", "text_message"]

_CHUNK = 64
# Behind by more than that, a socket gets merged frames, made of larger chunks.
_LAG = 256
_LAG_CHUNK = 1024
_ALWAYS = frozenset({FrameType.STATUS, FrameType.GAP})


def text_message(text: str) -> dict[str, Any]:
    """The ASGI message that sends a text."""
    return {"type": "websocket.send", "text": text}


class Delivery:
    """Args:
        since: where to go on; None for everything from now on.
        types: event types that are wanted; None for all.
        batch: seconds over which frames are gathered into one; 0 for none.
        clock: ms since the epoch.

    Attributes:
        position: the offset of the last frame that was delivered or passed over.
        resumed: whether the log can go on exactly where `since` says.
    """

    def __init__(
        self,
        log: EventLog,
        since: Cursor | None,
        types: frozenset[FrameType] | None,
        batch: float,
        clock: Callable[[], int],
    ) -> None:
        self._log = log
        self._wanted = None if types is None else types | _ALWAYS
        self._batch = batch
        self._clock = clock
        self._delivered_at: int | None = None
        self._lost = False  # `since` names no place in this log
        self._due = log.end  # up to there, it is not the socket's fault that it is behind
        self.resumed = False
        if since is None:
            self.position = log.end
        elif since.epoch == log.epoch and since.offset <= log.end:
            self.position = since.offset
            self.resumed = self.position >= log.first - 1
        else:
            self.position = 0
            self._lost = True

    @property
    def cursor(self) -> str:
        return str(Cursor(self._log.epoch, self.position))

    @property
    def finished(self) -> bool:
        """The log is closed, and all of it delivered."""
        return self._log.closed and self.position >= self._log.end

    async def wait(self) -> None:
        """Wait until it is worth looking for `pending` messages, or at the stream, again."""
        if self.position < self._log.end:
            await asyncio.sleep(0)  # a long way to go; others take their turns meanwhile
            return
        await self._log.changed(self.position)
        if self._batch:
            await asyncio.sleep(self._batch)
            self._due = self._log.end

    def pending(self) -> list[dict[str, Any]]:
        """The next messages that there are already; empty when the socket is up to date."""
        messages: list[dict[str, Any]] = []
        if self._lost or self.position < self._log.first - 1:
            messages.append(self._gap())
        if self.position == self._log.end:
            return messages
        lags = self._log.end - max(self.position, self._due) > _LAG
        entries = self._log.read(self.position, _LAG_CHUNK if lags else _CHUNK)
        newest = entries[-1]
        self.position, self._delivered_at = newest.offset, newest.at
        if self._wanted is not None:
            entries = [entry for entry in entries if entry.type in self._wanted]
        if lags:
            texts = merge(entries)
        elif self._batch and len(entries) > 1:
            texts = [entry.text for entry in entries]
        else:
            messages.extend(entry.message for entry in entries)
            return messages
        if self._batch and len(texts) > 1:
            texts = [_batch_text(texts, self._clock())]
        messages.extend(map(text_message, texts))
        return messages

    def _gap(self) -> dict[str, Any]:
        log = self._log
        missed = None if self._lost else log.missed(self.position)
        if missed is not None and self._wanted is not None:
            missed = {name: count for name, count in missed.items() if name in self._wanted}
        self.position = log.first - 1
        self._lost = False
        oldest = log.read(self.position, 1)
        now = self._clock()
        gap = Gap(
            side=Side.CLIENT,
            from_=self._delivered_at,
            to=oldest[0].at if oldest else now,
            missed=missed,
            cursor=self.cursor,
        )
        return text_message(encode(Frame(type=FrameType.GAP, cursor=self.cursor, ts=now, data=gap)))


def _batch_text(texts: list[str], now: int) -> str:
    """A `Batch` frame of frames that are encoded already."""
    return f'{{"type":"batch","ts":{now},"data":{{"events":[{",".join(texts)}]}}}}'


# --- Merging -------------------------------------------------------------------------------------


class _LikeFrame(Frame, kw_only=True):
    data: Like


class _JoinFrame(Frame, kw_only=True):
    data: Join


_FRAMES: dict[FrameType, msgspec.json.Decoder[Any]] = {
    FrameType.LIKE: msgspec.json.Decoder(_LikeFrame),
    FrameType.JOIN: msgspec.json.Decoder(_JoinFrame),
}


def merge(entries: list[Entry]) -> list[str]:
    """Texts of frames that say what the entries say, in fewer words: likes summed, joins counted,
    of viewers the latest. The merged frame stands where the last of its kind stood, and says in
    `merged` how many it stands for; whatever else there is stays as it is.

    A socket that is cut between two of these frames, and resumes behind the first, does not hear
    of the likes and joins before it that the second would have counted. The next like's `total`,
    and the snapshot that it gets on resuming, say how many likes there are nonetheless.
    """
    last: dict[FrameType, Entry] = {}
    kinds: dict[FrameType, list[Entry]] = {}
    for entry in entries:
        if entry.type in _MERGED:
            last[entry.type] = entry
            kinds.setdefault(entry.type, []).append(entry)
    return [
        _MERGED[entry.type](kinds[entry.type]) if entry.type in _MERGED else entry.text
        for entry in entries
        if entry.type not in _MERGED or last[entry.type] is entry
    ]


def _merged_likes(entries: list[Entry]) -> str:
    frames = [_FRAMES[FrameType.LIKE].decode(entry.text) for entry in entries]
    frame = frames[-1]
    if len(frames) > 1:
        frame.data.count = sum(each.data.count for each in frames)
        frame.data.total = max(each.data.total for each in frames)
        frame.data.merged = len(frames)
    return encode(frame)


def _merged_joins(entries: list[Entry]) -> str:
    frame = _FRAMES[FrameType.JOIN].decode(entries[-1].text)
    if len(entries) > 1:
        frame.data.merged = len(entries)
    return encode(frame)


def _latest(entries: list[Entry]) -> str:
    return entries[-1].text


_MERGED: dict[FrameType, Callable[[list[Entry]], str]] = {
    FrameType.LIKE: _merged_likes,
    FrameType.JOIN: _merged_joins,
    FrameType.VIEWERS: _latest,
}
