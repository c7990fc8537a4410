"""The words for what streams and sockets do, on the staff's pages, and how well that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from live.streams.timeline import What

__all__ = ["Said", "said_in_words", "tone_of", "word_for"]

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


# --- What TikTok and the sign server said ---------------------------------------------------------

# `live.tiktok.failures.words_of` begins with the name of a Python exception.
_FAILURES: Mapping[str, Any] = {
    "ConnectionClosedError": _("the connection was closed without a word"),
    "ConnectionClosedOK": _("the connection was closed as agreed"),
    "ConnectionResetError": _("the connection was broken off"),
    "ConnectionRefusedError": _("the connection was refused"),
    "ConnectError": _("no connection could be made"),
    "ReadError": _("the connection broke off while the answer was read"),
    "WriteError": _("the connection broke off while the question was sent"),
    "RemoteProtocolError": _("the connection was closed in the middle of the answer"),
    "TimeoutError": _("nothing; no answer came in time"),
    "ConnectTimeout": _("nothing; no connection was made in time"),
    "ReadTimeout": _("nothing; no answer came in time"),
    "WriteTimeout": _("nothing; the question could not be sent in time"),
    "PoolTimeout": _("nothing; too many questions were under way"),
    "InvalidStatus": _("the connection was refused"),
    "InvalidHandshake": _("the connection was refused"),
    "InvalidMessage": _("an answer that is no WebSocket’s"),
    "UserOfflineError": _("the streamer is offline"),
    "UserNotFoundError": _("there is no such user"),
    "AgeRestrictedError": _("the LIVE is for adults"),
    "WebcastBlockedError": _("the connection was blocked"),
    "FailedParseRoomIdError": _("a page without the room’s number"),
    "InitialCursorMissingError": _("an answer without a place to begin at"),
    "WebsocketURLMissingError": _("an answer without an address to connect to"),
    "SignAPIError": _("the connection could not be signed"),
    "SignatureRateLimitError": _("too many requests to the sign server"),
}


class Said(NamedTuple):
    """What TikTok or the sign server said.

    Attributes:
        words: for people, in the viewer's language; empty where there are none for it.
        rest: what they said beyond that, in their own language.
        raw: all of it, as the log has it.
    """

    words: str
    rest: str
    raw: str


def said_in_words(raw: str) -> Said | None:
    """What the log has of what TikTok or the sign server said. Names of Python exceptions that are
    known become plain words; what else was said stays behind them. None where nothing was said."""
    if not raw:
        return None
    name, _space, more = raw.partition(" ")
    if name not in _FAILURES:
        return Said("", raw, raw)
    return Said(str(_FAILURES[name]), more, raw)
