"""The errors and close codes as they are published: in English, and with a place for each value."""

from __future__ import annotations

import json

import msgspec
from django.utils.translation import override

from live.contract.schemas import Schema
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError

__all__ = ["close_codes", "errors"]

_LANGUAGE = "en"


def errors() -> list[Schema]:
    """What error frames say, a row for each code. A username stands as "{username}"."""
    rows = []
    for code in ErrorCode:
        error = RelayError(code, username="{username}", reason="{reason}").explain(_LANGUAGE)
        rows.append(json.loads(msgspec.json.encode(error)))
    return rows


def close_codes() -> dict[int, str]:
    """The codes that the relay closes sockets with, in words."""
    with_words = sorted(set(CloseCode) - {CloseCode.ABNORMAL})
    return {int(code): _words(code) for code in with_words}


def _words(code: CloseCode) -> str:
    with override(_LANGUAGE):
        return str(CLOSE_CODE_WORDS[code])
