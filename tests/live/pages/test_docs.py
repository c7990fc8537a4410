"""/docs/: the contract's page and files; and docs/app/mobile.md, which has a word on each error."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client

from accounts.models import User
from live.contract.schemas import schemas
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import DATA, FrameType
from live.protocol.options import OPTIONS

MOBILE = Path(settings.BASE_DIR) / "docs" / "app" / "mobile.md"
FILES = ["/docs/asyncapi.yaml", *(f"/docs/schemas/{kind}.json" for kind in DATA)]


class Links(HTMLParser):
    """The ids of a page, and where it leads to or loads from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in {"href", "src"}:
                self.targets.add(value or "")


@pytest.fixture
def page(client: Client) -> str:
    return client.get("/docs/").text


class TestThePage:
    def test_the_page_has_every_frame_error_and_option(self, page: str) -> None:
        for kind in DATA:
            assert f'id="frame-{kind}"' in page
        for code in ErrorCode:
            assert f'id="error-{code}"' in page
        for option in OPTIONS:
            assert f"<code>{option}</code>" in page

    def test_it_leads_to_places_that_exist(self, page: str, client: Client) -> None:
        links = Links(page)
        assert len(links.ids) == len(set(links.ids))
        for target in links.targets:
            if target.startswith("#"):
                assert target[1:] in links.ids
            else:
                assert client.get(target, follow=True).status_code == 200, target

    def test_it_loads_nothing_from_elsewhere(self, page: str) -> None:
        assert all(target.startswith(("/", "#")) for target in Links(page).targets)

    def test_it_names_every_field(self, page: str) -> None:
        for schema in schemas().values():
            for name in schema.get("properties", {}):
                assert f"<code>{name}</code>" in page, name

    def test_it_shows_no_markup_of_the_source(self, page: str) -> None:
        shown = re.sub(r"<[^>]+>", "", page)
        assert "`" not in shown
        assert "{{" not in shown

    @pytest.mark.django_db
    def test_it_says_nothing_of_who_asks(self, page: str, client: Client) -> None:
        client.force_login(User.objects.create_user("someone", is_staff=True))
        client.cookies["django_language"] = "ru"
        again = client.get("/docs/", headers={"Accept-Language": "ru"})
        assert again.text == page
        assert "Cookie" not in again["Vary"]
        assert not again.cookies


@pytest.mark.parametrize("address", ["/docs/", *FILES])
class TestEveryAddress:
    def test_it_is_public_and_may_be_kept(self, client: Client, address: str) -> None:
        response = client.get(address)
        assert response.status_code == 200
        assert response["Cache-Control"] == "public, max-age=600"
        again = client.get(address, headers={"If-None-Match": response["ETag"]})
        assert again.status_code == 304
        assert not again.content

    def test_it_takes_no_post(self, client: Client, address: str) -> None:
        assert client.post(address).status_code == 405


class TestTheFiles:
    def test_they_are_what_the_repository_has(self, client: Client) -> None:
        for address in FILES:
            assert client.get(address).text == (Path(settings.BASE_DIR) / address[1:]).read_text()

    def test_their_types(self, client: Client) -> None:
        assert client.get("/docs/asyncapi.yaml")["Content-Type"] == "application/yaml"
        schema = client.get("/docs/schemas/comment.json")
        assert schema["Content-Type"] == "application/schema+json"
        assert schema.json()["properties"]["type"] == {"const": "comment"}
        assert yaml.safe_load(client.get("/docs/asyncapi.yaml").text)["asyncapi"] == "3.0.0"

    @pytest.mark.parametrize("type", ["chat", "user", "COMMENT", "comment.json"])
    def test_others_do_not_exist(self, client: Client, type: str) -> None:
        assert client.get(f"/docs/schemas/{type}.json").status_code == 404


class TestThePageForMobileDevelopers:
    def test_it_has_a_word_on_every_error(self) -> None:
        rows: dict[str, Any] = {}
        for line in MOBILE.read_text().splitlines():
            if match := re.fullmatch(r"\| `(\w+)` \| (\d+) \| (.+) \| (.+) \|", line):
                rows[match[1]] = (int(match[2]), match[3], match[4])
        assert set(rows) == set(ErrorCode)
        for code in ErrorCode:
            close_code, what_happened, what_to_do = rows[code]
            assert close_code == RelayError(code).close_code, code
            assert what_happened
            assert what_to_do

    def test_it_names_only_what_exists(self) -> None:
        text = MOBILE.read_text()
        options = set(re.findall(r"`(\w+)=", text))
        assert options <= set(OPTIONS)
        assert {"gap", "batch", "gift"} <= set(FrameType)
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (MOBILE.parent / link).exists(), link
