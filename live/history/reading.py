"""Which LIVEs there are to see, and how one compares with those before it.

Whoever asks here has access already: an account has it to the LIVEs that it has heard, staff to all
of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from live.connections.position import Position
from live.history.models import Live, LiveListener

__all__ = [
    "Averages",
    "Found",
    "LiveList",
    "averages",
    "duration_of",
    "likes_are_at_least",
    "likes_of",
    "live_of",
    "lives_before",
    "may_read_transcript",
]


def live_of(account: User, pk: int, *, all_lives: bool = False) -> Live | None:
    """Find a LIVE that the account may see; None if there is none.

    Args:
        account: who asks.
        pk: the LIVE's primary key.
        all_lives: the account may see what others have heard, too.
    """
    lives = Live.objects.filter(pk=pk)
    if not all_lives:
        lives = lives.filter(listeners__account=account)
    return lives.first()


def may_read_transcript(account: User, live: Live, *, all_lives: bool = False) -> bool:
    """Whether the account may read what was said in a LIVE that it may see.

    An account may that keeps transcripts and has heard the LIVE. Whoever may see what others have
    heard may where any such account has heard it.

    Args:
        account: who asks.
        live: the LIVE.
        all_lives: the account may see what others have heard, too.
    """
    listeners = live.listeners.filter(account__keeps_transcripts=True)
    if not all_lives:
        listeners = listeners.filter(account=account)
    return listeners.exists()


# --- Lists ---------------------------------------------------------------------------------------


class Found(NamedTuple):
    """A part of a list.

    Attributes:
        lives: the LIVEs, newest first, without their biggest gifts, which lists don't show.
        newer: where the newer ones begin; None if there are none.
        older: where the older ones begin; None if there are none.
    """

    lives: list[Live]
    newer: Position | None
    older: Position | None


@dataclass(frozen=True)
class LiveList:
    """LIVEs in the order of time. A page of them is found by an index, however many there are.

    Attributes:
        rows: the rows that are listed: `Live`s, or the `LiveListener`s of one account.
    """

    rows: QuerySet[Any]

    @classmethod
    def of_account(cls, account: User) -> LiveList:
        """List the LIVEs that the account has heard."""
        listeners = LiveListener.objects.filter(account=account).select_related("live")
        return cls(listeners.defer("live__biggest_gifts"))

    @classmethod
    def of_all(cls, tiktok_username: str = "") -> LiveList:
        """List the LIVEs of all accounts, or of one streamer."""
        lives = Live.objects.defer("biggest_gifts")
        return cls(lives.filter(tiktok_username=tiktok_username) if tiktok_username else lives)

    def page(
        self, size: int, *, before: Position | None = None, after: Position | None = None
    ) -> Found:
        """Return LIVEs that are older than `before`, or newer than `after`; else the newest.

        Args:
            size: how many at most.
            before: at a LIVE, which is left out.
            after: the same; it goes before `before`.
        """
        if after is not None:
            rows = self._beyond(after, newest_first=False, size=size)
            if len(rows) > size:
                shown = rows[:size][::-1]
                return Found(_lives(shown), self._at(shown[0]), self._at(shown[-1]))
            before = None  # the first page is not full: show it whole
        rows = self._beyond(before, newest_first=True, size=size)
        shown = rows[:size]
        return Found(
            _lives(shown),
            self._at(shown[0]) if before is not None and shown else None,
            self._at(shown[-1]) if len(rows) > size else None,
        )

    @property
    def _key(self) -> str:
        return "live_id" if self.rows.model is LiveListener else "pk"

    def _at(self, row: Any) -> Position:
        return Position(row.began_at, getattr(row, self._key))

    def _beyond(self, start: Position | None, *, newest_first: bool, size: int) -> list[Any]:
        """Read one row more than a page has, which shows whether there are more."""
        rows, key = self.rows, self._key
        if start is not None:
            time, number = ("lte", "gte") if newest_first else ("gte", "lte")
            rows = rows.filter(**{f"began_at__{time}": start.at}).exclude(
                **{"began_at": start.at, f"{key}__{number}": start.pk}
            )
        order = ("-began_at", f"-{key}") if newest_first else ("began_at", key)
        return list(rows.order_by(*order)[: size + 1])


def _lives(rows: Sequence[Any]) -> list[Live]:
    return [row.live if isinstance(row, LiveListener) else row for row in rows]


# --- Comparison ----------------------------------------------------------------------------------


def lives_before(live: Live, count: int, account: User | None) -> list[Live]:
    """Return the streamer's LIVEs before this one, newest first.

    Args:
        live: the LIVE.
        count: how many at most.
        account: only LIVEs that this account has heard; None for all.
    """
    before = Live.objects.filter(
        tiktok_username=live.tiktok_username, began_at__lte=live.began_at
    ).exclude(began_at=live.began_at, pk__gte=live.pk)
    if account is not None:
        before = before.filter(
            Exists(LiveListener.objects.filter(live=OuterRef("pk"), account=account))
        )
    return list(before.defer("biggest_gifts", "curve").order_by("-began_at", "-pk")[:count])


def duration_of(live: Live) -> timedelta:
    """How long the LIVE was, as far as it is known. Never negative."""
    return max(timedelta(), live.heard_until - live.began_at)


def likes_of(live: Live) -> int:
    """How many likes it got: TikTok's own count where it is known, which has no holes."""
    return max(live.likes, live.likes_total or 0)


def likes_are_at_least(live: Live) -> bool:
    """Whether there may have been more likes than `likes_of` says."""
    return bool(live.hole_count) and live.likes_total is None


@dataclass(frozen=True)
class Averages:
    """The sums of a LIVE, or their averages over several."""

    seconds: float
    viewers_peak: float
    viewers_average: float | None
    likes: float
    comments: float
    follows: float
    gifters: float
    diamonds: float
    # Whether something may be missing in the sums, and in the likes, of which TikTok may know all.
    has_holes: bool
    likes_are_at_least: bool


def averages(lives: Sequence[Live]) -> Averages | None:
    """Return the averages over LIVEs; None without any. Of a single one, they are its sums."""
    if not lives:
        return None

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    told = [live.viewers_average for live in lives if live.viewers_average is not None]
    return Averages(
        seconds=mean([duration_of(live).total_seconds() for live in lives]),
        viewers_peak=mean([live.viewers_peak for live in lives]),
        viewers_average=mean([*told]) if told else None,
        likes=mean([likes_of(live) for live in lives]),
        comments=mean([live.comments for live in lives]),
        follows=mean([live.follows for live in lives]),
        gifters=mean([live.gifter_count for live in lives]),
        diamonds=mean([live.diamonds for live in lives]),
        has_holes=any(live.hole_count for live in lives),
        likes_are_at_least=any(map(likes_are_at_least, lives)),
    )
