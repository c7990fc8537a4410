"""Converts TikTok's ids, times, numbers and pictures into the values of frames.

It is used for decoded messages and for the JSON of TikTok's web API. TikTok's ids are unsigned
numbers of 64 bits, but its schema reads some of them as signed. Its times are in seconds or in ms.
A picture is a list of addresses of the same file.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from live.protocol.frames import FrameType

__all__ = [
    "ID_LIMIT",
    "MAX_ADDRESS",
    "Built",
    "address_in",
    "id_text",
    "known",
    "picture_of",
    "sendable",
    "time_ms",
    "trailing_number",
    "unsigned",
    "whole_number",
]

# A frame's type and its data.
Built: TypeAlias = tuple[FrameType, Struct]

# All of TikTok's ids are lower than this number.
ID_LIMIT = 2**64
# Characters that a picture's address may have.
MAX_ADDRESS = 2000
# A time below this number is in seconds, and from it on in ms.
_FIRST_MS = 10**12
# A time in ms from this number on (the year 5138) is taken for an error.
_LAST_MS = 10**14


def unsigned(number: int) -> int:
    """Return an id as an unsigned number; the schema may have read it as a signed one."""
    return number % ID_LIMIT


def id_text(number: int) -> str:
    """Return an id as it is in frames: the unsigned number, as text."""
    return str(number if number >= 0 else number + ID_LIMIT)


def time_ms(time: int) -> int | UnsetType:
    """Convert a time in seconds or ms to ms since the epoch.

    Returns UNSET for a number that can't be a time, such as 0.
    """
    if time < _FIRST_MS:
        time *= 1000
    return time if 0 < time < _LAST_MS else UNSET


def known(value: int) -> int | UnsetType:
    """Return a message's number, or UNSET for 0: protobuf reads a number that is not there as 0."""
    return value or UNSET


def whole_number(text: str) -> int | None:
    """Read a number that TikTok sends as text; None if the text is no number.

    Texts of more than 9 digits are no numbers here: TikTok sends none, and `int()` raises for very
    long ones.
    """
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def trailing_number(text: str) -> int | None:
    """Read the last number in a text such as "No. 3"; None if there is none."""
    digits = re.search(r"(?<!\d)(\d{1,9})\D*$", text)
    return int(digits[1]) if digits else None


def picture_of(image: Any) -> str:
    """Return the first address of a picture in a decoded message, or an empty text."""
    urls = image.url_list
    return urls[0] if urls else ""


def address_in(image: Any) -> str:
    """Return the first address of a picture in TikTok's JSON, or an empty text.

    Args:
        image: any JSON value; it is checked.
    """
    try:
        address = image["url_list"][0]
    except (LookupError, TypeError):
        return ""
    usable = (
        isinstance(address, str)
        and address.isascii()
        and address.startswith(("https://", "http://"))
        and len(address) <= MAX_ADDRESS
    )
    return str(address) if usable else ""


def sendable(text: str, limit: int) -> str:
    """Cut a text of TikTok's JSON to `limit` characters, and make sure that it is valid UTF-8.

    JSON can hold one half of an emoji (a lone surrogate), which UTF-8 can't; it is replaced by "?".
    """
    return text[:limit].encode("utf-8", "replace").decode()
