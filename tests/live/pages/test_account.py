"""An account's own connections in plain words, and "is it live now?"."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.test import AsyncClient, Client
from django.utils.translation import override
from pytest_django import Settings

from accounts.models import User
from live.models import ConnectionLog
from live.pages.connection_summaries import latest_connections
from live.protocol.errors import CloseCode, ErrorCode
from live.relay.relay import Relay
from live.server.assembly import make_relay
from standin import Failure, TikTok
from tests.support.lives import hear

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAGE, IS_LIVE = "/account/", "/account/is-live/"


@pytest.fixture
def account(db: None) -> User:
    return User.objects.create_user("studio", tiktok_username="maria")


def connect(account: User, **values: Any) -> ConnectionLog:
    """A row of the log; closed by the app an instant after it opened unless told otherwise."""
    opened_at = values.setdefault("opened_at", NOON)
    values.setdefault("closed_at", opened_at + timedelta(seconds=1))
    values.setdefault("close_code", CloseCode.NORMAL)
    return ConnectionLog.objects.create(account=account, tiktok_username="maria", **values)


def told(account: User) -> str:
    """The newest connection's sentence."""
    return latest_connections(account)[0].sentence


class TestLatestConnections:
    def test_a_connection_is_told_in_one_sentence(self, account: User) -> None:
        connect(account, closed_at=NOON + timedelta(minutes=45), frames_sent=1234)
        connect(account, opened_at=NOON + timedelta(hours=1), closed_at=None, address="10.0.0.7")
        assert [summary.sentence for summary in latest_connections(account)] == [
            "still connected from 10.0.0.7",
            "connected for 45 min, 1,234 messages",
        ]

    @pytest.mark.parametrize("code", ErrorCode)
    def test_it_says_why_a_connection_failed(self, account: User, code: ErrorCode) -> None:
        connect(account, error_code=code, close_code=CloseCode.INTERNAL_ERROR, said="status 4")
        sentence = told(account)
        assert sentence
        assert "%(" not in sentence
        assert "status 4" not in sentence
        assert "connected for" not in sentence

    def test_it_says_how_long_a_connection_held_before_it_failed(self, account: User) -> None:
        connect(
            account,
            closed_at=NOON + timedelta(hours=2, minutes=5),
            error_code=ErrorCode.TOO_SLOW,
            close_code=CloseCode.POLICY_VIOLATION,
            frames_sent=1,
        )
        assert told(account) == "connected for 2 h 5 min, 1 message, then: Connection too slow"

    def test_it_tells_of_connections_that_broke_off(self, account: User) -> None:
        connect(account, close_code=CloseCode.ABNORMAL)
        assert told(account) == "the connection broke off"

    def test_it_tells_of_short_ones(self, account: User) -> None:
        connect(account, closed_at=NOON + timedelta(seconds=20), frames_sent=3)
        assert told(account) == "connected for 20 s, 3 messages"

    def test_it_bears_a_clock_that_was_set_back(self, account: User) -> None:
        connect(account, closed_at=NOON - timedelta(minutes=5))
        assert told(account) == "connected for 0 s, 0 messages"

    def test_it_bears_errors_that_are_no_more(self, account: User) -> None:
        connect(account, error_code="retired_code", close_code=4001)
        assert told(account) == "an error that the relay does not know any more"

    def test_it_speaks_russian(self, account: User) -> None:
        connect(account, error_code=ErrorCode.USERNAME_MISSING)
        with override("ru"):
            assert told(account) == "TikTok username не указан"

    def test_it_tells_the_newest_of_this_account(self, account: User) -> None:
        for hours in range(30):
            connect(account, opened_at=NOON + timedelta(hours=hours))
        connect(User.objects.create_user("other"), opened_at=NOON + timedelta(days=9))
        summaries = latest_connections(account)
        assert len(summaries) == 20
        assert summaries[0].connection.opened_at == NOON + timedelta(hours=29)


class TestTheTemplateTag:
    def shown(self, account: User) -> str:
        template = Template("{% load connections %}{% connection_history account %}")
        text = re.sub(r"<[^>]*>", "", template.render(Context({"account": account})))
        return " ".join(text.split())

    def test_it_says_when_to_try_again(self, account: User) -> None:
        connect(
            account,
            error_code=ErrorCode.RATE_LIMITED,
            close_code=CloseCode.POLICY_VIOLATION,
            retry_at=NOON + timedelta(hours=1),
        )
        assert self.shown(account) == (
            "May 4, 2026 12:00 Rate limit of the TikTok API: Too many connections started, "
            "try again at 13:00."
        )

    def test_it_shows_from_when_to_when(self, account: User) -> None:
        connect(account, closed_at=NOON + timedelta(minutes=45), frames_sent=7)
        assert self.shown(account) == ("May 4, 2026 12:00–12:45 Connected for 45 min, 7 messages.")

    def test_it_leaves_rehearsals_out(self, account: User) -> None:
        connect(account, is_test=True)
        assert self.shown(account) == "No app has connected with your tokens yet."

    def test_it_says_that_there_is_nothing_yet(self, account: User) -> None:
        assert self.shown(account) == "No app has connected with your tokens yet."

    def test_it_folds_all_but_the_newest(self, account: User) -> None:
        for hours in range(7):
            connect(account, opened_at=NOON + timedelta(hours=hours))
        newest, _fold, older = self.shown(account).partition("Those before")
        assert newest.count("Connected for") == 5
        assert older.count("Connected for") == 2


