"""What is read from the text in the search field."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, ip_address
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.pages.connections.search_text import (
    MOST_WORDS,
    Asked,
    Phrase,
    UnclearError,
    parse,
    zone_named,
)
from live.protocol.errors import ErrorCode

NOW = datetime(2026, 11, 27, 13, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")  # UTC+1 at that time
PHRASES = {
    "TikTok: offline": Phrase(error=ErrorCode.USER_OFFLINE),
    "Network cut": Phrase(code=1006),
}


def asked(text: str) -> Asked:
    return parse(text, NOW, BERLIN, PHRASES)


def understood(text: str) -> Asked | str:
    """What is asked, or why that is not clear."""
    try:
        return asked(text)
    except UnclearError as unclear:
        return str(unclear.message) % unclear.values


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("", Asked()),
            ("   ", Asked()),
            ("anna", Asked(names=("anna",))),
            ("tok00012…", Asked(names=("tok00012",))),
            ("@Maria", Asked(username="maria")),
            ("https://www.tiktok.com/@maria/live?lang=en", Asked(username="maria")),
            ("1008", Asked(code=1008)),
            ("rate_limited", Asked(error=ErrorCode.RATE_LIMITED)),
            ("Rate-Limited", Asked(error=ErrorCode.RATE_LIMITED)),
            ("rate limited", Asked(error=ErrorCode.RATE_LIMITED)),
            ("too many connections", Asked(error=ErrorCode.TOO_MANY_CONNECTIONS)),
            ("203.0.113.7", Asked(address="203.0.113.7")),
            ("::ffff:203.0.113.7", Asked(address="203.0.113.7")),
            ("[2001:0DB8:0:0::7]", Asked(address="2001:db8::7")),
            ("tiktok: OFFLINE", Asked(error=ErrorCode.USER_OFFLINE)),
            ("anna, network cut", Asked(code=1006, names=("anna",))),
            ("networks cut", Asked(names=("networks", "cut"))),
        ],
    )
    def test_each_kind_is_known(self, text: str, meant: Asked) -> None:
        assert asked(text) == meant

    def test_several_words_must_all_apply(self) -> None:
        found = asked("anna @maria 1008 rate_limited 10.0.0.1 today")
        assert (found.names, found.username, found.code) == (("anna",), "maria", 1008)
        assert (found.error, found.address) == (ErrorCode.RATE_LIMITED, "10.0.0.1")
        assert found.since is not None

    def test_the_same_word_twice_is_one(self) -> None:
        assert asked("1008 anna 1008 anna") == Asked(code=1008, names=("anna",))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1006 1008", "both “1006” and “1008”"),
            ("@anna @maria", "both “anna” and “maria”"),
            ("TikTok: offline rate_limited", "both “user_offline” and “rate_limited”"),
            ("@", "After “@” a TikTok username is missing"),
            ("@maría", "TikTok has no such username"),
            ("2026-02-30", "no day “2026-02-30”"),
            ("0000-01-01", "no day “0000-01-01”"),
            ("25:00", "no time of day “25:00”"),
            ("today yesterday", "“yesterday” is a second time"),
            ("14:05 14:06", "“14:06” is a second time"),
            ("10.0.0.0/99", "“10.0.0.0/99” is no network"),
            ("2001:db8::/33", "by whole parts"),
            ("word " * MOST_WORDS + "more", f"more than {MOST_WORDS} words"),
        ],
    )
    def test_what_can_t_be_meant_is_explained(self, text: str, said: str) -> None:
        with pytest.raises(UnclearError) as raised:
            asked(text)
        assert said in str(raised.value.message) % raised.value.values


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "since", "until"),
        [
            ("today", utc(26, 23), utc(27, 23)),
            ("Сегодня", utc(26, 23), utc(27, 23)),
            ("yesterday", utc(25, 23), utc(26, 23)),
            ("2026-11-20", utc(19, 23), utc(20, 23)),
            ("20.11.2026", utc(19, 23), utc(20, 23)),
        ],
    )
    def test_a_day_is_one_of_the_reader_s_zone(
        self, text: str, since: datetime, until: datetime
    ) -> None:
        found = asked(text)
        assert (found.since, found.until) == (since, until - timedelta(microseconds=1))

    @pytest.mark.parametrize(
        ("text", "middle"),
        [
            ("14:05", utc(27, 13, 5)),
            ("23:50", utc(26, 22, 50)),  # today it has not been yet
            ("yesterday 14:05", utc(26, 13, 5)),
            ("14:05 yesterday", utc(26, 13, 5)),
            ("2026-11-20 14:05", utc(20, 13, 5)),
            ("2026-11-20T14:05", utc(20, 13, 5)),
        ],
    )
    def test_a_time_is_some_minutes_around_it(self, text: str, middle: datetime) -> None:
        found = asked(text)
        around = timedelta(minutes=5)
        assert (found.since, found.until) == (middle - around, middle + around)

    def test_a_day_on_which_clocks_change_has_all_its_hours(self) -> None:
        found = parse("2026-10-25", NOW, BERLIN)
        assert found.since is not None
        assert found.until is not None
        assert found.until - found.since > timedelta(hours=24)

    @pytest.mark.parametrize(
        "name", ["", "Mars/Olympus", "../etc/passwd", "Europe", "a" * 99, "\0"]
    )
    def test_a_zone_that_is_none_is_utc(self, name: str) -> None:
        assert zone_named(name) is UTC

    def test_a_zone_is_known_by_the_name_that_browsers_give(self) -> None:
        assert zone_named("Europe/Berlin") == BERLIN


class TestNetworks:
    @pytest.mark.parametrize(
        ("text", "network", "beginnings"),
        [
            ("10.1.", "10.1.0.0/16", ("10.1.",)),
            ("10.1.2.*", "10.1.2.0/24", ("10.1.2.",)),
            ("10.1.2.0/24", "10.1.2.0/24", ("10.1.2.",)),
            ("10.0.0.0/15", "10.0.0.0/15", ("10.0.", "10.1.")),
            ("10.0.0.6/31", "10.0.0.6/31", ("10.0.0.6", "10.0.0.7")),
            ("2001:db8::/32", "2001:db8::/32", ("2001:db8:",)),
        ],
    )
    def test_a_network_is_what_its_addresses_begin_with(
        self, text: str, network: str, beginnings: tuple[str, ...]
    ) -> None:
        assert asked(text) == Asked(network=network, networks=beginnings)

    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 32))
    def test_an_address_begins_so_if_it_is_in_the_network(
        self, base: int, other: int, length: int
    ) -> None:
        network = IPv4Network((base, length), strict=False)
        beginnings = asked(str(network)).networks
        assert len(beginnings) <= 256
        for address in (ip_address(other), network[0], network[-1]):
            fits = any(
                str(address) == text or (text.endswith(".") and str(address).startswith(text))
                for text in beginnings
            )
            assert fits == (address in network)


# Texts that nearly are something, and any others.
_PIECES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["@", "today", "1008", "rate", "limited", "10.1.", "::", "/", "T", "14:05"]),
    st.from_regex(r"[\d.:/@T-]{1,20}", fullmatch=True),
)


class TestHostileInput:
    @given(st.lists(_PIECES, max_size=9).map(" ".join))
    def test_every_text_is_understood_or_explained(self, text: str) -> None:
        found = understood(text)
        if isinstance(found, str):
            assert found
            return
        assert len(found.names) <= MOST_WORDS
        assert (found.since is None) == (found.until is None)
        if found.since is not None and found.until is not None:
            assert found.since < found.until

    @given(st.lists(st.sampled_from(["anna", "@maria", "1008", "rate_limited", "10.0.0.1"])))
    def test_the_order_of_the_words_does_not_matter(self, words: list[str]) -> None:
        some = list(dict.fromkeys(words))
        assert asked(" ".join(some)) == asked(" ".join(reversed(some)))

    @given(st.text(max_size=60))
    def test_every_zone_s_name_gives_a_zone(self, name: str) -> None:
        assert NOW.astimezone(zone_named(name)).utcoffset() is not None


def test_nothing_asked_is_everything() -> None:
    assert not any(getattr(Asked(), field.name) for field in fields(Asked))
