"""The descriptions of the contract and of the REST API in other languages than English.

In the code, descriptions are English: docstrings, and what fields and options say of themselves. A
file `live/contract/texts/<language>.json` has their translations: an object whose names are English
paragraphs. `make contract` adds new paragraphs to these files, without a translation, and takes out
those that are gone. A paragraph without a translation is shown in English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

__all__ = ["ENGLISH", "TEXTS", "paragraphs", "paragraphs_in", "translated"]

ENGLISH = "en"
# Where the files are, from the project's folder.
TEXTS = Path("live/contract/texts")
# What the values of these names are, in JSON Schema and OpenAPI, if they are texts.
_DESCRIBING = ("description", "summary")


def paragraphs(text: str) -> list[str]:
    """Split a text at its empty lines. Line breaks within a paragraph become spaces."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def paragraphs_in(document: Any) -> Iterator[str]:
    """Yield the paragraphs of all descriptions in a JSON Schema or OpenAPI document.

    Descriptions of responses are left out: they are HTTP's own words for status codes.
    """
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name in _DESCRIBING and isinstance(value, str):
                yield from paragraphs(value)
            elif name == "responses":
                for response in value.values():
                    yield from paragraphs_in(response.get("content"))
            else:
                yield from paragraphs_in(value)
    elif isinstance(document, list | tuple):
        for part in document:
            yield from paragraphs_in(part)


def translated(text: str, language: str) -> list[str]:
    """Return the paragraphs of a description in that language, or in English where it has none."""
    known = _texts(language)
    return [known.get(paragraph) or paragraph for paragraph in paragraphs(text)]


@cache
def _texts(language: str) -> Mapping[str, str]:
    path = Path(settings.BASE_DIR) / TEXTS / f"{language}.json"
    texts: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return texts
