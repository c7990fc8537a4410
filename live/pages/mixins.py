"""What several pages share: who may see the staff's pages, and pages that scripts keep up to date.

A request with the header `X-Fragment` gets only the part of a page that changes by itself, rendered
as in the page. The script `update.js` asks for it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import UserPassesTestMixin
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

__all__ = ["FragmentMixin", "StaffPage", "is_for_fragment"]

_HEADER = "X-Fragment"


class StaffPage(UserPassesTestMixin):
    """A page for staff alone. Others get the login page, or 403 if they are signed in."""

    def test_func(self) -> bool:
        return bool(self.request.user.is_staff)  # type: ignore[attr-defined]


def is_for_fragment(request: HttpRequest) -> bool:
    """Whether a script asks for the part that changes, instead of the whole page."""
    return _HEADER in request.headers


class FragmentMixin:
    """A page of which scripts can get the part that changes, without the rest.

    Attributes:
        fragment_name: that part's template.
    """

    fragment_name: str

    def get_template_names(self) -> list[str]:
        if is_for_fragment(self.request):  # type: ignore[attr-defined]
            return [self.fragment_name]
        return super().get_template_names()  # type: ignore[misc,no-any-return]

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **kwargs)  # type: ignore[misc]
        # Both have one address, and a browser going back must not find the part.
        patch_vary_headers(response, (_HEADER,))
        return response
