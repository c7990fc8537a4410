"""/docs/: the documentation's pages, the contract's files, and the REST API's page; and
docs/app/mobile.md, which has a word on each error."""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from django.conf import LazySettings, settings
from django.test import Client

from accounts.models import User
from live.contract.schemas import schemas
from live.contract.translations import TEXTS
from live.management.commands.export_contract import descriptions
from live.pages.docs.examples import example
from live.pages.docs.guides import FOLLOWING, GUIDES
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.protocol.frames import DATA, FrameType
from live.protocol.options import OPTIONS

DOCS = Path(settings.BASE_DIR) / "docs"
MOBILE = DOCS / "app" / "mobile.md"
START, REFERENCE, TRY, REST = "/docs/", "/docs/reference/", "/docs/try/", "/api/v1/docs"
GUIDE_PAGES = [f"/docs/{name}/" for name in (*GUIDES, *FOLLOWING)]
PAGES = [START, REFERENCE, TRY, REST, *GUIDE_PAGES]
FILES = [
    "/docs/asyncapi.yaml",
    *(f"/docs/schemas/{kind}.json" for kind in DATA),
    *(f"/docs/search.{language}.json" for language in settings.LANGUAGE_CODES),
    "/docs/pictures/overlays.png",
]

pytestmark = pytest.mark.django_db


class Read(HTMLParser):
    """The ids of a page, where it leads to or loads from, and what it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in {"href", "src"}:
                self.targets.add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def read(client: Client, address: str, language: str = "en") -> Read:
    response = client.get(address, headers={"Accept-Language": language})
    assert response.status_code == 200, address
    return Read(response.text)


@cache
def anchors(address: str, language: str) -> set[str]:
    """The ids of a page, as the project's own documents make it; read once."""
    return set(read(Client(), address, language).ids)


def index(client: Client, language: str = "en") -> list[list[str]]:
    entries: list[list[str]] = client.get(f"/docs/search.{language}.json").json()
    return entries


@pytest.fixture
def someone(client: Client) -> User:
    user = User.objects.create_user("someone")
    client.force_login(user)
    return user


class TestEveryPage:
    @pytest.mark.parametrize("language", settings.LANGUAGE_CODES)
    @pytest.mark.parametrize("address", PAGES)
    def test_it_leads_to_places_that_exist(
        self, client: Client, address: str, language: str
    ) -> None:
        page = read(client, address, language)
        assert len(page.ids) == len(set(page.ids))
        for target in page.targets:
            if target.startswith("https://"):
                continue
            path, _, anchor = target.partition("#")
            path = path.partition("?")[0]
            if not path or path in PAGES:
                there = anchors(path or address, language)
                assert not anchor or unquote(anchor) in there, target
            elif path not in FILES:  # which have tests of their own
                assert client.get(path, follow=True).status_code == 200, target

    @pytest.mark.parametrize("address", PAGES)
    def test_it_loads_nothing_from_elsewhere(self, client: Client, address: str) -> None:
        loaded = re.findall(r"(?:<link[^>]* href|src)=\"([^\"]+)\"", client.get(address).text)
        assert loaded
        assert all(target.startswith("/") for target in loaded)

    @pytest.mark.parametrize("address", PAGES)
    def test_it_shows_no_markup_of_the_source(self, client: Client, address: str) -> None:
        shown = read(client, address).text.replace("`@${data.username}", "")
        # JavaScript and shells have their own.
        prose = re.sub(r"<pre.*?</pre>", "", client.get(address).text, flags=re.DOTALL)
        assert "`" not in Read(prose).text
        assert "{{" not in shown

    @pytest.mark.parametrize("address", PAGES)
    def test_it_leads_to_all_others_and_says_which_it_is(
        self, client: Client, address: str
    ) -> None:
        response = client.get(address)
        assert set(PAGES) <= Read(response.text).targets
        assert re.findall(r'<a href="([^"]+)" aria-current="page"', response.text) == [address]

    def test_it_is_in_the_readers_language(self, client: Client) -> None:
        assert "Подключиться" in read(client, REFERENCE, "ru").text
        assert "Подключиться" not in read(client, REFERENCE, "en").text
        client.cookies["django_language"] = "ru"
        assert "Подключиться" in read(client, REFERENCE, "en").text

    @pytest.mark.parametrize("address", PAGES)
    def test_a_browser_asks_before_it_shows_one_again(self, client: Client, address: str) -> None:
        response = client.get(address)
        assert response["Cache-Control"] == "private, no-cache"
        assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))
        same = client.get(address, headers={"If-None-Match": response["ETag"]})
        assert same.status_code == 304
        assert not same.content

    def test_it_is_another_for_whoever_signs_in_or_has_another_cookie(self, client: Client) -> None:
        etags = [client.get(START)["ETag"]]
        client.force_login(User.objects.create_user("someone"))
        etags.append(client.get(START)["ETag"])
        client.cookies["csrftoken"] = "a" * 32
        etags.append(client.get(START)["ETag"])
        assert len(set(etags)) == 3

    @pytest.mark.parametrize("address", [START, REFERENCE, TRY, *GUIDE_PAGES, *FILES])
    def test_it_takes_no_post(self, client: Client, address: str) -> None:
        assert client.post(address).status_code == 405


