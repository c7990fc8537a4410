"""What happened to one connection, moment by moment."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from live.protocol.errors import ErrorCode, RelayError
from live.streams.timeline import What
from live.tiktok.failures import NOTHING_HEARD
from live.tiktok.routes import Refusal, RouteName, failure_of_all
from tests.support.connection_log import NOON, connect

pytestmark = pytest.mark.django_db


class TestTimeline:
    MS = round(NOON.timestamp() * 1000)

    def address(self, timeline: list[Any], **values: Any) -> str:
        return reverse("connection", args=(connect(timeline=timeline, **values).pk,))

    def words(self, page: str) -> str:
        """The timeline as it is read."""
        steps = page.partition('<ol class="timeline">')[2].partition("</ol>")[0]
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", steps)).split())

    def test_the_timeline_tells_each_moment(self, staff: Client) -> None:
        address = self.address(
            [
                [self.MS, "opened", {}],
                [self.MS + 20, "connecting", {"username": "maria"}],
                [self.MS + 2_000, "live", {}],
                [self.MS + 62_000, "cut", {"error": "connection_lost", "said": "HTTP 502"}],
                [self.MS + 62_000, "reconnecting", {"attempt": 1, "retry_in": 3}],
                [
                    self.MS + 65_000,
                    "closed",
                    {"code": 1011, "error": "user_offline", "said": "status 4", "frames": 1234},
                ],
            ],
            tiktok_username="maria",
        )
        assert self.words(staff.get(address).text) == (
            "12:00:00 The app opened the socket "
            "12:00:00 0:00:01 Connecting to TikTok @maria "
            "12:00:02 0:01:00 Live "
            "12:01:02 Cut off from TikTok "
            "TikTok Live connection error: no connection to TikTok TikTok said: HTTP 502 "
            "12:01:02 0:00:03 Reconnecting attempt 1, in 3 s "
            "12:01:05 Closed 1011 : the path to TikTok failed "
            "TikTok Live connection error: the streamer is not live TikTok said: status 4 "
            "1,234 frames sent"
        ).replace("1011 :", "1011:")

    @pytest.mark.parametrize(
        ("route", "words"),
        [
            ("signed", "Live through the sign server"),
            ("direct", "Live directly, without the sign server"),
            ("of tomorrow", "Live of tomorrow"),
        ],
    )
    def test_it_tells_which_route_the_connection_took(
        self, staff: Client, route: str, words: str
    ) -> None:
        address = self.address([[self.MS, "live", {"route": route}]])
        assert self.words(staff.get(address).text).endswith(words)

    def test_it_tells_what_each_route_has_said(self, staff: Client) -> None:
        refusals = [
            Refusal(RouteName.SIGNED, RelayError(ErrorCode.TIKTOK_TIMEOUT, said="ReadTimeout")),
            Refusal(RouteName.DIRECT, RelayError(ErrorCode.TIKTOK_BLOCKED, said="HTTP 415 <b>X")),
        ]
        error = failure_of_all(refusals)
        told = {"error": error.code, "said": error.said}
        assert self.words(staff.get(self.address([[self.MS, "cut", told]])).text).endswith(
            "TikTok said: signed: tiktok_timeout (nothing; no answer came in time); "
            "direct: tiktok_blocked (HTTP 415 <b>X)"
        )

    def test_it_tells_the_relay_s_own_reasons_from_what_others_said(self, staff: Client) -> None:
        told = {"error": "connection_lost", "reason": NOTHING_HEARD}
        words = self.words(staff.get(self.address([[self.MS, "cut", told]])).text)
        assert words.endswith(f"no connection to TikTok {NOTHING_HEARD}")

    def test_a_cut_that_the_staff_asked_for_names_who_did(self, staff: Client) -> None:
        told = {
            "error": "connection_lost",
            "reason": "The staff asked for a new connection.",
            "by": "<b>boss</b>",
        }
        page = staff.get(self.address([[self.MS, "cut", told]])).text
        assert self.words(page).endswith(
            "The staff asked for a new connection. asked for by <b>boss</b>"
        )
        assert "no connection to TikTok" not in self.words(page)
        assert '<li class="step calm">' in page
        assert "<b>boss" not in page

    @pytest.mark.parametrize(
        ("said", "words", "rest"),
        [
            ("ConnectionClosedError", "the connection was closed without a word", ""),
            (
                "ConnectionClosedError no close frame received or sent",
                "the connection was closed without a word",
                "no close frame received or sent",
            ),
            ("ReadTimeout www.tiktok.com", "nothing; no answer came in time", "www.tiktok.com"),
        ],
    )
    def test_names_of_python_s_exceptions_are_shown_as_plain_words(
        self, staff: Client, said: str, words: str, rest: str
    ) -> None:
        cut = [self.MS, "cut", {"error": "connection_lost", "said": said}]
        page = staff.get(self.address([cut], said=said)).text
        shown = f'<span title="{said}">{words}</span>'
        if rest:
            shown += f': <q class="said">{rest}</q>'
        assert f"TikTok said: {shown}</p>" in page.replace("\n", "")
        assert f"<dd>{shown}</dd>" in page.replace("\n", "")

    def test_what_else_was_said_is_shown_as_it_is(self, staff: Client) -> None:
        cut = [self.MS, "cut", {"error": "connection_lost", "said": "code 1006"}]
        assert '<q class="said">code 1006</q>' in staff.get(self.address([cut])).text

    def test_it_speaks_the_viewer_s_language(self, staff: Client) -> None:
        address = self.address(
            [[self.MS, "closed", {"code": 1011, "error": "user_offline", "frames": 1}]]
        )
        page = staff.get(address, headers={"Accept-Language": "ru"}).text
        assert "Ошибка подключения к TikTok Live" in self.words(page)

    @pytest.mark.parametrize("what", What)
    def test_it_has_words_for_everything(self, staff: Client, what: What) -> None:
        words = self.words(staff.get(self.address([[self.MS, what, {}]])).text)
        assert words.removeprefix("12:00:00").strip() not in {"", str(what)}

    def test_it_shows_what_it_does_not_know(self, staff: Client) -> None:
        page = staff.get(self.address([[self.MS, "<b>new</b>", {"error": "<i>", "said": "<u>"}]]))
        assert self.words(page.text).startswith("12:00:00 <b>new</b>")
        assert "<i>" not in page.text
        assert "<u>" not in page.text

    def test_it_makes_the_best_of_rows_without_one(self, staff: Client) -> None:
        words = self.words(staff.get(self.address([], error_code="too_slow", said="")).text)
        assert "12:00:00 0:01:00 The app opened the socket" in words
        assert "12:01:00 Closed" in words
        assert "Connection too slow" in words
