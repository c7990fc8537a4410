"""The pages where a streamer makes overlays, changes them, and copies their addresses.

Each account sees its own. An overlay's page has a preview beside the form, which shows what is not
saved yet, with invented events or with the real LIVE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_replace, csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import TemplateView

from accounts.mixins import OwnPage
from accounts.models import User
from accounts.sockets import is_for_this_computer_only, qr_code
from live.models import ConnectionLog
from live.overlays.kinds import KINDS, Kind
from live.overlays.models import Overlay
from live.pages.console import token_prefix
from live.pages.overlays.forms import NamedForm, form_of
from live.pages.overlays.shown import POLICY, render_overlay
from live.relay.control import tell_overlay

__all__ = [
    "ChangeOverlay",
    "DeleteOverlay",
    "NewOverlay",
    "OverlayList",
    "preview",
    "renew",
    "state",
    "test",
]

# What a test can show; the names are those of live/static/live/overlays/samples.js.
_TESTS = {
    "gift": _("a gift"),
    "streak": _("a streak"),
    "big": _("a big gift"),
    "follow": _("a follow"),
    "subscribe": _("a subscription"),
    "share": _("a share"),
    "comment": _("a comment"),
}
# Those that a kind draws. The kinds that are not here only say that a test has reached them.
_TESTS_OF: Mapping[str, Sequence[str]] = {
    "alerts": ("gift", "streak", "big", "follow", "subscribe", "share"),
    "aloud": ("gift", "streak", "follow", "subscribe", "share", "comment"),
    "chat": ("comment",),
    "ticker": ("gift", "streak", "big"),
    "last": ("gift", "follow", "subscribe", "share"),
}


def _kind(name: str) -> Kind:
    """Raises Http404: there is no such kind."""
    if name not in KINDS:
        raise Http404
    return KINDS[name]


class _OverlayPage(OwnPage):
    """A page of the account's own overlays."""

    @property
    def overlays(self) -> QuerySet[Overlay]:
        return Overlay.objects.filter(account=self.account, kind__in=KINDS)

    def overlay(self, pk: int) -> Overlay:
        """Raises Http404: the account has no such overlay."""
        return get_object_or_404(self.overlays, pk=pk)


class OverlayList(_OverlayPage, TemplateView):
    """The account's overlays, and the kinds of which one can be made."""

    template_name = "live/overlays/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        overlays = list(self.overlays)
        connected = _connected(self.account, overlays)
        return super().get_context_data(
            **kwargs,
            overlays=[(overlay, overlay.pk in connected) for overlay in overlays],
            kinds=[(name, kind) for name, kind in KINDS.items()],
            is_full=len(overlays) >= settings.RELAY_MAX_OVERLAYS,
            most=settings.RELAY_MAX_OVERLAYS,
        )


# The preview is a page of this server in a frame.
@method_decorator(csp_update({"frame-src": [SELF]}), name="dispatch")
class _FormPage(_OverlayPage, TemplateView):
    """A page with the form and the preview."""

    template_name = "live/overlays/overlay_form.html"

    def render_form(self, name: str, form: NamedForm, **more: Any) -> HttpResponse:
        kind = KINDS[name]
        width, height = kind.size
        return self.render_to_response(
            self.get_context_data(
                form=form,
                kind=kind,
                kind_name=name,
                width=width,
                height=height,
                tests=[(test, _TESTS[test]) for test in _TESTS_OF.get(name, ())],
                **more,
            )
        )


class NewOverlay(_FormPage):
    """Makes an overlay of one kind."""

    def get(self, request: HttpRequest, *args: Any, kind: str, **kwargs: Any) -> HttpResponse:
        form = form_of(_kind(kind), {"name": str(_kind(kind).label)})
        return self.render_form(kind, form)

    def post(self, request: HttpRequest, kind: str) -> HttpResponse:
        form = form_of(_kind(kind), {}, request.POST)
        if not form.is_valid():
            return self.render_form(kind, form)
        with transaction.atomic():
            # One after the other: else two requests at once would both find room.
            User.objects.select_for_update().get(pk=self.account.pk)
            if self.overlays.count() >= settings.RELAY_MAX_OVERLAYS:
                messages.error(request, gettext("There are as many overlays as there may be."))
                return redirect("overlays")
            overlay = Overlay.objects.create(
                account=self.account,
                kind=kind,
                name=form.cleaned_data["name"],
                options=form.options,
            )
        messages.success(request, gettext("The overlay is there. Copy its address into OBS."))
        return redirect("overlay", overlay.pk)


