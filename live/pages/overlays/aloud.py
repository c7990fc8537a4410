"""What the overlay that reads aloud needs beside its page: settings, sounds and texts.

As for all overlays, the secret in the address opens it. It must be the secret of an overlay of this
kind: others have no use for an account's settings.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

from live.aloud.models import AloudSettings, Sound
from live.overlays.models import Overlay, find_open_overlay
from live.pages.aloud import KIND, for_scripts, serve

__all__ = ["overlay_settings", "overlay_sound", "script_texts"]


@require_safe
def overlay_settings(request: HttpRequest, secret: str) -> HttpResponse:
    """The account's settings, as its console gets them, with sounds that the secret opens."""
    overlay = _opened_by(secret)
    if overlay is None:
        return HttpResponse(status=404)
    chosen = AloudSettings.objects.of(overlay.account_id)
    told = for_scripts(chosen, lambda number: reverse("overlay-sound", args=[secret, number]))
    return JsonResponse(
        told, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


@require_safe
def overlay_sound(request: HttpRequest, secret: str, pk: int) -> HttpResponse:
    """A sound that the overlay's account has uploaded."""
    overlay = _opened_by(secret)
    if overlay is None:
        return HttpResponse(status=404)
    sound = Sound.objects.filter(pk=pk, account_id=overlay.account_id).first()
    if sound is None:
        return HttpResponse(status=404)
    response = serve(sound)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
def script_texts(request: HttpRequest, language: str) -> HttpResponseBase:
    """Django's catalogue of scripts' texts in the overlay's own language, which need not be the one
    that its browser asks for."""
    if language not in settings.LANGUAGE_CODES:
        raise Http404
    with override(language):
        return JavaScriptCatalog.as_view()(request)


def _opened_by(secret: str) -> Overlay | None:
    """The overlay of this kind with this secret, whose account may be used."""
    overlay = find_open_overlay(secret)
    return overlay if overlay is not None and overlay.kind == KIND else None
