"""What the account page asks of the relay."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, JsonResponse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_POST
from msgspec import UNSET

from accounts.usernames import normalise_tiktok_username
from live.protocol.errors import ErrorCode, RelayError
from live.relay.relay import Relay

__all__ = ["is_live"]


@require_POST
@login_required
async def is_live(request: HttpRequest) -> JsonResponse:
    """Whether the username in the form is live now, as TikTok says: `live` (null where it does
    not), and `text` to show."""
    assert isinstance(request, ASGIRequest)
    try:
        username = normalise_tiktok_username(request.POST.get("tiktok_username", ""))
        room_id = await _live_room(request.scope["relay"], username)
    except ValidationError as refusal:
        return JsonResponse({"live": None, "text": refusal.messages[0]})
    except RelayError as error:
        told = error.explain(get_language())
        sentences = (told.detail, "" if told.hint is UNSET else told.hint)
        return JsonResponse({"live": None, "text": " ".join(filter(None, sentences))})
    text = (
        gettext("Yes: @%(username)s is live now.")
        if room_id is not None
        else gettext("No: @%(username)s is not live right now.")
    )
    return JsonResponse({"live": room_id is not None, "text": text % {"username": username}})


async def _live_room(relay: Relay, username: str) -> str | None:
    """Raises RelayError: TikTok does not say, or there is nothing to ask it for."""
    relay.check()
    if not username:
        raise RelayError(ErrorCode.USERNAME_MISSING)
    return await relay.lookup.live_room(username)
