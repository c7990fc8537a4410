"""Finds the error code, and a text for staff, for a failure of TikTok or of the sign server."""

from __future__ import annotations

import json
from collections.abc import Iterable

import httpx
from django.utils.translation import gettext_noop as _
from TikTokLive.client.errors import (
    AgeRestrictedError,
    InitialCursorMissingError,
    SignAPIError,
    TikTokLiveError,
    UserNotFoundError,
    UserOfflineError,
    WebcastBlockedError,
    WebsocketURLMissingError,
)
from TikTokLive.client.web.routes.fetch_room_id_live_html import FailedParseRoomIdError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

from live.protocol.errors import ErrorCode

__all__ = ["NOTHING_HEARD", "code_of", "is_block", "words_of"]

# The reason of a `connection_lost` when the connection is still open, but nothing comes any more.
NOTHING_HEARD = _("Nothing was heard of TikTok for too long.")

# Characters of a failure's text that are kept.
_MAX_WORDS = 500


def code_of(
    failure: BaseException, sign_response: httpx.Response | None, connecting: bool
) -> ErrorCode:
    """Return the error code for an exception that TikTokLive raised.

    Args:
        failure: the exception.
        sign_response: the sign server's answer, or None if it was not asked. Its status decides
            before most exceptions do.
        connecting: whether TikTokLive had not yet begun to open the socket.
    """
    status = sign_response.status_code if sign_response is not None else httpx.codes.OK
    match failure:
        case UserOfflineError():
            return ErrorCode.USER_OFFLINE
        case UserNotFoundError():
            return ErrorCode.USER_NOT_FOUND
        case AgeRestrictedError():
            return ErrorCode.AGE_RESTRICTED
        # The status decides here, since TikTokLive's error for it raises TypeError itself when the
        # answer has no `RateLimit-*` headers.
        case _ if status == httpx.codes.TOO_MANY_REQUESTS:
            return ErrorCode.RATE_LIMITED
        case _ if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            return ErrorCode.SIGN_FORBIDDEN
        case SignAPIError():
            return ErrorCode.SIGN_UNAVAILABLE
        case WebcastBlockedError() | InvalidHandshake() | FailedParseRoomIdError():
            return ErrorCode.TIKTOK_BLOCKED
        case InitialCursorMissingError() | WebsocketURLMissingError():
            return ErrorCode.TIKTOK_BLOCKED
        case httpx.TimeoutException() | TimeoutError():
            return ErrorCode.TIKTOK_TIMEOUT
        case WebSocketException() | httpx.HTTPError() | OSError():
            return ErrorCode.CONNECTION_LOST
        case _ if connecting and sign_response is not None:
            return ErrorCode.SIGN_UNAVAILABLE
        # TikTokLive could not read the LIVE page or the API's answer: mostly a captcha.
        case LookupError() | TypeError() | ValueError() | AttributeError() if connecting:
            return ErrorCode.TIKTOK_BLOCKED
    return ErrorCode.INTERNAL_ERROR


def is_block(failure: BaseException) -> bool:
    """Whether TikTok has shown by this that it blocks the server's address.

    It refuses the socket's handshake, or sends a page, mostly a captcha, where JSON is due. Other
    failures with the code `tiktok_blocked` may be of one LIVE only.

    Args:
        failure: an exception for which `code_of` gives `tiktok_blocked`.
    """
    return isinstance(failure, WebcastBlockedError | InvalidHandshake | json.JSONDecodeError)


def words_of(
    failure: BaseException, sign_response: httpx.Response | None, secrets: Iterable[str]
) -> str:
    """Describe a failure of TikTok or the sign server in one line, for staff.

    The line has the exception's name. An exception's text is added only for TikTokLive's and
    websockets' exceptions: those texts hold no signed addresses and no cookies.

    Args:
        failure: the exception.
        sign_response: the sign server's answer, or None if it was not asked.
        secrets: texts, such as API keys, that are replaced by "…".
    """
    parts = [type(failure).__name__]
    if isinstance(failure, TikTokLiveError):
        parts.append(str(failure).partition("->")[2])
    elif isinstance(failure, InvalidHandshake | ConnectionClosed):
        parts.append(str(failure))
    elif isinstance(failure, httpx.RequestError) and failure._request is not None:
        parts.append(failure.request.url.host)
    if sign_response is not None and sign_response.status_code != httpx.codes.OK:
        parts.append(f"(sign server: HTTP {sign_response.status_code})")
    words = "".join(filter(str.isprintable, " ".join(" ".join(parts).split())))
    for secret in filter(None, secrets):
        words = words.replace(secret, "…")
    return words[:_MAX_WORDS]
