"""The table of all errors that can end a socket: each with its code, close code and texts.

Programs read the `code`, which is never translated. People read the texts: `title`, `detail` and
`hint`. The texts contain no secrets, no file paths and no stack traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_lazy, override
from django.utils.translation import gettext_noop as _
from msgspec import UNSET

from live.protocol import frames

__all__ = ["CLOSE_CODE_WORDS", "UPSTREAM_CODES", "CloseCode", "ErrorCode", "RelayError"]


class CloseCode(IntEnum):
    """The WebSocket close codes that the relay uses. RFC 6455, section 7.4, defines them."""

    NORMAL = 1000
    ABNORMAL = 1006  # never sent; means that a connection ended without a close frame
    POLICY_VIOLATION = 1008
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012


# What each close code means, for people. The connection log contains other codes too, because
# clients may close with codes of their own.
CLOSE_CODE_WORDS = {
    CloseCode.NORMAL: gettext_lazy("the client closed, or the LIVE ended"),
    CloseCode.ABNORMAL: gettext_lazy("broken off without a close"),
    CloseCode.POLICY_VIOLATION: gettext_lazy("refused by the relay"),
    CloseCode.INTERNAL_ERROR: gettext_lazy("the path to TikTok failed"),
    CloseCode.SERVICE_RESTART: gettext_lazy("the server restarted"),
}


class ErrorCode(StrEnum):
    """The values of `code` in error frames."""

    INVALID_TOKEN = "invalid_token"
    TOKEN_REVOKED = "token_revoked"
    ACCOUNT_DISABLED = "account_disabled"
    USERNAME_MISSING = "username_missing"
    USERNAME_INVALID = "username_invalid"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_SLOW = "too_slow"
    DISCONNECTED = "disconnected"
    BAD_REQUEST = "bad_request"

    USER_OFFLINE = "user_offline"
    USER_NOT_FOUND = "user_not_found"
    AGE_RESTRICTED = "age_restricted"
    TIKTOK_BLOCKED = "tiktok_blocked"
    SIGN_FORBIDDEN = "sign_forbidden"
    SIGN_UNAVAILABLE = "sign_unavailable"
    TIKTOK_TIMEOUT = "tiktok_timeout"
    CONNECTION_LOST = "connection_lost"
    INTERNAL_ERROR = "internal_error"

    SERVER_SHUTDOWN = "server_shutdown"


# The errors of the connection to TikTok. They happen to a stream, and so to all its sockets.
UPSTREAM_CODES = frozenset(
    {
        ErrorCode.RATE_LIMITED,
        ErrorCode.USER_OFFLINE,
        ErrorCode.USER_NOT_FOUND,
        ErrorCode.AGE_RESTRICTED,
        ErrorCode.TIKTOK_BLOCKED,
        ErrorCode.SIGN_FORBIDDEN,
        ErrorCode.SIGN_UNAVAILABLE,
        ErrorCode.TIKTOK_TIMEOUT,
        ErrorCode.CONNECTION_LOST,
        ErrorCode.INTERNAL_ERROR,
    }
)


class _Explanation(NamedTuple):
    """The close code and the English texts of one error. `hint` is empty if there is none."""

    close_code: CloseCode
    title: str
    detail: str
    hint: str = ""


_ASK_FOR_ANOTHER_TOKEN = _("Ask whoever runs this server for a new token.")
_RETRY_LATER = _("Try again in a few minutes.")

# The close code and the texts of every error. `RelayError.explain` puts values in the place of
# %(username)s and %(reason)s in `detail`.
_TABLE: dict[ErrorCode, _Explanation] = {
    ErrorCode.INVALID_TOKEN: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Access denied"),
        _("The server does not know this token."),
        _("Check the socket address in the app's settings."),
    ),
    ErrorCode.TOKEN_REVOKED: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Token no longer valid"),
        _("This token has been revoked or has expired."),
        _ASK_FOR_ANOTHER_TOKEN,
    ),
    ErrorCode.ACCOUNT_DISABLED: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Account disabled"),
        _("The account of this token has been disabled."),
        _("Ask whoever runs this server."),
    ),
    ErrorCode.USERNAME_MISSING: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("TikTok username is not set"),
        _("The account has no TikTok username, so there is no LIVE to connect to."),
        _("Set the TikTok username in the account's settings."),
    ),
    ErrorCode.USERNAME_INVALID: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("TikTok username is not valid"),
        _("TikTok can't have the username that is set for the account."),
        _("Correct the TikTok username in the account's settings."),
    ),
    ErrorCode.RATE_LIMITED: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Rate limit of the TikTok API: Too many connections started"),
        _("The sign server accepts no more connections to TikTok LIVE for now."),
        _("Use an EulerStream API key to lift the limit"),
    ),
    ErrorCode.TOO_MANY_CONNECTIONS: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Too many connections"),
        _("The account has as many open connections as one account may have."),
        _("Close the app on a device that you don't use."),
    ),
    ErrorCode.TOO_SLOW: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Connection too slow"),
        _("The app did not take the events that were sent to it."),
        _("Connect again; nothing is lost if the app does so soon."),
    ),
    ErrorCode.DISCONNECTED: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("Disconnected"),
        _("Whoever runs this server has ended the connection."),
        _("Connect again."),
    ),
    ErrorCode.BAD_REQUEST: _Explanation(
        CloseCode.POLICY_VIOLATION,
        _("The app sent something wrong"),
        "%(reason)s",
    ),
    ErrorCode.USER_OFFLINE: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: the streamer is not live"),
        _("@%(username)s is not live on TikTok right now."),
        _("Start the LIVE on TikTok, then connect again."),
    ),
    ErrorCode.USER_NOT_FOUND: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: no such user"),
        _("TikTok knows no @%(username)s, or the user has never been live."),
        _("Check the TikTok username in the account's settings."),
    ),
    ErrorCode.AGE_RESTRICTED: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: restricted LIVE"),
        _("TikTok shows the LIVE of @%(username)s to signed-in adults only."),
        _("Remove the age restriction in the LIVE's settings on TikTok."),
    ),
    ErrorCode.TIKTOK_BLOCKED: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: TikTok refuses the server"),
        _("TikTok takes the server for a robot and refuses the connection."),
        _RETRY_LATER,
    ),
    ErrorCode.SIGN_FORBIDDEN: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: the sign server refuses"),
        _("The sign server does not accept the EulerStream API key, or does not allow this."),
        _("Check the EulerStream API key."),
    ),
    ErrorCode.SIGN_UNAVAILABLE: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: the sign server does not work"),
        _("The sign server, which TikTok connections need, gave no usable answer."),
        _RETRY_LATER,
    ),
    ErrorCode.TIKTOK_TIMEOUT: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: no answer in time"),
        _("TikTok or the sign server did not answer in time."),
        _RETRY_LATER,
    ),
    ErrorCode.CONNECTION_LOST: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: no connection to TikTok"),
        _("TikTok can't be reached, or the connection to the LIVE of @%(username)s was lost."),
        _("Connect again."),
    ),
    ErrorCode.INTERNAL_ERROR: _Explanation(
        CloseCode.INTERNAL_ERROR,
        _("TikTok Live connection error: fault of this server"),
        _("Something unexpected happened on the server. Its log says more."),
        _RETRY_LATER,
    ),
    ErrorCode.SERVER_SHUTDOWN: _Explanation(
        CloseCode.SERVICE_RESTART,
        _("The server restarts"),
        _("The server goes away for a moment. The app can connect again shortly."),
    ),
}


# What a route to TikTok has said, in a few words, where an error tells of several routes.
_OF_A_ROUTE = {
    ErrorCode.RATE_LIMITED: _("the sign server's limit is reached"),
    ErrorCode.SIGN_FORBIDDEN: _("the sign server refuses the API key"),
    ErrorCode.SIGN_UNAVAILABLE: _("the sign server does not work"),
    ErrorCode.TIKTOK_BLOCKED: _("TikTok refuses it"),
    ErrorCode.TIKTOK_TIMEOUT: _("no answer in time"),
    ErrorCode.CONNECTION_LOST: _("no connection"),
}
_SOMETHING_ELSE = _("it failed")


class RelayError(Exception):
    """The error that ends a socket, or a stream with all its sockets.

    Args:
        code: what happened.
        username: the TikTok username of the streamer, which some texts name.
        reason: what the relay adds in words for people, not yet translated. For `bad_request` the
            client is told this reason: it says what was wrong. For other errors only staff see it.
        retry_after: seconds until another attempt makes sense; None if that is not known.
        told: what the client is told in the place of the usual detail, not yet translated. The hint
            is then to try again later.
        said: what TikTok or the sign server answered, for the log and the staff. It must not
            contain secrets.
        more_hint: another sentence for the hint, not yet translated.
        tried: the routes to TikTok that have failed, each with its error, if there was more than
            one. The hint tells.
    """

    def __init__(
        self,
        code: ErrorCode,
        *,
        username: str = "",
        reason: str = "",
        retry_after: int | None = None,
        said: str = "",
        told: str = "",
        more_hint: str = "",
        tried: Sequence[tuple[str, ErrorCode]] = (),
    ) -> None:
        super().__init__(f"{code}: {said or reason}" if said or reason else str(code))
        self.code = code
        self.username = username
        self.reason = reason
        self.retry_after = retry_after
        self.said = said
        self.told = told
        self.more_hint = more_hint
        self.tried = tried

    @property
    def close_code(self) -> CloseCode:
        return _TABLE[self.code].close_code

    def copy(self, **changes: Any) -> RelayError:
        """Return the same error with some changes, and without what Python notes of where it was
        raised: that would keep everything in memory that was at work there."""
        same = {name: getattr(self, name) for name in _DETAILS}
        return RelayError(**{"code": self.code, **same, **changes})

    def explain(self, language: str) -> frames.Error:
        """Return the data of the error frame.

        Args:
            language: the language of its texts, such as "en".
        """
        explanation = _TABLE[self.code]
        with override(language):
            reason = gettext(self.reason) if self.reason else ""
            values = {"username": self.username, "reason": reason}
            detail, hint = explanation.detail, explanation.hint
            if self.told:
                detail, hint = self.told, _RETRY_LATER
            hints = [gettext(text) for text in (hint, self.more_hint) if text]
            if self.tried:
                hints.append(gettext("Tried: %(routes)s") % {"routes": self._routes()})
            return frames.Error(
                code=self.code,
                title=gettext(explanation.title),
                detail=gettext(detail) % values,
                close_code=explanation.close_code,
                hint=_sentences(hints) or UNSET,
                retry_after=UNSET if self.retry_after is None else self.retry_after,
            )

    def _routes(self) -> str:
        """The routes that have failed, in the language that is on."""
        return "; ".join(
            f"{name} ({gettext(_OF_A_ROUTE.get(code, _SOMETHING_ELSE))})"
            for name, code in self.tried
        )


_DETAILS = ("username", "reason", "retry_after", "said", "told", "more_hint", "tried")


def _sentences(texts: Sequence[str]) -> str:
    """Join sentences, some of which have no full stop."""
    return " ".join(
        text if text.endswith(".") or number == len(texts) else f"{text}."
        for number, text in enumerate(texts, start=1)
    )
