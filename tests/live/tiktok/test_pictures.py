"""Pictures passed on from TikTok's hosts: only pictures, only from there, each asked for once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django import Settings

from live.tiktok import pictures as module
from live.tiktok.pictures import Picture, Pictures
from tests.support.pictures import PNG, Host

MARIA, ANNA = 1, 2  # accounts
PICTURES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0 a picture",
    "image/gif": b"GIF89a a picture",
    "image/webp": b"RIFF\n\x00\x00\x00WEBPVP8 a picture",
    "image/avif": b"\x00\x00\x00\x1cftypavif a picture",
}


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


class TestPictures:
    async def test_a_picture_is_fetched_as_its_address_says(
        self, host: Host, pictures: Pictures
    ) -> None:
        found = await pictures.get(f"{host.origin}/a.png?x-signature=b%2Fc", MARIA)
        assert found == Picture(PNG, "image/png")
        [request] = host.requests
        assert request.raw_path == "/a.png?x-signature=b%2Fc"

    @pytest.mark.parametrize("content_type", PICTURES)
    async def test_it_knows_pictures_by_what_they_begin_with(
        self, host: Host, pictures: Pictures, content_type: str
    ) -> None:
        host.content = PICTURES[content_type]
        host.headers["Content-Type"] = "image/awebp"
        found = await pictures.get(f"{host.origin}/a", MARIA)
        assert found == Picture(host.content, content_type)

    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "svg+xml"),
            (b"<!doctype html><script>alert(1)</script>", "png"),
            (b" " + PNG, "png"),
            (b"\x89PNG", "png"),
            (b"", "png"),
        ],
    )
    async def test_it_passes_nothing_else_on(
        self, host: Host, pictures: Pictures, content: bytes, content_type: str
    ) -> None:
        host.content, host.headers["Content-Type"] = content, f"image/{content_type}"
        assert await pictures.get(f"{host.origin}/a", MARIA) is None

    async def test_it_passes_nothing_on_that_is_not_sent_as_a_picture(
        self, host: Host, pictures: Pictures
    ) -> None:
        host.headers["Content-Type"] = "text/html"
        assert await pictures.get(f"{host.origin}/a", MARIA) is None

    @pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
    async def test_it_wants_a_whole_picture(
        self, host: Host, pictures: Pictures, status: int
    ) -> None:
        host.status = status
        assert await pictures.get(f"{host.origin}/a", MARIA) is None

    async def test_it_follows_no_redirect(self, host: Host, pictures: Pictures) -> None:
        host.status, host.headers["Location"] = 302, f"{host.origin}/b"
        assert await pictures.get(f"{host.origin}/a", MARIA) is None
        assert host.asked_for == {"/a": 1}

    async def test_it_keeps_no_cookies(self, host: Host, pictures: Pictures) -> None:
        host.headers["Set-Cookie"] = "viewer=1; Path=/"
        for path in ("a", "b"):
            await pictures.get(f"{host.origin}/{path}", MARIA)
        assert ["Cookie" in request.headers for request in host.requests] == [False, False]

    @pytest.mark.parametrize(("excess", "is_passed_on"), [(0, True), (1, False)])
    async def test_it_is_of_a_megabyte_at_most(
        self, host: Host, pictures: Pictures, excess: int, is_passed_on: bool
    ) -> None:
        host.content = PNG.ljust(1024 * 1024 + excess)
        assert (await pictures.get(f"{host.origin}/a", MARIA) is not None) is is_passed_on

    async def test_it_does_not_wait_for_ever(
        self, host: Host, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_WITHIN", 0.2)
        host.answers.clear()
        assert await pictures.get(f"{host.origin}/a", MARIA) is None
        assert host.asked_for == {"/a": 1}

    async def test_it_fetches_once_however_many_ask(self, host: Host, pictures: Pictures) -> None:
        host.answers.clear()
        asked = [asyncio.create_task(pictures.get(f"{host.origin}/a", MARIA)) for _ in range(10)]
        await until(lambda: host.requests)
        host.answers.set()
        assert [await task for task in asked] == [Picture(PNG, "image/png")] * 10
        assert await pictures.get(f"{host.origin}/a", MARIA) == Picture(PNG, "image/png")
        assert host.asked_for == {"/a": 1}

    async def test_it_goes_on_when_the_first_asker_has_gone(
        self, host: Host, pictures: Pictures
    ) -> None:
        host.answers.clear()
        gone = asyncio.create_task(pictures.get(f"{host.origin}/a", MARIA))
        await until(lambda: host.requests)
        waits = asyncio.create_task(pictures.get(f"{host.origin}/a", MARIA))
        gone.cancel()
        host.answers.set()
        assert await waits == Picture(PNG, "image/png")
        assert host.asked_for == {"/a": 1}

    async def test_it_asks_again_after_a_failure(self, host: Host, pictures: Pictures) -> None:
        host.status = 503
        assert await pictures.get(f"{host.origin}/a", MARIA) is None
        host.status = 200
        assert await pictures.get(f"{host.origin}/a", MARIA) == Picture(PNG, "image/png")

    async def test_it_forgets_what_nobody_has_asked_for(self, host: Host) -> None:
        pictures = Pictures(kept=2 * len(PNG))
        for path in ("a", "b", "a", "c", "a", "b"):
            assert await pictures.get(f"{host.origin}/{path}", MARIA)
        assert host.asked_for == {"/a": 1, "/b": 2, "/c": 1}
        await pictures.close()

    async def test_it_has_a_few_connections_only(
        self, host: Host, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_CONNECTIONS", 4)
        host.answers.clear()
        asked = [asyncio.create_task(pictures.get(f"{host.origin}/{n}", MARIA)) for n in range(8)]
        await until(lambda: len(host.requests) == 4)
        host.answers.set()
        assert None not in [await task for task in asked]

    async def test_it_refuses_what_is_too_much_at_once(
        self, host: Host, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_MOST_AT_ONCE", 1)
        host.answers.clear()
        first = asyncio.create_task(pictures.get(f"{host.origin}/a", MARIA))
        await until(lambda: host.requests)
        assert await pictures.get(f"{host.origin}/b", ANNA) is None
        host.answers.set()
        assert await first

    async def test_it_leaves_something_for_others(self, host: Host, pictures: Pictures) -> None:
        host.answers.clear()
        asked = [asyncio.create_task(pictures.get(f"{host.origin}/{n}", MARIA)) for n in range(32)]
        await until(lambda: len(host.requests) == 32)
        assert await pictures.get(f"{host.origin}/of maria", MARIA) is None
        asked.append(asyncio.create_task(pictures.get(f"{host.origin}/of anna", ANNA)))
        await until(lambda: len(host.requests) == 33)
        host.answers.set()
        assert None not in [await task for task in asked]
        assert await pictures.get(f"{host.origin}/of maria", MARIA)

    async def test_it_gives_up_when_it_is_closed(self, host: Host) -> None:
        pictures = Pictures()
        host.answers.clear()
        asked = asyncio.create_task(pictures.get(f"{host.origin}/a", MARIA))
        await until(lambda: host.requests)
        await pictures.close()
        assert await asked is None

    async def test_it_has_none_once_it_is_closed(self, host: Host) -> None:
        pictures = Pictures()
        assert await pictures.get(f"{host.origin}/a", MARIA)
        await pictures.close()
        assert await pictures.get(f"{host.origin}/b", MARIA) is None
        assert host.asked_for == {"/a": 1}

    async def test_it_logs_no_query(
        self, host: Host, pictures: Pictures, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "live")
        host.status = 404
        await pictures.get(f"{host.origin}/a.png?x-signature=s3cr3t", MARIA)
        assert "no picture at 127.0.0.1/a.png: status 404" in caplog.text
        assert "s3cr3t" not in caplog.text


class Proxy:
    """A proxy that lets nobody through.

    Attributes:
        asked_for: the hosts that were to be connected to.
    """

    def __init__(self) -> None:
        self.asked_for: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked_for.append(request.split()[1].decode())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """What is between here and all hosts: it sees who is asked."""
    proxy = Proxy()
    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        address = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, address)
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield proxy


class TestPictureHosts:
    @pytest.fixture(autouse=True)
    def _hosts(self, settings: Settings) -> None:
        settings.RELAY_PICTURE_HOSTS = [
            ".pictures.example",
            "cdn.example",
            "http://stand-in.example:9000",
        ]

    @pytest.mark.parametrize(
        ("address", "asked"),
        [
            ("https://p16.pictures.example/a.webp", "p16.pictures.example:443"),
            ("https://p16.eu.pictures.example/a.webp", "p16.eu.pictures.example:443"),
            ("https://p16.pictures.example:443/a.webp", "p16.pictures.example:443"),
            ("HTTPS://P16.Pictures.Example/a.webp", "p16.pictures.example:443"),
            ("https://cdn.example/a.webp", "cdn.example:443"),
            ("http://stand-in.example:9000/a.webp", "http://stand-in.example:9000/a.webp"),
        ],
    )
    async def test_other_hosts_are_never_asked(
        self, proxy: Proxy, pictures: Pictures, address: str, asked: str
    ) -> None:
        assert await pictures.get(address, MARIA) is None  # the proxy lets nobody through
        assert proxy.asked_for == [asked]

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "a.webp",
            "//p16.pictures.example/a.webp",
            "http://p16.pictures.example/a.webp",
            "ftp://p16.pictures.example/a.webp",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "https://p16.pictures.example:444/a.webp",
            "https://p16.pictures.example:80/a.webp",
            "https://user@p16.pictures.example/a.webp",
            "https://user:password@p16.pictures.example/a.webp",
            "https://p16.pictures.example@evil.example/a.webp",
            "https://evil.example#@p16.pictures.example/a.webp",
            "https://evil.example?.pictures.example/a.webp",
            "https://evil.example/.pictures.example",
            "https://evil.example\\.pictures.example/a.webp",
            "https://pictures.example/a.webp",
            "https://evilpictures.example/a.webp",
            "https://p16.pictures.example.evil.example/a.webp",
            "https://p16.pictures.example./a.webp",
            "https://p16.pictures.example%2eevil.example/a.webp",
            "https://p16.pictures.example\x00.evil.example/a.webp",
            "https://p16.pictures.example\r\n.evil.example/a.webp",
            "https://sub.cdn.example/a.webp",
            "https://xn--/a.webp",
            "https://xn--a.evil.example/a.webp",
            "https://xn--.pictures.example/a.webp",
            "https://xn--a.pictures.example/a.webp",
            "https://xn--zzzzzzzzzzzz99999.pictures.example/a.webp",
            "https://127.0.0.1/a.webp",
            "https://2130706433/a.webp",
            "https://0x7f.1/a.webp",
            "https://[::1]/a.webp",
            "https://[::1/a.webp",
            "https://localhost/a.webp",
            "http://169.254.169.254/latest/meta-data/",
            "https://stand-in.example:9000/a.webp",
            "http://stand-in.example/a.webp",
            "http://stand-in.example:9001/a.webp",
            "https://p16.pictures.example/" + "a" * 2000,
        ],
    )
    async def test_it_asks_no_other(self, proxy: Proxy, pictures: Pictures, address: str) -> None:
        assert await pictures.get(address, MARIA) is None
        assert proxy.asked_for == []
