"""What overlays say. Their scripts get it with the page, in the overlay's own language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

__all__ = ["TEXTS", "texts"]

# By the names that scripts know. What comes before it on the screen is somebody's name.
TEXTS: Mapping[str, Promise] = {
    "somebody": _("Somebody"),
    "test": _("Test"),
    "preview": _("Preview"),
    "a gift": _("a gift"),
    "gift": _("sends %(gift)s"),
    "follow": _("is a new follower"),
    "subscribe": _("is a subscriber now"),
    "months": _("is a subscriber, month %(months)s"),
    "share": _("shares the LIVE"),
    "moderator": _("MOD"),
    "top": _("Top gifters"),
    "goal diamonds": _("Diamond goal"),
    "goal likes": _("Like goal"),
    "goal follows": _("New followers"),
    "goal followers": _("Follower goal"),
    "goal shares": _("Shares"),
    "counter viewers": _("viewers"),
    "counter likes": _("likes"),
    "counter diamonds": _("diamonds"),
    "counter follows": _("new followers"),
    "counter shares": _("shares"),
    "counter comments": _("comments"),
    "touch": _("Click here to start reading aloud"),
    "no voices": _("This browser has no voices: it plays sounds only."),
    "last gift": _("Last gift"),
    "last follow": _("Last follower"),
    "last subscribe": _("Last subscriber"),
    "last share": _("Last share"),
}


def texts() -> dict[str, str]:
    """All of them, in the language that is active."""
    return {name: str(text) for name, text in TEXTS.items()}
