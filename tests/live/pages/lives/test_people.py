"""What stands for people without a picture; tests/javascript/people.test.js has it of scripts."""

from __future__ import annotations

import pytest

from live.templatetags.lives import initials, tone


@pytest.mark.parametrize(
    ("name", "letters"),
    [("anna maria von berg", "AM"), ("✨ лена_м 7", "ЛМ"), ("🌸🌸", "")],
)
def test_they_have_the_first_letters_of_their_first_words(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_they_always_have_the_same_colour() -> None:
    assert (tone("7012345"), tone("")) == (3, 0)
