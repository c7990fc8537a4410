"""The live console, a page that behaves as the mobile app does, and what makes it installable.

The page needs a token to connect, and the server knows no token that it could show again. So the
page asks for one of its own, which the browser keeps: a day long at most, and until its session is
signed out or the account's password is changed.

A page that stays open gets another token by itself when the relay refuses the one that it has. So
revoking a console's token cuts nobody off who is signed in; signing out does, and another password.
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
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView, View

from accounts.models import AccessToken, AccessTokenQuerySet, User
from live.protocol.errors import ErrorCode
from live.protocol.options import RECORDING

__all__ = ["Console", "ConsoleToken", "manifest"]

_LIFETIME = timedelta(days=1)
# A page that is opened should not have to replace its token soon.
_LEFT_AT_LEAST = timedelta(hours=1)
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

    template_name = "live/console/console.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        token = _tokens_of(self.request).usable(at=timezone.now() + _LEFT_AT_LEAST).first()
        is_test_possible = settings.RELAY_TEST_ENDPOINT
        return super().get_context_data(
            **kwargs,
            token_prefix=token.prefix if token else "",
            is_test_possible=is_test_possible,
            errors=sorted(ErrorCode) if is_test_possible else [],
            recordings=_recordings(settings.RELAY_RECORDINGS) if is_test_possible else [],
        )


@method_decorator(never_cache, name="dispatch")
class ConsoleToken(LoginRequiredMixin, View):
    """Issues a token for a console of this session. Those of its other tabs stay."""

    raise_exception = True  # a script asks, to whom a login page would say nothing

    def post(self, request: HttpRequest) -> JsonResponse:
        assert isinstance(request.user, User)
        _delete_expired_tokens_of(request.user)
        _issued, token = AccessToken.objects.issue(
            request.user,
            expires_in=_LIFETIME,
            session=request.session.session_key or "",
        )
        return JsonResponse({"token": token})


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
    for token in _tokens_of(request):
        token.revoke()


def _tokens_of(request: HttpRequest) -> AccessTokenQuerySet:
    """What this session has been issued, the newest first."""
    session = request.session.session_key or ""
    return AccessToken.objects.filter(session_digest=AccessToken.digest_of(session))


def _delete_expired_tokens_of(account: User) -> None:
    """Of its consoles, which would leave one a day."""
    expired = account.access_tokens.filter(expires_at__lte=timezone.now())
    expired.exclude(session_digest="").delete()


def _recordings(folder: Path) -> list[str]:
    """Those that `?replay=` takes."""
    names = (path.name for path in folder.glob("*.jsonl*") if path.is_file())
    return sorted(filter(RECORDING.fullmatch, names))
