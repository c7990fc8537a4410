"""What somebody reads who comes by an address that ALLOWED_HOSTS lacks."""

from __future__ import annotations

import pytest
from django.test import Client

HOME_NETWORK = "192.168.1.20"
HINT = "ALLOWED_HOSTS=localhost,127.0.0.1,"


def answer(host: str, client: str = "192.168.1.7", **headers: str) -> str:
    """The text of the page, which was refused."""
    response = Client(raise_request_exception=False).get(
        "/login/", headers={"host": host, **headers}, REMOTE_ADDR=client
    )
    assert response.status_code == 400
    return response.content.decode()


@pytest.mark.parametrize(
    ("host", "named"),
    [
        (f"{HOME_NETWORK}:8000", HOME_NETWORK),
        (HOME_NETWORK, HOME_NETWORK),
        ("[fd00::7]:8000", "[fd00::7]"),
    ],
)
def test_on_the_own_network_the_page_says_what_to_set(host: str, named: str) -> None:
    assert f"{HINT}{named} make run" in answer(host)


@pytest.mark.parametrize(
    ("host", "client"),
    [
        (HOME_NETWORK, "8.8.8.8"),
        ("8.8.8.8", "192.168.1.7"),
        ("relay.example", "192.168.1.7"),
        ("<script>", "192.168.1.7"),
        ("[::1", "192.168.1.7"),
    ],
)
def test_strangers_are_told_nothing(host: str, client: str) -> None:
    text = answer(host, client)
    assert "ALLOWED_HOSTS" not in text
    assert host not in text


def test_who_comes_through_a_proxy_is_told_nothing() -> None:
    text = answer(HOME_NETWORK, "127.0.0.1", **{"x-forwarded-for": "8.8.8.8"})
    assert "ALLOWED_HOSTS" not in text


def test_the_log_names_an_address_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        answer("192.168.77.1:8000")
    lines = [each.getMessage() for each in caplog.records if "192.168.77.1" in each.getMessage()]
    assert lines == ["A browser came by 192.168.77.1 and was refused; add it to ALLOWED_HOSTS"]


def test_the_log_is_not_filled_with_addresses_that_somebody_invents(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(50):
        answer(f"10.1.1.{number}")
    lines = [each.getMessage() for each in caplog.records if "10.1.1." in each.getMessage()]
    assert len(lines) <= 10
