"""Finds the error code, and a text for staff, for a failure of TikTok or of the sign server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

import httpx
from django.utils.translation import gettext_noop as _
from python_socks import ProxyError
from TikTokLive.client.errors import (
    InitialCursorMissingError,
    SignAPIError,
    TikTokLiveError,
    UserNotFoundError,
    UserOfflineError,
    WebsocketURLMissingError,
)
from TikTokLive.client.web.routes.fetch_room_id_live_html import FailedParseRoomIdError

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.webcast import ClosedError, RefusedError

__all__ = ["NOTHING_HEARD", "code_of", "explain", "is_block", "words_of"]

logger = logging.getLogger(__name__)

# The reason of a `connection_lost` when the connection is still open, but nothing comes any more.
NOTHING_HEARD = _("Nothing was heard of TikTok for too long.")
# The reason of a `connection_lost` when it is the proxy's fault.
_PROXY = _("The proxy can't be reached, or does not let the relay through.")

# Characters of a failure's text that are kept.
_MAX_WORDS = 500


def explain(
    failure: BaseException,
    username: str,
    sign_response: httpx.Response | None = None,
    *,
    asks_tiktok: bool,
    secrets: Iterable[str] = (),
) -> RelayError:
    """Make the error for a failure.

    Args:
        failure: an exception of TikTokLive, httpx, picows or `live.tiktok.webcast`. Any other one
            is logged, and is an `internal_error`.
        username: of the streamer.
        sign_response: the sign server's answer, or None if it was not asked.
        asks_tiktok: whether it was TikTok that was asked last, and not the sign server.
        secrets: texts, such as API keys, that are replaced by "…".
    """
    code = code_of(failure, sign_response, asks_tiktok=asks_tiktok)
    if code is ErrorCode.INTERNAL_ERROR:
        logger.error("unexpected failure of the upstream", exc_info=failure)
    return RelayError(
        code,
        username=username,
        reason=_PROXY if isinstance(failure, ProxyError | httpx.ProxyError) else "",
        said=words_of(failure, sign_response, secrets),
    )


def code_of(
    failure: BaseException, sign_response: httpx.Response | None = None, *, asks_tiktok: bool = True
) -> ErrorCode:
    """Return the error code for a failure. For the arguments, see `explain`."""
    status = sign_response.status_code if sign_response is not None else httpx.codes.OK
    match failure:
        case UserOfflineError():
            return ErrorCode.USER_OFFLINE
        case UserNotFoundError():
            return ErrorCode.USER_NOT_FOUND
        # The status decides here, since TikTokLive's error for it raises TypeError itself when the
        # answer has no `RateLimit-*` headers.
        case _ if status == httpx.codes.TOO_MANY_REQUESTS:
            return ErrorCode.RATE_LIMITED
        case _ if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            return ErrorCode.SIGN_FORBIDDEN
        case SignAPIError():
            return ErrorCode.SIGN_UNAVAILABLE
        case RefusedError() | FailedParseRoomIdError():
            return ErrorCode.TIKTOK_BLOCKED
        case InitialCursorMissingError() | WebsocketURLMissingError():
            return ErrorCode.TIKTOK_BLOCKED
        case httpx.TimeoutException() | TimeoutError():
            return ErrorCode.TIKTOK_TIMEOUT
        case ClosedError() | httpx.HTTPError() | ProxyError() | OSError():
            return ErrorCode.CONNECTION_LOST
        case _ if sign_response is not None and not asks_tiktok:
            return ErrorCode.SIGN_UNAVAILABLE
        # TikTokLive could not read the LIVE page or the API's answer: mostly a captcha.
        case LookupError() | TypeError() | ValueError() | AttributeError() if asks_tiktok:
            return ErrorCode.TIKTOK_BLOCKED
    return ErrorCode.INTERNAL_ERROR


def is_block(failure: BaseException) -> bool:
    """Whether TikTok's web API shows by this that it blocks the server's address: a page, mostly a
    captcha, comes where JSON is due. Other failures with the code `tiktok_blocked` may be of one
    LIVE only.

    Args:
        failure: an exception for which `code_of` gives `tiktok_blocked`.
    """
    return isinstance(failure, json.JSONDecodeError)


def words_of(
    failure: BaseException, sign_response: httpx.Response | None, secrets: Iterable[str]
) -> str:
    """Describe a failure of TikTok or the sign server in one line, for staff.

    An exception's own text is used only where it holds no signed addresses and no cookies: of
    `live.tiktok.webcast`, and of TikTokLive. Of others it is the exception's name.

    Args:
        failure: the exception.
        sign_response: the sign server's answer, or None if it was not asked.
        secrets: texts, such as API keys, that are replaced by "…".
    """
    if isinstance(failure, RefusedError | ClosedError):
        parts = [str(failure)]
    else:
        parts = [type(failure).__name__]
    if isinstance(failure, TikTokLiveError):
        parts.append(str(failure).partition("->")[2])
    elif isinstance(failure, httpx.RequestError) and failure._request is not None:
        parts.append(failure.request.url.host)
    if sign_response is not None and sign_response.status_code != httpx.codes.OK:
        parts.append(f"(sign server: HTTP {sign_response.status_code})")
    words = "".join(filter(str.isprintable, " ".join(" ".join(parts).split())))
    for secret in filter(None, secrets):
        words = words.replace(secret, "…")
    return words[:_MAX_WORDS]
