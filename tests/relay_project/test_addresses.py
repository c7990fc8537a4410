"""How others on the network reach this machine."""

from __future__ import annotations

import ipaddress

import pytest
from pytest_django import Settings

from relay_project.addresses import network_hint, own_addresses

OWN = ["192.168.1.20", "10.0.0.3"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_on_all_addresses_names_them_and_what_to_set(
    settings: Settings, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "10.0.0.3"]
    assert network_hint(host, 8000, OWN) == (
        "On your network: http://192.168.1.20:8000/  http://10.0.0.3:8000/\n"
        "Browsers there are refused until you start with: "
        "ALLOWED_HOSTS=localhost,127.0.0.1,10.0.0.3,192.168.1.20"
    )


@pytest.mark.parametrize("allowed", [["*"], OWN])
def test_nothing_is_to_be_set_where_the_addresses_are_allowed(
    settings: Settings, allowed: list[str]
) -> None:
    settings.ALLOWED_HOSTS = allowed
    hint = network_hint("0.0.0.0", 80, OWN)
    assert hint == "On your network: http://192.168.1.20:80/  http://10.0.0.3:80/"


def test_a_server_on_one_address_has_nothing_to_say() -> None:
    assert network_hint("127.0.0.1", 8000, OWN) == ""
    assert network_hint("192.168.1.20", 8000, OWN) == ""


def test_a_machine_without_a_network_has_nothing_to_say() -> None:
    assert network_hint("0.0.0.0", 8000, []) == ""


def test_own_addresses_are_those_that_others_reach() -> None:
    addresses = own_addresses()
    assert len(set(addresses)) == len(addresses)
    assert not [each for each in addresses if ipaddress.IPv4Address(each).is_loopback]
