"""The page that passes TikTok's pictures on to the other pages."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from accounts.models import User
from live.tiktok.pictures import Pictures
from tests.support.pictures import PNG, Host
from tests.support.rest import RestClient

MARIA, ANNA = 1, 2  # accounts


@pytest.mark.django_db(transaction=True)
class TestPicturePage:
    @pytest.fixture
    async def client(self, pictures: Pictures) -> RestClient:
        client = RestClient(relay=SimpleNamespace(pictures=pictures))
        await client.aforce_login(await User.objects.acreate(username="maria"))
        return client

    async def test_a_picture_is_passed_on_with_safe_headers(
        self, host: Host, client: RestClient
    ) -> None:
        response = await client.ask("/picture/", authorization="", address=f"{host.origin}/a?b=c")
        assert (response.status_code, response.content) == (200, PNG)
        assert response["Content-Type"] == "image/png"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "private, max-age=86400"
        assert host.requests[0].query_string == "b=c"

    @pytest.mark.parametrize(
        "address",
        ["", "https://evil.example/a", "https://xn--.pictures.example/", "https://[", "\x00"],
    )
    async def test_it_is_not_found_elsewhere(
        self, host: Host, client: RestClient, address: str
    ) -> None:
        response = await client.ask("/picture/", authorization="", address=address)
        assert (response.status_code, response.content) == (404, b"")
        assert response["Cache-Control"] == "private, max-age=60"

    async def test_it_sends_strangers_to_the_login_page(
        self, host: Host, pictures: Pictures
    ) -> None:
        client = RestClient(relay=SimpleNamespace(pictures=pictures))
        response = await client.ask("/picture/", authorization="", address=f"{host.origin}/a")
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")
        assert host.requests == []

    async def test_it_takes_no_post(self, host: Host, client: RestClient) -> None:
        response = await client.ask("/picture/", "POST", authorization="")
        assert response.status_code in {403, 405}
        assert host.requests == []
