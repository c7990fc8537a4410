"""What pages believe of a reverse proxy."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from live.clients import is_trusted_proxy

__all__ = ["forwarded_proto"]

_HEADER = "HTTP_X_FORWARDED_PROTO"


def forwarded_proto(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Drop X-Forwarded-Proto unless a trusted proxy wrote it: `SECURE_PROXY_SSL_HEADER` trusts
    whoever sends it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not is_trusted_proxy(request.META.get("REMOTE_ADDR", "")):
            request.META.pop(_HEADER, None)
        return get_response(request)

    return middleware
