"""TikTok's rules for ids, times, numbers and pictures, in messages and in the JSON of its web API.

TikTok's ids are unsigned numbers of 64 bits; its schema reads some of them as signed. Its times are
in seconds or in ms. A picture is a list of addresses for the same file.
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

# The data of a frame, and the frame's type.
Built: TypeAlias = tuple[FrameType, Struct]

ID_LIMIT = 2**64
MAX_ADDRESS = 2000
_FIRST_MS = 10**12  # a time below that is in seconds
_LAST_MS = 10**14  # the year 5138; a time beyond that is none


def unsigned(number: int) -> int:
    """An id as TikTok means it, of one that the schema may have read as signed."""
    return number % ID_LIMIT


def id_text(number: int) -> str:
    """An id as frames have it: the unsigned number as text."""
    return str(number if number >= 0 else number + ID_LIMIT)


def time_ms(time: int) -> int | UnsetType:
    """A time in seconds or ms, as ms since the epoch; UNSET for what can be no time."""
    if time < _FIRST_MS:
        time *= 1000
    return time if 0 < time < _LAST_MS else UNSET


def known(value: int) -> int | UnsetType:
    """A number of a message, where 0 stands for a number that was not sent."""
    return value or UNSET


def whole_number(text: str) -> int | None:
    """The number that TikTok wrote as text, if it is one.

    TikTok writes none of more than 9 digits; `int()` refuses some that are longer.
    """
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def trailing_number(text: str) -> int | None:
    """The last number in a text such as "No. 3"."""
    digits = re.search(r"(?<!\d)(\d{1,9})\D*$", text)
    return int(digits[1]) if digits else None


def picture_of(image: Any) -> str:
    """The address of a decoded message's picture, or an empty text."""
    urls = image.url_list
    return urls[0] if urls else ""


def address_in(image: Any) -> str:
    """The address of a picture in TikTok's JSON, which may be anything; or an empty text."""
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
    """The beginning of a text of TikTok's JSON. Where an emoji was cut in half, "?" stands for it:
    it could not be sent as UTF-8."""
    return text[:limit].encode("utf-8", "replace").decode()
