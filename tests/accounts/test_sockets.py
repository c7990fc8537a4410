"""The socket address on an account's pages."""

from __future__ import annotations

import pytest

from accounts.sockets import is_for_this_computer_only


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
