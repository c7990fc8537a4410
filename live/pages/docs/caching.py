"""How browsers and proxies may keep the documentation's pages.

Pages have the site's header, and forms with the visitor's CSRF token, so proxies must not share
them. A browser asks before it shows one again, and is told if nothing has changed. The contract's
files are the same for everybody: they may be kept and shared for some minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

__all__ = ["own_page", "public"]

# Seconds for which proxies and browsers may keep a file.
_MAX_AGE = 600
# The token of a form. It is written differently each time, though it stays the same.
_CSRF_TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value|data-csrf)="\w+"')

View = Callable[..., HttpResponse]


def public(view: View) -> View:
    """Let proxies and browsers keep the view's answers. It accepts GET and HEAD only."""
    cached: View = cache_control(public=True, max_age=_MAX_AGE)(conditional_page(view))
    return require_safe(cached)


def own_page(view: View) -> View:
    """Let the visitor's browser keep the page, and ask each time. It accepts GET and HEAD only."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        # A page that is kept has a token that is valid as long as the cookie stays the same.
        get_token(request)
        secret = str(request.META["CSRF_COOKIE"]).encode()
        content = _CSRF_TOKEN.sub(b"", response.content)
        response["ETag"] = f'"{blake2b(content, key=secret[:64], digest_size=16).hexdigest()}"'
        patch_vary_headers(response, ["Cookie", "Accept-Language"])
        kept = get_conditional_response(request, etag=response["ETag"], response=response)
        return kept or response

    private: View = cache_control(private=True, no_cache=True)(wrapped)
    return require_safe(private)
