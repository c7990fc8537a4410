"""Tells the relay, through the channel layer, that an account or a token has changed.

When one is saved or deleted, a message is sent after the transaction is committed. The message
names only the account; the relay reads the changes from the database. A message can be lost, so the
relay also reads all accounts with open sockets from time to time.
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

# The channel layer's group that the messages go to.
GROUP = "accounts"
# Changes of these fields are not announced, because no socket depends on them. Every sign-in saves
# them.
_IGNORED_FIELDS = {"last_login"}


def account_changed(account_id: int) -> None:
    """Announce that the account, or one of its tokens, has changed."""
    _announce("accounts.changed", account_id)


def disconnect(account_id: int) -> None:
    """Ask the relay to close the account's open sockets."""
    _announce("accounts.disconnect", account_id)


def connect_signals() -> None:
    """Announce all changes from now on. Called when the app starts."""
    for signal in (post_save, post_delete):
        signal.connect(_on_account, User)
        signal.connect(_on_token, AccessToken)


def _on_account(instance: User, **kwargs: Any) -> None:
    fields = kwargs.get("update_fields")
    # A new account has no sockets; so it is announced only if it is watched.
    is_new = kwargs.get("created") and not instance.is_watched
    if not is_new and (fields is None or set(fields) - _IGNORED_FIELDS):
        account_changed(instance.pk)


def _on_token(instance: AccessToken, **kwargs: Any) -> None:
    if not kwargs.get("created"):
        account_changed(instance.user_id)


class _Announcement:
    """Sends one message for all accounts that a transaction changes, after the commit.

    It is not one message for each account, because a channel holds at most a hundred messages.
    """

    def __init__(self, type: str) -> None:
        self.type = type
        self.accounts: set[int] = set()

    def __call__(self) -> None:
        message = {"type": self.type, "accounts": sorted(self.accounts)}
        try:
            async_to_sync(get_channel_layer().group_send)(GROUP, message)
        except Exception:  # the change is saved; the relay's next look at the database finds it
            logger.exception("a change of an account could not be announced")


def _announce(type: str, account_id: int) -> None:
    """Send a message after the commit, together with those of other accounts of this type."""
    waiting = [hook for _, hook, *_ in transaction.get_connection().run_on_commit]
    for hook in waiting:
        if isinstance(hook, _Announcement) and hook.type == type:
            hook.accounts.add(account_id)
            return
    announcement = _Announcement(type)
    announcement.accounts.add(account_id)
    transaction.on_commit(announcement)
