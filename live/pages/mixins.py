"""Pages that scripts keep up to date: a request with the header `X-Fragment` gets only the part
that changes by itself, rendered as in the page. See `update.js`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

__all__ = ["FragmentMixin", "is_for_fragment"]

_HEADER = "X-Fragment"


def is_for_fragment(request: HttpRequest) -> bool:
    """Whether a script asks, for the part alone."""
    return _HEADER in request.headers


class FragmentMixin:
    """A page of which scripts get the part that changes.

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
