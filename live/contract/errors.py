"""Lists the errors and close codes for the published contract, with their English texts."""

from __future__ import annotations

import json

import msgspec
from django.utils.translation import override

from live.contract.schemas import Schema
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError

__all__ = ["close_codes", "errors"]

_LANGUAGE = "en"


def errors() -> list[Schema]:
    """Return what error frames say: the data of one frame for each code.

    Values that differ from error to error are written as "{username}" and "{reason}".
    """
    rows = []
    for code in ErrorCode:
        error = RelayError(code, username="{username}", reason="{reason}").explain(_LANGUAGE)
        rows.append(json.loads(msgspec.json.encode(error)))
    return rows


def close_codes() -> dict[int, str]:
    """Return the codes that the relay closes sockets with, and what each means in words."""
    with_words = sorted(set(CloseCode) - {CloseCode.ABNORMAL})
    return {int(code): _words(code) for code in with_words}


def _words(code: CloseCode) -> str:
    with override(_LANGUAGE):
        return str(CLOSE_CODE_WORDS[code])
