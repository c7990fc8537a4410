"""The options in a socket's address."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import EVENT_TYPES, FrameType
from live.protocol.options import ALL_TYPES, OPTIONS, TEST_OPTIONS, SocketOptions


class TestSocketOptions:
    def test_a_query_becomes_options(self) -> None:
        query = "since=k3f9abcd-1742&types=comment,gift&lang=ru&batch=250&wait=1"
        assert SocketOptions.parse(query) == SocketOptions(
            since=Cursor("k3f9abcd", 1742),
            types=frozenset({FrameType.COMMENT, FrameType.GIFT}),
            batch=250,
            wait=True,
        )

    def test_it_needs_none_of_them(self) -> None:
        options = SocketOptions.parse("")
        assert options == SocketOptions(since=None, types=None, batch=0, wait=False)

    @pytest.mark.parametrize(
        "bad",
        [
            "since=",
            "since=1742",
            "since=k3f9abcd",
            "since=k3f9abcd-",
            "since=k3f9abcd--1",
            "since=K3F9ABCD-1",
            "since=k3f9abcd-1x",
            "since=k3f9abcd-1%0a",
            "since=k3f9abcd-%D9%A1",
            "since=k3f9abcd-" + "9" * 16,
            "since=../../etc-1",
            "types=",
            "types=chat",
            "types=comment,",
            "types=,",
            "types=Comment",
            "types=comment;gift",
            "types=comment,nonsense",
            "types=all,nonsense",
            "types=connected",
            "types=error",
            "types=gap",
            "batch=",
            "batch=-1",
            "batch=1001",
            "batch=1e2",
            "batch=0.5",
            "batch=+5",
            "batch=%2B5",
            "batch=%D9%A1",
            "batch=%C2%B2",
            "batch=0x10",
            "batch=0000001001",
            "batch=" + "9" * 4000,
            "batch=" + "0" * 3999 + "9" * 4,
            "batch=soon",
            "wait=",
            "wait=2",
            "wait=true",
            "wait=yes",
            "wait=-1",
            "wait=01",
            "lang=",
            "lang=de",
            "lang=RU",
            "lang=ru-RU",
            "lang=ru,en",
            "lang=../../en",
            "wait=1&batch=x",
            "unknown=" + "x" * 4096,
        ],
    )
    def test_it_refuses(self, bad: str) -> None:
        with pytest.raises(RelayError) as refused:
            SocketOptions.parse(bad)
        assert refused.value.code is ErrorCode.BAD_REQUEST
        assert refused.value.reason

    @pytest.mark.parametrize(
        ("bad", "name"),
        [
            ("since=x", "“since”"),
            ("types=x", "“types”"),
            ("batch=x", "“batch”"),
            ("wait=x", "“wait”"),
            ("lang=x", "“lang”"),
        ],
    )
    def test_it_says_which_one_is_bad_but_does_not_echo_it(self, bad: str, name: str) -> None:
        with pytest.raises(RelayError) as refused:
            SocketOptions.parse(bad.replace("=x", "=" + quote("<script>")))
        detail = refused.value.explain("en").detail
        assert name in detail
        assert "script" not in detail

    @pytest.mark.parametrize(
        "query",
        ["colour=red", "Since=1", "batc=9999", "=", "&&&", "x", "?since=x", "%00=%00", ";wait=2"],
    )
    def test_it_ignores_what_it_does_not_know(self, query: str) -> None:
        assert SocketOptions.parse(query) == SocketOptions()

    @pytest.mark.parametrize(
        ("query", "options"),
        [
            ("batch=100&batch=200", SocketOptions(batch=200)),
            ("batch=x&batch=200", SocketOptions(batch=200)),
            ("wait=1&wait=0", SocketOptions(wait=False)),
            ("types=gift&types=like", SocketOptions(types=frozenset({FrameType.LIKE}))),
        ],
    )
    def test_it_takes_the_last_of_a_repeated_one(self, query: str, options: SocketOptions) -> None:
        assert SocketOptions.parse(query) == options

    def test_it_refuses_a_repeated_one_whose_last_is_bad(self) -> None:
        with pytest.raises(RelayError):
            SocketOptions.parse("batch=200&batch=x")

    @pytest.mark.parametrize(
        ("value", "batch"),
        [("0", 0), ("1", 1), ("1000", 1000), ("0050", 50), ("00000001000", 1000)],
    )
    def test_it_takes_a_batch_of_up_to_a_second(self, value: str, batch: int) -> None:
        assert SocketOptions.parse(f"batch={value}").batch == batch

    @pytest.mark.parametrize("value", ["all", "all,comment", "comment, all"])
    def test_it_takes_all_types(self, value: str) -> None:
        assert SocketOptions.parse(urlencode({"types": value})).types == EVENT_TYPES

    def test_all_types_are_more_than_none_named(self) -> None:
        assert SocketOptions.parse("").types is None
        assert FrameType.OTHER in EVENT_TYPES

    def test_it_takes_each_event_type(self) -> None:
        assert SocketOptions.parse("types=" + ",".join(EVENT_TYPES)).types == EVENT_TYPES
        for event_type in EVENT_TYPES:
            assert SocketOptions.parse(f"types={event_type}").types == frozenset({event_type})

    def test_it_takes_spaces_between_types(self) -> None:
        options = SocketOptions.parse("types=comment,+gift%20")
        assert options.types == frozenset({FrameType.COMMENT, FrameType.GIFT})

    @settings(derandomize=True, deadline=None)
    @given(
        st.text()
        | st.lists(
            st.tuples(
                st.sampled_from(["since", "types", "batch", "wait", "lang", "other"]),
                st.text() | st.from_regex(r"[0-9]{1,20}") | st.just("all"),
            )
        ).map(urlencode)
    )
    def test_it_raises_nothing_but_a_relay_error(self, query: str) -> None:
        try:
            options = SocketOptions.parse(query)
        except RelayError:
            return
        assert 0 <= options.batch <= 1000
        assert options.types is None or options.types <= EVENT_TYPES


class TestTheSchemasOfOptions:
    """What the schemas of the options allow is what the server takes."""

    def takes(self, query: str) -> bool:
        try:
            SocketOptions.parse(query, test=True)
        except RelayError:
            return False
        return True

    def test_it_names_all_that_the_server_reads(self) -> None:
        names = {*OPTIONS, *TEST_OPTIONS}
        # That it is an overlay's socket, its admission says.
        assert names == {*SocketOptions.__dataclass_fields__, "lang"} - {"is_overlay"}
        for name in names:
            assert not self.takes(f"{name}=%00")

    @pytest.mark.parametrize("value", ["rate_limited", "nothing", "", *ErrorCode])
    def test_fail(self, value: str) -> None:
        fits = Draft202012Validator(TEST_OPTIONS["fail"]).is_valid(str(value))
        assert self.takes(f"fail={value}") == fits

    @pytest.mark.parametrize("value", ["anna", "a.b-c_1", "../anna", ".anna", "a/b", "%2e%2e", "ы"])
    def test_replay(self, value: str) -> None:
        fits = Draft202012Validator(TEST_OPTIONS["replay"]).is_valid(value)
        assert self.takes(f"replay={value}") == fits

    def test_those_of_the_test_endpoint_mean_nothing_elsewhere(self) -> None:
        options = SocketOptions.parse("fail=rate_limited&replay=../anna")
        assert (options.fail, options.replay) == (None, "")

    @given(st.one_of(st.integers(-5, 5), st.integers(995, 1005), st.integers()))
    def test_batch(self, value: int) -> None:
        fits = Draft202012Validator(OPTIONS["batch"]).is_valid(value)
        assert self.takes(f"batch={value}") == fits

    @pytest.mark.parametrize("name", ["wait", "lang"])
    @pytest.mark.parametrize("value", ["0", "1", "2", "en", "ru", "de", "EN", ""])
    def test_words(self, name: str, value: str) -> None:
        fits = Draft202012Validator(OPTIONS[name]).is_valid(value)
        assert self.takes(f"{name}={value}") == fits

    @pytest.mark.parametrize("value", [ALL_TYPES, "chat", "", *FrameType])
    def test_types(self, value: str) -> None:
        fits = Draft202012Validator(OPTIONS["types"]).is_valid([str(value)])
        assert self.takes(f"types={value}") == fits
        assert self.takes(f"types=comment,{value}") == fits
