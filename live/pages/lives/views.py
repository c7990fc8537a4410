"""The pages of LIVEs: lists, one LIVE, its exports, and the data of its recap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView, View

from accounts.models import User
from accounts.usernames import TikTokUsernameFormField
from live.clock import from_ms, to_ms
from live.connections.position import Position
from live.history.course import Course, course_of
from live.history.exports import TABLES, TRANSCRIPT, csv_of, json_of, sums_of
from live.history.models import Battle, Hole, Live
from live.history.reading import (
    Averages,
    Found,
    LiveList,
    averages,
    duration_of,
    likes_of,
    live_of,
    lives_before,
    may_read_transcript,
)
from live.history.transcript import search
from live.pages.lives.charts import (
    Chart,
    SmallCurve,
    chart_of,
    small_curve,
    spans_of,
    ticks,
)
from live.pages.lives.words import end_in_words, result_in_words
from live.pages.mixins import StaffPage
from live.protocol.frames import BattleResult

__all__ = [
    "AllLives",
    "LastLive",
    "LiveCsv",
    "LiveJson",
    "LivePage",
    "OwnLives",
    "RecapData",
]

# How many LIVEs are on a page of a list.
PAGE_SIZE = 20
# How many lines of a transcript are on a page.
LINES = 50
# How many gifters, kinds of gifts and big gifts a LIVE's page shows; exports have all of them.
_GIFTERS = 10
_KINDS = 12
_BIG_GIFTS = 5
# With how many LIVEs before it a LIVE is compared.
_COMPARED = 10
# How many gifters are on the recap’s picture.
_RECAP_GIFTERS = 3
# The largest length of what a transcript is searched for, in characters.
_SEARCHED = 100


# --- Lists ---------------------------------------------------------------------------------------


class Listed(NamedTuple):
    """A LIVE in a list."""

    live: Live
    curve: SmallCurve
    length: timedelta
    likes: int


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
            lives=[
                Listed(live, small_curve(live.curve), duration_of(live), likes_of(live))
                for live in found.lives
            ],
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


class OwnLives(LoginRequiredMixin, _Lives):
    """Lists the LIVEs that the account has heard."""

    def found(self) -> Found:
        return self.page(LiveList.of_account(_account(self.request)))


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


class LastLive(LoginRequiredMixin, View):
    """Leads to the newest LIVE that the account has heard; to the list if there is none."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = LiveList.of_account(_account(request)).page(1)
        return redirect("live", found.lives[0].pk) if found.lives else redirect("lives")


# --- One LIVE ------------------------------------------------------------------------------------


class _OneLive(LoginRequiredMixin):
    """A page of one LIVE. It exists for those who have heard the LIVE, and for staff."""

    request: HttpRequest
    kwargs: dict[str, Any]

    def live(self) -> Live:
        """Return the LIVE.

        Raises:
            Http404: there is none, or the account may not see it.
        """
        account = _account(self.request)
        live = live_of(account, self.kwargs["pk"], all_lives=account.is_staff)
        if live is None:
            raise Http404
        return live


class Change(NamedTuple):
    """How a sum compares with another LIVE's.

    Attributes:
        value: the other's.
        percent: how much more, or less if negative, this LIVE has; None if the other has nothing.
        has_holes: the other's may be more.
    """

    value: float
    percent: int | None
    has_holes: bool


@dataclass(frozen=True)
class Compared:
    """One line of the comparison.

    Attributes:
        label: what is compared, in the viewer's language.
        kind: "seconds", or empty for a number.
        value: this LIVE's; None if it is not known.
        has_holes: it may be more.
        before: the LIVE before.
        average: the average of the last ones.
    """

    label: Any
    kind: str
    value: float | None
    has_holes: bool
    before: Change | None
    average: Change | None


# What is compared: names in `Averages`, and whether holes make it less.
_COMPARISON = (
    ("seconds", _("Duration"), False),
    ("viewers_peak", _("Most viewers"), True),
    ("viewers_average", _("Viewers on average"), False),
    ("likes", _("Likes"), True),
    ("comments", _("Comments"), True),
    ("follows", _("New followers"), True),
    ("gifters", _("Gifters"), True),
    ("diamonds", _("Diamonds"), True),
)


class Team(NamedTuple):
    """A side of a battle."""

    names: str
    score: int
    result: Any


class ShownBattle(NamedTuple):
    """A battle, with its result in words."""

    battle: Battle
    length: timedelta | None
    result: Any
    teams: list[Team]


class ShownHole(NamedTuple):
    hole: Hole
    length: timedelta


