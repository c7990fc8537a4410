"""The manners of the REST API: who is let in, and how errors are told.

An error is told in the socket's codes and texts (`live.protocol.errors`), whoever found it: an
operation, the parsing of a request, or Django before any operation was reached.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from ninja import NinjaAPI, errors
from ninja.openapi.docs import Swagger
from ninja.security import HttpBearer

from accounts.models import AccessToken
from live.protocol import options as clients
from live.protocol.errors import ErrorCode, RelayError
from live.relay import access

__all__ = ["explain_errors", "make_api", "problem"]

_ADDRESSES = "/api/"

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
_REFUSALS: dict[int, Any] = {
    HTTPStatus.NOT_FOUND: _("The API has no such address."),
    HTTPStatus.METHOD_NOT_ALLOWED: _("This address does not take this method."),
}


class BearerToken(HttpBearer):
    """`Authorization: Bearer …` with a token that opens sockets. Cookies count for nothing."""

    openapi_description = "The token that opens the account's sockets."

    def __call__(self, request: Any) -> AccessToken:
        # Ninja's own parsing logs credentials of a kind that it does not expect.
        return self.authenticate(request, clients.bearer_token(request.scope))

    def authenticate(self, request: Any, token: str) -> AccessToken:
        """Raises RelayError: the token is unknown or unusable, or its account disabled."""
        return access.check_token(access.find_token(token))


class _Docs(Swagger):
    """Swagger's page from this server's own files, which asks no other host to check anything."""

    template = "live/docs/api.html"

    def __init__(self) -> None:
        super().__init__({"validatorUrl": None})


def make_api() -> NinjaAPI:
    """The API, without its operations."""
    source = {"description": "The source of this server (AGPL-3.0)", "url": settings.SOURCE_URL}
    api = NinjaAPI(
        title="LIVE relay",
        version="1",
        description="What a mobile app's settings screen asks and sets. Events come over the "
        "socket.\n\nEvery error has the form of `Problem`, with the `code`s of the socket.",
        urls_namespace="api",
        auth=BearerToken(),
        docs=_Docs(),
        openapi_extra={
            "info": {"license": {"name": "AGPL-3.0-only", "identifier": "AGPL-3.0-only"}},
            **({"externalDocs": source} if settings.SOURCE_URL else {}),
        },
    )
    for kind in (RelayError, ValidationError, errors.ValidationError, errors.HttpError):
        api.add_exception_handler(kind, _explain)
    return api


@sync_and_async_middleware
def explain_errors(
    get_response: Callable[[ASGIRequest], Any],
) -> Callable[[ASGIRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Middleware: what Django refuses of the API's requests is told as the API tells errors."""
    if iscoroutinefunction(get_response):

        async def middleware(request: ASGIRequest) -> HttpResponseBase:
            return _told(request, await get_response(request))

        return middleware
    return lambda request: _told(request, get_response(request))


def problem(request: ASGIRequest, error: RelayError) -> dict[str, Any]:
    """The fields of `accounts.api.Problem`, in the language of the account or the request."""
    told: dict[str, Any] = msgspec.to_builtins(error.explain(_language(request)))
    del told["close_code"]
    return told


def _language(request: ASGIRequest) -> str:
    token: AccessToken | None = getattr(request, "auth", None)
    return clients.language(request.scope, "" if token is None else token.user.language)


def _answer(
    request: ASGIRequest, error: RelayError, status: int, detail: str | Promise = ""
) -> HttpResponse:
    """The answer that tells an error; with a `detail` of its own, if need be."""
    told = problem(request, error)
    language = _language(request)
    if detail:
        with override(language):
            told["detail"] = str(detail)
    response = JsonResponse(told, status=status, headers={"Content-Language": language})
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _explain(request: Any, failure: Any) -> HttpResponse:
    """The answer to what an operation, or the parsing of its request, raised."""
    bad_request = RelayError(ErrorCode.BAD_REQUEST)
    match failure:
        case RelayError():
            return _answer(request, failure, _STATUS.get(failure.code, HTTPStatus.BAD_GATEWAY))
        case ValidationError():
            error = RelayError(ErrorCode.USERNAME_INVALID)
            return _answer(request, error, _STATUS[error.code], failure.message)
        case errors.HttpError():
            detail = _("The request's body is no JSON.")
            return _answer(request, bad_request, failure.status_code, detail)
    assert isinstance(failure, errors.ValidationError)
    return _answer(request, bad_request, _STATUS[bad_request.code], _what_is_wrong(failure))


def _what_is_wrong(failure: errors.ValidationError) -> str | Promise:
    """With the first value that is not as the schema has it."""
    wrong = failure.errors[0]
    if wrong["type"] == "extra_forbidden":
        return _("The request has a field that does not exist.")
    place, *names = wrong["loc"]
    if place == "body" and len(names) == 1:  # the body itself
        return _("The request's body is no JSON object.")
    return format_lazy(_("“{field}” has a value that it can't have."), field=names[-1])


def _told(request: ASGIRequest, response: HttpResponseBase) -> HttpResponseBase:
    is_error = response.status_code >= HTTPStatus.BAD_REQUEST
    is_told = response.headers.get("Content-Type", "").startswith("application/json")
    if not is_error or is_told or not request.path_info.startswith(_ADDRESSES):
        return response
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(request, RelayError(ErrorCode.INTERNAL_ERROR), response.status_code)
    detail = _REFUSALS.get(response.status_code) or _("The server does not take this request.")
    bad_request = RelayError(ErrorCode.BAD_REQUEST)
    told = _answer(request, bad_request, response.status_code, detail)
    if "Allow" in response.headers:
        told["Allow"] = response.headers["Allow"]
    return told
