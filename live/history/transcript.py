"""Searches what was said in a LIVE, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from live.connections.position import Position
from live.history.models import Live, TranscriptLine

__all__ = ["REACH", "FoundLines", "search"]

# How many lines a search looks at before it shows what it has found.
REACH = 5_000


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
    At most `REACH` lines are looked at, in two queries or three.

    Args:
        live: whose lines.
        text: a part of what was said, or of the name of who said it; empty for all lines.
        size: how many lines at most.
        start: at a line, which is left out; None for the beginning.
    """
    behind = live.transcript
    if start is not None:
        behind = behind.filter(at__gte=start.at).exclude(at=start.at, pk__lte=start.pk)
    if not text:
        lines = list(behind[: size + 1])
        more = len(lines) > size
        return FoundLines(lines[:size], _at(lines[size - 1]) if more else None)
    wanted = text.casefold()
    looked_at = list(behind.values_list("pk", "text", "nickname", "username")[:REACH])
    matching = [pk for pk, *texts in looked_at if wanted in "\n".join(texts).casefold()]
    found = live.transcript.in_bulk(matching[:size])
    lines = [found[pk] for pk in matching if pk in found]
    if len(matching) > size:
        return FoundLines(lines, _at(lines[-1]))
    if len(looked_at) < REACH:
        return FoundLines(lines, None)
    last = live.transcript.get(pk=looked_at[-1][0])
    return FoundLines(lines, _at(last), reached=last.at)


def _at(line: TranscriptLine) -> Position:
    return Position(line.at, line.pk)
