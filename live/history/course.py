"""The course of one LIVE: its minutes, put together to as many parts as a chart can show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, Sum

from live.history.models import Live, Minute

__all__ = ["Course", "course_of"]

# How many parts a course has at most.
_PARTS = 240
_SECONDS = 60


@dataclass(frozen=True)
class Course:
    """What happened in equal parts of a LIVE's time.

    Attributes:
        begins_at: when the first part begins.
        minutes: how many minutes a part has.
        viewers: how many watched on average; None for parts in which TikTok did not tell.
        likes: how many came in.
        diamonds: how many came in.
    """

    begins_at: datetime
    minutes: int
    viewers: list[float | None]
    likes: list[int]
    diamonds: list[int]

    @property
    def seconds(self) -> int:
        """How long all parts are together."""
        return len(self.viewers) * self.minutes * _SECONDS

    def share(self, moment: datetime) -> float:
        """Where a moment is in the course: 0 at its beginning, 1 at its end, nothing beyond."""
        share = (moment - self.begins_at).total_seconds() / self.seconds
        return min(1.0, max(0.0, share))


def course_of(live: Live, parts: int = _PARTS) -> Course:
    """Read the course of a LIVE, from its beginning to when it was heard last. One query.

    Args:
        live: the LIVE.
        parts: how many parts the course may have; it has fewer if it has fewer minutes.
    """
    first = _minute(min(live.began_at, live.heard_from))
    last = max(first, _minute(live.heard_until))
    width = -(-(last - first + 1) // parts)
    count = (last - first) // width + 1
    course = Course(
        datetime.fromtimestamp(first * _SECONDS, UTC),
        width,
        viewers=[None] * count,
        likes=[0] * count,
        diamonds=[0] * count,
    )
    # Minutes outside are left out: a clock may have been set.
    minutes = Minute.objects.filter(live=live, minute__range=(first, last)).order_by()
    # Whole numbers, and so the division is, on SQLite and PostgreSQL.
    for part, told, viewers, likes, diamonds in (
        minutes.values(part=(F("minute") - first) / width)
        .annotate(
            told=Sum("viewers_told"),
            viewers=Sum("viewers_sum"),
            liked=Sum("likes"),
            given=Sum("diamonds"),
        )
        .values_list("part", "told", "viewers", "liked", "given")
    ):
        if told:
            course.viewers[part] = viewers / told
        course.likes[part] = likes
        course.diamonds[part] = diamonds
    return course


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // _SECONDS)
