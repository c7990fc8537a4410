"""What OBS opens: the page of an overlay, its pictures, and the sums of the LIVE so far.

The secret in the address opens all three. Nobody is signed in there, no cookie is set, and other
sites learn nothing of the address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, override
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.models import User
from live.history.models import Gifter, Live
from live.history.reading import likes_of
from live.overlays.kinds import KINDS
from live.overlays.models import find_open_overlay
from live.overlays.texts import texts
from live.tiktok.pictures import Pictures

__all__ = ["POLICY", "overlay_page", "overlay_picture", "overlay_sums", "render_overlay"]

# Of the pages that show overlays: they load nothing but what is this server's, and only its own
# pages may put them in a frame.
POLICY: Mapping[str, Any] = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "media-src": [SELF],
    "connect-src": [SELF],  # sockets too
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
}
# So many gifters can be shown.
_MOST_GIFTERS = 10
# The most characters of a room's id.
_ROOM_LENGTH = 32
# Seconds for which browsers keep the answer, by whether there is a picture.
_BROWSERS_KEEP = {True: 86_400, False: 60}


def render_overlay(
    kind: str, options: Mapping[str, Any], account: User, data: Mapping[str, str]
) -> HttpResponse:
    """The page that draws an overlay.

    Args:
        kind: of the overlay.
        options: all of its options.
        account: whose overlay it is: its language is the overlay's, unless the options say another.
        data: what else its script gets to know, as `data-…` attributes.
    """
    language = options["language"] or account.language or get_language() or settings.LANGUAGE_CODE
    with override(language):
        page = render_to_string(
            "live/overlays/overlay.html",
            {
                "kind": kind,
                "style": f"live/overlays/kinds/{kind}.css",
                "needs_texts": KINDS[kind].needs_texts,
                "options": json.dumps(options),
                "texts": json.dumps(texts()),
                "data": data,
                "language": language,
                "SOURCE_URL": settings.SOURCE_URL,
            },
        )
    return _private(HttpResponse(page))


def _private(response: HttpResponse) -> HttpResponse:
    """Nobody keeps it, and nobody is told where it was opened."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
@xframe_options_sameorigin
@csp_replace(dict(POLICY))  # type: ignore[arg-type]  # it takes views with arguments, too
def overlay_page(request: HttpRequest, secret: str) -> HttpResponse:
    """The page that OBS opens."""
    overlay = find_open_overlay(secret)
    if overlay is None:
        page = render_to_string("live/overlays/unknown.html", {"language": get_language()})
        return _private(HttpResponse(page, status=404))
    data = {
        "mode": "shown",
        "pictures": reverse("overlay-picture", args=[secret]),
        "aloud": reverse("overlay-aloud", args=[secret]),
    }
    if overlay.sort.needs_sums:
        data["sums"] = reverse("overlay-sums", args=[secret])
    return render_overlay(overlay.kind, overlay.current_options(), overlay.account, data)


@require_safe
def overlay_sums(request: HttpRequest, secret: str) -> HttpResponse:
    """What the account has heard of the LIVE in the room of the parameter `room`, as JSON for the
    overlay's script (live/static/live/overlays/sums.js); an empty object if nothing is kept of it.
    404 for an overlay of a kind that shows no sums.
    """
    overlay = find_open_overlay(secret)
    if overlay is None or not overlay.sort.needs_sums:
        return _private(JsonResponse({}, status=404))
    room = request.GET.get("room", "")[:_ROOM_LENGTH]
    live = Live.objects.filter(
        tiktok_username=overlay.account.tiktok_username,  # with it, the room's index is of use
        room_id=room,
        listeners__account=overlay.account_id,
    ).first()
    return _private(JsonResponse({} if live is None else _sums_of(live)))


def _sums_of(live: Live) -> dict[str, Any]:
    gifters = Gifter.objects.filter(live=live).order_by("-diamonds", "pk")[:_MOST_GIFTERS]
    return {
        "epoch": live.epoch,
        "offset": live.offset,
        "diamonds": live.diamonds,
        "follows": live.follows,
        "shares": live.shares,
        "comments": live.comments,
        "likes": likes_of(live),
        "top": [
            {
                "user": {
                    "id": gifter.user_id,
                    "username": gifter.username,
                    "nickname": gifter.nickname,
                    "avatar": gifter.avatar,
                },
                "diamonds": gifter.diamonds,
            }
            for gifter in gifters
        ],
    }


@require_safe
async def overlay_picture(request: HttpRequest, secret: str) -> HttpResponse:
    """The picture at TikTok's address in the parameter `address`; 404 if there is none."""
    assert isinstance(request, ASGIRequest)
    overlay = await sync_to_async(find_open_overlay)(secret)
    found = None
    if overlay is not None:
        pictures: Pictures = request.scope["relay"].pictures
        found = await pictures.get(request.GET.get("address", ""), overlay.account_id)
    if found is None:
        response = HttpResponse(status=404)
    else:
        response = HttpResponse(found.content, content_type=found.content_type)
    response["Cache-Control"] = f"private, max-age={_BROWSERS_KEEP[found is not None]}"
    response["Referrer-Policy"] = "no-referrer"
    return response
