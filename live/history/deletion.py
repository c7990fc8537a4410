"""What becomes of LIVEs when an account is deleted, whoever deletes it: those that no other account
has heard go with it."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, pre_delete

from accounts.models import User
from live.history.models import Live, LiveListener

__all__ = ["connect"]

# How many LIVEs one statement deletes: databases limit a query's parameters.
_AT_ONCE = 200


def connect() -> None:
    """Have it done from now on."""
    pre_delete.connect(_note, sender=User, dispatch_uid="LIVEs of an account")
    post_delete.connect(_delete, sender=User, dispatch_uid="LIVEs of an account")


def _note(sender: type[User], instance: Any, **_given: Any) -> None:
    """Once the account is gone, so is the knowledge of what it has heard."""
    heard = LiveListener.objects.filter(account=instance.pk)
    instance.heard_live_ids = list(heard.values_list("live_id", flat=True))


def _delete(sender: type[User], instance: Any, **_given: Any) -> None:
    ids = instance.heard_live_ids
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        Live.objects.filter(pk__in=some, listeners=None).delete()
