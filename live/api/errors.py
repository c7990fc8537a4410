"""How the REST API answers when something goes wrong.

Every error has the codes and texts of the socket's errors (`live.protocol.errors`), whoever found
it: an operation, the parsing of a request, or Django before it came to an operation.
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
from django.utils.translation import override
from ninja import errors

from accounts import requests
from accounts.models import AccessToken
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["EXPLAINED", "ApiError", "explain", "explain_errors", "problem"]

# What `explain` has an answer for.
EXPLAINED = (RelayError, ValidationError, errors.ValidationError, errors.HttpError)

_API = "/api/"

# What the API answers with, by what happened. Codes that only a socket can meet are not here.
_STATUS = {
    ErrorCode.INVALID_TOKEN: HTTPStatus.UNAUTHORIZED,
    ErrorCode.TOKEN_REVOKED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.ACCOUNT_DISABLED: HTTPStatus.FORBIDDEN,
    ErrorCode.USERNAME_MISSING: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.USERNAME_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.BAD_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.USER_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.TIKTOK_BLOCKED: HTTPStatus.BAD_GATEWAY,
    ErrorCode.CONNECTION_LOST: HTTPStatus.BAD_GATEWAY,
    ErrorCode.TIKTOK_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.SERVER_SHUTDOWN: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}

# What is wrong with a request that Django refuses before it comes to an operation.
_REFUSED_BY_DJANGO: dict[int, Any] = {
    HTTPStatus.NOT_FOUND: _("The API has no such address."),
    HTTPStatus.METHOD_NOT_ALLOWED: _("This address does not take this method."),
}


class ApiError(RelayError):
    """An error of the API whose `detail` is another than the one that sockets are told.

    Args:
        detail: a lazy translation.
    """

    def __init__(self, code: ErrorCode, detail: str | Promise) -> None:
        super().__init__(code)
        self.detail = detail


def problem(request: ASGIRequest, error: RelayError) -> dict[str, Any]:
    """The fields of `accounts.api.Problem`, in the language of the account or the request."""
    fields: dict[str, Any] = msgspec.to_builtins(error.explain(_language(request)))
    del fields["close_code"]
    return fields


def explain(request: Any, failure: Any) -> HttpResponse:
    """The answer to one of `EXPLAINED`, which an operation or the parsing of its request raised."""
    bad_request = RelayError(ErrorCode.BAD_REQUEST)
    match failure:
        case RelayError():
            status = _STATUS.get(failure.code, HTTPStatus.BAD_GATEWAY)
            detail = failure.detail if isinstance(failure, ApiError) else ""
            return _answer(request, failure, status, detail)
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
    """Middleware: what Django refuses of the API's requests gets the answer of an API's error."""
    if iscoroutinefunction(get_response):

        async def middleware(request: ASGIRequest) -> HttpResponseBase:
            return _explained(request, await get_response(request))

        return middleware
    return lambda request: _explained(request, get_response(request))


def _explained(request: ASGIRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response; in its place, if Django made it of an error under /api/, the API's answer."""
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
    """The answer for an error; with a `detail` of its own, if need be."""
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


def _language(request: ASGIRequest) -> str:
    token: AccessToken | None = getattr(request, "auth", None)
    return requests.language(request.scope, "" if token is None else token.user.language)


def _what_is_wrong(failure: errors.ValidationError) -> str | Promise:
    """With the first value that is not as the schema has it."""
    wrong = failure.errors[0]
    if wrong["type"] == "extra_forbidden":
        return _("The request has a field that does not exist.")
    place, *names = wrong["loc"]
    if place == "body" and len(names) == 1:  # the body itself
        return _("The request's body is no JSON object.")
    return format_lazy(_("“{field}” has a value that it can't have."), field=names[-1])
