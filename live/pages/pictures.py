"""Serves TikTok's pictures from this server, because its pages load nothing from other hosts."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from live.tiktok.pictures import Pictures

__all__ = ["picture"]

# Seconds for which browsers cache the answer, by whether there is a picture.
_BROWSERS_KEEP = {True: 86_400, False: 60}


@require_safe
@login_required
async def picture(request: HttpRequest) -> HttpResponse:
    """Return the picture at TikTok's address in the parameter `address`; 404 if there is none."""
    pictures: Pictures = request.scope["relay"].pictures  # type: ignore[attr-defined]
    account = await request.auser()
    assert account.pk is not None
    found = await pictures.get(request.GET.get("address", ""), account.pk)
    if found is None:
        response = HttpResponse(status=404)
    else:
        response = HttpResponse(found.content, content_type=found.content_type)
    response["Cache-Control"] = f"private, max-age={_BROWSERS_KEEP[found is not None]}"
    return response
