"""The first lines of programs, as the page of a new token shows them."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from live.pages.first_lines import first_lines, websockets_line

FOLDER = settings.BASE_DIR / "docs" / "examples" / "first"
TOKEN = "mCzMDZN2PpN1qp4rIqE"


class TestFirstLines:
    def test_each_file_is_shown(self) -> None:
        shown = [lines.file for lines in first_lines(f"ws://relay.lan/ws/{TOKEN}", TOKEN)]
        assert sorted(shown) == sorted(path.name for path in FOLDER.iterdir())

    @pytest.mark.parametrize(
        ("base", "page"),
        [
            ("ws://192.0.2.7:8000", "http://192.0.2.7:8000"),
            ("wss://relay.example", "https://relay.example"),
        ],
    )
    def test_they_have_the_address_and_the_token(self, base: str, page: str) -> None:
        for lines in first_lines(f"{base}/ws/{TOKEN}", TOKEN):
            addresses = re.findall(r"\w+://[^/\"' ]+(?=/|\")", lines.text)
            assert base in addresses
            assert set(addresses) <= {base, page}
            assert TOKEN in lines.text
            assert not re.search(r"TOKEN|127\.0\.0\.1", lines.text)

    def test_only_what_tests_run_is_said_to_be_tested(self) -> None:
        shown = first_lines(f"ws://relay.lan/ws/{TOKEN}", TOKEN)
        # tests/end_to_end/test_first_lines.py runs these.
        assert [lines.language for lines in shown if lines.is_tested] == ["JavaScript", "Python"]

    def test_a_command_prints_all_that_comes(self) -> None:
        line = websockets_line(f"ws://relay.lan/ws/{TOKEN}")
        assert line == f".venv/bin/python -m websockets 'ws://relay.lan/ws/{TOKEN}?wait=1'"


def issue(client: Client) -> str:
    """The page of a new token."""
    client.force_login(User.objects.create_user("studio", tiktok_username="maria"))
    form_id = re.findall(r'name="form_id" value="([\w-]+)"', client.get("/account/").text)[0]
    return client.post("/account/tokens/", {"form_id": form_id}).text


@pytest.mark.django_db
class TestTheTokenPage:
    @pytest.fixture
    def page(self, client: Client) -> str:
        return issue(client)

    @pytest.mark.parametrize("is_on", [True, False])
    def test_it_names_the_test_endpoint_where_it_is_on(
        self, client: Client, settings: Settings, is_on: bool
    ) -> None:
        settings.RELAY_TEST_ENDPOINT = is_on
        assert ("websockets &#x27;ws://testserver/ws/test/" in issue(client)) == is_on

    def test_it_says_which_lines_are_tested(self, page: str) -> None:
        said = re.findall(r">(tested here|not tested here)<", page)
        assert said == ["tested here"] * 2 + ["not tested here"] * 3

    def test_the_light_asks_by_the_number_of_the_token(self, page: str) -> None:
        [address] = re.findall(r'data-address="([^"]*)"', page)
        assert re.fullmatch(r"/account/tokens/\d+/state\.json", address)
