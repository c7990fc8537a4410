"""What somebody reads who comes by an address that ALLOWED_HOSTS lacks, and what the log says."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from pytest_django import Settings

from relay_project import wrong_host

OWN = "192.168.1.20"
PHONE, STRANGER = "192.168.1.7", "8.8.8.8"
HOSTS = "localhost,127.0.0.1,[::1]"


@pytest.fixture(autouse=True)
def _as_installed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the hosts of tests, and with nothing logged yet."""
    settings.ALLOWED_HOSTS = HOSTS.split(",")
    monkeypatch.setattr(wrong_host, "refusals", wrong_host.RefusalLog())


async def answer(
    host: str,
    client: str = PHONE,
    path: str = "/login/",
    port: int = 8000,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """The refusal."""
    application: Any = ASGIHandler()
    served = httpx.ASGITransport(app=application, client=(client, 50_000))
    async with httpx.AsyncClient(transport=served, base_url=f"http://server:{port}") as browser:
        response = await browser.get(path, headers={"host": host, **(headers or {})})
    assert response.status_code == 400
    return response


async def text(host: str, client: str = PHONE, **more: Any) -> str:
    return (await answer(host, client, **more)).text.replace("<wbr>", "")


class TestTheOwnNetwork:
    @pytest.mark.parametrize(
        ("host", "named"),
        [
            (f"{OWN}:8000", OWN),
            (OWN, OWN),
            ("[fd00::7]:8000", "[fd00::7]"),
            ("Relay.Example", "relay.example"),
        ],
    )
    async def test_it_is_told_what_to_set(self, host: str, named: str) -> None:
        said = await text(host)
        assert f"ALLOWED_HOSTS={HOSTS},{named} make run HOST=0.0.0.0<" in said
        assert f">ALLOWED_HOSTS={HOSTS},{named}<" in said

    @pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
    async def test_whoever_sits_at_the_machine_needs_no_network(self, client: str) -> None:
        assert f"ALLOWED_HOSTS={HOSTS},relay.test make run<" in await text("relay.test", client)

    async def test_the_page_has_the_colours_of_all_pages(self) -> None:
        said = await text(OWN)
        for sheet in ("shared/palette.css", "shared/header.css", "live/relay.css"):
            assert sheet in said

    async def test_the_line_names_a_port_of_its_own(self) -> None:
        assert "make run HOST=0.0.0.0 PORT=8010<" in await text(OWN, port=8010)

    async def test_the_line_starts_what_is_running(self, settings: Settings) -> None:
        settings.RELAY_START_COMMAND = "make demo"
        assert "make demo HOST=0.0.0.0 PORT=8010<" in await text(OWN, port=8010)

    async def test_it_reads_it_in_its_language(self) -> None:
        said = await answer(OWN, headers={"accept-language": "ru"})
        assert (said.headers["Content-Language"], said.headers["Cache-Control"]) == (
            "ru",
            "no-store",
        )
        assert '<html lang="ru">' in said.text

    async def test_an_app_is_told_in_the_form_of_the_api(self) -> None:
        said = await answer(OWN, path="/api/v1/status")
        assert said.headers["Content-Type"] == "application/json"
        assert f'"detail": "This server does not answer at {OWN}.' in said.text

    async def test_a_name_is_not_told_which_others_there_are(self, settings: Settings) -> None:
        """A stranger's page may have been opened by that name, and read the answer."""
        settings.ALLOWED_HOSTS = ["inside.example"]
        said = await text("evil.example")
        assert "ALLOWED_HOSTS=…,evil.example" in said
        assert "inside.example" not in said
        assert f"ALLOWED_HOSTS=inside.example,{OWN} make run" in await text(OWN)

    @pytest.mark.parametrize("host", ["<script>", "[::1", "a..b", "a/b", "x" * 300])
    async def test_what_can_be_no_host_is_not_repeated(self, host: str) -> None:
        assert await text(host) == "Bad Request (400)\n"


class TestStrangers:
    @pytest.mark.parametrize("host", [OWN, "relay.example", "<script>", STRANGER])
    async def test_they_are_told_nothing(self, host: str) -> None:
        assert await text(host, STRANGER) == "Bad Request (400)\n"

    async def test_their_apps_are_told_nothing_either(self) -> None:
        said = await text("relay.example", STRANGER, path="/api/v1/status")
        assert '"code": "bad_request"' in said
        assert "relay.example" not in said
        assert "ALLOWED_HOSTS" not in said

    async def test_a_proxy_that_is_not_trusted_does_not_hide_them(self) -> None:
        assert "ALLOWED_HOSTS" not in await text(
            OWN, "127.0.0.1", headers={"x-forwarded-for": PHONE}
        )

    async def test_a_trusted_one_says_who_comes(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.1")]
        forwarded = {"x-forwarded-for": STRANGER}
        assert "ALLOWED_HOSTS" not in await text(OWN, "127.0.0.1", headers=forwarded)
        forwarded = {"x-forwarded-for": f"{STRANGER}, {PHONE}"}
        assert "ALLOWED_HOSTS" in await text(OWN, "127.0.0.1", headers=forwarded)
        assert "ALLOWED_HOSTS" not in await text(OWN, "127.0.0.1")  # it does not say

    async def test_with_debug_they_are_told(self, settings: Settings) -> None:
        settings.DEBUG = True
        assert f"ALLOWED_HOSTS={HOSTS},relay.example" in await text("relay.example", STRANGER)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged of refusals; on a slow machine, asyncio has its warnings there, too."""
    return [each.getMessage() for each in caplog.records if each.name == wrong_host.__name__]


class TestTheLog:
    async def test_it_names_a_host_once_with_what_to_set(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        for client in (PHONE, STRANGER, PHONE):
            await answer("relay.example:8000", client)
        assert logged(caplog) == [
            "A request for the host relay.example was refused. To answer it, start with "
            f"ALLOWED_HOSTS={HOSTS},relay.example"
        ]

    def test_strangers_can_neither_fill_it_nor_keep_the_own_network_out(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = wrong_host.RefusalLog()
        for number in range(50):
            log.note(f"host{number}.example", is_near=False)
        assert 1 <= len(logged(caplog)) <= 10
        for number in range(50):
            log.note(f"10.0.0.{number}", is_near=True)
        assert "10.0.0.0 was refused" in " ".join(logged(caplog))
        assert len(logged(caplog)) <= 20

    async def test_it_does_not_repeat_what_can_be_no_host(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        await answer("a\x1b[31mb")
        assert logged(caplog) == []
