"""The documents for apps in Russian: they say of the same things what the English ones say."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.test_docs import FENCE, IN_BACKTICKS, LINK, ROOT

ENGLISH = [*sorted((ROOT / "docs/app").glob("*.md")), ROOT / "docs/tikfinity.md"]
RUSSIAN = ROOT / "docs/app/ru"
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def headings(text: str) -> list[int]:
    """The levels of the headings."""
    return [len(marks) for marks in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]


def tables(text: str) -> list[int]:
    """The number of columns in each row of a table."""
    return [row.count("|") for row in re.findall(r"^\|.*", FENCE.sub("", text), re.MULTILINE)]


def names(text: str) -> set[str]:
    """What stands in backticks: fields, codes, settings, addresses."""
    return set(IN_BACKTICKS.findall(FENCE.sub("", text).replace("\n", " ")))


def foreign_code(english: str, russian: str) -> list[str]:
    """The lines of Russian code examples that the English ones don't have; comments may differ."""
    pairs = zip_longest(
        "\n".join(FENCE.findall(english)).splitlines(),
        "\n".join(FENCE.findall(russian)).splitlines(),
        fillvalue="",
    )
    return [line for model, line in pairs if line != model and not CYRILLIC.search(line)]


def targets(document: Path) -> set[str]:
    """Where the links of a document lead; to an English document for its Russian version."""
    found = set()
    for markdown, html in LINK.findall(FENCE.sub("", document.read_text())):
        link = (markdown or html).partition("#")[0]
        if "://" in link:
            found.add(link)
            continue
        target = (document.parent / link).resolve() if link else document
        found.add(english_of(target).relative_to(ROOT).as_posix())
    return found


def english_of(document: Path) -> Path:
    if document.parent != RUSSIAN:
        return document
    return next(english for english in ENGLISH if english.name == document.name)


@pytest.mark.parametrize("english", ENGLISH, ids=lambda path: path.stem)
def test_a_document_for_apps_is_there_in_russian_with_the_same_contents(english: Path) -> None:
    russian = RUSSIAN / english.name
    assert russian.exists()
    model, text = english.read_text(), russian.read_text()
    assert headings(text) == headings(model)
    assert tables(text) == tables(model)
    assert names(text) == names(model)
    assert foreign_code(model, text) == []
    assert targets(russian) == targets(english)


@pytest.mark.parametrize("english", ENGLISH, ids=lambda path: path.stem)
def test_each_version_leads_to_the_other_below_its_title(english: Path) -> None:
    for document, other in ((english, RUSSIAN / english.name), (RUSSIAN / english.name, english)):
        link = LINK.fullmatch(document.read_text().splitlines()[2])
        assert link is not None
        assert (document.parent / link[1]).resolve() == other


def test_no_russian_document_is_without_its_english_one() -> None:
    assert {path.name for path in RUSSIAN.glob("*.md")} == {path.name for path in ENGLISH}


def test_a_russian_code_example_may_differ_in_its_comments_alone() -> None:
    english = "```\nrun  # why\nstop\n```"
    assert foreign_code(english, "```\nrun  # зачем\nstop\n```") == []
    assert foreign_code(english, "```\nrun  # why\nhalt\n```") == ["halt"]