class TestTheStart:
    def test_old_links_to_the_contract_still_lead_there(self, client: Client) -> None:
        page = read(client, START)
        for anchor in (
            *(f"frame-{kind}" for kind in DATA),
            *(f"error-{code}" for code in ErrorCode),
        ):
            assert anchor in page.ids
            assert f"{REFERENCE}#{anchor}" in page.targets

    def test_programs_have_the_address_of_this_server(self, client: Client) -> None:
        page = client.get(START, headers={"Host": "localhost:8123"}).text
        assert "ws://localhost:8123" in page
        assert "TOKEN" in page

    def test_whoever_is_signed_out_is_led_to_sign_in(self, client: Client, someone: User) -> None:
        sign_in = "/login/?next=/docs/"
        assert sign_in not in read(client, START).targets
        client.logout()
        assert sign_in in read(client, START).targets


class TestTheReference:
    @pytest.fixture
    def page(self, client: Client) -> str:
        return client.get(REFERENCE).text

    def test_it_has_every_frame_error_and_option(self, page: str) -> None:
        for kind in DATA:
            assert f'id="frame-{kind}"' in page
        for code in ErrorCode:
            assert f'id="error-{code}"' in page
        for option in OPTIONS:
            assert f'id="option-{option}"' in page

    def test_it_names_every_field(self, page: str) -> None:
        for schema in schemas().values():
            for name in schema.get("properties", {}):
                assert f"<code>{name}</code>" in page, name

    def test_the_first_lines_of_examples_are_open(self, page: str) -> None:
        gift = page.partition('id="frame-gift"')[2].partition("</article>")[0]
        before, _, folded = gift.partition("<details>")
        assert "&quot;type&quot;" in before
        assert "&quot;diamonds_total&quot;" not in before
        assert "&quot;diamonds_total&quot;" in folded

    def test_descriptions_are_those_of_the_language(self, client: Client) -> None:
        known = json.loads((Path(settings.BASE_DIR) / TEXTS / "ru.json").read_text())
        text = "Someone follows the streamer from now on."
        translation = known[text]
        assert translation in read(client, REFERENCE, "ru").text
        assert text in read(client, REFERENCE, "en").text

    def test_a_close_code_names_its_errors(self, page: str) -> None:
        meaning = page.partition('<dt id="close-1012">')[2].partition("</dd>")[0]
        assert "The server restarted" in meaning
        assert re.findall(r'href="#error-(\w+)"', meaning) == ["server_shutdown"]


