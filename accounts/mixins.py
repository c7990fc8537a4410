"""The base class of pages that show somebody what is their own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.models import User

__all__ = ["OwnPage"]


class OwnPage(LoginRequiredMixin):
    """A page for the account that is signed in, about what it may see. Others get the login page.

    Browsers must not cache it: who signs out leaves nothing behind.
    """

    request: HttpRequest
    kwargs: dict[str, Any]

    @property
    def account(self) -> User:
        """The account that is signed in."""
        assert isinstance(self.request.user, User)
        return self.request.user

    @method_decorator(never_cache)
    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(*args, **kwargs)
