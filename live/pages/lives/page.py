"""The page of one LIVE."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext
from django.views.generic import TemplateView

from live.clock import from_ms
from live.connections.position import Position
from live.history.course import Course, course_of
from live.history.models import Battle, Hole, Live
from live.history.reading import duration_of, likes_are_at_least, likes_of, lives_before
from live.history.transcript import search
from live.pages.lives.access import OneLive
from live.pages.lives.charts import Chart, chart_of, spans_of, ticks
from live.pages.lives.comparison import comparison
from live.pages.lives.words import end_in_words, missing_in_words, result_in_words

__all__ = ["LivePage"]

# How many lines of a transcript are on the page.
_LINES = 50
# How many gifters, kinds of gifts and big gifts it shows; exports have all of them.
_GIFTERS = 10
_KINDS = 12
_BIG_GIFTS = 5
# How many of the accounts that have heard the LIVE it names to staff; the admin has all of them.
_ACCOUNTS = 50
# With how many LIVEs before it a LIVE is compared.
_COMPARED = 10
# The largest length of what a transcript is searched for, in characters.
_SEARCHED = 100


class ShownTeam(NamedTuple):
    """A side of a battle."""

    names: str
    score: int
    result: Any


class ShownBattle(NamedTuple):
    """A battle, with its result in words, or what is known instead of one."""

    battle: Battle
    length: timedelta | None
    result: Any
    missing: Any
    teams: list[ShownTeam]


class ShownHole(NamedTuple):
    hole: Hole
    length: timedelta


class LivePage(OneLive, TemplateView):
    """Shows all that is kept of a LIVE; lists are shortened, and exports have the rest."""

    template_name = "live/lives/live.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        live = self.live()
        account = self.account
        earlier = lives_before(live, _COMPARED, None if account.is_staff else account)
        holes = list(live.holes.all())
        battles = list(live.battles.all())
        course = course_of(live)
        kinds = list(live.gift_kinds.order_by("-diamonds", "-gifts", "pk"))
        return super().get_context_data(
            live=live,
            length=duration_of(live),
            likes=likes_of(live),
            likes_are_at_least=likes_are_at_least(live),
            end=end_in_words(live),
            charts=_charts(course, live),
            minutes_a_part=course.minutes,
            hole_spans=spans_of(course, holes),
            battle_spans=spans_of(course, battles),
            ticks=ticks(course),
            holes=[
                ShownHole(hole, max(timedelta(), hole.ended_at - hole.began_at)) for hole in holes
            ],
            battles=[_shown_battle(battle, is_heard=live.is_heard) for battle in battles],
            gifters=list(live.gifters.order_by("-diamonds", "pk")[:_GIFTERS]),
            kinds=kinds[:_KINDS],
            more_kinds=len(kinds[_KINDS:]),
            big_gifts=_big_gifts(live),
            comparison=comparison(live, earlier),
            compared_with=len(earlier),
            live_before=earlier[0] if earlier else None,
            transcript=self._transcript(live) if self.may_read_transcript(live) else None,
            transcript_days=settings.RELAY_TRANSCRIPT_DAYS,
            heard_by=self._heard_by(live) if account.is_staff else None,
            **kwargs,
        )

    def _heard_by(self, live: Live) -> dict[str, Any]:
        """By which accounts it was heard: for staff."""
        listeners = live.listeners.select_related("account").order_by("account__username")
        some = list(listeners[: _ACCOUNTS + 1])
        more = listeners.count() - _ACCOUNTS if len(some) > _ACCOUNTS else 0
        return {"accounts": [listener.account for listener in some[:_ACCOUNTS]], "more": more}

    def _transcript(self, live: Live) -> dict[str, Any]:
        text = self.request.GET.get("q", "").strip()[:_SEARCHED].replace("\0", "")
        start = Position.parse(self.request.GET.get("after", ""))
        query = self.request.GET.copy()
        found = search(live, text, _LINES, start)
        query["after"] = str(found.further or "")
        return {
            "found": found,
            "q": text,
            "is_first": start is None,
            "further": f"?{query.urlencode()}#transcript" if found.further else "",
        }


def _charts(course: Course, live: Live) -> list[Chart]:
    big = [(course.share(from_ms(gift["at"])), None) for gift in live.biggest_gifts[:_BIG_GIFTS]]
    peak = (
        []
        if live.viewers_peak_at is None
        # Not on the line, which goes through averages.
        else [(course.share(live.viewers_peak_at), live.viewers_peak)]
    )
    return [
        chart_of("viewers", gettext("Viewers"), course.viewers, as_line=True, marks=peak),
        chart_of("likes", gettext("Likes"), course.likes, as_line=False),
        chart_of("diamonds", gettext("Diamonds"), course.diamonds, as_line=False, marks=big),
    ]


def _big_gifts(live: Live) -> list[dict[str, Any]]:
    return [{**gift, "at": from_ms(gift["at"])} for gift in live.biggest_gifts[:_BIG_GIFTS]]


def _shown_battle(battle: Battle, *, is_heard: bool) -> ShownBattle:
    missing = missing_in_words(
        battle.state,
        # Of a battle in which the streamer's own team is not known, the teams' results are shown.
        battle.result or "".join(team.get("result", "") for team in battle.teams),
        has_scores=any(team.get("score") for team in battle.teams),
        is_heard=is_heard,
    )
    is_cut = missing and battle.ended_at is None
    return ShownBattle(
        battle,
        max(timedelta(), battle.ended_at - battle.began_at) if battle.ended_at else None,
        # What was under way when the LIVE was heard last is under way no more.
        gettext("no result") if is_cut else result_in_words(battle.state, battle.result),
        missing,
        [
            ShownTeam(
                ", ".join(team.get("hosts", [])),
                team.get("score", 0),
                result_in_words("", team.get("result", "")),
            )
            for team in battle.teams
        ],
    )
