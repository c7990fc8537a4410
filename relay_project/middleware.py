"""Middleware that ignores the header X-Forwarded-Proto unless a trusted proxy sent it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.requests import is_trusted_proxy

__all__ = ["forwarded_proto"]

_HEADER = "HTTP_X_FORWARDED_PROTO"


@sync_and_async_middleware
def forwarded_proto(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Remove the header X-Forwarded-Proto unless a trusted proxy sent the request.

    It is needed because Django's `SECURE_PROXY_SSL_HEADER` believes every client.
    """
    if iscoroutinefunction(get_response):
        # A synchronous middleware would keep a thread for each request that waits for TikTok.
        async def middleware(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(_as_believed(request))
            return response

        return middleware
    return lambda request: get_response(_as_believed(request))


def _as_believed(request: HttpRequest) -> HttpRequest:
    if not is_trusted_proxy(request.META.get("REMOTE_ADDR", "")):
        request.META.pop(_HEADER, None)
    return request
