"""The exports of a LIVE, and the data of its recap."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from accounts.models import User
from live.history import exports
from live.history.models import Live
from tests.support.lives import EVENING, gave, hear, hear_fully

pytestmark = pytest.mark.django_db(transaction=True)

Read = Callable[..., str]


@pytest.fixture
def read(anna: User) -> Read:
    """Reads a file of Anna's as servers send it, in pieces."""
    client = AsyncClient()
    client.force_login(anna)

    async def text_of(live: Live, name: str) -> str:
        response: Any = await client.get(f"/lives/{live.pk}/{name}")
        assert response.status_code == 200
        assert response["Content-Disposition"].startswith("attachment; filename=")
        return b"".join([piece async for piece in response]).decode()

    return async_to_sync(text_of)


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:])))


class TestCsv:
    def test_it_says_who_gave_what(self, read: Read, anna: User) -> None:
        live = hear(anna)
        gave(live, "7", 12, username="jens", nickname="Jens")
        assert rows_of(read(live, "gifts.csv")) == [
            {
                "user_id": "7",
                "username": "jens",
                "nickname": "Jens",
                "gift_id": "5655",
                "gift": "Rose",
                "gifts": "1",
                "diamonds": "12",
                "first_at": "2026-05-04T18:00:00.000Z",
                "last_at": "2026-05-04T18:00:00.000Z",
            }
        ]

    def test_a_name_can_not_become_a_formula(self, read: Read, anna: User) -> None:
        live = hear(anna)
        gave(live, "7", 12, nickname='=HYPERLINK("https://evil.example")')
        for name in ("gifts.csv", "gifters.csv"):
            [row] = rows_of(read(live, name))
            assert row["nickname"] == '\'=HYPERLINK("https://evil.example")'

    @pytest.mark.parametrize("chunk", [1, 2, 3])
    def test_no_row_is_lost_or_doubled_between_chunks(
        self, read: Read, anna: User, monkeypatch: pytest.MonkeyPatch, chunk: int
    ) -> None:
        anna.keeps_transcripts = True
        anna.save()
        live = hear_fully(anna)
        # The same in what the order is by, so that only ids tell rows apart.
        live.gifters.update(diamonds=5)
        live.lines.update(at=EVENING)
        live.lines.filter(offset__gte=8).delete()
        first = live.given_gifts.order_by("user_id")[0]
        first.pk, first.gift_id = None, "1"
        first.save()  # the second kind that this viewer gave
        whole = {name: read(live, f"{name}.csv") for name in exports.TABLES}
        monkeypatch.setattr(exports, "CHUNK", chunk)
        for name in exports.TABLES:
            assert read(live, f"{name}.csv") == whole[name]
            assert len(rows_of(whole[name])) > 1

    def test_a_table_that_does_not_exist_is_no_page(self, browser: Client, anna: User) -> None:
        assert browser.get(f"/lives/{hear(anna).pk}/secrets.csv").status_code == 404

    def test_an_empty_table_has_its_columns(self, read: Read, anna: User) -> None:
        assert read(hear(anna), "holes.csv").strip() == "\ufeffkind,began_at,ended_at"


class TestJson:
    def test_it_has_all_tables(self, read: Read, anna: User) -> None:
        live = hear_fully(anna)
        whole = json.loads(read(live, "all.json"))
        assert set(whole) == {"live", *exports.TABLES} - {"transcript"}
        assert whole["live"]["diamonds"] == live.diamonds
        assert len(whole["minutes"]) == 125
        assert sum(gifter["diamonds"] for gifter in whole["gifters"]) == live.diamonds
        assert whole["battles"][0]["teams"][0]["hosts"] == ["Anna"]
        assert whole["holes"][1] == {
            "kind": "upstream",
            "began_at": 1_777_923_000_000,
            "ended_at": 1_777_923_067_000,
        }

    def test_it_has_the_transcript_where_the_account_keeps_it(self, read: Read, anna: User) -> None:
        anna.keeps_transcripts = True
        anna.save()
        whole = json.loads(read(hear_fully(anna), "all.json"))
        assert len(whole["transcript"]) == 130
        assert whole["transcript"][0]["at"] == 1_777_917_600_000

    def test_it_is_json_of_a_live_of_which_nothing_is_known(self, read: Read, anna: User) -> None:
        assert json.loads(read(hear(anna), "all.json"))["gifts"] == []


class TestRecap:
    def test_it_has_what_the_picture_shows(self, browser: Client, anna: User) -> None:
        live = hear_fully(anna)
        recap = browser.get(f"/lives/{live.pk}/recap.json").json()
        assert recap["diamonds"] == live.diamonds
        assert recap["at_least"] is True
        assert recap["likes_at_least"] is False
        assert [gifter["username"] for gifter in recap["top_gifters"]] == [
            *("marina.k", "cpt_hook", "bruce")
        ]
        assert recap["biggest_gift"]["gift"] == "Lion"
        assert recap["battles"] == {"won": 1, "lost": 1, "draw": 0, "unknown": 0}
        assert len(recap["course"]["viewers"]) == 126
        assert recap["seconds"] == 7500

    def test_it_is_there_for_the_newest_live(self, browser: Client, anna: User) -> None:
        hear(anna)
        live = hear_fully(anna)
        hear(User.objects.create_user("zoe"))
        newest = max(Live.objects.filter(pk__lte=live.pk), key=lambda each: each.heard_until)
        recap = browser.get("/lives/last/recap.json").json()
        assert recap == browser.get(f"/lives/{newest.pk}/recap.json").json()

    def test_it_is_not_there_without_a_live(self, browser: Client) -> None:
        assert browser.get("/lives/last/recap.json").status_code == 404
