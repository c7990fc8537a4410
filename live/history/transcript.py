"""Searches what was said in a LIVE, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from live.connections.position import Position
from live.history.models import Live, TranscriptLine

__all__ = ["REACH", "FoundLines", "search"]

# How many lines a search looks at before it shows what it has found.
REACH = 10_000
_CHUNK = 2_000


@dataclass(frozen=True)
class FoundLines:
    """A page of lines.

    Attributes:
        lines: in the order of time.
        further: what to go on from; None at the end.
        reached: up to when it was looked, if that ended before the page was full.
    """

    lines: list[TranscriptLine]
    further: Position | None
    reached: datetime | None = None


def search(live: Live, text: str, size: int, start: Position | None = None) -> FoundLines:
    """Return the lines after `start` in which the text is, whatever the case of its letters.

    Letters are compared here and not in the database: SQLite knows the case of Latin ones only.

    Args:
        live: whose lines.
        text: a part of what was said, or of the name of who said it; empty for all lines.
        size: how many lines at most.
        start: at a line, which is left out; None for the beginning.
    """
    wanted = text.casefold()
    found: list[TranscriptLine] = []
    looked = 0
    while True:
        chunk = _lines_behind(live, start, _CHUNK if wanted else size + 1)
        for line in chunk:
            if wanted and not _has(line, wanted):
                continue
            if len(found) == size:
                return FoundLines(found, _at(found[-1]))
            found.append(line)
        looked += len(chunk)
        if len(chunk) < _CHUNK or not wanted:
            return FoundLines(found, None)
        start = _at(chunk[-1])
        if looked >= REACH:
            return FoundLines(found, start, reached=chunk[-1].at)


def _has(line: TranscriptLine, wanted: str) -> bool:
    return any(wanted in part.casefold() for part in (line.text, line.nickname, line.username))


def _at(line: TranscriptLine) -> Position:
    return Position(line.at, line.pk)


def _lines_behind(live: Live, start: Position | None, count: int) -> list[TranscriptLine]:
    lines = TranscriptLine.objects.filter(live=live)
    if start is not None:
        lines = lines.filter(at__gte=start.at).exclude(at=start.at, pk__lte=start.pk)
    return list(lines.order_by("at", "pk")[:count])
