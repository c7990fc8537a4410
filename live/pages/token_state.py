"""Whether a phone has connected with a new token: for the light on the page that shows it.

The answer is read from the connection log, which all processes write. The token is named by its
primary key: its text must not be in an address, since addresses are logged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.views.generic import View
from msgspec import UNSET

from accounts.mixins import OwnPage
from accounts.models import AccessToken
from live.models import ConnectionLog
from live.pages.moments import explain

__all__ = ["TokenState"]

# How many of the account's connections are looked through; some may be those of other tokens.
_LOOKED_THROUGH = 200
# How much the clocks of processes on several machines may differ.
_CLOCKS_DIFFER = timedelta(minutes=5)


class TokenState(OwnPage, View):
    """Says what came of the token until now, to its owner.

    The answer has a `state`: "waiting", "connected", "ended" or "refused"; and texts to show:
    `title`; `detail` and `hint`, and who the `client` is, which may be empty.
    """

    raise_exception = True  # answer 403 to a script that is not signed in, not the login page

    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        token = get_object_or_404(self.account.access_tokens, pk=pk)
        return JsonResponse(_state(_last_connection(token)))


def _last_connection(token: AccessToken) -> ConnectionLog | None:
    """The token's newest connection, or one that is still open; None if there is none."""
    since = token.created_at - _CLOCKS_DIFFER
    rows = ConnectionLog.objects.filter(account=token.user_id, opened_at__gte=since).defer(
        "timeline"
    )
    rows = rows[:_LOOKED_THROUGH]
    own = [row for row in rows if row.token_prefix == token.prefix]
    still_open = [row for row in own if row.closed_at is None]
    return next(iter(still_open or own), None)


def _state(connection: ConnectionLog | None) -> dict[str, Any]:
    if connection is None:
        return _told("waiting", gettext("Waiting for the phone…"))
    client = _client(connection)
    if connection.closed_at is None:
        return _told("connected", gettext("Connected"), client=client)
    if not connection.error_code:
        return _told(
            "ended", gettext("It was connected, and has closed the connection"), client=client
        )
    error = explain(connection.error_code, connection.tiktok_username)
    if error is None:
        return _told("refused", gettext("The relay refused it"), client=client)
    hint = "" if error.hint is UNSET else error.hint
    title = gettext("It reached the relay, and was told: %(title)s") % {"title": error.title}
    return _told("refused", title, error.detail, hint=hint, client=client)


def _told(
    state: str, title: str, detail: str = "", hint: str = "", client: str = ""
) -> dict[str, str]:
    return {"state": state, "title": title, "detail": detail, "hint": hint, "client": client}


def _client(connection: ConnectionLog) -> str:
    """The address and the user agent of a client, as far as they are known."""
    return " · ".join(filter(None, (connection.address or "", connection.user_agent)))
