"""The course of one connection: its sentence, its folded steps and its bar."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from live.clock import to_ms
from live.pages.connections.course import bar, folds, verdict
from live.pages.ends import CLOSE_CODES, ERRORS, advice, end_in_words, tone_of_end
from live.protocol.errors import CloseCode, ErrorCode
from live.streams.timeline import Moment, What
from tests.support.connection_log import LIST, NOON, connect

MS = to_ms(NOON)
SECOND = 1000
MINUTE = 60 * SECOND


def moments(*entries: tuple[int, str] | tuple[int, str, dict[str, Any]]) -> list[Moment]:
    """Each with its seconds after noon."""
    return [
        Moment(MS + seconds * SECOND, what, detail[0] if detail else {})
        for seconds, what, *detail in entries
    ]


def flapping(times: int) -> list[Moment]:
    lost = {"error": "connection_lost"}
    tries = [
        entry
        for n in range(times)
        for entry in (
            (60 + 10 * n, What.CUT, lost),
            (60 + 10 * n, What.RECONNECTING, {"attempt": n + 1, "retry_in": 2.5}),
        )
    ]
    return moments(
        (0, What.OPENED),
        (1, What.LIVE),
        *tries,
        (60 + 10 * times, What.LIVE),
        (100 + 10 * times, What.CLOSED, {"code": 1000}),
    )


class TestFolds:
    def test_what_happens_again_and_again_is_one_line(self) -> None:
        shown = folds(flapping(12), "maria", None)
        assert [(fold.word, fold.times) for fold in shown] == [
            ("The app opened the socket", 1),
            ("Live", 1),
            ("Reconnecting", 12),
            ("Live", 1),
            ("Closed", 1),
        ]
        tries = shown[2]
        assert len(tries.steps) == 24
        assert tries.tone == "bad"
        assert tries.steps[0].moment.at == NOON + timedelta(seconds=60)
        assert tries.until == NOON + timedelta(seconds=180)

    def test_two_lines_are_not_worth_it(self) -> None:
        pair = moments((0, What.QUIET), (5, What.QUIET), (9, What.CLOSED))
        assert [fold.times for fold in folds(pair, "maria", None)] == [1, 1, 1]

    def test_lines_that_differ_in_their_reason_stay_apart(self) -> None:
        errors = ("connection_lost", "tiktok_timeout", "connection_lost")
        cuts = moments(*((n, What.CUT, {"error": error}) for n, error in enumerate(errors)))
        assert [fold.times for fold in folds(cuts, "maria", None)] == [1, 1, 1]

    def test_nothing_is_lost_or_moved(self) -> None:
        some = flapping(5)
        steps = [step.moment.at for fold in folds(some, "maria", None) for step in fold.steps]
        assert [to_ms(at) for at in steps] == [moment.at for moment in some]

    @pytest.mark.django_db
    def test_the_page_says_how_often_and_from_when_to_when(self, staff: Client) -> None:
        row = connect(timeline=[list(moment) for moment in flapping(12)])
        page = staff.get(reverse("connection", args=(row.pk,))).text
        line = re.sub(r"<[^>]*>", "", page.partition("<summary>")[2].partition("</summary>")[0])
        assert line == "Reconnecting × 12 12:01–12:03"
        assert page.count("attempt ") == 12


class TestBar:
    def test_it_is_drawn_to_scale(self) -> None:
        drawn = bar(
            moments((0, What.OPENED), (0, What.WAITING), (25, What.LIVE), (100, What.CLOSED)), None
        )
        assert drawn is not None
        assert [(one.kind, one.x, one.width) for one in drawn.segments] == [
            ("waiting", "0.0", "250.0"),
            ("live", "250.0", "750.0"),
        ]
        assert drawn.text == "waiting for the LIVE 25 s, live 1 min"
        assert (drawn.begins, drawn.ends) == (NOON, NOON + timedelta(seconds=100))

    def test_what_is_short_is_seen_and_stays_inside(self) -> None:
        drawn = bar(
            moments((0, What.OPENED), (1, What.LIVE), (9999, What.CUT), (10_000, What.CLOSED)), None
        )
        assert drawn is not None
        for one in drawn.segments:
            assert float(one.width) >= 3
            assert float(one.x) + float(one.width) <= 1000

    def test_neighbours_of_one_kind_are_one(self) -> None:
        drawn = bar(flapping(9), None)
        assert drawn is not None
        assert [one.kind for one in drawn.segments] == [
            "connecting",
            "live",
            "reconnecting",
            "live",
        ]

    def test_an_open_connection_goes_on_until_now(self) -> None:
        drawn = bar(moments((0, What.OPENED), (1, What.LIVE)), MS + MINUTE)
        assert drawn is not None
        assert drawn.ends == NOON + timedelta(minutes=1)

    def test_it_says_what_was_not_noted(self) -> None:
        drawn = bar(moments((0, What.OPENED), (7200, What.LIVE), (7300, What.CLOSED)), None)
        assert drawn is not None
        assert drawn.segments[0].kind == "unknown"

    @pytest.mark.parametrize(
        "some",
        [
            moments((0, What.OPENED)),
            moments((0, What.OPENED), (60, What.CLOSED)),
            moments((0, What.OPENED), (0, What.LIVE), (0, What.CLOSED)),
            moments((9, What.LIVE), (0, What.CLOSED)),  # a clock was set back
            moments((0, "of tomorrow"), (60, What.CLOSED)),
        ],
    )
    def test_there_is_none_where_there_is_nothing_to_draw(self, some: list[Moment]) -> None:
        assert bar(some, None) is None

    @pytest.mark.django_db
    def test_the_page_has_it_with_its_text(self, staff: Client) -> None:
        row = connect(timeline=[list(moment) for moment in flapping(3)])
        page = staff.get(reverse("connection", args=(row.pk,))).text
        assert 'aria-label="The course, to scale: connecting 1 s, live 1 min, reconnecting' in page
        assert page.count("<rect ") == 4
        assert "style=" not in page


@pytest.mark.django_db
class TestVerdict:
    @pytest.mark.parametrize(
        ("whats", "values", "sentence"),
        [
            (
                [What.OPENED, What.CONNECTING],
                {"close_code": 1011, "error_code": "user_offline"},
                "It did not connect: @maria is not live on TikTok right now.",
            ),
            (
                [What.OPENED, What.LIVE],
                {"close_code": 1011, "error_code": "user_offline"},
                "It was connected for 1 min, then: @maria is not live on TikTok right now.",
            ),
            (
                [What.OPENED, What.LIVE],
                {"close_code": 1006},
                "It was connected for 1 min, then: Network cut.",
            ),
            (
                [What.OPENED, What.WAITING],
                {"close_code": 1001},
                "It waited for the LIVE for 1 min, then: App closed.",
            ),
            (
                [What.OPENED, What.CONNECTING],
                {"close_code": 4000},
                "It ended after 1 min, before a LIVE was reached: App closed.",
            ),
            ([What.OPENED], {"close_code": 1006}, "It ended after 1 min: Network cut."),
            ([What.OPENED, What.LIVE], {}, "It is connected to the LIVE of @maria."),
            ([What.WAITING], {}, "It is connected, and waits for @maria to go live."),
            (
                [What.RECONNECTING],
                {},
                "The app is connected; the connection to TikTok is being made again.",
            ),
        ],
    )
    def test_it_answers_in_one_sentence(
        self, whats: list[What], values: dict[str, Any], sentence: str
    ) -> None:
        if "close_code" not in values:
            values = {"closed_at": None, "close_code": None}
        row = connect(tiktok_username="maria", **values)
        assert verdict(row, moments(*((n, what) for n, what in enumerate(whats)))) == sentence

    def test_of_a_bad_request_it_says_what_was_wrong(self) -> None:
        row = connect(close_code=1008, error_code="bad_request")
        some = moments((0, What.OPENED), (1, What.CLOSED, {"reason": "No such type."}))
        assert verdict(row, some) == "It did not connect: No such type."

    def test_the_page_says_how_often_it_was_tried(self, staff: Client) -> None:
        row = connect(close_code=1008, error_code="invalid_token", attempts=1057)
        page = staff.get(reverse("connection", args=(row.pk,))).text
        assert "The server does not know this token. It was tried 1,057 times." in page
        assert "Compare the socket address in the app" in page


class TestEnds:
    def test_every_error_and_close_code_has_words_of_its_own(self) -> None:
        assert set(ERRORS) == set(ErrorCode)
        assert set(CloseCode) <= set(CLOSE_CODES)

    def test_an_end_is_told_in_words(self) -> None:
        assert end_in_words(1008, "rate_limited") == "Relay: rate limit"
        assert end_in_words(1006, "") == "Network cut"
        assert end_in_words(4321, "") == "App closed"
        assert end_in_words(None, "") == "Still open"
        assert end_in_words(1008, "of tomorrow") == "of tomorrow"

    def test_only_failures_are_bad(self) -> None:
        assert tone_of_end(1011, "user_offline") == "bad"
        assert tone_of_end(1012, "server_shutdown") == "calm"
        assert tone_of_end(1000, "") == "calm"
        assert tone_of_end(None, "") == "good"

    def test_there_is_advice_where_something_can_be_done(self) -> None:
        assert "typing mistake" in str(advice(1011, "user_not_found"))
        assert "proxy" in str(advice(1006, ""))
        assert advice(1000, "") == ""

    @pytest.mark.django_db
    def test_the_list_has_the_words_and_the_codes_beside_them(self, staff: Client) -> None:
        connect(close_code=1011, error_code="user_offline")
        page = staff.get(LIST).text
        assert '<span class="words bad" title="1011: the path to TikTok failed">' in page
        assert ">TikTok: offline</span>" in page
        assert '<small class="code">1011 user_offline</small>' in page
