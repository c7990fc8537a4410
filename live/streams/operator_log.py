"""The lines that operators watch for in the log, in the server's language."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils.translation import gettext, override
from django.utils.translation import gettext_noop as _

from live.protocol.errors import ErrorCode, RelayError

__all__ = [
    "connected",
    "connecting",
    "drift",
    "drift_over",
    "failed",
    "undecodable",
    "unknown_method",
    "username_missing",
]

logger = logging.getLogger("live")

# Whom a line is about, for programs that read the log: what they call it.
_ABOUT = {"username": "stream", "user_id": "account"}


def _say(level: int, text: str, more: str = "", /, **values: object) -> None:
    about = {_ABOUT[name]: value for name, value in values.items() if name in _ABOUT}
    with override(settings.LANGUAGE_CODE):
        logger.log(level, "%s%s", gettext(text) % values, more, extra=about)


def connecting(username: str) -> None:
    """A stream begins an attempt to connect."""
    _say(logging.INFO, _("🔴 Connecting to TikTok Live: @%(username)s"), username=username)


def connected(username: str, route: str = "") -> None:
    """A connection is open.

    Args:
        route: the name of the route that it took. The line has it if there are several.
    """
    by = f" [{route}]" if route and len(settings.TIKTOK_ROUTES) > 1 else ""
    text = _("✅ TikTok Live client started for @%(username)s")
    _say(logging.INFO, text, by, username=username)


def username_missing(user_id: int) -> None:
    """An account wants to connect, and has no TikTok username."""
    _say(
        logging.WARNING, _("⚠️ TikTok username is not set for user_id=%(user_id)s"), user_id=user_id
    )


def failed(error: RelayError, username: str) -> None:
    """The upstream of a stream could not be connected, or was lost for good."""
    if error.code is ErrorCode.RATE_LIMITED:
        limit = _("❌ Rate limit of the TikTok API: Too many connections started")
        hint = _("💡 Hint: Use an EulerStream API key to lift the limit")
        _say(logging.WARNING, limit, username=username)
        _say(logging.WARNING, hint, username=username)
        return
    details = error.explain(settings.LANGUAGE_CODE).detail
    if error.said:
        details = f"{details} [{error.said}]"
    text = _("❌ TikTok Live connection error: %(details)s")
    _say(logging.WARNING, text, details=details, username=username)


def drift(username: str, finding: object) -> None:
    """A field that matters goes empty."""
    _say(
        logging.WARNING,
        _("⚠️ @%(username)s: %(finding)s. TikTok may have changed its messages."),
        username=username,
        finding=finding,
    )


def drift_over(username: str, finding: object) -> None:
    """A field is filled again as usual."""
    _say(
        logging.WARNING,
        _("✅ @%(username)s: %(finding)s. That is as usual again."),
        username=username,
        finding=finding,
    )


def unknown_method(username: str, method: str) -> None:
    """TikTok sent the first message of a kind that TikTokLive does not map."""
    _say(
        logging.INFO,
        _("@%(username)s: TikTok sent a %(method)s, which TikTokLive does not know"),
        username=username,
        method=method,
    )


def undecodable(username: str, method: str, failure: object) -> None:
    """The first message of a kind that could not be decoded."""
    _say(
        logging.WARNING,
        _("@%(username)s: TikTok sent a %(method)s that can't be decoded: %(failure)s"),
        username=username,
        method=method,
        failure=failure,
    )
