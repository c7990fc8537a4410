"""Lists of LIVEs: an account's own, and those of all for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView, View

from accounts.mixins import OwnPage
from accounts.models import User
from accounts.usernames import TikTokUsernameFormField
from live.connections.position import Position
from live.history.models import Live
from live.history.reading import Found, LiveList, duration_of, likes_of
from live.pages.lives.charts import SmallCurve, small_curve
from live.pages.mixins import StaffPage

__all__ = ["PAGE_SIZE", "AllLives", "LastLive", "OwnLives", "newest_lives"]

# How many LIVEs are on a page of a list.
PAGE_SIZE = 20


class Listed(NamedTuple):
    """A LIVE in a list, as `templates/live/lives/listed.html` shows it."""

    live: Live
    curve: SmallCurve
    length: timedelta
    likes: int


def _listed(live: Live) -> Listed:
    return Listed(live, small_curve(live.curve), duration_of(live), likes_of(live))


def newest_lives(account: User, count: int) -> list[Listed]:
    """Return the newest LIVEs that the account has heard."""
    return [_listed(live) for live in LiveList.of_account(account).page(count).lives]


class _Lives(TemplateView):
    """A list of LIVEs, newest first. A page that does not exist counts as the first one."""

    template_name = "live/lives/list.html"

    def found(self) -> Found:
        """Find the LIVEs of the page that is asked for."""
        raise NotImplementedError

    def page(self, lives: LiveList) -> Found:
        """Return the page of the list that the address names."""
        return lives.page(
            PAGE_SIZE,
            before=Position.parse(self.request.GET.get("before", "")),
            after=Position.parse(self.request.GET.get("after", "")),
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = self.found()
        return super().get_context_data(
            lives=[_listed(live) for live in found.lives],
            newer=self._query(after=found.newer),
            older=self._query(before=found.older),
            is_first=found.newer is None,
            **kwargs,
        )

    def _query(self, **where: Position | None) -> str:
        """Return the query for another page of the list; empty if there is no such page."""
        [(name, position)] = where.items()
        if position is None:
            return ""
        query = self.request.GET.copy()
        for other in ("before", "after"):
            query.pop(other, None)
        query[name] = str(position)
        return f"?{query.urlencode()}"


class OwnLives(OwnPage, _Lives):
    """Lists the LIVEs that the account has heard."""

    def found(self) -> Found:
        return self.page(LiveList.of_account(self.account))


class LiveFilter(forms.Form):
    username = TikTokUsernameFormField(
        label=_("TikTok username"), max_length=200, required=False, label_suffix=""
    )


class AllLives(StaffPage, _Lives):
    """Lists the LIVEs that any account has heard, or those of one streamer."""

    @cached_property
    def form(self) -> LiveFilter:
        return LiveFilter(self.request.GET)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(form=self.form, **kwargs)

    def found(self) -> Found:
        if not self.form.is_valid():
            return Found([], None, None)
        return self.page(LiveList.of_all(self.form.cleaned_data["username"]))


class LastLive(OwnPage, View):
    """Leads to the newest LIVE that the account has heard; to the list if there is none."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = LiveList.of_account(self.account).page(1)
        return redirect("live", found.lives[0].pk) if found.lives else redirect("lives")
