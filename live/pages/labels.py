"""The pages' words for the states of streams and sockets, for answers of TikTok, and durations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live.streams.timeline import What

__all__ = [
    "Said",
    "budget_in_words",
    "duration_in_words",
    "route_in_words",
    "said_in_words",
    "tone_of",
    "word_for",
]

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
# The routes to TikTok, by the names in `live.tiktok.routes.RouteName`. (That module loads
# TikTokLive, which `manage.py` commands shall not wait for.)
_ROUTES: Mapping[str, Any] = {
    "signed": _("through the sign server"),
    "direct": _("directly, without the sign server"),
}
_GOOD = {What.LIVE, What.QUIET}
_BAD = {What.DEAF, What.CUT, What.RECONNECTING}


def word_for(what: str) -> Any:
    """Return the words for a value of `live.streams.timeline.What`; another value as it is."""
    return _WORDS.get(what, what)


def tone_of(what: str) -> str:
    """Return the CSS class that shows how good or bad a state is: "good", "bad" or "calm"."""
    if what in _BAD:
        return "bad"
    return "good" if what in _GOOD else "calm"


# What the budgets of accounts and clients are for, by the names that `live.server.assembly` gives.
_BUDGETS: Mapping[str, Any] = {
    "stream-starts": _("LIVEs that the account makes the relay connect to"),
    "lookups": _("Questions to TikTok"),
    "username-changes": _("Changes of the TikTok username"),
    "failed-tokens": _("Tokens that give no access"),
    "sign-in-clients": _("Attempts to sign in"),
}


def budget_in_words(budget: str) -> Any:
    """Return what the budget with that name is for."""
    return _BUDGETS.get(budget, budget)


def route_in_words(route: str) -> Any:
    """Return the words for a route to TikTok; another text, such as an empty one, as it is."""
    return _ROUTES.get(route, route)


# --- What TikTok and the sign server said ---------------------------------------------------------

# Where several routes have failed, each one's name, error code and answer, as
# `live.tiktok.routes.failure_of_all` writes them.
_BETWEEN_ROUTES = re.compile(r" · (?=(?:signed|direct): )")
_OF_A_ROUTE = re.compile(r"((?:signed|direct): \w+) ?(.*)", re.DOTALL)

# The words for Python exceptions: the texts that `live.tiktok.failures.words_of` makes begin with
# the name of one.
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
    """What TikTok or the sign server answered, in a form that pages can show.

    Attributes:
        words: the answer in the viewer's language; empty if there are no words for it.
        rest: the part of the answer that is not in `words`, as it came.
        raw: the whole answer, as the connection log has it.
    """

    words: str
    rest: str
    raw: str


def said_in_words(raw: str) -> Said | None:
    """Prepare an answer of TikTok or of the sign server for a page.

    The name of a known Python exception at its beginning is replaced by plain words. Where several
    routes were tried, that is so for the answer on each of them.

    Args:
        raw: the answer, as the connection log has it.

    Returns:
        None if the answer is empty.
    """
    if not raw:
        return None
    of_routes = [_OF_A_ROUTE.fullmatch(part) for part in _BETWEEN_ROUTES.split(raw)]
    if len(of_routes) > 1 and all(of_routes):
        told = [_line(*of_route.groups()) for of_route in of_routes if of_route]
        return Said("; ".join(told), "", raw)
    return Said(*_words_and_rest(raw), raw)


def _words_and_rest(answer: str) -> tuple[str, str]:
    name, _space, more = answer.partition(" ")
    return (str(_FAILURES[name]), more) if name in _FAILURES else ("", answer)


def _line(route_and_code: str, answer: str) -> str:
    words, rest = _words_and_rest(answer)
    told = ": ".join(filter(None, (words, rest)))
    return f"{route_and_code} ({told})" if told else route_and_code


# --- Durations ------------------------------------------------------------------------------------


def duration_in_words(duration: timedelta) -> str:
    """Write a duration, such as "2 h 5 min", "45 min" or "20 s"."""
    # It is negative if the system's clock was set back while the socket was open.
    seconds = max(0, int(duration.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return gettext("%(minutes)d min") % {"minutes": minutes}
    return gettext("%(seconds)d s") % {"seconds": seconds}
