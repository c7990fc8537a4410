"""What becomes of LIVEs when an account is deleted, or wants no transcripts any more.

Whoever does that does not wait for it: the rows are deleted later, in small steps
(`live.history.pruning`), and nobody can read them any more meanwhile. A deleted account's LIVEs go
when no other account has heard them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef
from django.db.models.signals import post_delete, post_save, pre_delete
from django.utils import timezone

from accounts.models import User
from live.history.models import Live, LiveListener, TranscriptLine

__all__ = ["connect"]

# How many LIVEs one statement changes: databases limit a query's parameters.
_AT_ONCE = 200


def connect() -> None:
    """Have it done from now on."""
    post_save.connect(_on_saved, sender=User, dispatch_uid="transcripts of an account")
    pre_delete.connect(_note, sender=User, dispatch_uid="LIVEs of an account")
    post_delete.connect(_on_deleted, sender=User, dispatch_uid="LIVEs of an account")


def _on_saved(
    sender: type[User],
    instance: User,
    created: bool,
    update_fields: Collection[str] | None,
    **_given: Any,
) -> None:
    is_told = update_fields is None or "keeps_transcripts" in update_fields
    if is_told and not created and not instance.keeps_transcripts:
        _give_up(_with_transcripts(instance))


def _note(sender: type[User], instance: Any, **_given: Any) -> None:
    """Once the account is gone, so is the knowledge of what it has heard."""
    instance.heard_live_ids = _with_transcripts(instance)


def _on_deleted(sender: type[User], instance: Any, **_given: Any) -> None:
    _give_up(instance.heard_live_ids)


def _with_transcripts(account: User) -> list[int]:
    """The LIVEs that the account has heard of which there are lines: those of the last days."""
    said = TranscriptLine.objects.filter(live=OuterRef("live_id"))
    heard = LiveListener.objects.filter(Exists(said), account=account.pk)
    return list(heard.values_list("live_id", flat=True))


def _give_up(lives: list[int]) -> None:
    """Have the lines go that no account wants any more."""
    wanting = LiveListener.objects.filter(live=OuterRef("pk"), account__keeps_transcripts=True)
    for start in range(0, len(lives), _AT_ONCE):
        some = Live.objects.filter(~Exists(wanting), pk__in=lives[start : start + _AT_ONCE])
        some.update(transcript_from=timezone.now())
