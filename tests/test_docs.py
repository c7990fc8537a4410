"""The documents: their links lead somewhere, and the files that they name exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What a text in backticks begins with when it is a path of this project.
FOLDERS = (
    *("live", "accounts", "relay_project", "rehearsal", "standin"),
    *("bench", "soak", "fuzz", "tools"),
    *("tests", "templates", "static", "locale", "docs", "deploy"),
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    """Every .md file of the project; in a copy without git, those at the usual places."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.split() if listed.returncode == 0 else []
    found = [ROOT / name for name in names] or [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(file for file in found if file.exists())


DOCUMENTS = [path.relative_to(ROOT).as_posix() for path in documents()]


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(document: Path, text: str) -> list[str]:
    """The links of the text, as it would stand in the document, that lead nowhere."""
    dead = []
    for markdown, html in LINK.findall(FENCE.sub("", text)):
        link = markdown or html
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            dead.append(link)
    return dead


def missing_paths(text: str) -> list[str]:
    """What is named in backticks as a path of the project and is not there."""
    named = IN_BACKTICKS.findall(FENCE.sub("", text))
    paths = [name for name in named if PATH.fullmatch(name)]
    return [path for path in paths if not (ROOT / path).exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_of_a_document_leads_somewhere(document: str) -> None:
    assert dead_links(ROOT / document, (ROOT / document).read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    assert missing_paths((ROOT / document).read_text()) == []


def test_the_documents_of_all_readers_are_found() -> None:
    assert {
        "README.md",
        "docs/app/protocol.md",
        "docs/app/ru/protocol.md",
        "docs/operate/settings.md",
        "docs/develop/map.md",
    } <= set(DOCUMENTS)


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    text = "[a](gone.md) [b](README.md#no-such-heading) [c](README.md#start) [d](https://e.org/x)"
    assert dead_links(ROOT / "of_a_test.md", text) == ["gone.md", "README.md#no-such-heading"]


def test_a_path_that_does_not_exist_is_noticed() -> None:
    assert missing_paths("`live/clock.py` `live/gone.py` `live/` `live.clock`") == ["live/gone.py"]


def test_every_setting_has_its_row() -> None:
    source = (ROOT / "relay_project" / "settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", source))
    assert "RELAY_LINGER" in read
    rows = (ROOT / "docs" / "operate" / "settings.md").read_text()
    assert {name for name in read if f"`{name}`" not in rows} == set()


def test_every_module_of_the_relay_has_a_line_on_the_map() -> None:
    rows = re.findall(r"^\|.*", (ROOT / "docs/develop/map.md").read_text(), re.MULTILINE)
    named = IN_BACKTICKS.findall("\n".join(rows))
    # A folder that has a line of its own stands for what is in it.
    folders = tuple(name for name in named if name.endswith("/") and name.count("/") > 1)
    modules = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "live").rglob("*.py"))
        if path.name != "__init__.py" and "migrations" not in path.parts
    ]
    assert len(modules) > 40
    assert [name for name in modules if name not in named and not name.startswith(folders)] == []