class TestGuides:
    def test_every_document_for_developers_of_apps_is_one(self) -> None:
        files = {path.stem for path in (DOCS / "app").glob("*.md")}
        assert files <= {*GUIDES, *FOLLOWING}

    def test_links_between_documents_lead_to_pages(self, client: Client) -> None:
        page = read(client, "/docs/protocol/")
        assert {"/docs/mobile/", "/docs/tikfinity/", "/docs/asyncapi.yaml"} <= page.targets
        assert "/docs/protocol/#connect" in read(client, "/docs/tikfinity/").targets

    def test_links_to_other_files_lead_to_the_source(
        self, client: Client, settings: LazySettings
    ) -> None:
        settings.SOURCE_URL = "https://github.com/someone/relay"
        there = "https://github.com/someone/relay/blob/HEAD/docs/operate/routes.md"
        assert there in read(client, "/docs/protocol/").targets
        settings.SOURCE_URL = "https://code.example/relay"
        assert settings.SOURCE_URL in read(client, "/docs/protocol/").targets

    def test_links_to_other_files_are_text_where_the_source_is_not_published(
        self, client: Client, settings: LazySettings
    ) -> None:
        settings.SOURCE_URL = ""
        page = read(client, "/docs/protocol/")
        assert "second way to TikTok" in page.text
        assert not any("routes.md" in target for target in page.targets)

    def test_what_is_not_translated_is_shown_in_english_and_says_so(
        self, client: Client, settings: LazySettings, tmp_path: Path
    ) -> None:
        write(tmp_path, "rest.md", "# In English\n\n## One\n")
        settings.BASE_DIR = tmp_path
        page = client.get("/docs/rest/", headers={"Accept-Language": "ru"}).text
        assert "In English" in page
        assert '<div class="guide" lang="en">' in page

    def test_a_translation_keeps_the_english_anchors(
        self, client: Client, settings: LazySettings, tmp_path: Path
    ) -> None:
        write(tmp_path, "rest.md", "# In English\n\n## The account\n")
        write(tmp_path, "ru/rest.md", "# По-русски\n\n## Учётная запись\n")
        settings.BASE_DIR = tmp_path
        assert "the-account" in read(client, "/docs/rest/").ids
        assert {"the-account", "учётная-запись"} <= set(read(client, "/docs/rest/", "ru").ids)

    def test_a_document_that_has_changed_is_shown_as_it_is_now(
        self, client: Client, settings: LazySettings, tmp_path: Path
    ) -> None:
        settings.BASE_DIR = tmp_path
        write(tmp_path, "rest.md", "# Before\n")
        assert "Before" in read(client, "/docs/rest/").text
        write(tmp_path, "rest.md", "# And afterwards\n")
        assert "And afterwards" in read(client, "/docs/rest/").text

    def test_html_in_a_document_is_text(
        self, client: Client, settings: LazySettings, tmp_path: Path
    ) -> None:
        write(tmp_path, "rest.md", "# Title\n\n<script>alert(1)</script>\n\n[x](javascript:1)\n")
        settings.BASE_DIR = tmp_path
        page = client.get("/docs/rest/").text
        assert "<script>alert" not in page
        assert "javascript:1" not in Read(page).targets

    def test_others_do_not_exist(self, client: Client) -> None:
        assert client.get("/docs/map/").status_code == 404
        assert client.get("/docs/pictures/none.png").status_code == 404


def write(root: Path, name: str, text: str) -> None:
    path = root / "docs" / "app" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class TestTheSearch:
    @pytest.mark.parametrize("language", settings.LANGUAGE_CODES)
    def test_it_knows_every_frame_error_option_and_operation(
        self, client: Client, language: str
    ) -> None:
        known = {entry[0] for entry in index(client, language)}
        operations = {"GET /api/v1/status", "PATCH /api/v1/account"}
        assert known >= {*DATA, *ErrorCode, *OPTIONS, "diamonds_total", *operations}

    @pytest.mark.parametrize("language", settings.LANGUAGE_CODES)
    def test_what_it_finds_is_there(self, client: Client, language: str) -> None:
        for _name, kind, address, _text in index(client, language):
            assert kind
            path, _, anchor = address.partition("#")
            assert not anchor or unquote(anchor) in anchors(path, language), address

    def test_it_has_the_headings_of_guides(self, client: Client) -> None:
        found = [entry for entry in index(client) if entry[0] == "Count gifts once"]
        assert [entry[2] for entry in found] == ["/docs/mobile/#count-gifts-once"]

    @pytest.mark.parametrize("language", settings.LANGUAGE_CODES)
    def test_a_close_code_leads_to_what_it_means_and_to_its_errors(
        self, client: Client, language: str
    ) -> None:
        entries = index(client, language)
        for code in CloseCode:
            address = f"{REFERENCE}#close-{code}"
            assert [it[2] for it in entries if it[0] == str(code)] == [address]
            errors = {error for error in ErrorCode if RelayError(error).close_code == code}
            found = {it[0] for it in entries if it[1].endswith(f" {code}")}
            assert found == errors

    def test_it_speaks_no_other_language(self, client: Client) -> None:
        assert client.get("/docs/search.fr.json").status_code == 404


