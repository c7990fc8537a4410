"""Where webhooks may go, and where not."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from live.webhooks import addresses
from live.webhooks.addresses import (
    AddressRefusedError,
    Guard,
    is_discord,
    parse_address,
    without_secrets,
)

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1"),
    *("240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:0:0:1::1", "2001:db8::1", "100::1"),
    *("3fff::1", "5f00::1"),
]


@pytest.fixture(autouse=True)
def _no_own_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own addresses are not what is tested, but where a test says so."""
    monkeypatch.setattr(addresses, "_is_own", lambda address: False)


class TestGuard:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_it_lets_through_what_is_public(self, address: str) -> None:
        Guard().check("example.org", 443, [address])

    @pytest.mark.parametrize("address", NOT_PUBLIC)
    def test_it_refuses_what_is_not(self, address: str) -> None:
        with pytest.raises(AddressRefusedError):
            Guard().check("example.org", 443, [address])

    def test_one_address_that_is_refused_refuses_the_host(self) -> None:
        with pytest.raises(AddressRefusedError):
            Guard().check("example.org", 443, ["1.1.1.1", "10.0.0.1"])

    @pytest.mark.parametrize("port", [22, 25, 110, 143, 587, 1023])
    def test_it_refuses_ports_of_other_services(self, port: int) -> None:
        with pytest.raises(AddressRefusedError):
            Guard().check("example.org", port, ["1.1.1.1"])

    @pytest.mark.parametrize("port", [80, 443, 1024, 8443])
    def test_it_takes_the_usual_and_the_free_ports(self, port: int) -> None:
        Guard().check("example.org", port, ["1.1.1.1"])

    def test_it_refuses_this_machine_s_public_address(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        # The loopback addresses are this machine's on every machine.
        assert addresses._is_own(ipaddress.ip_address("127.0.0.1"))
        monkeypatch.setattr(addresses, "_is_own", lambda address: str(address) == "1.1.1.1")
        with pytest.raises(AddressRefusedError):
            Guard().check("example.org", 443, ["1.1.1.1"])
        Guard().check("example.org", 443, ["1.0.0.1"])

    def test_a_network_that_is_allowed_is_let_through_on_any_port(self) -> None:
        guard = Guard([ipaddress.ip_network("10.0.0.0/8")])
        guard.check("internal.example", 25, ["10.1.2.3"])
        guard.check("internal.example", 80, ["::ffff:10.1.2.3"])
        with pytest.raises(AddressRefusedError):
            guard.check("internal.example", 80, ["192.168.0.1"])
        with pytest.raises(AddressRefusedError):
            guard.check("internal.example", 80, ["10.1.2.3", "127.0.0.1"])

    def test_a_host_that_is_allowed_is_let_through_wherever_it_leads(self) -> None:
        guard = Guard(["hooks.internal"])
        for host in ("hooks.internal", "HOOKS.internal", "hooks.internal."):
            guard.check(host, 25, ["127.0.0.1"])
        for host in ("evil.hooks.internal", "hooks.internal.evil.example", "hooks"):
            with pytest.raises(AddressRefusedError):
                guard.check(host, 80, ["127.0.0.1"])

    @pytest.mark.parametrize(
        "address",
        [
            *("http://127.0.0.1/", "http://[::1]/", "http://[::ffff:7f00:1]:8000/"),
            *("http://10.0.0.1/x", "http://1.1.1.1:25/", "https://example.org:22/"),
            "http://[fe80::1%25eth0]/",
        ],
    )
    def test_what_an_address_says_by_itself_is_refused_at_once(self, address: str) -> None:
        with pytest.raises(AddressRefusedError):
            Guard().check_text(parse_address(address))

    @pytest.mark.parametrize("address", ["https://example.org/", "http://1.1.1.1:8080/hook"])
    def test_others_pass_until_they_are_resolved(self, address: str) -> None:
        Guard().check_text(parse_address(address))


# Ways to write 127.0.0.1 that resolvers know; they must not be taken for names.
@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1"])
def test_other_ways_to_write_an_address_are_refused_once_resolved(host: str) -> None:
    found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)
    with pytest.raises(AddressRefusedError):
        Guard().check(host, 80, [str(each[4][0]) for each in found])


class TestParseAddress:
    @pytest.mark.parametrize(
        ("text", "host"),
        [
            ("https://example.org/hook?key=1", "example.org"),
            ("http://EXAMPLE.org:8080", "example.org"),
            ("https://пример.рф/хук", "xn--e1afmkfd.xn--p1ai"),
            ("http://[2606:4700::1]/", "2606:4700::1"),
        ],
    )
    def test_it_reads_http_addresses(self, text: str, host: str) -> None:
        assert parse_address(text).raw_host.decode() == host

    def test_it_takes_off_what_is_not_sent(self) -> None:
        assert str(parse_address("https://example.org/a#b")) == "https://example.org/a"

    @pytest.mark.parametrize(
        "text",
        [
            *("", "example.org", "ftp://example.org", "file:///etc/passwd", "javascript:alert(1)"),
            *("https://", "https:///x", "http://a:99999/", "http://a:0/", "http://a b/"),
            *("http://[::1", "http://a\r\nHost: b/", "https://a/\x00", "gopher://a/"),
            *("https://user:password@example.org/", "https://user@example.org/"),
            "https://example.org@127.0.0.1/",
            "https://example.org/" + "a" * 3000,
        ],
    )
    def test_it_refuses_others(self, text: str) -> None:
        with pytest.raises(AddressRefusedError):
            parse_address(text)


class TestDiscord:
    @pytest.mark.parametrize(
        "address",
        [
            "https://discord.com/api/webhooks/123/secret",
            "https://discordapp.com/api/webhooks/123/secret",
            "https://canary.discord.com/api/webhooks/123/secret",
            "https://discord.com/api/v10/webhooks/123/secret?wait=true",
        ],
    )
    def test_its_webhooks_are_known(self, address: str) -> None:
        assert is_discord(address)

    @pytest.mark.parametrize(
        "address",
        [
            "http://discord.com/api/webhooks/123/secret",
            "https://discord.com.evil.example/api/webhooks/123/secret",
            "https://evil-discord.com/api/webhooks/123/secret",
            "https://discord.com:8443/api/webhooks/123/secret",
            "https://discord.com/channels/123",
            "https://example.org/?discord.com/api/webhooks/1/2",
            "",
        ],
    )
    def test_others_are_none(self, address: str) -> None:
        assert not is_discord(address)


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert without_secrets("https://example.org/hook/key?token=1") == "https://example.org/…"
    assert without_secrets("http://example.org:8080") == "http://example.org:8080"
    assert without_secrets("") == "…"
