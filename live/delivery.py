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
from live.frames import EVENT_TYPES, Frame, FrameType, Gap, Join, Like, Side, Viewers, encode

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
            self.resumed = self._missed() == {}
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
            messages += self._what_fell_off()
        if self.position == self._log.end:
            return messages
        lags = self._log.end - max(self.position, self._due) > _LAG
        entries = self._log.read(self.position, _LAG_CHUNK if lags else _CHUNK)
        newest, cursor = entries[-1], self.cursor
        self.position, self._delivered_at = newest.offset, newest.at
        if self._wanted is not None:
            entries = [entry for entry in entries if entry.type in self._wanted]
        if lags:
            texts = merge(entries, cursor)
        elif self._batch and len(entries) > 1:
            texts = [entry.text for entry in entries]
        else:
            messages.extend(entry.message for entry in entries)
            return messages
        if self._batch and len(texts) > 1:
            texts = [_batch_text(texts, self._clock())]
        messages.extend(map(text_message, texts))
        return messages

    @property
    def up_to_date(self) -> bool:
        """Everything that there is has been delivered."""
        return self.position >= self._log.end

    def _what_fell_off(self) -> list[dict[str, Any]]:
        """What can still be had of the frames that the log no longer holds, behind a `gap` for the
        others. Resuming from that gap's cursor gives all of it again."""
        log = self._log
        missed = self._missed()
        lasting = [
            entry
            for entry in log.lasting(self.position)
            if self._wanted is None or entry.type in self._wanted
        ]
        place = self.position if lasting else log.first - 1
        messages = [] if missed == {} else [self._gap(place, missed)]
        messages += [entry.message for entry in lasting]
        self.position = log.first - 1
        self._lost = False
        return messages

    def _missed(self) -> dict[str, int] | None:
        """How many wanted events can't be had any more, by type; None if nobody knows."""
        missed = None if self._lost else self._log.missed(self.position)
        if missed is None:
            return None
        wanted = EVENT_TYPES if self._wanted is None else self._wanted & EVENT_TYPES
        return {str(kind): count for kind, count in missed.items() if kind in wanted}

    def _gap(self, place: int, missed: dict[str, int] | None) -> dict[str, Any]:
        cursor = str(Cursor(self._log.epoch, place))
        oldest = self._log.read(place, 1)
        now = self._clock()
        gap = Gap(
            side=Side.CLIENT,
            from_=self._delivered_at,
            to=oldest[0].at if oldest else now,
            missed=missed,
            cursor=cursor,
        )
        return text_message(encode(Frame(type=FrameType.GAP, cursor=cursor, ts=now, data=gap)))


def _batch_text(texts: list[str], now: int) -> str:
    """A batch frame of frames that are encoded already."""
    return f'{{"type":"batch","ts":{now},"data":{{"events":[{",".join(texts)}]}}}}'


# --- Merging -------------------------------------------------------------------------------------


class _LikeFrame(Frame, kw_only=True):
    data: Like


class _JoinFrame(Frame, kw_only=True):
    data: Join


class _ViewersFrame(Frame, kw_only=True):
    data: Viewers


_decode_like = msgspec.json.Decoder(_LikeFrame).decode
_decode_join = msgspec.json.Decoder(_JoinFrame).decode
_decode_viewers = msgspec.json.Decoder(_ViewersFrame).decode


def merge(entries: list[Entry], cursor: str) -> list[str]:
    """Texts of frames that say what the entries say, in fewer words: in each run of likes, joins
    and viewers between other frames, likes are summed, joins counted, of viewers the latest stays.

    `merged` says how many frames one stands for. All frames of a run but the last carry the cursor
    from before the run, so that a socket cut in the middle of it resumes without a loss; viewers
    and joins, which come first, are then told again.

    Args:
        cursor: of the place before the first entry.
    """
    texts: list[str] = []
    run: dict[FrameType, list[Entry]] = {}
    for entry in entries:
        if entry.type in _MERGED:
            run.setdefault(entry.type, []).append(entry)
            continue
        if run:
            texts += _merged_run(run, cursor)
            run = {}
        texts.append(entry.text)
        cursor = f"{cursor.partition('-')[0]}-{entry.offset}"
    return texts + _merged_run(run, cursor)


def _merged_run(run: dict[FrameType, list[Entry]], before: str) -> list[str]:
    frames = [merge_kind(run[kind]) for kind, merge_kind in _MERGED.items() if kind in run]
    if frames:
        end = max(frames, key=lambda frame: int(str(frame.cursor).partition("-")[2])).cursor
        for frame in frames:
            frame.cursor = before
        frames[-1].cursor = end
    return [encode(frame) for frame in frames]


def _merged_likes(entries: list[Entry]) -> Frame:
    frames = [_decode_like(entry.text) for entry in entries]
    frame = frames[-1]
    if len(frames) > 1:
        frame.data.count = sum(each.data.count for each in frames)
        frame.data.total = max(each.data.total for each in frames)
        frame.data.merged = len(frames)
    return frame


def _merged_joins(entries: list[Entry]) -> Frame:
    frame = _decode_join(entries[-1].text)
    if len(entries) > 1:
        frame.data.merged = len(entries)
    return frame


def _latest_viewers(entries: list[Entry]) -> Frame:
    return _decode_viewers(entries[-1].text)


# In the order in which they stand in a run: what it hurts least to be told twice comes first.
_MERGED: dict[FrameType, Callable[[list[Entry]], Frame]] = {
    FrameType.VIEWERS: _latest_viewers,
    FrameType.JOIN: _merged_joins,
    FrameType.LIKE: _merged_likes,
}
