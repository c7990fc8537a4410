"""Each error that is a failure has a colour of its own in the charts, in light and in dark."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from live.connections.failures import FAILURES

STYLE = Path(__file__).resolve().parents[3] / "live/static/live/dashboard/dashboard.css"
# How far apart two colours are at least: as the sum of the differences of red, green and blue.
APART = 45


def colours() -> list[dict[str, str]]:
    """Those of light, and those of dark."""
    found: dict[str, list[str]] = {}
    for code, colour in re.findall(r"--error-(\w+): (#[0-9a-f]{6});", STYLE.read_text()):
        found.setdefault(code, []).append(colour)
    return [{code: each[theme] for code, each in found.items()} for theme in (0, 1)]


@pytest.mark.parametrize("theme", [0, 1])
def test_each_failure_has_one(theme: int) -> None:
    assert set(colours()[theme]) == set(FAILURES)


@pytest.mark.parametrize("theme", [0, 1])
def test_no_two_are_alike(theme: int) -> None:
    parts = {
        code: [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        for code, colour in colours()[theme].items()
    }
    for (one, left), (other, right) in combinations(parts.items(), 2):
        difference = sum(abs(a - b) for a, b in zip(left, right, strict=True))
        assert difference >= APART, f"{one} and {other}"


def test_lists_have_the_same_colours() -> None:
    style = STYLE.read_text()
    for code in FAILURES:
        assert f".error-{code} {{\n  --swatch: var(--error-{code});" in style
