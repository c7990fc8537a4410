"""The course of one connection, for its page: in one sentence, as steps of which equal ones are
folded, and as a bar drawn to scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live.clock import from_ms
from live.models import ConnectionLog
from live.pages.ends import end_in_words
from live.pages.labels import duration_in_words, word_for
from live.pages.moments import ShownMoment, explain, shown
from live.streams.timeline import Moment, What

__all__ = ["Bar", "Fold", "Segment", "Step", "bar", "folds", "verdict"]

# --- Steps ---------------------------------------------------------------------------------------

# So many steps may come again and again together, as "cut off, reconnecting" does.
_LONGEST_PATTERN = 4
# Of these, reconnecting is the one that says it all.
_TRYING = {What.CUT, What.CONNECTING, What.RECONNECTING, What.DEAF}
# Fewer lines than these are not worth folding.
_LEAST_FOLDED = 3


class Step(NamedTuple):
    """A moment, and the time until the next one, or until now.

    Attributes:
        moment: the moment.
        lasted: that time; None for the end of the connection, or if it is less than a second.
    """

    moment: ShownMoment
    lasted: timedelta | None


class Fold(NamedTuple):
    """Steps that stand in one line.

    Attributes:
        steps: all of them; a single one unless they repeat.
        times: how often the same has happened; 1 for a single step.
        word: what has happened so often.
        tone: how good or bad that is.
        until: when the last of them ended; None if that is not known.
    """

    steps: list[Step]
    times: int
    word: str
    tone: str
    until: datetime | None


def folds(moments: Sequence[Moment], username: str, now: int | None) -> list[Fold]:
    """The steps of a connection, in order, with those folded that happened again and again.

    Args:
        moments: what happened.
        username: the TikTok username of the streamer.
        now: the time now in ms, for a connection that is open; None for one that is closed.
    """
    ends = [*(moment.at for moment in moments[1:]), now]
    steps = [
        Step(moment, _lasted(begin.at, end))
        for moment, begin, end in zip(shown(moments, username), moments, ends, strict=True)
    ]
    keys = [_key(moment) for moment in moments]
    found: list[Fold] = []
    at = 0
    while at < len(steps):
        length, count = _repeated(keys, at)
        some = steps[at : at + length * count]
        at += length * count
        end = ends[at - 1]
        tones = {step.moment.tone for step in some[:length]}
        tone = "bad" if "bad" in tones else some[0].moment.tone
        until = None if end is None else from_ms(end)
        word = _word({moment.what for moment in moments[at - length : at]}, some[:length])
        found.append(Fold(some, count, word, tone, until))
    return found


def _word(whats: set[str], pattern: Sequence[Step]) -> str:
    """What has happened, where steps are folded: attempts to reconnect fail, and begin again."""
    if What.RECONNECTING in whats and whats <= _TRYING:
        return str(word_for(What.RECONNECTING))
    return " → ".join(dict.fromkeys(str(step.moment.word) for step in pattern))


def _lasted(start: int, end: int | None) -> timedelta | None:
    return timedelta(milliseconds=end - start) if end is not None and end - start >= 1000 else None


def _key(moment: Moment) -> tuple[Any, ...]:
    """What makes moments equal for those who read a list of them."""
    detail = moment.detail
    return moment.what, *(detail.get(name) for name in ("error", "reason", "by", "route"))


def _repeated(keys: Sequence[Any], at: int) -> tuple[int, int]:
    """The length of the pattern that repeats from there on, and how often it is there."""
    best = 1, 1
    for length in range(1, _LONGEST_PATTERN + 1):
        pattern, count = keys[at : at + length], 1
        while keys[at + count * length : at + (count + 1) * length] == pattern:
            count += 1
        worth = length * count
        if count > 1 and worth >= _LEAST_FOLDED and worth > best[0] * best[1]:
            best = length, count
    return best


# --- The bar -------------------------------------------------------------------------------------

# The width of the whole bar, in the units of its drawing.
_WIDTH = 1000.0
# A segment that is shorter is still to be seen.
_LEAST_WIDTH = 3.0
# What was known of the connection before the first state is not written down for ever.
_LONGEST_OPENING = 60_000
_KINDS = {
    What.OPENED: "connecting",
    What.CONNECTING: "connecting",
    What.MOVED: "connecting",
    What.LIVE: "live",
    What.QUIET: "live",
    What.WAITING: "waiting",
    What.CUT: "reconnecting",
    What.RECONNECTING: "reconnecting",
    What.DEAF: "reconnecting",
}
# Each kind with its words, and with how high its segments are: 20 is the whole height. So they
# differ not by their colours alone.
_LOOKS: dict[str, tuple[Any, int]] = {
    "connecting": (_("connecting"), 12),
    "live": (_("live"), 20),
    "reconnecting": (_("reconnecting"), 8),
    "waiting": (_("waiting for the LIVE"), 4),
    "unknown": (_("not noted"), 2),
}


class Segment(NamedTuple):
    """A part of the bar.

    Attributes:
        kind: its CSS class: "connecting", "live", "reconnecting", "waiting" or "unknown".
        x: where it begins, of 1000; as a text that SVG takes.
        width: as a text, too.
        y: its upper edge, of 20.
        height: how high it is.
        text: what it was, and for how long.
    """

    kind: str
    x: str
    width: str
    y: int
    height: int
    text: str


class Bar(NamedTuple):
    """The course of a connection, drawn to scale.

    Attributes:
        segments: from left to right.
        sums: each kind with its words, and how long it was in all.
        text: the same as one text.
        begins: when it begins.
        ends: when it ends.
    """

    segments: list[Segment]
    sums: list[tuple[str, Any, str]]
    text: str
    begins: datetime
    ends: datetime


@dataclass
class _Part:
    kind: str
    begin: int
    end: int


def bar(moments: Sequence[Moment], now: int | None) -> Bar | None:
    """The bar of a connection; None if there is nothing to draw.

    Args:
        moments: what happened.
        now: the time now in ms, for a connection that is open; None for one that is closed.
    """
    parts = _parts(moments, now)
    states = {part.kind for part in parts}
    whole = parts[-1].end - parts[0].begin if parts else 0
    if whole < 1000 or not states & {"live", "waiting", "reconnecting"}:
        return None
    sums: dict[str, int] = {}
    segments = []
    for part in parts:
        words, height = _LOOKS[part.kind]
        long = part.end - part.begin
        sums[part.kind] = sums.get(part.kind, 0) + long
        width = max(_LEAST_WIDTH, long / whole * _WIDTH)
        x = min((part.begin - parts[0].begin) / whole * _WIDTH, _WIDTH - width)
        text = f"{words}: {_words(long)}"
        y = 20 - height
        segments.append(Segment(part.kind, f"{x:.1f}", f"{width:.1f}", y, height, text))
    told = [(kind, _LOOKS[kind][0], _words(long)) for kind, long in sums.items()]
    text = ", ".join(f"{words} {long}" for _kind, words, long in told)
    return Bar(segments, told, text, from_ms(parts[0].begin), from_ms(parts[-1].end))


def _parts(moments: Sequence[Moment], now: int | None) -> list[_Part]:
    """The times between the moments; neighbours of one kind are one."""
    parts: list[_Part] = []
    ends = [*(moment.at for moment in moments[1:]), now]
    for moment, end in zip(moments, ends, strict=True):
        if end is None or end <= moment.at or moment.what == What.CLOSED:
            continue
        kind = _KINDS.get(What(moment.what), "unknown") if moment.what in set(What) else "unknown"
        if moment.what == What.OPENED and end - moment.at > _LONGEST_OPENING:
            kind = "unknown"
        if parts and parts[-1].kind == kind:
            parts[-1].end = end
        else:
            parts.append(_Part(kind, moment.at, end))
    return parts


def _words(ms: int) -> str:
    return duration_in_words(timedelta(milliseconds=ms))


# --- One sentence --------------------------------------------------------------------------------


def verdict(row: ConnectionLog, moments: Sequence[Moment]) -> str:
    """Why the connection did not connect, or what became of it, in one sentence."""
    whats = [moment.what for moment in moments]
    if row.closed_at is None:
        return _now(row, whats[-1])
    was_live = What.LIVE in whats or What.QUIET in whats
    duration = duration_in_words(row.duration or timedelta())
    error = explain(row.error_code, row.tiktok_username)
    if error is not None:
        # The reason of a bad request is in the timeline alone.
        why = error.detail or next(
            (gettext(moment.detail["reason"]) for moment in moments if moment.detail.get("reason")),
            error.title,
        )
        values = {"duration": duration, "why": why}
        if was_live:
            return gettext("It was connected for %(duration)s, then: %(why)s") % values
        return gettext("It did not connect: %(why)s") % values
    end = end_in_words(row.close_code, row.error_code)
    values = {"duration": duration, "end": end}
    if was_live:
        return gettext("It was connected for %(duration)s, then: %(end)s.") % values
    if What.WAITING in whats:
        return gettext("It waited for the LIVE for %(duration)s, then: %(end)s.") % values
    if set(whats) <= {What.OPENED, What.CLOSED}:
        # Nothing is noted of what was between them.
        return gettext("It ended after %(duration)s: %(end)s.") % values
    return gettext("It ended after %(duration)s, before a LIVE was reached: %(end)s.") % values


def _now(row: ConnectionLog, what: str) -> str:
    """What a connection does that is open."""
    name = {"username": row.tiktok_username}
    if what in {What.LIVE, What.QUIET}:
        return gettext("It is connected to the LIVE of @%(username)s.") % name
    if what == What.WAITING:
        return gettext("It is connected, and waits for @%(username)s to go live.") % name
    if what in {What.CUT, What.RECONNECTING, What.DEAF}:
        return gettext("The app is connected; the connection to TikTok is being made again.")
    if what == What.CONNECTING:
        return gettext("The app is connected; the connection to TikTok is being made.")
    return gettext("The app is connected.")
