"""The figures of a LIVE's recap, and of its charts, for scripts."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.views.generic import View

from accounts.mixins import OwnPage
from live.clock import to_ms
from live.history.course import course_of
from live.history.exports import sums_of
from live.history.models import Live
from live.history.reading import LiveList, duration_of
from live.pages.lives.access import OneLive
from live.protocol.frames import BattleResult

__all__ = ["LastRecap", "RecapData"]

# How many gifters are on the recap’s picture.
_GIFTERS = 3


class RecapData(OneLive, View):
    """The figures from which the browser draws a LIVE's recap, as JSON. Times are in ms."""

    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        return JsonResponse(_figures(self.live()))


class LastRecap(OwnPage, View):
    """The same of the newest LIVE that the account has heard, for the console at its end."""

    def get(self, request: HttpRequest) -> JsonResponse:
        found = LiveList.of_account(self.account).page(1)
        if not found.lives:
            raise Http404
        return JsonResponse(_figures(found.lives[0]))


def _figures(live: Live) -> dict[str, Any]:
    course = course_of(live)
    results = list(live.battles.values_list("result", flat=True))
    return {
        **sums_of(live),
        "seconds": round(duration_of(live).total_seconds()),
        "top_gifters": list(
            live.gifters.order_by("-diamonds", "pk").values(
                "user_id", "username", "nickname", "avatar", "diamonds"
            )[:_GIFTERS]
        ),
        "biggest_gift": live.biggest_gifts[0] if live.biggest_gifts else None,
        "battles": {
            **{result: results.count(result) for result in BattleResult},
            "unknown": results.count(""),
        },
        "course": {
            "begins_at": to_ms(course.begins_at),
            "minutes": course.minutes,
            "viewers": course.viewers,
            "likes": course.likes,
            "diamonds": course.diamonds,
        },
    }
