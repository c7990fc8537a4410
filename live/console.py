"""The live console, a page that behaves as the mobile app does, and what makes it installable.

The page needs a token to connect, and the server knows no token that it could show again. So the
page asks for one of its own, which the browser keeps: a day long at most, and until its session is
signed out. The session holds the token's key in the database, nothing more.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView, View

from accounts.models import AccessToken
from live.errors import ErrorCode

__all__ = ["Console", "ConsoleToken", "manifest"]

_TOKEN_KEY = "console_token"
_LIFETIME = timedelta(days=1)
_ICONS = {
    "icon-192.png": ("192x192", "any"),
    "icon-512.png": ("512x512", "any"),
    "icon-maskable-512.png": ("512x512", "maskable"),
    "icon.svg": ("any", "any"),
}
# Of relay.css, where they are called --surface and --page.
_THEME_COLOUR, _BACKGROUND_COLOUR = "#ffffff", "#f5f6f8"


class Console(LoginRequiredMixin, TemplateView):
    """The page. Its scripts connect to the relay by themselves."""

    template_name = "live/console.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        token = _token_of(self.request)
        usable = token is not None and token.is_usable()
        is_test_possible = settings.RELAY_TEST_ENDPOINT
        return super().get_context_data(
            **kwargs,
            token_prefix=token.prefix if token and usable else "",
            is_test_possible=is_test_possible,
            errors=sorted(ErrorCode) if is_test_possible else [],
            recordings=_recordings(settings.RELAY_RECORDINGS) if is_test_possible else [],
        )


@method_decorator(never_cache, name="dispatch")
class ConsoleToken(LoginRequiredMixin, View):
    """Issues a token for the console of this session; the one that it had is over."""

    raise_exception = True  # a script asks, to whom a login page would say nothing

    def post(self, request: HttpRequest) -> JsonResponse:
        _revoke_token_of(request)
        issued, text = AccessToken.objects.issue(
            request.user,  # type: ignore[arg-type]  # who is signed in
            label=gettext("Live console"),
            expires_in=_LIFETIME,
        )
        request.session[_TOKEN_KEY] = issued.pk
        return JsonResponse({"token": text})


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone installs the console by. https://www.w3.org/TR/appmanifest/"""
    folder = "live/console/icons/"
    return JsonResponse(
        {
            "id": reverse("home"),
            "start_url": reverse("home"),
            "scope": "/",
            "name": gettext("LIVE relay"),
            "short_name": gettext("LIVE relay"),
            "description": gettext("Comments, gifts and more of your TikTok LIVE, as it happens."),
            "lang": get_language(),
            "display": "standalone",
            "theme_color": _THEME_COLOUR,
            "background_color": _BACKGROUND_COLOUR,
            "icons": [
                {"src": static(folder + name), "sizes": sizes, "purpose": purpose}
                for name, (sizes, purpose) in _ICONS.items()
            ],
        },
        content_type="application/manifest+json",
        headers={"Vary": "Accept-Language, Cookie"},
    )


@receiver(user_logged_out)
def _on_signed_out(request: HttpRequest, **kwargs: Any) -> None:
    _revoke_token_of(request)


def _token_of(request: HttpRequest) -> AccessToken | None:
    """The token that this session has been issued, whatever state it is in."""
    key = request.session.get(_TOKEN_KEY)
    if key is None or not request.user.is_authenticated:
        return None
    return AccessToken.objects.filter(pk=key, user=request.user).first()


def _revoke_token_of(request: HttpRequest) -> None:
    if token := _token_of(request):
        token.revoke()


def _recordings(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jsonl*"))
