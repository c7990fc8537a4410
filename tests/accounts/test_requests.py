"""What a request says of its client: language, token and address."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts import requests

PROXY = "10.0.0.1"
SECOND_PROXY = "10.0.0.2"
PHONE = "203.0.113.9"


def scope(
    *headers: tuple[str, str], query: str = "", client: str | None = PHONE, **more: Any
) -> dict[str, Any]:
    """What an ASGI server says of a handshake."""
    return {
        "type": "websocket",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": None if client is None else [client, 50123],
        **more,
    }


class TestLanguage:
    @pytest.mark.parametrize("asked", ["en", "ru"])
    def test_a_language_asked_for_is_used(self, asked: str) -> None:
        assert requests.language(scope(query=f"lang={asked}")) == asked

    @pytest.mark.parametrize(
        ("accepted", "language"),
        [
            ("ru", "ru"),
            ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
            ("RU", "ru"),
            ("de-DE,de;q=0.9,ru;q=0.5,en;q=0.3", "ru"),
            ("en;q=0.3,ru;q=0.7", "ru"),
            ("en-GB", "en"),
        ],
    )
    def test_it_follows_accept_language(
        self, settings: Settings, accepted: str, language: str
    ) -> None:
        settings.LANGUAGE_CODE = "en" if language == "ru" else "ru"
        assert requests.language(scope(("accept-language", accepted))) == language

    def test_it_prefers_what_the_address_says(self) -> None:
        assert requests.language(scope(("accept-language", "en"), query="lang=ru")) == "ru"

    def test_it_takes_the_last_of_a_repeated_one(self) -> None:
        assert requests.language(scope(query="lang=en&lang=ru")) == "ru"

    @pytest.mark.parametrize("server", ["en", "ru"])
    @pytest.mark.parametrize("accepted", ["", "de", "*", ";;;", "x" * 5000, "ru;q=0", "\xff\xfe"])
    def test_it_falls_back_to_the_servers(
        self, settings: Settings, server: str, accepted: str
    ) -> None:
        settings.LANGUAGE_CODE = server
        assert requests.language(scope(("accept-language", accepted))) == server

    @pytest.mark.parametrize("query", ["lang=de", "lang=", "lang=../../ru"])
    def test_it_passes_over_a_bad_option(self, query: str) -> None:
        # The error that tells of it has to be in some language.
        assert requests.language(scope(("accept-language", "ru"), query=query)) == "ru"

    @settings(derandomize=True, deadline=None)
    @given(st.binary(), st.binary(max_size=600) | st.from_regex(rb"[a-z]{1,8}(-[a-z*]{1,8})?,;q=1"))
    def test_it_never_fails(self, query: bytes, accepted: bytes) -> None:
        handshake = {"query_string": query, "headers": [(b"accept-language", accepted)]}
        assert requests.language(handshake) in {"en", "ru"}


class TestBearerToken:
    def test_a_token_is_read_from_the_authorization_header(self) -> None:
        assert requests.bearer_token(scope(("authorization", "Bearer t0ken"))) == "t0ken"

    @pytest.mark.parametrize("value", ["bearer t0ken", "BEARER t0ken", "Bearer   t0ken "])
    def test_it_is_lenient_about_case_and_space(self, value: str) -> None:
        assert requests.bearer_token(scope(("authorization", value))) == "t0ken"

    def test_it_takes_subprotocols(self) -> None:
        assert requests.bearer_token(scope(subprotocols=["bearer", "t0ken"])) == "t0ken"

    @pytest.mark.parametrize("subprotocols", [[], ["bearer"], ["t0ken"], ["chat", "t0ken"]])
    def test_it_takes_no_other_subprotocols(self, subprotocols: list[str]) -> None:
        assert requests.bearer_token(scope(subprotocols=subprotocols)) == ""

    @pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "t0ken", "Basic bWFyaWE6eA=="])
    def test_it_is_empty_without_a_token(self, value: str) -> None:
        assert requests.bearer_token(scope(("authorization", value))) == ""

    def test_it_is_empty_without_a_header(self) -> None:
        assert requests.bearer_token(scope()) == ""

    def test_it_takes_subprotocols_beside_another_scheme(self) -> None:
        handshake = scope(("authorization", "Basic bWFyaWE6eA=="), subprotocols=["bearer", "t0ken"])
        assert requests.bearer_token(handshake) == "t0ken"


class TestQueryToken:
    @pytest.mark.parametrize(
        "query", ["token=t0ken", "lang=en&token=t0ken", "token=other&token=t0ken", "%74oken=t0ken"]
    )
    def test_it_is_the_last_of_that_name(self, query: str) -> None:
        assert requests.query_token(scope(query=query)) == "t0ken"

    @pytest.mark.parametrize("query", ["", "token", "token=", "Token=t0ken", "x=token"])
    def test_it_is_empty_without_one(self, query: str) -> None:
        assert requests.query_token(scope(query=query)) == ""

    @settings(derandomize=True, deadline=None)
    @given(st.binary())
    def test_it_never_fails(self, query: bytes) -> None:
        assert isinstance(requests.query_token({"query_string": query}), str)


class TestAddress:
    @pytest.fixture(autouse=True)
    def _proxies(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [
            ipaddress.ip_network("10.0.0.0/8"),
            ipaddress.ip_network("fd00::/8"),
        ]

    def test_the_address_is_that_of_the_client(self) -> None:
        assert requests.address(scope(client=PHONE)) == PHONE

    def test_it_believes_a_trusted_proxy(self) -> None:
        assert requests.address(scope(("x-forwarded-for", PHONE), client=PROXY)) == PHONE

    def test_it_follows_trusted_proxies(self) -> None:
        handshake = scope(("x-forwarded-for", f"{PHONE}, {SECOND_PROXY}"), client=PROXY)
        assert requests.address(handshake) == PHONE

    def test_it_does_not_believe_the_client_itself(self) -> None:
        assert requests.address(scope(("x-forwarded-for", "198.51.100.1"), client=PHONE)) == PHONE

    @pytest.mark.parametrize("spoofed", ["198.51.100.1", "10.9.9.9", "127.0.0.1", "garbage", ""])
    def test_it_does_not_believe_what_stood_there_before(self, spoofed: str) -> None:
        handshake = scope(("x-forwarded-for", f"{spoofed}, {PHONE}"), client=PROXY)
        assert requests.address(handshake) == PHONE

    def test_it_does_not_believe_a_header_of_the_clients_above_the_proxys(self) -> None:
        handshake = scope(
            ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", PHONE), client=PROXY
        )
        assert requests.address(handshake) == PHONE

    def test_it_believes_nobody_by_default(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = []
        assert requests.address(scope(("x-forwarded-for", PHONE), client=PROXY)) == PROXY

    @pytest.mark.parametrize(
        "garbage", ["", ",", "unknown", "203.0.113.9:5000", "203.0.113", "<script>", "\xff"]
    )
    def test_it_stays_with_the_proxy_where_the_header_is_garbage(self, garbage: str) -> None:
        assert requests.address(scope(("x-forwarded-for", garbage), client=PROXY)) == PROXY

    def test_it_stays_with_the_last_proxy_that_is_known(self) -> None:
        handshake = scope(("x-forwarded-for", f"garbage, {SECOND_PROXY}"), client=PROXY)
        assert requests.address(handshake) == SECOND_PROXY

    def test_it_is_the_first_proxy_where_there_are_only_proxies(self) -> None:
        handshake = scope(("x-forwarded-for", f"10.0.0.7, {SECOND_PROXY}"), client=PROXY)
        assert requests.address(handshake) == "10.0.0.7"

    @pytest.mark.parametrize(
        ("client", "address"),
        [
            ("2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("fe80::1%eth0", "fe80::1"),
        ],
    )
    def test_it_writes_ipv6_one_way(self, client: str, address: str) -> None:
        assert requests.address(scope(client=client)) == address

    @pytest.mark.parametrize("proxy", ["fd00::1", "::ffff:10.0.0.1"])
    def test_it_believes_a_trusted_proxy_of_ipv6(self, proxy: str) -> None:
        handshake = scope(("x-forwarded-for", "2001:db8::7"), client=proxy)
        assert requests.address(handshake) == "2001:db8::7"

    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            (PHONE, PHONE),
            (f"198.51.100.1, {PHONE}", PHONE),
            (f"{PHONE}, {SECOND_PROXY}", PHONE),
            ("", None),
            ("garbage", None),
        ],
    )
    def test_it_believes_a_proxy_on_the_unix_socket_if_told_so(
        self, settings: Settings, forwarded: str, expected: str | None
    ) -> None:
        settings.TRUSTS_UNIX_SOCKET = True
        handshake = scope(("x-forwarded-for", forwarded), client=None)
        assert requests.address(handshake) == expected
        assert requests.address(scope(("x-forwarded-for", forwarded), client=PHONE)) == PHONE

    @pytest.mark.parametrize("client", [None, "", "unix:", "localhost"])
    def test_it_is_none_where_the_server_knows_none(self, client: str | None) -> None:
        assert requests.address(scope(("x-forwarded-for", PHONE), client=client)) is None

    @settings(derandomize=True, deadline=None)
    @given(
        st.lists(
            st.binary()
            | st.lists(st.ip_addresses().map(str) | st.text("0123456789abcdef.:%,[] ")).map(
                lambda hops: ",".join(hops).encode()
            ),
            max_size=3,
        ),
        st.sampled_from([PROXY, PHONE, "fd00::1", "garbage"]),
    )
    def test_it_never_fails_and_is_always_an_address(
        self, values: list[bytes], client: str
    ) -> None:
        handshake = {
            "headers": [(b"x-forwarded-for", value) for value in values],
            "client": [client, 50123],
        }
        address = requests.address(handshake)
        if client == "garbage":
            assert address is None
        else:
            assert address is not None
            assert str(ipaddress.ip_address(address)) == address
            assert len(address) <= 39


class TestHeader:
    def test_the_first_header_of_a_name_counts(self) -> None:
        handshake = scope(("user-agent", "App/1.0"), ("user-agent", "App/2.0"))
        assert requests.header(handshake, b"user-agent") == "App/1.0"

    def test_it_is_empty_without_one(self) -> None:
        assert requests.header(scope(), b"user-agent") == ""

    def test_it_reads_any_byte(self) -> None:
        handshake = {"headers": [(b"user-agent", bytes(range(256)))]}
        assert len(requests.header(handshake, b"user-agent")) == 256
