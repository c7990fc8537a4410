"""News of accounts for whoever serves their open sockets, through the channel layer.

Saving or deleting an account or a token announces it, once the transaction is committed. A message
says which account; the database says what it is like now. Messages may be lost: who hears them
looks by themselves once in a while.
"""

from __future__ import annotations

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from accounts.models import AccessToken, User

__all__ = ["GROUP", "account_changed", "connect_signals", "disconnect"]

logger = logging.getLogger(__name__)

# The channel layer's group of those who want to know.
GROUP = "accounts"
# Signing in saves that, and it is no news.
_NO_NEWS = {"last_login"}


def account_changed(account_id: int) -> None:
    """Something of the account, or of one of its tokens, is not what it was."""
    _announce("accounts.changed", account_id)


def disconnect(account_id: int) -> None:
    """The sockets that the account has open are to be closed."""
    _announce("accounts.disconnect", account_id)


def connect_signals() -> None:
    """For the start of the app."""
    for signal in (post_save, post_delete):
        signal.connect(_on_account, User)
        signal.connect(_on_token, AccessToken)


def _on_account(instance: User, **kwargs: Any) -> None:
    fields = kwargs.get("update_fields")
    # A new one has no sockets.
    if not kwargs.get("created") and (fields is None or set(fields) - _NO_NEWS):
        account_changed(instance.pk)


def _on_token(instance: AccessToken, **kwargs: Any) -> None:
    if not kwargs.get("created"):
        account_changed(instance.user_id)


class _Announcement:
    """Sent after the commit, once for all accounts of the transaction: channels hold a hundred
    messages."""

    def __init__(self, type: str) -> None:
        self.type = type
        self.accounts: set[int] = set()

    def __call__(self) -> None:
        message = {"type": self.type, "accounts": sorted(self.accounts)}
        try:
            async_to_sync(get_channel_layer().group_send)(GROUP, message)
        except Exception:  # what was saved stays saved, and is noticed in time
            logger.exception("a change of an account could not be announced")


def _announce(type: str, account_id: int) -> None:
    waiting = [hook for _, hook, *_ in transaction.get_connection().run_on_commit]
    for hook in waiting:
        if isinstance(hook, _Announcement) and hook.type == type:
            hook.accounts.add(account_id)
            return
    announcement = _Announcement(type)
    announcement.accounts.add(account_id)
    transaction.on_commit(announcement)