class LivePage(_OneLive, TemplateView):
    """Shows all that is kept of a LIVE; lists are shortened, and exports have the rest."""

    template_name = "live/lives/live.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        live = self.live()
        account = _account(self.request)
        earlier = lives_before(live, _COMPARED, None if account.is_staff else account)
        holes = list(live.holes.all())
        battles = list(live.battles.all())
        course = course_of(live)
        kinds = list(live.gift_kinds.order_by("-diamonds", "-gifts", "pk"))
        return super().get_context_data(
            live=live,
            length=duration_of(live),
            likes=likes_of(live),
            # TikTok's own count of likes has no holes.
            likes_have_holes=live.hole_count and live.likes_total is None,
            end=end_in_words(live),
            charts=_charts(course, live),
            minutes_a_part=course.minutes,
            hole_spans=spans_of(course, holes),
            battle_spans=spans_of(course, battles),
            ticks=ticks(course),
            holes=[
                ShownHole(hole, max(timedelta(), hole.ended_at - hole.began_at)) for hole in holes
            ],
            battles=list(map(_shown_battle, battles)),
            gifters=list(live.gifters.order_by("-diamonds", "pk")[:_GIFTERS]),
            kinds=kinds[:_KINDS],
            more_kinds=len(kinds[_KINDS:]),
            big_gifts=_big_gifts(live),
            comparison=_comparison(live, earlier),
            compared_with=len(earlier),
            live_before=earlier[0] if earlier else None,
            transcript=self._transcript(live) if may_read_transcript(account, live) else None,
            transcript_days=settings.RELAY_TRANSCRIPT_DAYS,
            **kwargs,
        )

    def _transcript(self, live: Live) -> dict[str, Any]:
        text = self.request.GET.get("q", "").strip()[:_SEARCHED].replace("\0", "")
        start = Position.parse(self.request.GET.get("after", ""))
        query = self.request.GET.copy()
        found = search(live, text, LINES, start)
        query["after"] = str(found.further or "")
        return {
            "found": found,
            "q": text,
            "is_first": start is None,
            "further": f"?{query.urlencode()}#transcript" if found.further else "",
        }


def _charts(course: Course, live: Live) -> list[Chart]:
    big = [course.share(from_ms(gift["at"])) for gift in live.biggest_gifts[:_BIG_GIFTS]]
    peak = [] if live.viewers_peak_at is None else [course.share(live.viewers_peak_at)]
    # The line goes through averages, but the peak stands on what it was.
    return [
        chart_of("viewers", gettext("Viewers"), course.viewers, as_line=True, marks_at=peak),
        chart_of("likes", gettext("Likes"), course.likes, as_line=False, marks_at=[]),
        chart_of("diamonds", gettext("Diamonds"), course.diamonds, as_line=False, marks_at=big),
    ]


def _big_gifts(live: Live) -> list[dict[str, Any]]:
    return [{**gift, "at": from_ms(gift["at"])} for gift in live.biggest_gifts[:_BIG_GIFTS]]


def _shown_battle(battle: Battle) -> ShownBattle:
    return ShownBattle(
        battle,
        max(timedelta(), battle.ended_at - battle.began_at) if battle.ended_at else None,
        result_in_words(battle.state, battle.result),
        [
            Team(
                ", ".join(team.get("hosts", [])),
                team.get("score", 0),
                result_in_words("", team.get("result", "")),
            )
            for team in battle.teams
        ],
    )


def _comparison(live: Live, earlier: Sequence[Live]) -> list[Compared]:
    this, before, average = averages([live]), averages(earlier[:1]), averages(earlier)
    assert this is not None
    compared = []
    for name, label, holes_count in _COMPARISON:
        value = getattr(this, name)
        compared.append(
            Compared(
                label,
                "seconds" if name == "seconds" else "",
                value,
                holes_count and this.has_holes,
                _change(value, before, name, holes_count),
                _change(value, average, name, holes_count),
            )
        )
    return compared


def _change(
    value: float | None, other: Averages | None, name: str, holes_count: bool
) -> Change | None:
    others: float | None = getattr(other, name, None)
    if value is None or other is None or others is None:
        return None
    percent = round((value - others) / others * 100) if others else None
    return Change(others, percent, holes_count and other.has_holes)


# --- Its recap and exports -----------------------------------------------------------------------


class RecapData(_OneLive, View):
    """The figures from which the browser draws a LIVE's recap, as JSON. Times are in ms."""

    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        live = self.live()
        course = course_of(live)
        results = list(live.battles.exclude(result="").values_list("result", flat=True))
        return JsonResponse(
            {
                **sums_of(live),
                "seconds": round(duration_of(live).total_seconds()),
                "likes_at_least": bool(live.hole_count and live.likes_total is None),
                "top_gifters": list(
                    live.gifters.order_by("-diamonds", "pk").values(
                        "user_id", "username", "nickname", "avatar", "diamonds"
                    )[:_RECAP_GIFTERS]
                ),
                "biggest_gift": live.biggest_gifts[0] if live.biggest_gifts else None,
                "battles": {result: results.count(result) for result in BattleResult},
                "course": {
                    "begins_at": to_ms(course.begins_at),
                    "minutes": course.minutes,
                    "viewers": course.viewers,
                    "likes": course.likes,
                    "diamonds": course.diamonds,
                },
            }
        )


class LiveCsv(_OneLive, View):
    """One table of a LIVE as CSV."""

    def get(self, request: HttpRequest, pk: int, table: str) -> StreamingHttpResponse:
        live = self.live()
        if table not in TABLES:
            raise Http404
        if table == TRANSCRIPT and not may_read_transcript(_account(request), live):
            raise Http404
        name = f"{table.replace('_', '-')}.csv"
        return _file(csv_of(TABLES[table], live), live, name, "text/csv; charset=utf-8")


class LiveJson(_OneLive, View):
    """All tables of a LIVE as JSON; with what was said where the account may read it."""

    def get(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        live = self.live()
        may_read = may_read_transcript(_account(request), live)
        pieces = json_of(live, with_transcript=may_read)
        return _file(pieces, live, "all.json", "application/json")


def _file(
    pieces: AsyncIterator[str], live: Live, name: str, content_type: str
) -> StreamingHttpResponse:
    file = f"{live.tiktok_username}-{live.began_at:%Y-%m-%d}-{name}"
    return StreamingHttpResponse(
        pieces,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


def _account(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
