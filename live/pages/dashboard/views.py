"""The staff's dashboard, `/staff/`, and their page of a LIVE, `/staff/streams/<username>/`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import user_passes_test
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls.converters import StringConverter
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django.views.decorators.http import require_http_methods
from django.views.generic import TemplateView, View

from accounts.models import User
from accounts.usernames import is_tiktok_username
from live.connections.failures import is_failure
from live.models import ConnectionLog
from live.pages.dashboard.accounts import affected, failing_lately
from live.pages.dashboard.attention import Beside, matters, verdict
from live.pages.dashboard.curves import spark
from live.pages.dashboard.history import HOURS, history, table_rows
from live.pages.dashboard.routes import hours_of_routes, shown_routes
from live.pages.dashboard.streams import name_accounts, names_of, stream_now
from live.pages.dashboard.watched import shown_watched
from live.pages.labels import route_in_words, tone_of, word_for
from live.pages.mixins import FragmentMixin, StaffPage, is_for_fragment
from live.pages.moments import explain
from live.protocol.errors import RelayError
from live.relay import control
from live.relay.access import Account
from live.relay.all_numbers import add_up
from live.relay.number_shapes import Numbers
from live.relay.probe import probe
from live.relay.relay import Relay
from live.webhooks.models import Webhook

__all__ = [
    "AffectedAccounts",
    "Dashboard",
    "DisconnectStream",
    "LastHoursPage",
    "ReconnectStream",
    "StreamPage",
    "UsernameConverter",
    "test_connection",
]

# The number of connections that the page of a LIVE shows.
_CONNECTIONS = 10
# For how long the dashboard tells of a webhook that has been switched off.
_SWITCHED_OFF = timedelta(days=7)
# Hours, beyond which a time alone does not say of which day it is.
_DAY = 24
# The last page of accounts that is shown; whoever looks for one searches.
_LAST_PAGE = 1000


class UsernameConverter(StringConverter):
    """Accepts a part of an address only if it can be a TikTok username."""

    def to_python(self, value: str) -> str:
        if not is_tiktok_username(value):
            raise ValueError(value)
        return value


class Dashboard(StaffPage, FragmentMixin, TemplateView):
    """Shows the relay now and in the last hours. A script updates the part about now."""

    template_name = "live/dashboard/dashboard.html"
    fragment_name = "live/dashboard/now.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = async_to_sync(_now)(_scope(self.request)["relay"], _scope(self.request)["relays"])
        # The last hours need a query of the log, so the part about now leaves them out.
        past = {} if is_for_fragment(self.request) else _past(_hours(self.request))
        found = matters(now.numbers, _beside())
        return super().get_context_data(
            numbers=now.numbers,
            matters=found,
            verdict=verdict(now.numbers, found),
            test_sockets=now.test_sockets,
            streams=[
                {
                    **stream,
                    "word": word_for(stream["state"]),
                    "tone": tone_of(stream["state"]),
                    "route": route_in_words(stream["route"]),
                    "spark": spark(stream["curve"]),
                    "problem_in_words": explain(stream["problem"], stream["username"]),
                }
                for stream in now.numbers["streams"]
            ],
            routes=shown_routes(now.numbers),
            has_several_routes=len(now.numbers["routes"]) > 1,
            hours_of_routes=hours_of_routes(now.numbers),
            watched=shown_watched(now.numbers["watched"]),
            **past,
            **kwargs,
        )


class LastHoursPage(StaffPage, View):
    """Returns the counts of the last hours as JSON, or as HTML to the dashboard's script."""

    def get(self, request: HttpRequest) -> HttpResponse:
        hours = _hours(request)
        if is_for_fragment(request):
            return render(request, "live/dashboard/past_parts.html", _past(hours))
        return JsonResponse(history(hours))


class AffectedAccounts(StaffPage, TemplateView):
    """Shows whose connections fail, since when, and what helps."""

    template_name = "live/dashboard/accounts.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        search, asked = self.request.GET.get("q", "")[:150], self.request.GET.get("page", "")
        page = min(int(asked), _LAST_PAGE) if asked.isdecimal() and asked.isascii() else 1
        accounts, has_more = affected(search, max(page, 1))
        return super().get_context_data(
            accounts=accounts,
            search=search,
            page=max(page, 1),
            has_more=has_more,
            **kwargs,
        )


class StreamPage(StaffPage, FragmentMixin, TemplateView):
    """Shows one LIVE: its stream, if there is one, its sockets, and the latest connections."""

    template_name = "live/dashboard/stream.html"
    fragment_name = "live/dashboard/stream_facts.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        username = kwargs["username"]
        relay: Relay = _scope(self.request)["relay"]
        stream = async_to_sync(stream_now)(relay, username)
        elsewhere = None
        watchers: list[str] = []
        if stream is not None:
            name_accounts(stream.listeners)
            watchers = names_of(stream.watchers)
        else:
            elsewhere = async_to_sync(relay.streams.look)(username)
        newest = ConnectionLog.objects.filter(tiktok_username=username)
        connections = list(
            newest.select_related("account").defer(
                "timeline", "account__own_sign_api_key", "account__own_proxy"
            )[:_CONNECTIONS]
        )
        # Where there is no stream any more, its last connection says what went wrong.
        failed = next(iter(connections), None) if stream is None else None
        if failed is not None and not is_failure(failed.error_code):
            failed = None
        return super().get_context_data(
            stream=stream,
            failed=failed,
            failed_explained=explain(failed.error_code, username) if failed else None,
            watchers=watchers,
            elsewhere=elsewhere,
            elsewhere_word=word_for(elsewhere.state) if elsewhere else "",
            connections=connections,
            **kwargs,
        )


