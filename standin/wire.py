"""Reads and changes protobuf messages without a schema, by protobuf's wire format.

Captured messages have fields that the schema does not know, and some can't be decoded with it. So
one field is replaced here, and every other byte stays as it is.
Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, LENGTH = 0, 2

FIXED_SIZES = {1: 8, 5: 4}
"""How many bytes a value has, by its wire type, for the wire types with a fixed size."""


class Field(NamedTuple):
    """One field of an encoded message; `raw` is the bytes of its tag and its value."""

    number: int
    value: int | bytes
    raw: bytes


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the varint at offset `at` and the offset after it.

    Raises:
        ValueError: the data ends inside it.
    """
    value = shift = 0
    for position in range(at, len(data)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    raise ValueError("truncated varint")


def write_varint(value: int) -> bytes:
    """Encode a number that is not negative."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _length(data: bytes, at: int, wire_type: int) -> tuple[int, int]:
    if wire_type == LENGTH:
        return read_varint(data, at)
    if wire_type not in FIXED_SIZES:
        raise ValueError(f"unknown wire type {wire_type}")
    return FIXED_SIZES[wire_type], at


def fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of one message, in their order.

    Raises:
        ValueError: the data is no protobuf message.
    """
    at = 0
    while at < len(data):
        start = at
        tag, at = read_varint(data, at)
        wire_type = tag & 7
        value: int | bytes
        if wire_type == VARINT:
            value, at = read_varint(data, at)
        else:
            length, at = _length(data, at, wire_type)
            value, at = data[at : at + length], at + length
        if at > len(data):
            raise ValueError("truncated field")
        yield Field(tag >> 3, value, data[start:at])


def varint_field(number: int, value: int) -> bytes:
    """Encode one number with its tag."""
    return write_varint(number << 3 | VARINT) + write_varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Encode bytes, a string or a message with its tag."""
    return write_varint(number << 3 | LENGTH) + write_varint(len(value)) + value


def replace(data: bytes, number: int, encoded: bytes) -> bytes:
    """Return `data` with all occurrences of field `number` replaced by `encoded`."""
    return encoded + b"".join(field.raw for field in fields(data) if field.number != number)
