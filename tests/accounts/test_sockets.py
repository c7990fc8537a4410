"""The socket address on an account's pages."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from django.test import AsyncRequestFactory
from pytest_django import Settings

from accounts import sockets
from accounts.sockets import Address, addresses, is_for_this_computer_only, qr_code


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "localhost.",
        "relay.localhost",
        "127.0.0.1",
        "127.8.0.1:80",
        "[::1]:8000",
    ],
)
def test_a_loopback_host_is_for_this_computer_only(host: str) -> None:
    assert is_for_this_computer_only(f"ws://{host}/ws/t0ken")


@pytest.mark.parametrize(
    "host",
    ["relay.example", "192.168.1.7:8000", "[2001:db8::7]:8000", "localhost.example", "mylocalhost"],
)
def test_other_hosts_are_for_phones(host: str) -> None:
    assert not is_for_this_computer_only(f"wss://{host}/ws/t0ken")


class TestAddresses:
    """Those to choose from on the page of a new token."""

    @pytest.fixture(autouse=True)
    def _allowed(self, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "relay.lan", "*.example", ".example"]

    @pytest.fixture
    def listening(self) -> Iterator[int]:
        """A port of this machine that takes connections on 127.0.0.1 alone."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.getsockname()[1]

    def found(
        self, monkeypatch: pytest.MonkeyPatch, host: str, *own: str, port: int | None = None
    ) -> list[Address]:
        """The addresses, on a machine with these own ones, whose server listens on the port."""
        monkeypatch.setattr(sockets, "own_addresses", lambda: list(own))
        request = AsyncRequestFactory().get("/")
        request.scope = {**request.scope, "server": ["127.0.0.1", port]}
        request.META["HTTP_HOST"] = host
        return addresses(request, "t0ken")

    def test_the_host_of_the_page_is_enough_if_phones_can_use_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [only] = self.found(monkeypatch, "relay.lan:8000", "192.0.2.7")
        assert only.host == "relay.lan:8000"
        assert only.socket_url == "ws://relay.lan:8000/ws/t0ken"
        assert only.qr_code == qr_code(only.socket_url)
        assert not only.is_for_this_computer_only

    def test_beside_a_loopback_address_there_are_the_others_of_this_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.found(monkeypatch, "localhost:8000", "192.0.2.7")
        assert [each.socket_url for each in found] == [
            "ws://localhost:8000/ws/t0ken",
            "ws://192.0.2.7:8000/ws/t0ken",
            "ws://relay.lan:8000/ws/t0ken",
        ]
        assert [each.is_for_this_computer_only for each in found] == [True, False, False]

    def test_without_a_port_they_have_none_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = self.found(monkeypatch, "localhost", "192.0.2.7")
        assert [each.host for each in found] == ["localhost", "192.0.2.7", "relay.lan"]

    def test_one_that_takes_connections_comes_first(
        self, monkeypatch: pytest.MonkeyPatch, listening: int
    ) -> None:
        host = f"localhost:{listening}"
        # 127.0.0.1 stands for an address that phones can use, 127.0.0.2 for one without a server.
        found = self.found(monkeypatch, host, "127.0.0.2", "127.0.0.1", port=listening)
        assert [(each.host, each.is_open) for each in found] == [
            (f"127.0.0.1:{listening}", True),
            (host, None),
            (f"127.0.0.2:{listening}", False),
            (f"relay.lan:{listening}", None),
        ]

    def test_it_tries_no_port_that_only_the_request_names(
        self, monkeypatch: pytest.MonkeyPatch, listening: int
    ) -> None:
        found = self.found(monkeypatch, f"localhost:{listening}", "127.0.0.1", port=listening + 1)
        assert [each.is_open for each in found] == [None, None, None]
