"""`/api/v1/lives` and what is below it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from asgiref.sync import async_to_sync

from accounts.models import AccessToken, User
from live.api.lives import TableName
from live.history.exports import TABLES
from tests.support.lives import EVENING, gave, hear, hear_fully
from tests.support.rest import Ask, RestClient

pytestmark = pytest.mark.django_db(transaction=True)

LIVES = "/api/v1/lives"
NO_SUCH = "The account has heard no such LIVE."


@pytest.fixture
def stranger() -> User:
    return User.objects.create(username="stranger")


def ids(response: Any) -> list[int]:
    assert response.status_code == 200
    return [live["id"] for live in response.json()["lives"]]


class TestLives:
    def test_it_lists_what_the_account_has_heard_newest_first(
        self, ask: Ask, user: User, stranger: User
    ) -> None:
        older = hear(user, began_at=EVENING - timedelta(days=1))
        newer = hear(user, stranger, title="Sunday bread", hole_count=2, diamonds=7)
        hear(stranger)
        response = ask(path=LIVES)
        assert ids(response) == [newer.pk, older.pk]
        assert response.json()["next"] is None
        assert response.json()["lives"][0] == {
            "id": newer.pk,
            "tiktok_username": "anna.live",
            "room_id": newer.room_id,
            "title": "Sunday bread",
            "began_at": 1_777_917_600_000,
            "heard_from": 1_777_917_600_000,
            "heard_until": 1_777_925_100_000,
            "is_heard": False,
            "end_reason": "ended",
            "at_least": True,
            "viewers_peak": 0,
            "viewers_average": None,
            "viewers_total": None,
            "likes": 0,
            "likes_at_least": True,
            "comments": 0,
            "shares": 0,
            "follows": 0,
            "joins": 0,
            "subscriptions": 0,
            "gifts": 0,
            "diamonds": 7,
            "gifters": 0,
        }

    def test_its_cursors_lead_through_all_of_it(self, ask: Ask, user: User) -> None:
        every = [hear(user).pk for _ in range(5)][::-1]
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            response = ask(path=LIVES, limit="2", cursor=cursor)
            seen += ids(response)
            cursor = response.json()["next"]
        assert seen == every

    @pytest.mark.parametrize(
        "query", [{"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"cursor": "1-"}]
    )
    def test_a_page_that_can_not_be_is_refused(self, ask: Ask, query: dict[str, str]) -> None:
        response = ask(path=LIVES, **query)
        assert (response.status_code, response.json()["code"]) == (422, "bad_request")

    def test_a_cursor_at_the_end_of_time_is_the_beginning(self, ask: Ask, user: User) -> None:
        live = hear(user)
        assert ids(ask(path=LIVES, cursor=f"{10**17 - 1}-{10**18 - 1}")) == [live.pk]


class TestOneLive:
    def test_it_has_all_but_the_long_tables(self, ask: Ask, user: User) -> None:
        live = hear_fully(user)
        response = ask(path=f"{LIVES}/{live.pk}")
        assert response.status_code == 200
        told = response.json()
        assert told["diamonds"] == live.diamonds
        assert [gifter["nickname"] for gifter in told["top_gifters"]][:2] == [
            *("Марина", "Captain Hook")
        ]
        assert len(told["top_gifters"]) == 10
        assert told["biggest_gifts"][0]["gift"] == "Lion"
        assert told["gift_kinds"][0]["name"] == "Lion"
        assert [battle["result"] for battle in told["battles"]] == ["won", "lost"]
        assert told["battles"][0]["teams"][0]["hosts"] == ["Anna"]
        assert [hole["kind"] for hole in told["holes"]] == ["late", "upstream"]
        assert told["viewers_peak_at"] > told["began_at"]

    def test_another_account_s_live_is_not_there(
        self, ask: Ask, user: User, stranger: User
    ) -> None:
        user.is_staff = True  # who see no more than others, unless they ask for it
        user.save()
        live = hear(stranger)
        for path in ("", "/gifts.csv"):
            response = ask(path=f"{LIVES}/{live.pk}{path}")
            assert (response.status_code, response.json()["code"]) == (404, "bad_request")
            assert response.json()["detail"] == NO_SUCH

    def test_it_explains_in_the_account_s_language(self, ask: Ask, user: User) -> None:
        user.language = "ru"
        user.save()
        assert ask(path=f"{LIVES}/77")["Content-Language"] == "ru"

    @pytest.mark.parametrize("id", ["0", "-1", "x", str(2**63)])
    def test_a_number_that_no_live_has_is_refused(self, ask: Ask, id: str) -> None:
        assert ask(path=f"{LIVES}/{id}").status_code == 422

    def test_it_needs_a_token(self, ask: Ask, user: User) -> None:
        live = hear(user)
        for path in ("", f"/{live.pk}", f"/{live.pk}/gifts.csv"):
            response = ask(path=f"{LIVES}{path}", authorization="")
            assert (response.status_code, response.json()["code"]) == (401, "invalid_token")


class TestAllLives:
    """What staff get with `all`."""

    @pytest.fixture
    def staff(self, user: User) -> User:
        user.is_staff = True
        user.save()
        return user

    def test_the_list_has_what_any_account_has_heard(
        self, ask: Ask, staff: User, stranger: User
    ) -> None:
        own = hear(staff)
        other = hear(stranger)
        assert ids(ask(path=LIVES)) == [own.pk]
        assert ids(ask(path=LIVES, all="1")) == [other.pk, own.pk]

    def test_one_live_says_which_accounts_have_heard_it(
        self, ask: Ask, staff: User, stranger: User
    ) -> None:
        live = hear(stranger, User.objects.create(username="moderator"))
        told = ask(path=f"{LIVES}/{live.pk}", all="1")
        assert told.json()["heard_by"] == ["moderator", "stranger"]
        own = hear(staff, stranger)
        assert ask(path=f"{LIVES}/{own.pk}").json()["heard_by"] is None

    def test_tables_are_there_too(self, ask: Ask, staff: User, stranger: User) -> None:
        path = f"{LIVES}/{hear(stranger).pk}"
        assert ask(path=f"{path}/gifts.csv", all="1").status_code == 200
        told = ask(path=f"{path}/transcript.csv", all="1")
        assert told.status_code == 404
        assert told.json()["detail"] == "No account that has heard this LIVE keeps transcripts."
        stranger.keeps_transcripts = True
        stranger.save()
        assert ask(path=f"{path}/transcript.csv", all="1").status_code == 200
        assert ask(path=f"{path}/transcript.csv").status_code == 404

    def test_one_that_does_not_exist_is_not_there(self, ask: Ask, staff: User) -> None:
        told = ask(path=f"{LIVES}/77", all="1")
        assert (told.status_code, told.json()["detail"]) == (404, "No such LIVE was heard.")

    @pytest.mark.parametrize("path", ["", "/{}", "/{}/gifts.csv"])
    def test_for_others_it_is_not_there(self, ask: Ask, user: User, path: str) -> None:
        told = ask(path=LIVES + path.format(hear(user).pk), all="1")
        assert (told.status_code, told.json()["code"]) == (404, "bad_request")
        assert told.json()["detail"] == "Only staff see the LIVEs of all accounts."

    @pytest.mark.parametrize("path", ["", "/{}", "/{}/gifts.csv"])
    def test_a_token_that_may_only_listen_does_not_get_it(
        self, ask: Ask, staff: User, stranger: User, path: str
    ) -> None:
        _issued, token = AccessToken.objects.issue(staff)
        told = ask(
            path=LIVES + path.format(hear(stranger).pk), all="1", authorization=f"Bearer {token}"
        )
        assert (told.status_code, told.json()["code"]) == (403, "insufficient_scope")


class TestTables:
    def test_they_are_those_of_the_pages(self) -> None:
        assert set(get_args(TableName)) == set(TABLES)

    @pytest.mark.parametrize("table", sorted(set(TABLES) - {"transcript"}))
    def test_each_is_csv(self, client: RestClient, user: User, table: str) -> None:
        async def read(pk: int) -> str:
            response = await client.ask(f"{LIVES}/{pk}/{table}.csv")
            assert response.status_code == 200
            assert response["Content-Type"] == "text/csv; charset=utf-8"
            return b"".join([piece async for piece in response]).decode()

        live = hear_fully(user)
        gave(live, "7", 3)
        heading, *rows = async_to_sync(read)(live.pk).splitlines()
        assert heading == "\ufeff" + ",".join(TABLES[table].columns)
        assert len(rows) >= 2

    def test_the_transcript_is_there_where_the_account_keeps_it(self, ask: Ask, user: User) -> None:
        live = hear_fully(user)
        path = f"{LIVES}/{live.pk}/transcript.csv"
        response = ask(path=path)
        assert (response.status_code, response.json()["code"]) == (404, "bad_request")
        assert response.json()["detail"] == "The account keeps no transcripts."
        user.keeps_transcripts = True
        user.save()
        assert ask(path=path).status_code == 200

    def test_there_is_no_other(self, ask: Ask, user: User) -> None:
        response = ask(path=f"{LIVES}/{hear(user).pk}/secrets.csv")
        assert (response.status_code, response.json()["code"]) == (422, "bad_request")
