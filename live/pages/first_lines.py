"""The few lines with which a program hears a LIVE, in each language, as the token page shows them.

They are the files of docs/examples/first/, with the address and the token in them. Those that are
said to be tested are run by tests/end_to_end/test_first_lines.py, as the page shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

__all__ = ["FirstLines", "first_lines", "websockets_line"]

# What stands in the files for the relay's host and for the token.
_HOST, _TOKEN = "127.0.0.1:8000", "TOKEN"


class FirstLines(NamedTuple):
    """A program in one language.

    Attributes:
        language: its name.
        file: what the program's file may be called.
        text: the program.
        is_tested: the project's tests run it.
    """

    language: str
    file: str
    text: str
    is_tested: bool


_FILES = (
    FirstLines("JavaScript", "hear.mjs", "", True),
    FirstLines("Python", "hear.py", "", True),
    FirstLines("Kotlin", "Hear.kt", "", False),
    FirstLines("Swift", "Hear.swift", "", False),
    FirstLines("Dart", "hear.dart", "", False),
)


def first_lines(socket_url: str, token: str) -> Iterator[FirstLines]:
    """Return the programs for the socket's address, which contains the token."""
    url = urlsplit(socket_url)
    page = "https" if url.scheme == "wss" else "http"
    for lines in _FILES:
        text = _file(lines.file)
        text = text.replace(f"ws://{_HOST}", f"{url.scheme}://{url.netloc}")
        text = text.replace(f"http://{_HOST}", f"{page}://{url.netloc}")
        yield lines._replace(text=text.replace(_TOKEN, token))


def websockets_line(socket_url: str) -> str:
    """Return a command of the project's own environment that prints all frames."""
    return f".venv/bin/python -m websockets '{socket_url}?wait=1'"


@cache
def _file(name: str) -> str:
    return (settings.BASE_DIR / "docs" / "examples" / "first" / name).read_text().rstrip()
