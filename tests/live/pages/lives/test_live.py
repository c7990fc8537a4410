"""`/lives/<id>/`, the page of one LIVE."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from live.history.models import Battle, Hole, HoleKind, Live, Minute, TranscriptLine
from tests.support.lives import EVENING, gave, hear, hear_fully

pytestmark = pytest.mark.django_db


def text_of(client: Client, live: Live, query: str = "") -> str:
    """The page without its tags, and with single spaces."""
    response = client.get(f"/lives/{live.pk}/{query}")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text)).replace("&nbsp;", " ")


def say(live: Live, *texts: str, nickname: str = "Jens") -> None:
    TranscriptLine.objects.bulk_create(
        TranscriptLine(
            live=live, offset=number, at=EVENING + timedelta(seconds=number), type="comment",
            user_id="1", nickname=nickname, text=text,
        )
        for number, text in enumerate(texts)
    )  # fmt: skip


class TestAccess:
    PATHS = ("", "recap.json", "all.json", "gifts.csv", "minutes.csv", "transcript.csv")

    def test_another_account_s_live_does_not_exist(self, browser: Client, stranger: User) -> None:
        live = hear(stranger)
        for path in self.PATHS:
            assert browser.get(f"/lives/{live.pk}/{path}").status_code == 404

    def test_whoever_is_not_signed_in_is_asked_to(self, client: Client, anna: User) -> None:
        live = hear(anna)
        for path in self.PATHS:
            assert client.get(f"/lives/{live.pk}/{path}")["Location"].startswith("/login/")

    def test_staff_see_it(self, staff: Client, anna: User) -> None:
        live = hear(anna, title="of Anna")
        assert "of Anna" in text_of(staff, live)

    def test_a_number_too_large_for_the_database_is_no_live(self, browser: Client) -> None:
        assert browser.get(f"/lives/{10**30}/").status_code == 404


class TestSums:
    def test_it_shows_a_live_of_which_nothing_is_known(self, browser: Client, anna: User) -> None:
        text = text_of(browser, hear(anna))
        assert "LIVE of @anna.live" in text
        assert "Nobody has given a gift." in text
        assert "Nothing stands out." in text
        assert "at least" not in text

    def test_with_holes_sums_are_at_least(self, browser: Client, anna: User) -> None:
        live = hear(anna, hole_count=1, comments=1500, likes=90)
        gave(live, "7", 1200, nickname="Jens")
        text = text_of(browser, live)
        assert "Comments at least 1,500" in text
        assert "Likes at least 90" in text
        assert "Diamonds at least 1,200" in text
        assert re.search("Jens .{0,20}at least 1,200", text)

    def test_tiktok_s_own_count_of_likes_has_no_holes(self, browser: Client, anna: User) -> None:
        live = hear(anna, hole_count=1, likes=90, likes_total=5000)
        assert "Likes 5,000" in text_of(browser, live)

    def test_it_says_each_hole_with_its_time(self, browser: Client, anna: User) -> None:
        live = hear(anna, hole_count=1)
        Hole.objects.create(
            live=live, kind=HoleKind.UPSTREAM, began_at=EVENING + timedelta(minutes=5),
            ended_at=EVENING + timedelta(minutes=7, seconds=3),
        )  # fmt: skip
        text = text_of(browser, live)
        assert "Not all of this LIVE was heard" in text
        assert "TikTok could not be heard: from 18:05:00 to 18:07:03 2 min" in text

    def test_it_says_that_a_live_is_being_heard(self, browser: Client, anna: User) -> None:
        assert "is being heard now" in text_of(browser, hear(anna, end_reason=""))
        assert "is being heard now" not in text_of(browser, hear(anna))

    def test_it_says_why_it_ended(self, browser: Client, anna: User) -> None:
        for reason, words in (
            ("ended", "The LIVE ended"),
            ("unheard", "Nobody listened any more"),
            ("tiktok_timeout", "TikTok"),
            ("of_tomorrow", "of_tomorrow"),
        ):
            assert words in text_of(browser, hear(anna, end_reason=reason)), reason

    def test_it_shows_all_that_is_kept(self, browser: Client, anna: User) -> None:
        text = text_of(browser, hear_fully(anna))
        for words in ("Captain Hook", "Galaxy", "Most viewers:", "northern_lights", "9,999", "Won"):
            assert words in text

    def test_pictures_come_from_this_server(self, browser: Client, anna: User) -> None:
        live = hear_fully(anna, pictures="https://cdn.example/a b/{}.webp?x=1&y=2")
        page = browser.get(f"/lives/{live.pk}/").text
        addresses = re.findall('<img src="([^"]*)"', page)
        assert len(addresses) > 10
        for address in addresses:
            assert address.startswith("/picture/?address=https%3A%2F%2Fcdn.example%2Fa+b%2F")

    def test_what_strangers_wrote_is_text(self, browser: Client, anna: User) -> None:
        live = hear(anna, title="<i>t</i>")
        gave(live, "7", 5, nickname="<script>alert(1)</script>")
        live.biggest_gifts = [
            {"at": 1_777_917_600_000, "user_id": "7", "nickname": "<u>n</u>", "avatar": "",
             "gift": "<s>g</s>", "image": "", "count": 2, "diamonds": 10},
        ]  # fmt: skip
        live.save()
        page = browser.get(f"/lives/{live.pk}/").text
        for markup in ("<i>t", "<script>alert", "<u>n", "<s>g"):
            assert markup not in page

    def test_it_asks_the_database_the_same_however_much_there_is(
        self,
        browser: Client,
        anna: User,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        live = hear_fully(anna)
        browser.get(f"/lives/{live.pk}/")
        with django_assert_max_num_queries(10):
            browser.get(f"/lives/{live.pk}/")


class TestCharts:
    def test_each_minute_is_at_its_place(self, browser: Client, anna: User) -> None:
        live = hear(anna, heard_until=EVENING + timedelta(minutes=3, seconds=30))
        first = int(EVENING.timestamp()) // 60
        for number, viewers in ((0, 10), (3, 4)):
            Minute.objects.create(
                live=live, minute=first + number, viewers_told=2, viewers_sum=2 * viewers,
                viewers_peak=viewers, diamonds=10 * number,
            )  # fmt: skip
        page = browser.get(f"/lives/{live.pk}/").text
        assert 'd="M125 0L875 120"' in page  # the viewers, of four minutes
        assert 'd="M775.0 200v-200.0h200.0V200z"' in page  # the diamonds

    def test_the_peak_is_marked_as_high_as_it_was(self, browser: Client, anna: User) -> None:
        live = hear(
            anna, heard_until=EVENING + timedelta(minutes=1, seconds=30),
            viewers_peak=40, viewers_peak_at=EVENING + timedelta(seconds=60),
        )  # fmt: skip
        for number in range(2):
            Minute.objects.create(
                live=live, minute=int(EVENING.timestamp()) // 60 + number,
                viewers_told=2, viewers_sum=40, viewers_peak=20 + 20 * number,
            )  # fmt: skip
        page = browser.get(f"/lives/{live.pk}/").text
        assert 'd="M250 100L750 100"' in page  # 20 on average, under an upper edge of 40
        assert re.findall(r'class="mark" d="([^"]*)"', page) == ["M500.0 0.0h0.01"]

    def test_a_long_live_is_put_together(self, browser: Client, anna: User) -> None:
        live = hear(anna, heard_until=EVENING + timedelta(hours=10))
        first = int(EVENING.timestamp()) // 60
        Minute.objects.bulk_create(
            Minute(live=live, minute=first + number, likes=1) for number in range(600)
        )
        text = text_of(browser, live)
        assert "Each 3 minutes together." in text

    def test_minutes_outside_the_live_are_left_out(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        Minute.objects.create(live=live, minute=5, likes=7)
        text_of(browser, live)

    def test_a_live_that_ended_before_it_began_is_shown(self, browser: Client, anna: User) -> None:
        text_of(browser, hear(anna, heard_until=EVENING - timedelta(days=1)))


class TestBattles:
    def fight(self, live: Live, state: str, *scores: int, **values: Any) -> None:
        teams = [
            {"id": str(number), "hosts": [f"Host {number}"], "score": score, "result": ""}
            for number, score in enumerate(scores)
        ]
        Battle.objects.create(
            live=live, battle_id="1", began_at=EVENING, state=state, **{"teams": teams, **values}
        )

    def test_of_one_without_a_result_it_says_which_scores_were_heard_last(
        self, browser: Client, anna: User
    ) -> None:
        live = hear(anna)
        self.fight(live, "ended", 30, 10, ended_at=EVENING + timedelta(minutes=5))
        text = text_of(browser, live)
        assert re.search("Over 5 min( 0 s)? TikTok sent no result.", text)
        assert "These scores were heard last. Host 0 30 Host 1 10" in text

    def test_of_one_without_scores_it_says_that_there_are_none(
        self, browser: Client, anna: User
    ) -> None:
        live = hear(anna)
        self.fight(live, "punishment_ended", 0, 0)
        assert "TikTok sent no result and no scores." in text_of(browser, live)

    def test_one_whose_end_was_not_heard_is_not_under_way_for_ever(
        self, browser: Client, anna: User
    ) -> None:
        live = hear(anna)
        self.fight(live, "scores", 30, 10)
        text = text_of(browser, live)
        assert "No result Its end was not heard. These scores were heard last." in text
        assert "Under way" not in text

    def test_one_of_a_live_that_is_heard_is_under_way(self, browser: Client, anna: User) -> None:
        live = hear(anna, end_reason="")
        self.fight(live, "scores", 30, 10)
        text = text_of(browser, live)
        assert "Under way" in text
        assert "Its end was not heard" not in text

    def test_the_teams_results_are_told_where_the_streamer_s_own_is_not_known(
        self, browser: Client, anna: User
    ) -> None:
        live = hear(anna)
        self.fight(live, "ended", teams=[{"hosts": ["Mo"], "score": 30, "result": "won"}])
        text = text_of(browser, live)
        assert "Mo won 30" in text
        assert "no result" not in text

    def test_the_recap_counts_those_without_a_result(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        self.fight(live, "ended", 30, 10)
        recap = browser.get(f"/lives/{live.pk}/recap.json").json()
        assert recap["battles"] == {"won": 0, "lost": 0, "draw": 0, "unknown": 1}


class TestComparison:
    def test_it_is_compared_with_the_one_before_and_the_last_ten(
        self, browser: Client, anna: User
    ) -> None:
        for number in range(1, 13):
            hear(anna, began_at=EVENING - timedelta(days=number), comments=100 * number)
        live = hear(anna, comments=110)
        text = text_of(browser, live)
        assert "Average of 10 before" in text
        assert "Comments 110 100 +10 % 550 −80 %" in text

    def test_the_first_live_is_compared_with_nothing(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        hear(anna, began_at=EVENING + timedelta(days=1))
        assert "Compared" not in text_of(browser, live)

    def test_lives_of_other_streamers_and_accounts_do_not_count(
        self, browser: Client, staff: Client, anna: User, stranger: User
    ) -> None:
        hear(stranger, began_at=EVENING - timedelta(days=1))
        hear(anna, began_at=EVENING - timedelta(days=2), tiktok_username="carol")
        live = hear(anna)
        assert "Compared" not in text_of(browser, live)
        assert "Compared" in text_of(staff, live)

    def test_it_says_at_least_of_the_others_too(self, browser: Client, anna: User) -> None:
        hear(anna, began_at=EVENING - timedelta(days=1), comments=100, hole_count=2)
        assert "Comments 110 at least 100 +10 %" in text_of(browser, hear(anna, comments=110))

    @pytest.mark.parametrize(
        ("known", "shown"), [(5000, "Likes 5,000 500"), (None, "Likes at least 90 at least 50")]
    )
    def test_of_likes_it_says_so_only_where_tiktok_told_no_count(
        self, browser: Client, anna: User, known: int | None, shown: str
    ) -> None:
        before = {"likes": 50, "likes_total": known and 500, "hole_count": 1}
        hear(anna, began_at=EVENING - timedelta(days=1), **before)
        live = hear(anna, likes=90, likes_total=known, hole_count=1)
        assert shown in text_of(browser, live)


class TestHeardBy:
    def test_staff_see_which_accounts_have_heard_it(
        self, staff: Client, anna: User, stranger: User
    ) -> None:
        text = text_of(staff, hear(stranger, anna))
        assert "only staff see them. anna stranger" in text
        assert "more account" not in text

    def test_an_account_does_not_see_the_others(
        self, browser: Client, anna: User, stranger: User
    ) -> None:
        text = text_of(browser, hear(anna, stranger))
        assert "Heard by" not in text
        assert "stranger" not in text

    def test_of_many_it_names_some(self, staff: Client) -> None:
        names = [f"viewer{number:02}" for number in range(53)]
        live = hear(*(User.objects.create(username=name) for name in names))
        text = text_of(staff, live)
        assert "viewer49 And 3 more accounts." in text
        assert "viewer50" not in text

    def test_the_admin_has_all_of_them(
        self, admin_client: Client, anna: User, stranger: User
    ) -> None:
        live = hear(anna, stranger)
        page = admin_client.get(f"/admin/history/live/{live.pk}/change/").text
        assert "Heard by" in page
        assert re.findall(r">(anna|stranger)<", page) == ["anna", "stranger"]


class TestTranscript:
    @pytest.fixture(autouse=True)
    def _keeps(self, anna: User) -> None:
        anna.keeps_transcripts = True
        anna.save()

    def test_it_shows_what_was_said(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        say(live, "hello from Oslo")
        assert "18:00:00 Jens hello from Oslo" in text_of(browser, live)

    def test_an_account_that_keeps_none_sees_none(
        self, client: Client, stranger: User, anna: User
    ) -> None:
        live = hear(anna, stranger)
        say(live, "hello from Oslo")
        client.force_login(stranger)
        assert "Transcript" not in text_of(client, live)
        assert client.get(f"/lives/{live.pk}/transcript.csv").status_code == 404

    def test_staff_see_what_an_account_keeps(self, staff: Client, anna: User) -> None:
        live = hear(anna)
        say(live, "hello from Oslo")
        assert "hello from Oslo" in text_of(staff, live)
        anna.keeps_transcripts = False
        anna.save()
        assert "hello from Oslo" not in text_of(staff, live)

    def test_it_says_for_how_long_it_is_kept(
        self, browser: Client, anna: User, settings: Settings
    ) -> None:
        settings.RELAY_TRANSCRIPT_DAYS = 3
        assert "deleted after 3 days" in text_of(browser, hear(anna))

    def test_it_is_searched_whatever_the_case_of_letters(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        say(live, "ПРИВЕТ из Осло", "nothing", "привет")
        text = text_of(browser, live, "?q=Привет")
        assert "ПРИВЕТ из Осло" in text
        assert "18:00:02 Jens привет" in text
        assert "nothing" not in text

    def test_names_are_searched_too(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        say(live, "one", nickname="Марина")
        say(live, "two")
        text = text_of(browser, live, "?q=мари")
        assert "one" in text
        assert "Jens" not in text

    def test_it_says_when_nothing_matches(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        say(live, "hello")
        assert "Nothing matches." in text_of(browser, live, "?q=%00x")

    def test_it_comes_in_pages(self, browser: Client, anna: User) -> None:
        live = hear(anna)
        say(live, *(f"line {number}." for number in range(120)))
        seen, query = [], ""
        while True:
            page = browser.get(f"/lives/{live.pk}/{query}").text
            seen += re.findall(r"line \d+\.", page)
            found = re.search(r'rel="next" href="(\?[^"#]*)', page)
            if not found:
                break
            query = found[1].replace("&amp;", "&")
        assert seen == [f"line {number}." for number in range(120)]

    def test_a_long_search_stops_and_goes_on_when_asked(
        self, browser: Client, anna: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("live.history.transcript.REACH", 20)
        live = hear(anna)
        say(live, *["x"] * 25, "found")
        page = browser.get(f"/lives/{live.pk}/?q=found").text
        assert "Nothing matches so far." in page
        further = re.search(r'rel="next" href="(\?[^"#]*)', page)
        assert further
        assert "Jens found" in text_of(browser, live, further[1].replace("&amp;", "&"))
