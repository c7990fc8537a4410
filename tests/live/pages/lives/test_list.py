"""`/lives/`, `/lives/last/` and `/staff/lives/`."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from live.history.models import Live
from live.pages.lives.lists import PAGE_SIZE
from tests.support.lives import EVENING, hear, hear_fully

pytestmark = pytest.mark.django_db

LIST, LAST, ALL = "/lives/", "/lives/last/", "/staff/lives/"


def shown(client: Client, address: str = LIST) -> list[int]:
    """The LIVEs that the page links to, in its order."""
    page = client.get(address)
    assert page.status_code == 200
    return [int(pk) for pk in re.findall(r'href="/lives/(\d+)/"', page.text)]


def hear_many(count: int, *accounts: User) -> list[int]:
    """Oldest first. All began at the same moment, which is when only their ids tell them apart."""
    return [hear(*accounts).pk for _ in range(count)]


class TestOwn:
    def test_it_needs_somebody_who_is_signed_in(self, client: Client) -> None:
        for address in (LIST, LAST):
            assert client.get(address)["Location"] == f"/login/?next={address}"

    def test_without_lives_it_says_how_there_come_some(self, browser: Client) -> None:
        assert "No LIVE of yours has been heard yet." in browser.get(LIST).text

    def test_without_lives_it_leads_to_the_switch_that_has_them_heard(
        self, browser: Client, anna: User
    ) -> None:
        assert 'href="/account/#watching"' in browser.get(LIST).text
        assert 'id="watching"' in browser.get("/account/").text
        User.objects.update(is_watched=True)
        page = browser.get(LIST).text
        assert 'href="/account/#watching"' not in page
        assert "The account is watched" in page

    def test_it_lists_the_lives_that_the_account_has_heard_newest_first(
        self, browser: Client, anna: User, stranger: User
    ) -> None:
        older = hear(anna, stranger, began_at=EVENING - timedelta(days=1))
        newer = hear(anna)
        hear(stranger, began_at=EVENING + timedelta(days=1))
        assert shown(browser) == [newer.pk, older.pk]

    def test_staff_see_only_what_they_have_heard_themselves(
        self, staff: Client, anna: User
    ) -> None:
        hear(anna)
        assert shown(staff) == []

    def test_it_says_at_least_where_a_live_has_holes(self, browser: Client, anna: User) -> None:
        hear(anna, diamonds=1234)
        assert "at least" not in browser.get(LIST).text
        hear(anna, diamonds=1234, hole_count=1)
        assert "at least</span> 1,234" in browser.get(LIST).text

    def test_it_marks_a_live_that_is_being_heard(self, browser: Client, anna: User) -> None:
        live = hear(anna, end_reason="")
        assert "being heard" in browser.get(LIST).text
        Live.objects.filter(pk=live.pk).update(end_reason="ended")
        assert "being heard" not in browser.get(LIST).text

    def test_it_draws_the_curve(self, browser: Client, anna: User) -> None:
        hear(anna, curve=[[10, 0], [None, 5], [20, 0]])
        page = browser.get(LIST).text
        assert 'd="M20 16L100 0L100 32L20 32Z"' in page  # the viewers
        assert 'd="M44.0 32v-16.0h32.0V32z"' in page  # the diamonds

    def test_a_title_is_a_text(self, browser: Client, anna: User) -> None:
        hear(anna, title="<b>bold</b>")
        assert "&lt;b&gt;bold&lt;/b&gt;" in browser.get(LIST).text

    def test_it_asks_the_database_the_same_for_one_live_and_for_many(
        self,
        browser: Client,
        anna: User,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        hear_fully(anna)
        browser.get(LIST)
        with django_assert_num_queries(3):  # session, account, LIVEs
            browser.get(LIST)
        hear_many(5, anna)
        with django_assert_num_queries(3):
            browser.get(LIST)


class TestPaging:
    def test_its_links_lead_through_all_of_it_and_back(self, browser: Client, anna: User) -> None:
        every = hear_many(2 * PAGE_SIZE + 3, anna)[::-1]
        pages, address = [], LIST
        while address:
            pages.append(shown(browser, address))
            address = link(browser, address, "next")
            if address:
                last = address
        assert [pk for page in pages for pk in page] == every
        back = [shown(browser, link(browser, last, "prev"))]
        assert back == [pages[1]]
        first = link(browser, link(browser, last, "prev"), "prev")
        assert shown(browser, first) == pages[0]
        assert link(browser, first, "prev") == ""

    def test_a_position_that_is_none_counts_as_the_first_page(
        self, browser: Client, anna: User
    ) -> None:
        live = hear(anna)
        for query in ("before=x", "after=1-x", "before=1-2-3", f"after={10**17}-1"):
            assert shown(browser, f"{LIST}?{query}") == [live.pk]


def link(client: Client, address: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', client.get(address).text)
    return f"{address.partition('?')[0]}{found[1].replace('&amp;', '&')}" if found else ""


class TestLast:
    def test_it_leads_to_the_newest_live(self, browser: Client, anna: User) -> None:
        newest = hear(anna)
        hear(anna, began_at=EVENING - timedelta(days=1))
        assert browser.get(LAST)["Location"] == f"/lives/{newest.pk}/"

    def test_without_lives_it_leads_to_the_list(self, browser: Client, stranger: User) -> None:
        hear(stranger)
        assert browser.get(LAST)["Location"] == LIST


class TestAll:
    def test_only_staff_see_it(self, browser: Client) -> None:
        assert browser.get(ALL).status_code == 403

    def test_it_lists_what_anybody_has_heard(
        self, staff: Client, anna: User, stranger: User
    ) -> None:
        older = hear(anna, stranger, began_at=EVENING - timedelta(days=1))
        newer = hear(stranger)
        assert shown(staff, ALL) == [newer.pk, older.pk]

    def test_it_lists_those_of_one_streamer(self, staff: Client, anna: User) -> None:
        live = hear(anna, tiktok_username="carol")
        hear(anna)
        assert shown(staff, f"{ALL}?username=@Carol") == [live.pk]
        assert "No LIVE is kept of this username." in staff.get(f"{ALL}?username=nobody").text

    def test_a_username_that_can_not_be_is_said_beside_the_field(
        self, staff: Client, anna: User
    ) -> None:
        hear(anna)
        page = staff.get(f"{ALL}?username=no such")
        assert "TikTok has no such username" in page.text
        assert "/lives/1/" not in page.text

    def test_its_pages_keep_the_filter(self, staff: Client, anna: User) -> None:
        hear_many(PAGE_SIZE + 1, anna)
        assert "username=anna.live" in link(staff, f"{ALL}?username=anna.live", "next")
