"""The account page's button "Is it live now?".

The page itself belongs to `accounts`, which knows nothing of LIVEs. The template
`templates/live/account/account.html` adds the button, and the account's latest connections
(`live.pages.connection_summaries`).
"""

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
    """Ask TikTok whether the username in the form is live now.

    Returns:
        JSON with `live`, which is null if TikTok does not answer that, and with the `text` to show.
    """
    assert isinstance(request, ASGIRequest)
    user = await request.auser()
    assert user.pk is not None
    try:
        username = normalise_tiktok_username(request.POST.get("tiktok_username", ""))
        room_id = await _live_room(request.scope["relay"], user.pk, username)
    except ValidationError as refusal:
        return JsonResponse({"live": None, "text": refusal.messages[0]})
    except RelayError as error:
        explained = error.explain(get_language())
        wait = ""
        if explained.retry_after is not UNSET:
            wait = gettext("Possible again in %(seconds)d s.") % {"seconds": explained.retry_after}
        sentences = (explained.detail, wait or ("" if explained.hint is UNSET else explained.hint))
        return JsonResponse({"live": None, "text": " ".join(filter(None, sentences))})
    text = (
        gettext("Yes: @%(username)s is live now.")
        if room_id is not None
        else gettext("No: @%(username)s is not live right now.")
    )
    return JsonResponse({"live": room_id is not None, "text": text % {"username": username}})


async def _live_room(relay: Relay, account_id: int, username: str) -> str | None:
    """Return TikTok's id of the streamer's room; None if the streamer is not live.

    Raises:
        RelayError: if there is no username, the server is stopping, or TikTok does not answer.
    """
    relay.check()
    if not username:
        raise RelayError(ErrorCode.USERNAME_MISSING)
    return await relay.live_room(account_id, username)
