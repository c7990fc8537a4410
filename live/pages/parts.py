"""The page /staff/parts/: what the pages are built of, for whoever changes one.

It exists where DEBUG is on. Each part is shown once, with the class that makes it. A page that
needs something like it takes it from here, and does not make another.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.generic import TemplateView

from live.pages.mixins import StaffPage

__all__ = ["PartsPage"]


class _ExampleForm(forms.Form):
    """A form with a field of each kind, one of them refused."""

    name = forms.CharField(label="Text", help_text="What it is for, in a sentence.")
    kind = forms.ChoiceField(label="Choice", choices=[("a", "the first"), ("b", "the second")])
    is_on = forms.BooleanField(label="Yes or no", required=False)
    refused = forms.IntegerField(label="A number that is refused")


class PartsPage(StaffPage, TemplateView):
    """Shows every part of the pages. 404 unless DEBUG is on."""

    template_name = "live/parts/parts.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEBUG:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = timezone.now()
        return super().get_context_data(
            colours=(
                *("page", "surface", "text", "quiet", "line", "field-line", "accent"),
                *("good", "good-surface", "bad", "bad-surface"),
            ),
            moments={
                kind: now - timedelta(minutes=5)
                for kind in ("day", "time", "moment", "exact-time", "exact-moment", "relative")
            },
            form=_ExampleForm({"name": "anna", "kind": "a", "is_on": "on", "refused": "many"}),
            **kwargs,
        )
