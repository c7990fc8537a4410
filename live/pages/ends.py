"""How a connection ended, in a few words for staff: "App closed", "TikTok: offline".

The one table for it. Error codes and close codes stand beside these words, not in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from live.connections.failures import is_failure
from live.protocol.errors import CloseCode, ErrorCode

__all__ = ["CLOSE_CODES", "ERRORS", "advice", "end_in_words", "tone_of_end"]

# What went wrong, with who it was before it: TikTok, the sign server, the relay, or the app.
ERRORS: Mapping[str, Any] = {
    ErrorCode.INVALID_TOKEN: _("Relay: unknown token"),
    ErrorCode.TOKEN_REVOKED: _("Relay: token no longer valid"),
    ErrorCode.ACCOUNT_DISABLED: _("Relay: account disabled"),
    ErrorCode.USERNAME_MISSING: _("Relay: no TikTok username set"),
    ErrorCode.USERNAME_INVALID: _("Relay: TikTok username not valid"),
    ErrorCode.RATE_LIMITED: _("Relay: rate limit"),
    ErrorCode.TOO_MANY_CONNECTIONS: _("Relay: too many connections"),
    ErrorCode.TOO_SLOW: _("App too slow"),
    ErrorCode.DISCONNECTED: _("Disconnected by staff"),
    ErrorCode.BAD_REQUEST: _("App sent something wrong"),
    ErrorCode.USER_OFFLINE: _("TikTok: offline"),
    ErrorCode.USER_NOT_FOUND: _("TikTok: no such user"),
    ErrorCode.AGE_RESTRICTED: _("TikTok: adults only"),
    ErrorCode.TIKTOK_BLOCKED: _("TikTok: refuses this server"),
    ErrorCode.SIGN_FORBIDDEN: _("Sign server: refuses the key"),
    ErrorCode.SIGN_UNAVAILABLE: _("Sign server: does not work"),
    ErrorCode.TIKTOK_TIMEOUT: _("TikTok: no answer in time"),
    ErrorCode.CONNECTION_LOST: _("TikTok: connection lost"),
    ErrorCode.INTERNAL_ERROR: _("Relay: a fault of its own"),
    ErrorCode.SERVER_SHUTDOWN: _("Server restarted"),
}
# Of connections without an error. 1001 and 1005 come from browsers and apps, never from the relay.
CLOSE_CODES: Mapping[int, Any] = {
    CloseCode.NORMAL: _("App closed, or LIVE over"),
    1005: _("App closed"),
    1001: _("App closed"),
    CloseCode.ABNORMAL: _("Network cut"),
    CloseCode.POLICY_VIOLATION: _("Relay: refused"),
    CloseCode.INTERNAL_ERROR: _("Relay: TikTok not reached"),
    CloseCode.SERVICE_RESTART: _("Server restarted"),
}
# What staff can do about it. For the others there is nothing to do.
_ADVICE: Mapping[str, Any] = {
    ErrorCode.INVALID_TOKEN: _(
        "Compare the socket address in the app with the account's tokens; issue a new token if it "
        "is none of them."
    ),
    ErrorCode.TOKEN_REVOKED: _("Issue a new token, and have it entered in the app."),
    ErrorCode.ACCOUNT_DISABLED: _("Enable the account in the administration, if it should work."),
    ErrorCode.USERNAME_MISSING: _("Have the TikTok username set on the account page."),
    ErrorCode.USERNAME_INVALID: _("Have the TikTok username corrected on the account page."),
    ErrorCode.RATE_LIMITED: _(
        "Wait until the sign server's limit is over, or give the account an EulerStream API key of "
        "its own."
    ),
    ErrorCode.TOO_MANY_CONNECTIONS: _(
        "Look for devices that are still connected, or an app that opens sockets again and again."
    ),
    ErrorCode.TOO_SLOW: _("The phone's network was too slow, or the app stopped reading."),
    ErrorCode.BAD_REQUEST: _("The app's developers have to mend it; the reason is below."),
    ErrorCode.USER_OFFLINE: _(
        "Nothing, until the streamer goes live. An app that connects with wait=1 waits for it."
    ),
    ErrorCode.USER_NOT_FOUND: _("Check the account's TikTok username for a typing mistake."),
    ErrorCode.AGE_RESTRICTED: _("The streamer has to lift the age restriction on TikTok."),
    ErrorCode.TIKTOK_BLOCKED: _(
        "Wait; if it lasts, see on the dashboard whether it meets all, and use a proxy."
    ),
    ErrorCode.SIGN_FORBIDDEN: _("Check the EulerStream API key of the account or of the server."),
    ErrorCode.SIGN_UNAVAILABLE: _("Wait; the sign server has to work again."),
    ErrorCode.TIKTOK_TIMEOUT: _("Wait; if it meets all, check the server's network."),
    ErrorCode.CONNECTION_LOST: _(
        "Nothing, if it was once. If it meets all, check the server's network."
    ),
    ErrorCode.INTERNAL_ERROR: _("Read the server's log of that time, and report the fault."),
}
_ADVICE_ON_CUTS = _(
    "The phone lost its network, or the app was ended. If it meets many at once, check the proxy "
    "before the relay."
)


def advice(close_code: int | None, error_code: str) -> Any:
    """Return what staff can do about that end; empty if there is nothing to do."""
    if not error_code and close_code == CloseCode.ABNORMAL:
        return _ADVICE_ON_CUTS
    return _ADVICE.get(error_code, "")


def end_in_words(close_code: int | None, error_code: str) -> Any:
    """Return how a connection ended; an error that this version does not know as it is.

    Args:
        close_code: with which it was closed; None while it is open.
        error_code: empty if there was no error.
    """
    if error_code:
        return ERRORS.get(error_code, error_code)
    if close_code is None:
        return _("Still open")
    return CLOSE_CODES.get(close_code, _("App closed"))


def tone_of_end(close_code: int | None, error_code: str) -> str:
    """Return the CSS class that shows how good or bad that end is: "good", "bad" or "calm"."""
    if error_code:
        return "bad" if is_failure(error_code) else "calm"
    return "good" if close_code is None else "calm"
