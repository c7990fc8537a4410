"""TikTok's rules for ids, times, numbers and pictures."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from live.tiktok.values import address_in, id_text, sendable, time_ms, unsigned, whole_number


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (2**63 - 1, str(2**63 - 1)), (-1, str(2**64 - 1))]
)
def test_an_id_is_unsigned(number: int, text: str) -> None:
    assert id_text(number) == text
    assert unsigned(number) == int(text)


@pytest.mark.parametrize(
    ("time", "ms"),
    [
        (1_795_000_000, 1_795_000_000_000),
        (1_795_000_000_123, 1_795_000_000_123),
        (99_999_999_999, 99_999_999_999_000),
        (10**11, UNSET),
        (10**14, UNSET),
        (0, UNSET),
        (-5, UNSET),
    ],
)
def test_a_time_is_in_seconds_or_in_ms(time: int, ms: Any) -> None:
    assert time_ms(time) == ms


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("", None), ("-1", None), ("1" * 9, 111_111_111)]
)
def test_a_number_may_be_written_as_text(text: str, number: int | None) -> None:
    assert whole_number(text) == number
    assert whole_number("1" * 10) is None


@pytest.mark.parametrize(
    "image", [None, {}, "x", {"url_list": []}, {"url_list": [5]}, {"url_list": ["javascript:x"]}]
)
def test_what_is_no_address_of_a_picture_is_left_out(image: Any) -> None:
    assert address_in(image) == ""


def test_a_text_that_is_cut_can_be_sent() -> None:
    assert sendable("\ud83c" + "x" * 10, 3) == "?xx"
