"""What a phone may rely on: its numbers in order, each once, and no hole that nothing announced.

A phone's `Order` sees its frames. It knows neither what was sent nor when; so it keeps the holes
that were announced, and `untrue_holes` judges afterwards whether what was announced is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from live.protocol.cursor import Cursor

__all__ = ["GapSeen", "Hole", "Order", "Place", "Sent", "untrue_holes"]

# A gap begins when the relay has read the last message, which may be long after it was sent.
_READ_WITHIN_MS = 5_000
# It ends when the relay has read that it is connected. What is sent behind that is not missing.
_SLACK_MS = 500
# So many of the newest comments TikTok may repeat.
_MOST_REPEATED = 100


class GapSeen(NamedTuple):
    """A `gap` frame. Times are ms since the epoch.

    Attributes:
        comments: how many comments it says are missing; None where it does not say.
    """

    side: str
    from_: int | None
    to: int
    comments: int | None


class Hole(NamedTuple):
    """Numbers that a phone did not get, and what came in their place.

    Attributes:
        first, last: of the missing numbers.
        room: the LIVE that has begun for this phone; empty if it was in that one before.
    """

    stream: int
    first: int
    last: int
    gaps: tuple[GapSeen, ...]
    room: str


class Sent(NamedTuple):
    """A numbered comment, as the stand-in knows it.

    Attributes:
        at: when it was sent, in ms since the epoch.
        heard: whether the relay was connected then.
        room: the LIVE.
    """

    at: int
    heard: bool
    room: str


class Place(NamedTuple):
    """How far a phone has got; it may go back to that, as a phone does that has lost its last
    frames."""

    cursor: str
    number: int
    gaps: tuple[GapSeen, ...]
    room: str
    new_room: str
    room_told: int
    missing: frozenset[int]


class Order:
    """Checks the frames of one phone, over all its connections.

    Attributes:
        number: of the newest comment; 0 before the first.
        cursor: to come back with; empty before the first frame.
        comments: how many came.
        violations: what must not happen, in words.
        holes: numbers that are missing, but were announced.
    """

    def __init__(self, stream: int) -> None:
        self.number = 0
        self.cursor = ""
        self.comments = 0
        self.violations: list[str] = []
        self.holes: list[Hole] = []
        self._stream = stream
        self._gaps: tuple[GapSeen, ...] = ()
        self._room = ""
        self._new_room = ""
        self._room_told = 0
        self._missing: frozenset[int] = frozenset()  # that were announced, and may yet come

    @property
    def place(self) -> Place:
        return Place(
            self.cursor,
            self.number,
            self._gaps,
            self._room,
            self._new_room,
            self._room_told,
            self._missing,
        )

    def go_back(self, place: Place) -> None:
        """The phone comes back with an older cursor, and gets again what was behind it."""
        self.cursor, self.number, self._gaps, self._room = place[:4]
        self._new_room, self._room_told, self._missing = place[4:]

    def begin_anew(self) -> None:
        """The phone comes back without a cursor: what it gets may begin anywhere."""
        self.go_back(Place("", 0, (), "", "", 0, frozenset()))

    def take(self, frame: dict[str, Any]) -> None:
        """A frame that has come."""
        kind, data = frame["type"], frame["data"]
        if kind == "batch":
            for event in data["events"]:
                self.take(event)
            return
        if kind == "connected":
            self._note_cursor(data["cursor"])
            if data["room_id"] != self._room:
                self._new_room, self._room_told = data["room_id"], frame["ts"]
            self._room = data["room_id"]
        elif "cursor" in frame:
            self._note_cursor(frame["cursor"])
        if kind == "gap":
            missed = data["missed"]
            comments = None if missed is None else missed.get("comment", 0)
            self._gaps += (GapSeen(data["side"], data["from"], data["to"], comments),)
        elif kind == "comment":
            number, at, *_ = data["text"].split(" ")
            self._note_comment(int(number), int(at))

    def _note_cursor(self, text: str) -> None:
        if self.cursor:
            before, now = Cursor.parse(self.cursor), Cursor.parse(text)
            # The log of a LIVE that never was is not kept.
            if now.epoch != before.epoch and self._room:
                self._violated(f"the epoch of cursor {text} is another one")
            elif now.epoch == before.epoch and now.offset < before.offset:
                self._violated(f"cursor {text} comes behind")
        self.cursor = text

    def _note_comment(self, number: int, at: int) -> None:
        self.comments += 1
        expected = self.number + 1
        if not self.number:
            pass
        elif number in self._missing and any(gap.side == "upstream" for gap in self._gaps):
            # TikTok has repeated it after all, at a later connection.
            self._missing -= {number}
            return
        elif number < expected:
            self._violated(f"expected {expected}, received {number}: repeated, or out of order")
            return
        elif number > expected and not self._gaps and not self._new_room:
            self._violated(f"expected {expected}, received {number}: nothing announced the hole")
        elif number > expected:
            hole = Hole(self._stream, expected, number - 1, self._gaps, self._new_room)
            self.holes.append(hole)
            self._missing |= set(range(max(expected, number - _MOST_REPEATED), number))
        self.number = number
        # TikTok repeats a part of what was sent while the relay was not connected: the rest may be
        # missing behind that. A gap of the phone's own says what is missing at its place, unless it
        # may stand for a gap of the upstream.
        if at > self._room_told + _SLACK_MS:
            self._new_room = ""
        self._gaps = tuple(
            gap
            for gap in self._gaps
            if (gap.side == "upstream" or gap.comments is None) and at <= gap.to + _SLACK_MS
        )

    def _violated(self, what: str) -> None:
        self.violations.append(f"stream {self._stream}, cursor {self.cursor}: {what}")


def untrue_holes(holes: Iterable[Hole], sent: Sequence[Sequence[Sent]]) -> Iterator[str]:
    """What is wrong with holes, each in words.

    Args:
        sent: the comments of each stream; number 1 is the first of a stream.
    """
    for hole in holes:
        missing = list(enumerate(sent[hole.stream][hole.first - 1 : hole.last], hole.first))
        if hole.room:
            # What a LIVE has before the relay is connected to it is nobody's loss.
            missing = [each for each in missing if each[1].heard or each[1].room != hole.room]
        uncovered = [number for number, each in missing if not _is_covered(each, hole.gaps)]
        if uncovered:
            yield f"{hole}: the gaps do not cover {uncovered[:5]} of {len(missing)} missing"
        counted = [gap.comments for gap in hole.gaps]
        is_client = bool(counted) and all(gap.side == "client" for gap in hole.gaps)
        if is_client and None not in counted and not hole.room:
            told = sum(count or 0 for count in counted)
            if told != len(missing):
                yield f"{hole}: {told} comments are told as missing, and {len(missing)} are"


def _is_covered(sent: Sent, gaps: Sequence[GapSeen]) -> bool:
    return any(
        (gap.from_ is None or gap.from_ - _READ_WITHIN_MS <= sent.at)
        and sent.at <= gap.to + _SLACK_MS
        for gap in gaps
    )
