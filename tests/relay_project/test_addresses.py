"""How others on the network reach this machine."""

from __future__ import annotations

import ipaddress

import pytest
from pytest_django import Settings

from relay_project.addresses import line_to_start_with, network_hint, own_addresses, qr_code

OWN = ["192.168.1.20", "10.0.0.3"]


@pytest.fixture(autouse=True)
def _as_installed(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_on_all_addresses_names_them_and_what_to_set(
    settings: Settings, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "10.0.0.3"]
    assert network_hint(host, 8000, OWN) == (
        "On your network: http://192.168.1.20:8000/  http://10.0.0.3:8000/\n"
        "Browsers there are refused until you start with: "
        f"ALLOWED_HOSTS=localhost,127.0.0.1,10.0.0.3,192.168.1.20 make run HOST={host}"
    )


@pytest.mark.parametrize("allowed", [["*"], OWN])
def test_nothing_is_to_be_set_where_the_addresses_are_allowed(
    settings: Settings, allowed: list[str]
) -> None:
    settings.ALLOWED_HOSTS = allowed
    hint = network_hint("0.0.0.0", 80, OWN)
    assert hint == "On your network: http://192.168.1.20:80/  http://10.0.0.3:80/"


@pytest.mark.parametrize(
    ("host", "shown"),
    [("192.168.1.20", "192.168.1.20"), ("fd00::7", "[fd00::7]"), ("relay.lan", "relay.lan")],
)
def test_a_server_on_one_address_of_the_network_names_that(host: str, shown: str) -> None:
    assert network_hint(host, 8010, OWN) == (
        f"On your network: http://{shown}:8010/\n"
        "Browsers there are refused until you start with: "
        f"ALLOWED_HOSTS=localhost,127.0.0.1,{shown} make run HOST={host} PORT=8010"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_server_on_this_computer_alone_says_how_to_open_it(settings: Settings, host: str) -> None:
    settings.RELAY_START_COMMAND = "make run STANDIN=1"
    assert network_hint(host, 8000, OWN) == (
        "Only this computer can open it. For phones on your network: "
        "ALLOWED_HOSTS=localhost,127.0.0.1,192.168.1.20,10.0.0.3 make run STANDIN=1 HOST=0.0.0.0"
    )


def test_that_line_has_only_what_is_missing(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert network_hint("127.0.0.1", 8000, OWN).endswith(": make run HOST=0.0.0.0")


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_machine_without_a_network_has_nothing_to_say(host: str) -> None:
    assert network_hint(host, 8000, []) == ""


def test_the_qr_code_is_of_the_first_address_that_is_allowed(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["10.0.0.3"]
    said = network_hint("0.0.0.0", 8000, OWN, has_qr_code=True)
    assert qr_code("http://10.0.0.3:8000/") in said
    settings.ALLOWED_HOSTS = []
    assert qr_code("http://192.168.1.20:8000/") in network_hint(
        "0.0.0.0", 8000, OWN, has_qr_code=True
    )


def test_a_qr_code_is_white_on_black_in_any_terminal_and_fits_into_it() -> None:
    lines = qr_code("http://192.168.100.200:65535/").splitlines()
    assert len(lines) <= 18
    for line in lines:
        assert line.startswith("\033[97;40m")
        assert line.endswith("\033[0m")
        assert set(line[8:-4]) <= set(" ▀▄█")


def test_a_line_leaves_out_what_is_usual() -> None:
    assert line_to_start_with([], 8000) == "make run"
    assert (
        line_to_start_with(["a"], 8001, "0.0.0.0")
        == "ALLOWED_HOSTS=a make run HOST=0.0.0.0 PORT=8001"
    )


def test_own_addresses_are_those_that_others_reach() -> None:
    addresses = own_addresses()
    assert len(set(addresses)) == len(addresses)
    assert not [each for each in addresses if ipaddress.IPv4Address(each).is_loopback]
