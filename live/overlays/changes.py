"""Tells the relay that an overlay has changed: its open sockets are looked at again at once."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save

from accounts.announcements import account_changed
from live.overlays.models import Overlay

__all__ = ["connect_signals"]


def connect_signals() -> None:
    """Announce all changes from now on. Called when the app starts."""
    for signal in (post_save, post_delete):
        signal.connect(_on_overlay, Overlay)


def _on_overlay(instance: Overlay, **kwargs: Any) -> None:
    if not kwargs.get("created"):  # a new one has no sockets
        account_changed(instance.account_id)