class StreamAction(StaffPage, View):
    """An action of staff on a LIVE. It needs a POST."""

    def get(self, request: HttpRequest, username: str) -> HttpResponse:
        """Show the page of the LIVE. Staff who had to sign in first come here, with a GET."""
        return redirect("stream", username)


class ReconnectStream(StreamAction):
    """Lets the relay connect the stream to TikTok again. Its sockets stay open."""

    def post(self, request: HttpRequest, username: str) -> HttpResponse:
        control.reconnect_stream(username, by=request.user.get_username())
        messages.success(request, gettext("The relay has been asked to reconnect."))
        return redirect("stream", username)


class DisconnectStream(StreamAction):
    """Closes all sockets of the LIVE."""

    def post(self, request: HttpRequest, username: str) -> HttpResponse:
        control.disconnect_stream(username)
        messages.success(request, gettext("The relay has been asked to close all sockets."))
        return redirect("stream", username)


def _is_staff(user: User | AnonymousUser) -> bool:
    if user.is_authenticated and not user.is_staff:
        raise PermissionDenied
    return user.is_staff


@require_http_methods(["GET", "HEAD", "POST"])
@user_passes_test(_is_staff)
async def test_connection(request: HttpRequest, username: str) -> HttpResponse:
    """Connect to the LIVE in the way a socket does, and show whether that worked."""
    if request.method != "POST":
        return redirect("stream", username)
    relay: Relay = _scope(request)["relay"]
    stream = relay.streams.get(username)
    was_up = stream is not None and stream.is_connected
    context: dict[str, Any] = {"username": username, "was_up": was_up}
    began = time.monotonic()
    try:
        context["room"] = await probe(relay, await _account_of(username))
    except RelayError as error:
        context["error"], context["said"] = error.explain(get_language()), error.said
        context["reason"] = gettext(error.reason) if error.reason else ""
    context["seconds"] = round(time.monotonic() - began, 1)
    template = (
        "live/dashboard/stream_outcome.html"
        if is_for_fragment(request)
        else "live/dashboard/stream_test.html"
    )
    return await sync_to_async(render)(request, template, context)


async def _account_of(username: str) -> Account:
    """Return an account that has this LIVE, if there is one: rather one with an API key of its
    own."""
    chosen = Account(0, username, "")
    async for user in User.objects.filter(tiktok_username=username, is_active=True):
        chosen = Account(user.pk, username, user.sign_api_key(), user.proxy())
        if chosen.sign_api_key:
            break
    return chosen


class Now(NamedTuple):
    """The numbers of the relay at this moment.

    Attributes:
        numbers: the numbers of the relay of real LIVEs, of all processes together. (Others that
            nobody has watched tell theirs a second later.)
        test_sockets: how many sockets the test endpoint of this process has; None if it is off.
    """

    numbers: Numbers
    test_sockets: int | None


async def _now(relay: Relay, relays: Sequence[Relay]) -> Now:
    relay.numbers.watch()
    of_tests = [len(other.sockets) for other in relays if other.is_test]
    numbers = add_up(await relay.numbers.now(), await relay.numbers.of_others())
    return Now(numbers, sum(of_tests) if of_tests else None)


def _beside() -> Beside:
    """Two small queries: of one row an account, and of the webhooks."""
    since = timezone.now() - _SWITCHED_OFF
    return Beside(
        failing=failing_lately(),
        webhooks=Webhook.objects.filter(switched_off_at__gte=since).count(),
    )


class ShownFailure(NamedTuple):
    """How often an error occurred.

    Attributes:
        title: the error in words; empty if it is not known any more.
    """

    code: str
    number: int
    title: str

    @classmethod
    def of(cls, code: str, number: int) -> ShownFailure:
        error = explain(code, "")
        return cls(code, number, error.title if error else "")


def _grain_in_words(seconds: int) -> str:
    if seconds >= 3600:
        return gettext("A bar is an hour.")
    minutes = seconds // 60
    return ngettext("A bar is a minute.", "A bar is %(count)s minutes.", minutes) % {
        "count": minutes
    }


def _past(hours: int) -> dict[str, Any]:
    """Return what the templates need to show the last hours."""
    past = history(hours)
    return {
        "history": past,
        "rows": table_rows(past),
        "connected": sum(past["connections"]),
        "failed": sum(map(sum, past["failures"].values())),
        "failures": [
            ShownFailure.of(code, sum(counts)) for code, counts in past["failures"].items()
        ],
        "grain": _grain_in_words(past["step"]),
        "table_shows": "moment" if hours > _DAY else "time",
        "since": datetime.fromtimestamp(past["start"], tz=UTC),
        "hours": hours,
        "choices": HOURS,
    }


def _scope(request: HttpRequest) -> Mapping[str, Any]:
    assert isinstance(request, ASGIRequest)
    return request.scope


def _hours(request: HttpRequest) -> int:
    asked = request.GET.get("hours", "")
    return next((hours for hours in HOURS if str(hours) == asked), 6)
