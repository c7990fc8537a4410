"""Answers requests whose Host is not in ALLOWED_HOSTS. Sockets are not among them.

Whoever sits at this machine, or in its own network, has most likely just set the relay up. They get
a page that says what to set. All others get a plain answer without a word about this server.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.http.request import split_domain_port
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts import requests
from accounts.budgets import Budgets
from live.api.errors import ApiError, explain
from live.protocol.errors import ErrorCode
from relay_project.addresses import USUAL_PORT, line_to_start_with
from relay_project.environment import is_host

__all__ = ["RefusalLog", "answer_wrong_hosts", "refusals"]

logger = logging.getLogger(__name__)

_API = "/api/"
# Clients can invent hosts. So each is logged once in this time, in seconds, and so many at most.
_LOG_PERIOD = 3_600.0
_MOST_LOGGED = 10
_MOST_REMEMBERED = 1_000


class RefusalLog:
    """Logs which hosts were refused, so that whoever runs the server sees what to set.

    Strangers can't keep what comes from the own network out of the log: each has a limit.
    """

    def __init__(self) -> None:
        self._of_host: Budgets[str] = Budgets(1, _LOG_PERIOD, max_keys=_MOST_REMEMBERED)
        self._of_all: Budgets[bool] = Budgets(_MOST_LOGGED, _LOG_PERIOD)

    def note(self, host: str, *, is_near: bool) -> None:
        """Write one line, unless there were enough.

        Args:
            host: without a port, and valid.
            is_near: whether the client is in the own network.
        """
        if self._of_host.take(host) is None and self._of_all.take(is_near) is None:
            logger.warning(
                "A request for the host %s was refused. To answer it, start with ALLOWED_HOSTS=%s",
                host,
                ",".join([*settings.ALLOWED_HOSTS, host]),
            )


refusals = RefusalLog()


@sync_and_async_middleware
def answer_wrong_hosts(
    get_response: Callable[[ASGIRequest], Any],
) -> Callable[[ASGIRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Middleware that answers requests with a wrong Host itself.

    It stands behind what serves static files, since the page needs its style sheet. With DEBUG,
    Django would answer with its own page of settings and traceback.
    """
    if iscoroutinefunction(get_response):

        async def middleware(request: ASGIRequest) -> HttpResponseBase:
            response: HttpResponseBase = _refusal(request) or await get_response(request)
            return response

        return middleware
    return lambda request: _refusal(request) or get_response(request)


def _refusal(request: ASGIRequest) -> HttpResponse | None:
    try:
        request.get_host()
    except DisallowedHost:
        return _answer(request)
    return None


def _answer(request: ASGIRequest) -> HttpResponse:
    host = _valid_host(request.META.get("HTTP_HOST", ""))
    is_near = settings.DEBUG or _is_in_own_network(request)
    if host:
        refusals.note(host, is_near=is_near)
    if not host or not is_near:
        return HttpResponseBadRequest("Bad Request (400)\n", content_type="text/plain")
    if request.path_info.startswith(_API):
        detail = format_lazy(
            _("This server does not answer at {host}. Add it to ALLOWED_HOSTS."), host=host
        )
        return explain(request, ApiError(ErrorCode.BAD_REQUEST, detail, HTTPStatus.BAD_REQUEST))
    return _page(request, host)


def _page(request: ASGIRequest, host: str) -> HttpResponse:
    language = requests.language(request.scope)
    context = {
        "host": host,
        "allowed": _hosts_to_show(host),
        "command": _command(request),
        "SOURCE_URL": settings.SOURCE_URL,
        "VERSION": settings.VERSION,
    }
    with override(language):
        text = render_to_string("wrong_host.html", context)
    headers = {"Cache-Control": "no-store", "Content-Language": language}
    return HttpResponseBadRequest(text, headers=headers)


def _command(request: ASGIRequest) -> str:
    """Return what starts a server which this client reaches, without ALLOWED_HOSTS."""
    client = _ip(requests.address(request.scope) or "")
    host = "" if client is not None and client.is_loopback else "0.0.0.0"  # noqa: S104
    _host, port = request.scope.get("server") or ("", None)  # no port: a Unix socket
    return line_to_start_with([], port or USUAL_PORT, host)


def _hosts_to_show(host: str) -> list[str]:
    """Return the value for ALLOWED_HOSTS; empty if the page should not show what is in it now.

    Somebody else's page can be opened under a name that its owner has pointed at this machine (DNS
    rebinding). Its scripts can read the answer, so they don't learn the server's names from it. An
    IP address can't be pointed elsewhere.
    """
    is_default = settings.ALLOWED_HOSTS == settings.USUAL_HOSTS
    if is_default or settings.DEBUG or _ip(host.strip("[]")) is not None:
        return [*settings.ALLOWED_HOSTS, host]
    return []


def _valid_host(header: str) -> str:
    """Return the host in the header without its port; empty if ALLOWED_HOSTS can't have it."""
    host, _port = split_domain_port(header)
    return host if len(header) <= 255 and is_host(host) else ""


def _is_in_own_network(request: ASGIRequest) -> bool:
    """Whether the client is at this machine or in a private network of its own.

    Of a request that a proxy has passed on, the proxy has to be trusted and to say who the client
    is. Otherwise all the world would seem to be at the proxy.
    """
    peer = (request.scope.get("client") or [""])[0]
    is_passed_on = bool(requests.header(request.scope, b"x-forwarded-for"))
    if is_passed_on != requests.is_trusted_proxy(peer):
        return False
    client = _ip(requests.address(request.scope) or "")
    return client is not None and client.is_private


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
