"""The entries of a stream's log as Redis holds them: msgpack, in the form of `live.streams.saved`.

Redis orders them by ids `<offset>-<number>`. An entry of the log has the number 0. What another
number has is no entry: it tells those who follow that the leader has left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from live.protocol.frames import FrameType
from live.streams.borders import Border, restore_border, save_border
from live.streams.log import Entry
from live.streams.saved import RestoreError, SavedBorder

__all__ = [
    "BorderEntry",
    "FrameEntry",
    "Number",
    "Skip",
    "StoredEntry",
    "decode_entry",
    "encode_frame",
]

_MOST = 10**15 - 1
Number = Annotated[int, Meta(ge=0, le=_MOST)]


class FrameEntry(Struct, frozen=True, array_like=True, gc=False, tag_field="kind", tag="f"):
    """A frame. `id` is that of TikTok's message, or empty."""

    at: Number
    type: FrameType
    id: str
    text: str


class BorderEntry(Struct, frozen=True, array_like=True, tag_field="kind", tag="b"):
    at: Number
    border: SavedBorder

    @classmethod
    def of(cls, at: int, border: Border) -> BorderEntry:
        return cls(at, save_border(border))

    def restore(self) -> Border:
        """Raises RestoreError: it can't have been a border."""
        return restore_border(self.border)


class Skip(Struct, frozen=True, array_like=True, tag_field="kind", tag="s"):
    """The offsets up to this entry's own belong to a leader that died before Redis had them.

    Attributes:
        behind: the newest offset before them.
    """

    behind: Number


StoredEntry = FrameEntry | BorderEntry | Skip

_decode: Callable[[bytes], StoredEntry] = msgspec.msgpack.Decoder(StoredEntry).decode
encode = msgspec.msgpack.Encoder().encode


def encode_frame(entry: Entry, id: str) -> bytes:
    return encode(FrameEntry(entry.at, entry.type, id, entry.text))


def decode_entry(given: bytes) -> StoredEntry:
    """Raises RestoreError: the bytes are no entry of this version."""
    try:
        return _decode(given)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as failure:
        raise RestoreError(str(failure)) from failure