class TestTryIt:
    @pytest.fixture(autouse=True)
    def _switched_on(self, settings: LazySettings) -> None:
        settings.RELAY_TEST_ENDPOINT = True

    def test_whoever_is_signed_in_can(self, client: Client, someone: User) -> None:
        page = client.get(TRY).text
        assert 'id="try"' in page
        assert 'data-tokens="/console/token/"' in page
        for code in ErrorCode:
            assert f"<option>{code}</option>" in page

    def test_others_are_told_to_sign_in(self, client: Client) -> None:
        page = client.get(TRY).text
        assert 'id="try"' not in page
        assert "/login/?next=/docs/try/" in Read(page).targets

    def test_where_the_test_endpoint_is_off_it_says_how_to_have_it(
        self, client: Client, someone: User, settings: LazySettings
    ) -> None:
        settings.RELAY_TEST_ENDPOINT = False
        page = client.get(TRY).text
        assert 'id="try"' not in page
        assert "The test endpoint is off on this server." in page


class TestTheRestPage:
    def test_it_has_every_operation(self, client: Client) -> None:
        described = client.get("/api/v1/openapi.json").json()
        page = client.get(REST).text
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                assert f'id="{operation["operationId"]}"' in page
                assert f"{method.upper()}</b> {path}</code>" in page

    def test_it_names_every_field_of_answers(self, client: Client) -> None:
        described = client.get("/api/v1/openapi.json").json()
        page = client.get(REST).text
        for name in ("Account", "Status", "Gifts", "LiveSums", "LiveWhole", "Problem"):
            for field in described["components"]["schemas"][name]["properties"]:
                assert f'id="part-{name}-{field}"' in page

    def test_only_what_changes_nothing_can_be_tried(self, client: Client) -> None:
        page = client.get(REST).text
        change = page.partition('id="change_account"')[2].partition("</article>")[0]
        assert "curl" in change
        assert "<form" not in change
        assert 'data-path="/api/v1/status"' in page

    def test_a_session_has_tokens_to_try_it_with(self, client: Client, someone: User) -> None:
        assert 'data-tokens="/console/token/"' in client.get(REST).text
        client.logout()
        assert "data-tokens" not in client.get(REST).text


@pytest.mark.parametrize("address", FILES)
class TestEveryFile:
    def test_it_is_public_and_may_be_kept(self, client: Client, address: str) -> None:
        response = client.get(address)
        assert response.status_code == 200
        assert response["Cache-Control"] == "public, max-age=600"
        again = client.get(address, headers={"If-None-Match": response["ETag"]})
        assert again.status_code == 304
        assert not again.content

    def test_it_says_nothing_of_who_asks(self, client: Client, address: str) -> None:
        before = client.get(address)
        client.force_login(User.objects.create_user("someone", is_staff=True))
        client.cookies["django_language"] = "ru"
        again = client.get(address, headers={"Accept-Language": "ru"})
        assert again.content == before.content
        assert "Cookie" not in again["Vary"]
        assert not again.cookies


class TestTheFiles:
    def test_they_are_what_the_repository_has(self, client: Client) -> None:
        for address in ["/docs/asyncapi.yaml", *(f"/docs/schemas/{kind}.json" for kind in DATA)]:
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


class TestExamples:
    def test_one_of_few_lines_is_open(self) -> None:
        assert "<details>" not in example('{"a": 1}', "json")

    def test_of_a_long_one_all_lines_are_there_once(self) -> None:
        lines = [f"line {number}" for number in range(30)]
        html = example("\n".join(lines), "js")
        assert "Show all 30 lines" in html
        assert [line for line in lines if f">{line}" not in html and f"\n{line}" not in html] == []
        assert html.count("line 29") == 1

    def test_a_drawing_is_open(self) -> None:
        assert "<details>" not in example("|\n" * 30)

    def test_json_is_escaped(self) -> None:
        html = example(json.dumps({"<b>": 'a "quoted" & <i>', "n": -1.5, "t": True}), "json")
        assert "<b>" not in html
        assert "<i>" not in html
        assert '<span class="value">-1.5</span>' in html
        assert html.count('<span class="name">') == 3
        assert html.count('<span class="text">') == 1


class TestTranslationsOfTheContract:
    def test_every_description_has_one(self) -> None:
        """Otherwise call `make contract`, and translate what is empty."""
        for language in settings.LANGUAGE_CODES:
            if language != "en":
                path = Path(settings.BASE_DIR) / TEXTS / f"{language}.json"
                known = json.loads(path.read_text())
                assert [text for text in descriptions() if not known.get(text)] == []

    def test_it_has_the_same_code(self) -> None:
        known = json.loads((Path(settings.BASE_DIR) / TEXTS / "ru.json").read_text())
        for text, translation in known.items():
            code = sorted(re.findall(r"`[^`]+`", text))
            assert sorted(re.findall(r"`[^`]+`", translation)) == code, text


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
