"""Every text is in the Russian catalogues, which are complete and compiled; no template has text
that is in none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

from tests.support.russian import english_words

ROOT = Path(settings.BASE_DIR)
LOCALE = Path(settings.LOCALE_PATHS[0]) / "ru" / "LC_MESSAGES"
DOMAINS = ("django", "djangojs")
TEMPLATES = sorted(
    path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*.*")
)


def catalogue(domain: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / f"{domain}.po"))


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[a-z]|%[sd]|\{\w+\}", text))


@pytest.mark.parametrize("domain", DOMAINS)
class TestTheRussianCatalogue:
    def test_it_translates_every_text(self, domain: str) -> None:
        entries = catalogue(domain)
        assert len(entries) > {"django": 100, "djangojs": 10}[domain]
        assert [entry.msgid for entry in entries if not entry.translated()] == []

    def test_it_is_compiled(self, domain: str) -> None:
        compiled = polib.mofile(str(LOCALE / f"{domain}.mo"))
        texts = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in compiled}
        source = catalogue(domain)
        assert texts == {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in source}

    def test_it_keeps_the_placeholders(self, domain: str) -> None:
        for entry in catalogue(domain):
            originals = [placeholders(entry.msgid), placeholders(entry.msgid_plural)]
            for translated in entry.msgstr_plural.values() or [entry.msgstr]:
                assert placeholders(translated) in originals, entry.msgid


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogues as `make messages` leaves them, in a copy of the project."""
    for tool, package in (("xgettext", "gettext"), ("make", "make")):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool}: apt-get install {package}")
    copy = tmp_path_factory.mktemp("messages") / "project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "node_modules", "db.sqlite3*"))
    environment = copy / "environment"  # which needs nothing installed
    environment.mkdir()
    (environment / "dev.stamp").touch()
    command = ["make", "messages", f"VENV={environment}", f"BIN={Path(sys.executable).parent}"]
    made = subprocess.run(
        command, cwd=copy, check=False, capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, made.stderr
    return copy / LOCALE.relative_to(ROOT)


class TestMakeMessages:
    @pytest.mark.parametrize("domain", DOMAINS)
    def test_it_finds_nothing_new(self, collected: Path, domain: str) -> None:
        """Otherwise call `make messages`, and translate what is new."""
        found = polib.pofile(str(collected / f"{domain}.po"))
        known = {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in catalogue(domain)}
        assert {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in found} == known


class _Texts(HTMLParser):
    """Gathers what a page says: its text, and attributes that people see or hear."""

    _SPOKEN = {"alt", "aria-description", "aria-label", "placeholder", "title"}
    _CODE = {"code", "kbd", "pre", "samp", "script", "style"}

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._CODE:
            self._inside.append(tag)
        named = dict(attrs)
        spoken = self._SPOKEN | ({"value"} if named.get("type") in {"submit", "button"} else set())
        self.texts += [value for name, value in attrs if name in spoken and value]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.texts.append(data)


def literal_texts(source: str) -> list[str]:
    """What the template says without asking a catalogue."""
    literal, ends_with = "", ""
    for token in Lexer(source).tokenize():
        tag, *words = token.contents.split() if token.token_type is TokenType.BLOCK else [""]
        if ends_with:
            ends_with = "" if tag == ends_with else ends_with
        # The block of Django's admin that goes into an attribute is no text.
        elif tag in {"blocktranslate", "comment"} or words[:1] == ["bodyclass"]:
            ends_with = f"end{tag}"
        elif token.token_type is TokenType.TEXT:
            literal += token.contents
    page = _Texts()
    page.feed(literal)
    page.close()
    return page.texts


class TestTemplates:
    def test_bare_texts_of_a_template_are_found(self) -> None:
        assert "base.html" in TEMPLATES
        source = """
            {# a comment #}<p title="Not {% translate 'this' %}">{% translate "Nor this" %} But this
            {% blocktranslate %}Never <b>this</b>{% endblocktranslate %}<code>code</code></p>
            <input type="submit" value="And that">
        """
        words = [text.split() for text in literal_texts(source) if text.strip()]
        assert words == [["Not"], ["But", "this"], ["And", "that"]]

    @pytest.mark.parametrize("name", TEMPLATES)
    def test_it_has_no_text_of_its_own(self, name: str) -> None:
        texts = literal_texts((ROOT / "templates" / name).read_text())
        assert [text for text in texts if english_words(text)] == []
