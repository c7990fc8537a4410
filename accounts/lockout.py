"""Limits how often passwords can be tried.

There are two kinds of limit:

- Of each username from one address, by django-axes: after some wrong passwords, a pause of minutes.
  The settings `AXES_…` say how many, and how long.
- Of each address, and of each username from all addresses, by `accounts.limits`: so many attempts a
  minute. These are counted before a password is looked at, since that alone is work.

Whoever is over a limit is answered with status 429 and `Retry-After`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language_from_request, override

from accounts import requests
from accounts.limits import SignInLimits, TooManyAttempts

__all__ = [
    "LimitingBackend",
    "LimitingMiddleware",
    "client_address",
    "early_refusal",
    "is_form",
    "limits",
    "locked_out",
]

# The limits of this process.
limits = SignInLimits()

# How many requests with a password are worked on at the same time: as many as are hashed. Each
# needs a thread, and all threads share Python's lock with the event loop. So many more may wait.
_AT_ONCE = 2
_MOST_WAITING = 16
# Seconds after which those that wait are done, about.
_RETRY_AFTER = 5
# The size of a body of which the username is read before anything else is done, in bytes.
_MOST_READ = 4_096
# Middleware that adds such headers to other pages may not be called for a page of this module.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP address; for IPv6, the address of the client's network.

    X-Forwarded-For counts only if a trusted proxy sent it.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return requests.client(
        {
            "client": (request.META.get("REMOTE_ADDR", ""), None),
            "headers": [(b"x-forwarded-for", forwarded.encode("latin-1", "replace"))],
        }
    )


class LimitingBackend:
    """An authentication backend that signs nobody in, but stops too many attempts.

    It stands before the backend that hashes passwords.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, **credentials: Any
    ) -> None:
        """Count one attempt.

        Raises:
            TooManyAttempts: the client, or all clients that try this username, made too many.
        """
        if request is None or username is None:
            return
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            return  # it asks for its own password again, and axes counts the wrong ones
        client = client_address(request)
        if not getattr(request, "is_counted_attempt", False):
            limits.count(client, username)
        limits.count_username(client, username)


@receiver(user_logged_in)
def _remember(request: HttpRequest | None, user: AbstractBaseUser, **kwargs: Any) -> None:
    if request is not None:
        limits.succeeded(client_address(request), user.get_username())


class LimitingMiddleware:
    """Answers attempts that are over a limit.

    It stands first, so that attempts of a client that is over its limit cost no session and no
    query. It also lets those that are within it wait for their turn.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._inside = 0  # those that are worked on or wait
        self._turns = asyncio.Semaphore(_AT_ONCE)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._answer(request)
        refusal = _refusal(request)
        return self._get_response(request) if refusal is None else refusal

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST" or not _has_password(request):
            response: HttpResponseBase = await self._get_response(request)
            return response
        if (refusal := _refusal(request)) is not None:
            return refusal
        if self._inside >= _AT_ONCE + _MOST_WAITING:
            return _too_many(request, _RETRY_AFTER)
        self._inside += 1
        try:
            async with self._turns:
                return await self._get_response(request)  # type: ignore[no-any-return]
        finally:
            self._inside -= 1

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, TooManyAttempts):
            return _too_many(request, exception.retry_after)
        return None


def _signs_in(request: HttpRequest) -> bool:
    """Whether the page is for people who are not signed in, and takes their attempts."""
    return request.path.startswith(reverse("login")) or request.path == reverse("admin:login")


def _has_password(request: HttpRequest) -> bool:
    """Whether a POST to this page makes the server hash a password. The admin's forms for other
    accounts are not among them: they are for the staff."""
    own = {reverse("change-password"), reverse("change-email")}
    return _signs_in(request) or request.path in own


def early_refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer to an attempt to sign in of a client that is over its limit already; None for all
    other requests. Nothing is counted, and there is no query."""
    if request.method != "POST" or not _signs_in(request):
        return None
    wait = limits.retry_after(client_address(request), _username(request))
    return None if wait is None else _too_many(request, wait)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Count an attempt to sign in. Return the answer to it if the client is over its limit."""
    if request.method != "POST" or not _signs_in(request):
        return None
    try:
        limits.count(client_address(request), _username(request))
    except TooManyAttempts as refusal:
        return _too_many(request, refusal.retry_after)
    request.is_counted_attempt = True  # type: ignore[attr-defined]
    return None


def _username(request: HttpRequest) -> str:
    """The username that was sent; empty where the body is larger than a form of these pages."""
    can_be_read = is_form(request.META.get("CONTENT_LENGTH", ""))
    return str(request.POST.get("username", "")) if can_be_read else ""


def is_form(length: str) -> bool:
    """Whether a body with this Content-Length, which may be any text, is as small as a form to sign
    in. Of larger ones nothing is read."""
    return length.isdecimal() and int(length) <= _MOST_READ


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    """The page for too many attempts. It is made without a query."""
    text = _too_many_text(get_language_from_request(request), seconds)
    response = HttpResponse(text, status=429, headers=_HEADERS)
    response["Retry-After"] = str(seconds)
    response["Content-Length"] = str(len(response.content))
    return response


@lru_cache(maxsize=64)
def _too_many_text(language: str, seconds: int) -> str:
    context = {
        "seconds": seconds,
        "SOURCE_URL": settings.SOURCE_URL,
        "VERSION": settings.VERSION,
    }
    with override(language):
        return render_to_string("registration/too_many_attempts.html", context)


def locked_out(request: HttpRequest, *args: Any) -> HttpResponse:
    """The page for too many wrong passwords for one username, for django-axes."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    response = render(request, "registration/locked_out.html", status=429)
    response["Retry-After"] = str(seconds)
    return response
