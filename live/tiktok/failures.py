"""What went wrong with TikTok or the sign server: its error code, and what they said of it."""

from __future__ import annotations

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

__all__ = ["NOTHING_HEARD", "code_of", "words_of"]

# Why a connection that is still open counts as lost.
NOTHING_HEARD = _("Nothing was heard of TikTok for too long.")

_MAX_WORDS = 500


def code_of(
    failure: BaseException, sign_response: httpx.Response | None, connecting: bool
) -> ErrorCode:
    """The code for whatever TikTokLive raised.

    Args:
        sign_response: the sign server's answer, once there is one; it tells more than the error.
        connecting: the socket has not been tried yet.
    """
    status = sign_response.status_code if sign_response is not None else httpx.codes.OK
    match failure:
        case UserOfflineError():
            return ErrorCode.USER_OFFLINE
        case UserNotFoundError():
            return ErrorCode.USER_NOT_FOUND
        case AgeRestrictedError():
            return ErrorCode.AGE_RESTRICTED
        # TikTokLive's own error raises TypeError when the answer lacks a header.
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
        # The room's page and API gave something else than TikTokLive knows: a captcha, mostly.
        case LookupError() | TypeError() | ValueError() | AttributeError() if connecting:
            return ErrorCode.TIKTOK_BLOCKED
    return ErrorCode.INTERNAL_ERROR


def words_of(
    failure: BaseException, sign_response: httpx.Response | None, secrets: Iterable[str]
) -> str:
    """What TikTok or the sign server said, in one line for staff.

    Only the texts of TikTokLive and websockets are used: they are known to hold no address with a
    signature and no cookie.

    Args:
        sign_response: the sign server's answer, once there is one.
        secrets: texts that are replaced where they stand in it, such as API keys.
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
