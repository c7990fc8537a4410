"""Forgets old LIVEs, step by step: each is one small transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from live.history.models import Live, LiveListener, TranscriptLine

__all__ = ["prune", "prune_some"]

# How many LIVEs and lines one step deletes: a LIVE may have thousands of givers. And seconds
# between two steps, in which others write.
_LIVES = 5
_LINES = 2000
_PAUSE = 0.05
# A LIVE that no account has heard goes after so long: until then, another process may tell of one.
_UNCLAIMED = timedelta(minutes=10)


def prune_some(history_days: int, transcript_days: int) -> tuple[int, int]:
    """Delete some of what is too old, and of what nobody has any more.

    Returns:
        How many LIVEs and how many lines of transcripts; (0, 0) when nothing is left to delete.
    """
    now = timezone.now()
    lines = _given_up_lines()
    if not lines:
        old_lines = TranscriptLine.objects.filter(at__lt=now - timedelta(days=transcript_days))
        lines = list(old_lines.order_by("at").values_list("pk", flat=True)[:_LINES])
    if lines:
        return 0, TranscriptLine.objects.filter(pk__in=lines).delete()[0]
    old_lives = Live.objects.filter(heard_until__lt=now - timedelta(days=history_days))
    deleted = _delete_some(old_lives) or _delete_some(_without_listeners(now - _UNCLAIMED))
    return deleted, 0


def _given_up_lines() -> list[int]:
    """Some lines of transcripts that nobody wants any more (see `live.history.deletion`)."""
    marked = TranscriptLine.objects.filter(
        live__transcript_from__isnull=False, at__lt=F("live__transcript_from")
    )
    return list(marked.order_by().values_list("pk", flat=True)[:_LINES])


def _without_listeners(heard_before: datetime) -> QuerySet[Live]:
    """Those whose accounts are deleted. It takes one look into an index for each LIVE."""
    heard = LiveListener.objects.filter(live=OuterRef("pk"))
    return Live.objects.filter(~Exists(heard), heard_until__lt=heard_before)


def _delete_some(lives: QuerySet[Live]) -> int:
    some = list(lives.order_by("heard_until").values_list("pk", flat=True)[:_LIVES])
    if some:
        with transaction.atomic():
            # As those who count do: one may be heard again, and be written at this moment.
            list(Live.objects.filter(pk__in=some).order_by("pk").select_for_update())
            lives.filter(pk__in=some).delete()
    return len(some)


def prune(
    history_days: int | None = None,
    transcript_days: int | None = None,
    step: Callable[[int, int], tuple[int, int]] = prune_some,
) -> tuple[int, int]:
    """Delete all that is too old, and what nobody has any more.

    Args:
        history_days, transcript_days: how long LIVEs and transcripts are kept; None for what the
            settings say.

    Returns:
        How many LIVEs and how many lines of transcripts.
    """
    days = settings.RELAY_HISTORY_DAYS if history_days is None else history_days
    line_days = settings.RELAY_TRANSCRIPT_DAYS if transcript_days is None else transcript_days
    lives = lines = 0
    while (deleted := step(days, line_days)) != (0, 0):
        lives, lines = lives + deleted[0], lines + deleted[1]
        time.sleep(_PAUSE)
    return lives, lines
