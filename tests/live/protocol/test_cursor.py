"""Cursors as text: what clients send back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.protocol.cursor import Cursor


class TestCursor:
    def test_it_reads_what_it_wrote(self) -> None:
        cursor = Cursor("k3f9abcd", 1742)

        assert str(cursor) == "k3f9abcd-1742"
        assert Cursor.parse(str(cursor)) == cursor

    def test_it_says_what_a_gap_has_announced(self) -> None:
        cursor = Cursor("k3f9abcd", 1742, announced=2100)

        assert str(cursor) == "k3f9abcd-1742-2100"
        assert Cursor.parse(str(cursor)) == cursor

    @pytest.mark.parametrize("announced", [0, 1741, 1742])
    def test_it_does_not_say_so_of_what_was_seen(self, announced: int) -> None:
        assert str(Cursor("k3f9abcd", 1742, announced)) == "k3f9abcd-1742"

    def test_it_reads_the_example_of_the_protocol(self) -> None:
        assert Cursor.parse("k3f9-1742") == Cursor("k3f9", 1742)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "-",
            "k3f9abcd",
            "k3f9abcd-",
            "-1742",
            "k3f9abcd--1",
            "k3f9abcd-1742 ",
            " k3f9abcd-1742",
            "k3f9abcd-1742\n",
            "k3f9abcd-1e3",
            "k3f9abcd-+1",
            "k3f9abcd-1_000",
            "k3f9abcd-1.0",
            "K3F9ABCD-1",
            "k3f9abcd-١٧",
            "k3f9abcd-²",
            "k3f9äbcd-1",
            "k3f9abcd-2-1",
            "k3f9abcd-1-1",
            "k3f9abcd-0-0",
            "k3f9abcd-1-",
            "k3f9abcd-1--2",
            "k3f9abcd-1-2-3",
            "k3f9abcd-1-" + "9" * 16,
            "k3f9abcd-" + "9" * 16,
            "k" * 17 + "-1",
            "k3f9abcd-1\0",
        ],
    )
    def test_it_refuses_what_is_no_cursor(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a cursor"):
            Cursor.parse(text)

    @given(st.text() | st.from_regex(r"[a-z0-9-]{0,40}", fullmatch=True))
    def test_it_reads_hostile_text_or_refuses_it(self, text: str) -> None:
        try:
            cursor = Cursor.parse(text)
        except ValueError:
            return
        assert 0 <= cursor.offset < 10**15
        assert Cursor.parse(str(cursor)) == cursor
