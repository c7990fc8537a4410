"""Draws pictures of people and gifts. The same name always gets the same picture.

The PNG format (https://www.w3.org/TR/png-3/) is written here, so that the repository needs no
picture files and no library for drawing.
"""

from __future__ import annotations

import colorsys
import math
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

__all__ = ["SIZE", "draw"]

SIZE = 96
"""Width and height of a picture, in pixels."""

_Colour: TypeAlias = tuple[float, float, float]

# How the names of gifts and emotes begin; all other names are names of people.
_THINGS = ("gift-", "emote-")


@lru_cache(maxsize=256)
def draw(name: str) -> bytes:
    """Return a PNG: a flower for a gift or an emote, and a portrait for a person."""
    seed = zlib.crc32(name.encode())
    hue = seed % 360 / 360
    light, full = colorsys.hls_to_rgb(hue, 0.86, 0.6), colorsys.hls_to_rgb(hue, 0.5, 0.6)
    cover = _flower(5 + seed // 360 % 4) if name.startswith(_THINGS) else _portrait
    return _png(cover, light, full)


def _portrait(x: float, y: float) -> float:
    """Draw head and shoulders: return how many pixels inside them a point is; negative outside.

    Args:
        x, y: the point, from -1 to 1.
    """
    head = 0.34 - math.hypot(x, y + 0.2)
    shoulders = 0.62 - math.hypot(x, y - 0.95)
    return max(head, shoulders) * SIZE / 2


def _flower(petals: int) -> Callable[[float, float], float]:
    def cover(x: float, y: float) -> float:
        reach = 0.58 + 0.18 * math.cos(petals * math.atan2(y, x))
        distance = math.hypot(x, y)
        return min(reach - distance, distance - 0.14) * SIZE / 2

    return cover


def _png(cover: Callable[[float, float], float], back: _Colour, front: _Colour) -> bytes:
    rows = bytearray()
    for row in range(SIZE):
        rows.append(0)  # the row is not filtered
        for column in range(SIZE):
            inside = cover((column + 0.5) * 2 / SIZE - 1, (row + 0.5) * 2 / SIZE - 1)
            share = min(1.0, max(0.0, inside + 0.5))  # a soft edge, one pixel wide
            rows += bytes(
                round(255 * (b + (f - b) * share)) for b, f in zip(back, front, strict=True)
            )
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)  # 8 bits, RGB
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(bytes(rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
