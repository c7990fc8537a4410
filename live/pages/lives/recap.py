"""The figures of a LIVE's recap, and of its charts, for scripts."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.generic import View

from live.clock import to_ms
from live.history.course import course_of
from live.history.exports import sums_of
from live.history.reading import duration_of
from live.pages.lives.access import OneLive
from live.protocol.frames import BattleResult

__all__ = ["RecapData"]

# How many gifters are on the recap’s picture.
_GIFTERS = 3


class RecapData(OneLive, View):
    """The figures from which the browser draws a LIVE's recap, as JSON. Times are in ms."""

    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        live = self.live()
        course = course_of(live)
        results = list(live.battles.exclude(result="").values_list("result", flat=True))
        return JsonResponse(
            {
                **sums_of(live),
                "seconds": round(duration_of(live).total_seconds()),
                "top_gifters": list(
                    live.gifters.order_by("-diamonds", "pk").values(
                        "user_id", "username", "nickname", "avatar", "diamonds"
                    )[:_GIFTERS]
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
