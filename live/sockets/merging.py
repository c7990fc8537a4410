"""Merges frames for a socket that lags: adds up likes, counts joins, keeps the latest viewers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from live.protocol.frames import Frame, FrameType, Join, Like, Viewers, encode
from live.streams.log import Entry

__all__ = ["merge"]


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
    """The texts of fewer frames that say the same. A run is a stretch of likes, joins and viewers
    without other frames between: in each, likes are summed, joins are counted, and of viewers the
    latest stays.

    `merged` says how many frames one stands for. All frames of a run but the last carry the cursor
    from before the run, so that a socket cut in the middle of it resumes without a loss; viewers
    and joins, which come first, are then sent again.

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


# In the order in which they stand in a run: first the types that do the least harm when they come
# twice.
_MERGED: dict[FrameType, Callable[[list[Entry]], Frame]] = {
    FrameType.VIEWERS: _latest_viewers,
    FrameType.JOIN: _merged_joins,
    FrameType.LIKE: _merged_likes,
}
