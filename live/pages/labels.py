"""The words for what streams and sockets do, on the staff's pages, and how well that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live.streams.timeline import Moment, What

__all__ = ["reason_of", "tone_of", "word_for"]

_WORDS: Mapping[str, Any] = {
    What.OPENED: _("The app opened the socket"),
    What.WAITING: _("Waiting for the LIVE"),
    What.CONNECTING: _("Connecting to TikTok"),
    What.LIVE: _("Live"),
    What.QUIET: _("Live, but TikTok has nothing to say"),
    What.DEAF: _("Nothing arrives from TikTok"),
    What.CUT: _("Cut off from TikTok"),
    What.RECONNECTING: _("Reconnecting"),
    What.MOVED: _("Moved to another LIVE"),
    What.CLOSED: _("Closed"),
}
_GOOD = {What.LIVE, What.QUIET}
_BAD = {What.DEAF, What.CUT, What.RECONNECTING}


def word_for(what: str) -> Any:
    """For one of `live.streams.timeline.What`; anything else is shown as it is."""
    return _WORDS.get(what, what)


def tone_of(what: str) -> str:
    """A class of tags and of steps: "good", "bad" or "calm"."""
    if what in _BAD:
        return "bad"
    return "good" if what in _GOOD else "calm"


def reason_of(moment: Moment) -> str:
    """Why the relay did it by itself, in the viewer's language; empty where it has no reason."""
    reason = moment.detail.get("reason")
    return gettext(reason) if reason else ""
