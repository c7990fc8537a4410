"""The words for what streams do, on the staff's pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from live.frames import State
from live.timeline import What

__all__ = ["HISTORY_WORDS", "STATE_WORDS", "TONES"]

STATE_WORDS: dict[str, Any] = {
    State.WAITING: _("waits for the LIVE"),
    State.CONNECTING: _("connecting"),
    State.RECONNECTING: _("reconnecting"),
    State.LIVE: _("live"),
    State.QUIET: _("live, nothing happens"),
    State.DEAF: _("nothing arrives"),
}
# How well that is: a class of tags.
TONES: dict[str, str] = {
    State.LIVE: "good",
    State.QUIET: "good",
    State.CONNECTING: "calm",
    State.WAITING: "calm",
    State.RECONNECTING: "bad",
    State.DEAF: "bad",
}
HISTORY_WORDS: dict[str, Any] = {**STATE_WORDS, What.CUT: _("cut")}
