"""Makes the REST API's answers for errors.

All errors have the codes and texts of `live.protocol.errors`, as on sockets, except
`insufficient_scope`, which sockets don't have. That is so for errors of an operation, for requests
that can't be parsed, and for requests that Django refuses before an operation is called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, override
from ninja import errors

from accounts import requests
from accounts.budgets import OverBudgetError
from accounts.models import AccessToken, ScopeError
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["EXPLAINED", "ApiError", "explain", "explain_errors", "problem"]

# The exceptions that `explain` has an answer for.
EXPLAINED = (
    RelayError,
    ValidationError,
    OverBudgetError,
    ScopeError,
    errors.ValidationError,
    errors.HttpError,
)

# The beginning of the paths of the API.
_API = "/api/"

# The HTTP status for each error code. Codes that are not here get 502: they come from TikTok or
# the sign server, or happen to sockets only.
_STATUS = {
    ErrorCode.INVALID_TOKEN: HTTPStatus.UNAUTHORIZED,
    ErrorCode.TOKEN_REVOKED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.ACCOUNT_DISABLED: HTTPStatus.FORBIDDEN,
    ErrorCode.USERNAME_MISSING: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.USERNAME_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.BAD_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.TOO_MANY_CONNECTIONS: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.USER_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.TIKTOK_BLOCKED: HTTPStatus.BAD_GATEWAY,
    ErrorCode.CONNECTION_LOST: HTTPStatus.BAD_GATEWAY,
    ErrorCode.TIKTOK_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.SERVER_SHUTDOWN: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_TOO_MANY_CHANGES = gettext_noop("The TikTok username was changed too often in a short time.")

# The answer to a token that may only listen. The name of the code is that of RFC 6750, section 3.1.
_INSUFFICIENT_SCOPE = {
    "code": "insufficient_scope",
    "title": _("Not allowed with this token"),
    "detail": _("This token can only listen, and read what is its account's own."),
    "hint": _("Use a token that may change the account, or this server's pages."),
}

# The texts for requests that Django refuses before an operation is called, by HTTP status.
_REFUSED_BY_DJANGO: dict[int, Any] = {
    HTTPStatus.NOT_FOUND: _("The API has no such address."),
    HTTPStatus.METHOD_NOT_ALLOWED: _("This address does not take this method."),
}


class ApiError(RelayError):
    """An error whose `detail` is not the same as on sockets.

    Args:
        code: what happened.
        detail: the text for people, as a lazy translation.
        status: the HTTP status; None for that of the code.
    """

    def __init__(
        self, code: ErrorCode, detail: str | Promise, status: HTTPStatus | None = None
    ) -> None:
        super().__init__(code)
        self.detail = detail
        self.status = status


def problem(request: ASGIRequest, error: RelayError) -> dict[str, Any]:
    """Return the fields of `accounts.api.Problem` for an error.

    Its texts are in the language of the account or of the request.
    """
    fields: dict[str, Any] = msgspec.to_builtins(error.explain(_language(request)))
    del fields["close_code"]
    return fields


def explain(request: Any, failure: Any) -> HttpResponse:
    """Return the answer for an exception of an operation, or of the parsing of its request.

    Args:
        request: the request.
        failure: an exception of one of the classes in `EXPLAINED`.
    """
    bad_request = RelayError(ErrorCode.BAD_REQUEST)
    match failure:
        case RelayError():
            status = _STATUS.get(failure.code, HTTPStatus.BAD_GATEWAY)
            if isinstance(failure, ApiError):
                return _answer(request, failure, failure.status or status, failure.detail)
            return _answer(request, failure, status)
        case OverBudgetError():
            error = RelayError(
                ErrorCode.TOO_MANY_CONNECTIONS,
                told=_TOO_MANY_CHANGES,
                retry_after=failure.retry_after,
            )
            return _answer(request, error, _STATUS[error.code])
        case ScopeError():
            return _insufficient_scope(request)
        case ValidationError():
            error = RelayError(ErrorCode.USERNAME_INVALID)
            return _answer(request, error, _STATUS[error.code], failure.message)
        case errors.HttpError():
            no_json = _("The request's body is no JSON.")
            return _answer(request, bad_request, failure.status_code, no_json)
    assert isinstance(failure, errors.ValidationError)
    return _answer(request, bad_request, _STATUS[bad_request.code], _what_is_wrong(failure))


@sync_and_async_middleware
def explain_errors(
    get_response: Callable[[ASGIRequest], Any],
) -> Callable[[ASGIRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Middleware that answers requests to the API that Django refuses as the API itself would."""
    if iscoroutinefunction(get_response):

        async def middleware(request: ASGIRequest) -> HttpResponseBase:
            return _explained(request, await get_response(request))

        return middleware
    return lambda request: _explained(request, get_response(request))


def _explained(request: ASGIRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Replace Django's answer for an error under /api/ by the API's; return others unchanged."""
    is_error = response.status_code >= HTTPStatus.BAD_REQUEST
    is_by_the_api = response.headers.get("Content-Type", "").startswith("application/json")
    if not is_error or is_by_the_api or not request.path_info.startswith(_API):
        return response
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(request, RelayError(ErrorCode.INTERNAL_ERROR), response.status_code)
    detail = _REFUSED_BY_DJANGO.get(response.status_code)
    answer = _answer(
        request,
        RelayError(ErrorCode.BAD_REQUEST),
        response.status_code,
        detail or _("The server does not take this request."),
    )
    if "Allow" in response.headers:
        answer["Allow"] = response.headers["Allow"]
    return answer


def _answer(
    request: ASGIRequest, error: RelayError, status: int, detail: str | Promise = ""
) -> HttpResponse:
    """Make the answer for an error.

    Args:
        request: the request.
        error: what happened.
        status: the HTTP status.
        detail: a text in place of that of the error; empty to keep it.
    """
    fields = problem(request, error)
    language = _language(request)
    if detail:
        with override(language):
            fields["detail"] = str(detail)
    response = JsonResponse(fields, status=status, headers={"Content-Language": language})
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _insufficient_scope(request: ASGIRequest) -> HttpResponse:
    language = _language(request)
    with override(language):
        return JsonResponse(
            _INSUFFICIENT_SCOPE,
            status=HTTPStatus.FORBIDDEN,
            headers={
                "Content-Language": language,
                "WWW-Authenticate": 'Bearer error="insufficient_scope"',
            },
        )


def _language(request: ASGIRequest) -> str:
    token: AccessToken | None = getattr(request, "auth", None)
    return requests.language(request.scope, "" if token is None else token.user.language)


def _what_is_wrong(failure: errors.ValidationError) -> str | Promise:
    """Say what is wrong with a request that does not match its schema: the first fault only."""
    wrong = failure.errors[0]
    if wrong["type"] == "extra_forbidden":
        return _("The request has a field that does not exist.")
    place, *names = wrong["loc"]
    if place == "body" and len(names) == 1:  # the body itself
        return _("The request's body is no JSON object.")
    return format_lazy(_("“{field}” has a value that it can't have."), field=names[-1])
