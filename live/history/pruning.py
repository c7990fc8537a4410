"""Forgets old LIVEs, step by step: each is one small transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from live.history.models import EndReason, Live, TranscriptLine

__all__ = ["close_forgotten", "prune", "prune_some"]

# How many LIVEs and lines one step deletes: a LIVE may have thousands of givers. And seconds
# between two steps, in which others write.
_LIVES = 5
_LINES = 2000
_PAUSE = 0.05
# A LIVE of which nothing was written for so long is not heard any more: the process that heard it
# has died.
_FORGOTTEN = timedelta(minutes=15)


def prune_some(history_days: int, transcript_days: int) -> tuple[int, int]:
    """Delete some of what is too old.

    Returns:
        How many LIVEs and how many lines of transcripts; (0, 0) when nothing is left to delete.
    """
    now = timezone.now()
    old_lines = TranscriptLine.objects.filter(at__lt=now - timedelta(days=transcript_days))
    line_ids = list(old_lines.order_by("at").values_list("pk", flat=True)[:_LINES])
    if line_ids:
        return 0, TranscriptLine.objects.filter(pk__in=line_ids).delete()[0]
    old_lives = Live.objects.filter(heard_until__lt=now - timedelta(days=history_days))
    live_ids = list(old_lives.order_by("heard_until").values_list("pk", flat=True)[:_LIVES])
    if live_ids:
        Live.objects.filter(pk__in=live_ids).delete()
    return len(live_ids), 0


def prune(
    history_days: int | None = None,
    transcript_days: int | None = None,
    step: Callable[[int, int], tuple[int, int]] = prune_some,
) -> tuple[int, int]:
    """Delete all that is too old.

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


def close_forgotten() -> int:
    """Note that LIVEs are not heard any more whose process has died. Returns how many."""
    since = timezone.now() - _FORGOTTEN
    forgotten = Live.objects.filter(end_reason="", heard_until__lt=since)
    return forgotten.update(end_reason=EndReason.UNHEARD)
