"""Lists the errors and close codes for the published contract, with their texts."""

from __future__ import annotations

import json

import msgspec
from django.utils.translation import override

from live.contract.schemas import Schema
from live.contract.translations import ENGLISH
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError

__all__ = ["close_codes", "errors"]


def errors(language: str = ENGLISH) -> list[Schema]:
    """Return what error frames say in that language: the data of one frame for each code.

    Values that differ from error to error are written as "{username}" and "{reason}".
    """
    rows = []
    for code in ErrorCode:
        error = RelayError(code, username="{username}", reason="{reason}").explain(language)
        rows.append(json.loads(msgspec.json.encode(error)))
    return rows


def close_codes() -> dict[int, str]:
    """Return the codes that the relay closes sockets with, and what each means in English."""
    with_words = sorted(set(CloseCode) - {CloseCode.ABNORMAL})
    with override(ENGLISH):
        return {int(code): str(CLOSE_CODE_WORDS[code]) for code in with_words}
