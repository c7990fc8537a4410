"""Base classes of pages: for pages that only staff may see, and for pages that scripts update.

The script `update.js` updates a page. It sends a request with the header `X-Fragment`, and gets
only the part of the page that changes, rendered as in the whole page.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import UserPassesTestMixin
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

__all__ = ["FragmentMixin", "StaffPage", "is_for_fragment"]

_HEADER = "X-Fragment"


class StaffPage(UserPassesTestMixin):
    """A page that only staff may see. Others get the login page, or 403 if they are signed in."""

    def test_func(self) -> bool:
        return bool(self.request.user.is_staff)  # type: ignore[attr-defined]


def is_for_fragment(request: HttpRequest) -> bool:
    """Whether the request asks for the part that changes, not for the whole page."""
    return _HEADER in request.headers


class FragmentMixin:
    """A page with a part that scripts can request without the rest.

    Attributes:
        fragment_name: the template of that part.
    """

    fragment_name: str

    def get_template_names(self) -> list[str]:
        if is_for_fragment(self.request):  # type: ignore[attr-defined]
            return [self.fragment_name]
        return super().get_template_names()  # type: ignore[misc,no-any-return]

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **kwargs)  # type: ignore[misc]
        # The page and the part have the same address. Without this header, a browser that goes
        # back could show the part from its cache.
        patch_vary_headers(response, (_HEADER,))
        return response