class TestNewestLives:
    @pytest.fixture
    def owner(self, account: User, client: Client) -> Client:
        client.force_login(account)
        return client

    def lives(self, owner: Client) -> list[int]:
        return [int(pk) for pk in re.findall(r'href="/lives/(\d+)/"', owner.get(PAGE).text)]

    def test_it_shows_the_four_newest_with_their_curves(self, owner: Client, account: User) -> None:
        heard = [hear(account, curve=[[10, 0], [20, 5]]).pk for _number in range(6)]
        hear(User.objects.create_user("other"))
        assert self.lives(owner) == heard[:1:-1]
        page = owner.get(PAGE).text
        assert page.count('<svg class="small-curve"') == 4
        assert 'href="/lives/"' in page.partition('id="lives"')[2]

    def test_without_lives_one_line_says_so(self, owner: Client) -> None:
        page = owner.get(PAGE).text
        assert "None heard yet." in page
        assert "small-curve" not in page
        User.objects.update(is_watched=True)
        assert "The account is watched: the next one is." in owner.get(PAGE).text


class Browser(AsyncClient):
    """A browser whose requests find the relay, as they do under a server."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay

    async def request(self, **scope: Any) -> Any:
        return await super().request(**scope, relay=self._relay)


@pytest.mark.django_db(transaction=True)
class TestIsLive:
    @pytest.fixture
    async def relay(self, tiktok: TikTok) -> AsyncIterator[Relay]:
        relay = make_relay()
        yield relay
        await relay.close()

    @pytest.fixture
    async def browser(self, relay: Relay) -> Browser:
        browser = Browser(relay)
        await browser.aforce_login(await User.objects.acreate(username="studio"))
        return browser

    async def test_it_says_yes(self, browser: Browser, tiktok: TikTok) -> None:
        tiktok.go_live("anna.live")
        response = await browser.post(IS_LIVE, {"tiktok_username": "@Anna.Live"})
        assert response.json() == {"live": True, "text": "Yes: @anna.live is live now."}

    async def test_it_says_no(self, browser: Browser, tiktok: TikTok) -> None:
        tiktok.room("anna.live")
        response = await browser.post(IS_LIVE, {"tiktok_username": "anna.live"})
        assert response.json() == {"live": False, "text": "No: @anna.live is not live right now."}

    async def test_it_says_why_it_does_not_know(self, browser: Browser, tiktok: TikTok) -> None:
        tiktok.go_live("anna.live").fail(Failure.USER_NOT_FOUND)
        response = await browser.post(IS_LIVE, {"tiktok_username": "anna.live"})
        assert response.json() == {
            "live": None,
            "text": "TikTok knows no @anna.live, or the user has never been live. "
            "Check the TikTok username in the account's settings.",
        }

    async def test_it_speaks_the_language_of_the_page(
        self, browser: Browser, tiktok: TikTok
    ) -> None:
        tiktok.go_live("anna.live").fail(Failure.USER_NOT_FOUND)
        response = await browser.post(
            IS_LIVE, {"tiktok_username": "anna.live"}, headers={"accept-language": "ru"}
        )
        assert re.search("[а-я]", response.json()["text"])

    @pytest.mark.parametrize(
        ("typed", "text"),
        [
            ("no one", "TikTok has no such username"),
            ("", "The account has no TikTok username"),
        ],
    )
    async def test_it_does_not_ask_tiktok_for_what_can_not_be(
        self, browser: Browser, tiktok: TikTok, typed: str, text: str
    ) -> None:
        response = await browser.post(IS_LIVE, {"tiktok_username": typed})
        assert response.json()["live"] is None
        assert response.json()["text"].startswith(text)
        assert tiktok.requests == []

    async def test_an_account_can_not_ask_tiktok_as_often_as_it_likes(
        self, settings: Settings, tiktok: TikTok
    ) -> None:
        settings.RELAY_LOOKUPS = 2
        relay = make_relay()
        browser = Browser(relay)
        await browser.aforce_login(await User.objects.acreate(username="studio2"))
        for name in ("one.live", "two.live"):
            tiktok.go_live(name)
            response = await browser.post(IS_LIVE, {"tiktok_username": name})
            assert response.json()["live"] is True
        asked = len(tiktok.requests)
        # What is known already costs nothing.
        assert (await browser.post(IS_LIVE, {"tiktok_username": "one.live"})).json()["live"] is True
        response = await browser.post(IS_LIVE, {"tiktok_username": "three.live"})
        assert response.json()["live"] is None
        assert re.fullmatch(
            r"The account has asked about too many LIVEs in a short time\. "
            r"Possible again in \d+ s\.",
            response.json()["text"],
        )
        assert len(tiktok.requests) == asked
        await relay.close()

    async def test_it_takes_post_alone(self, browser: Browser) -> None:
        assert (await browser.get(IS_LIVE)).status_code == 405

    async def test_it_is_for_those_who_are_signed_in(self, relay: Relay) -> None:
        response = await Browser(relay).post(IS_LIVE, {"tiktok_username": "anna.live"})
        assert response["Location"] == f"/login/?next={IS_LIVE}"
