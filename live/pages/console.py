"""The live console: a page that shows a LIVE as the mobile app does and can be installed on phones.

The page needs a token to connect. The server stores tokens only as hashes, so it can't give the
page a token that exists already. The page therefore asks for a new one, and the browser keeps it.
Such a token is valid for one day. It ends sooner if its session signs out or the account's password
changes.

If the relay refuses the token of an open console, the page asks for another one. So to revoke a
console's token does not lock out somebody who is still signed in; the end of the session does.
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
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView, View

from accounts.mixins import OwnPage
from accounts.models import AccessToken, AccessTokenQuerySet, User
from live.protocol.errors import ErrorCode
from live.protocol.options import RECORDING

__all__ = ["Console", "ConsoleToken", "manifest", "token_prefix"]

# How long a console's token is valid.
_LIFETIME = timedelta(days=1)
# A page that opens replaces its token if it is valid for less than this.
_LEFT_AT_LEAST = timedelta(hours=1)
# How many tokens of consoles an account can have; the oldest are deleted. Each open tab has one.
_MAX_TOKENS = 20
# The files of the icons, each with its sizes and its purpose, as the manifest has them.
_ICONS = {
    "icon-192.png": ("192x192", "any"),
    "icon-512.png": ("512x512", "any"),
    "icon-maskable-512.png": ("512x512", "maskable"),
    "icon.svg": ("any", "any"),
}
# The same colours as --surface and --page in relay.css.
_THEME_COLOUR, _BACKGROUND_COLOUR = "#ffffff", "#f5f6f8"


class Console(LoginRequiredMixin, TemplateView):
    """Shows the console's page. The page's scripts connect to the relay."""

    template_name = "live/console/console.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_test_possible = settings.RELAY_TEST_ENDPOINT
        return super().get_context_data(
            **kwargs,
            token_prefix=token_prefix(self.request),
            is_test_possible=is_test_possible,
            errors=sorted(ErrorCode) if is_test_possible else [],
            recordings=_recordings(settings.RELAY_RECORDINGS) if is_test_possible else [],
        )


def token_prefix(request: HttpRequest) -> str:
    """Return the beginning of the token that a script of this session may go on with, if the
    browser still has it; empty if there is none, or none that is valid for long enough."""
    token = _tokens_of(request).usable(at=timezone.now() + _LEFT_AT_LEAST).first()
    return token.prefix if token else ""


class ConsoleToken(OwnPage, View):
    """Issues a token for a console of this session. Tokens of consoles in other tabs stay valid."""

    raise_exception = True  # answer 403 to a script that is not signed in, not the login page

    def post(self, request: HttpRequest) -> JsonResponse:
        _make_room_for_a_token_of(self.account)
        _issued, token = AccessToken.objects.issue(
            self.account,
            expires_in=_LIFETIME,
            session=request.session.session_key or "",
        )
        return JsonResponse({"token": token})


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Return the manifest, with which phones install the console as an app.

    https://www.w3.org/TR/appmanifest/
    """
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
    """Return the tokens that were issued to consoles of this session, the newest first."""
    session = request.session.session_key or ""
    return AccessToken.objects.filter(session_digest=AccessToken.digest_of(session))


def _make_room_for_a_token_of(account: User) -> None:
    """Delete the expired tokens of the account's consoles, and the oldest that are too many."""
    of_consoles = account.access_tokens.exclude(session_digest="")
    of_consoles.filter(expires_at__lte=timezone.now()).delete()
    for token in of_consoles.order_by("-created_at", "-pk")[_MAX_TOKENS - 1 :]:
        token.delete()


def _recordings(folder: Path) -> list[str]:
    """Return the names of the recordings in the folder that the option `replay` accepts."""
    names = (path.name for path in folder.glob("*.jsonl*") if path.is_file())
    return sorted(filter(RECORDING.fullmatch, names))
