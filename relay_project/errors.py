"""The answer to requests that Django refuses with status 400 before a view is called."""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.translation import gettext as _
from django.views.defaults import bad_request as plain_bad_request

__all__ = ["bad_request"]

logger = logging.getLogger(__name__)

# How many different hosts are logged. The limit is needed because clients can invent hosts.
_MOST_LOGGED = 10
# The hosts that have been logged.
_logged: set[str] = set()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a bad request, as Django's `handler400`.

    A browser in this machine's own network may have used an address that is not in ALLOWED_HOSTS.
    Then the answer says what to set. The log says it too, once for each address.

    All other clients get Django's plain answer. They don't need to know what this server is.
    """
    host = _own_network_s_host(request) if isinstance(exception, DisallowedHost) else None
    if host is None:
        return plain_bad_request(request, exception)
    if host not in _logged and len(_logged) < _MOST_LOGGED:
        _logged.add(host)
        logger.warning("A browser came by %s and was refused; add it to ALLOWED_HOSTS", host)
    text = _(
        "The relay does not answer browsers at the address %(host)s. Whoever runs it: add the "
        "address to ALLOWED_HOSTS and start the relay again, for example with\n\n"
        "    ALLOWED_HOSTS=localhost,127.0.0.1,%(host)s make run HOST=0.0.0.0\n"
    )
    return HttpResponseBadRequest(text % {"host": host}, content_type="text/plain; charset=utf-8")


def _own_network_s_host(request: HttpRequest) -> str | None:
    """Return the host that a client in this machine's own network used; None for other clients.

    The host and the client must be private addresses, and there must be no proxy between them.
    """
    if "HTTP_X_FORWARDED_FOR" in request.META:
        return None
    try:
        host = urlsplit(f"//{request.META.get('HTTP_HOST', '')}").hostname or ""
        addresses = [ipaddress.ip_address(each) for each in (host, request.META["REMOTE_ADDR"])]
    except (KeyError, ValueError):
        return None
    if not all(address.is_private for address in addresses):
        return None
    return f"[{host}]" if ":" in host else host