class ChangeOverlay(_FormPage):
    """One overlay: its form, its address, and whether it is connected."""

    def get(self, request: HttpRequest, *args: Any, pk: int, **kwargs: Any) -> HttpResponse:
        overlay = self.overlay(pk)
        form = form_of(overlay.sort, {**overlay.current_options(), "name": overlay.name})
        return self._render(overlay, form)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        overlay = self.overlay(pk)
        form = form_of(overlay.sort, {}, request.POST)
        if not form.is_valid():
            return self._render(overlay, form)
        overlay.name, overlay.options = form.cleaned_data["name"], form.options
        overlay.save(update_fields=["name", "options"])
        tell_overlay(overlay.pk, {"options": overlay.options})
        messages.success(request, gettext("Saved. Where the overlay is open, it has changed."))
        return redirect("overlay", overlay.pk)

    def _render(self, overlay: Overlay, form: NamedForm) -> HttpResponse:
        secret = overlay.readable_secret
        address = ""
        if secret:
            address = self.request.build_absolute_uri(reverse("shown-overlay", args=[secret]))
        return self.render_form(
            overlay.kind,
            form,
            overlay=overlay,
            address=address,
            qr_code=qr_code(address) if address else "",
            is_for_this_computer_only=is_for_this_computer_only(address),
            state=_state(overlay),
        )


class DeleteOverlay(_OverlayPage, TemplateView):
    """Asks, then deletes an overlay. Its page in OBS goes dark at once."""

    template_name = "live/overlays/delete.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, overlay=self.overlay(self.kwargs["pk"]))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.overlay(pk).delete()
        messages.success(request, gettext("The overlay is deleted."))
        return redirect("overlays")


def _own(request: HttpRequest, pk: int) -> Overlay:
    """Raises Http404: the account has no such overlay."""
    return get_object_or_404(Overlay, pk=pk, account=request.user, kind__in=KINDS)


@require_POST
@login_required
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the overlay another address. Whoever has the old one sees nothing any more."""
    overlay = _own(request, pk)
    overlay.renew()
    overlay.save(update_fields=["secret", "digest", "prefix"])
    messages.success(request, gettext("The overlay has a new address. The old one shows nothing."))
    return redirect("overlay", overlay.pk)


@require_POST
@login_required
def test(request: HttpRequest, pk: int) -> JsonResponse:
    """Show a test where the overlay is open."""
    overlay = _own(request, pk)
    event = request.POST.get("event", "")
    if event not in _TESTS:
        event = "gift"
    tell_overlay(overlay.pk, {"test": event})
    return JsonResponse(_state(overlay))


@require_safe
@login_required
@never_cache
def state(request: HttpRequest, pk: int) -> JsonResponse:
    """Whether the overlay is connected, for the light on its page."""
    return JsonResponse(_state(_own(request, pk)))


def _state(overlay: Overlay) -> dict[str, Any]:
    """What the light says: `connected`, the moment of the last connection in ms, and a text."""
    is_connected = bool(_connected(overlay.account, [overlay]))
    last = overlay.last_connected_at
    if is_connected:
        text = gettext("Connected now")
    elif last is None:
        text = gettext("Not connected yet")
    else:
        text = gettext("Not connected")
    return {
        "connected": is_connected,
        "last": None if last is None else timezone.localtime(last).isoformat(),
        "text": text,
    }


def _connected(account: User, overlays: list[Overlay]) -> set[int]:
    """The primary keys of those that are open somewhere, by the connection log, which all processes
    write."""
    rows = ConnectionLog.objects.filter(
        account=account,
        closed_at=None,
        token_prefix__in=[overlay.prefix for overlay in overlays],
    )
    prefixes = set(rows.order_by().values_list("token_prefix", flat=True))
    return {overlay.pk for overlay in overlays if overlay.prefix in prefixes}


@require_safe
@login_required
@xframe_options_sameorigin
@csp_replace(dict(POLICY))  # type: ignore[arg-type]  # it takes views with arguments, too
def preview(request: HttpRequest, kind: str) -> HttpResponse:
    """The preview of a kind, in a frame of its form's page, which tells it what is chosen there."""
    assert isinstance(request.user, User)
    options = _kind(kind).form.defaults()
    language = request.GET.get("language", "")
    if language in settings.LANGUAGE_CODES:
        options["language"] = language
    data = {
        "mode": "preview",
        "pictures": reverse("picture"),
        "tokens": reverse("console-token"),
        "token-prefix": token_prefix(request),
        "csrf": get_token(request),
        "aloud": reverse("aloud-settings"),
    }
    return render_overlay(kind, options, request.user, data)
