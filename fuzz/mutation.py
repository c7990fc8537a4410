"""Spoils texts, bytes, protobuf messages and msgpack values.

What is made from a valid value gets further into the code that reads it than what is random, so
each maker begins with a corpus. All randomness comes from the generator that is passed in.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from standin import wire

__all__ = ["MsgpackCorpus", "ProtobufCorpus", "TextCorpus", "random_text", "spoilt_bytes"]

_MOST_REPEATS = 3000
# So often a value is looked for that is of the same kind as the one that it replaces.
_TRIES = 6
# Characters that code often has not thought of: controls, other digits and spaces, what changes its
# length when its case is changed, half of a surrogate pair, what is outside of 16 bits.
_ODD = (
    "\x00\x01\t\n\r\x1b\x7f\x85\xa0\xad\u0130\u0131\u017f\xdf\u212a\u0660\u0662\xb2\xbd"
    "\u200b\u2028\u202e\ufeff\ufffe\ud800\udfff\U0001f381\U0001d7d8"
)
_NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, 2**32, 2**53)
_LARGE = (*_NUMBERS, 2**53 + 1, 10**12, 10**14, 10**15, 2**63 - 1, 2**63, 2**64 - 1)


def random_text(rng: Random, length: int) -> str:
    kind = rng.random()
    if kind < 0.4:
        return "".join(chr(rng.randrange(32, 127)) for _ in range(length))
    if kind < 0.7:
        return "".join(rng.choice(_ODD) for _ in range(length))
    return "".join(chr(rng.randrange(0x11_0000)) for _ in range(length))


class TextCorpus:
    """Makes texts like those that it has.

    Args:
        texts: valid ones, and others that code reads.
        words: parts that mean something in them.
    """

    def __init__(self, texts: Iterable[str], words: Iterable[str]) -> None:
        self._texts = list(texts)
        self._words = list(words)

    def make(self, rng: Random) -> str:
        kind = rng.random()
        if kind < 0.05:
            return random_text(rng, rng.randrange(40))
        if kind < 0.25:
            return "".join(rng.choice(self._words) for _ in range(rng.randrange(1, 12)))
        text = rng.choice(self._texts)
        for _ in range(rng.randrange(4)):
            text = self._spoil(rng, text)
        return text

    def _spoil(self, rng: Random, text: str) -> str:
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.randrange(1, 6))
        match rng.randrange(8):
            case 0:
                return text[:start] + text[stop:]
            case 1:
                return text[:start] + rng.choice(self._words) + text[start:]
            case 2:
                return text[:start] + rng.choice(self._words) + text[stop:]
            case 3:
                return text[:start] + rng.choice(_ODD) + text[stop:]
            case 4:
                return text[:start] + random_text(rng, rng.randrange(1, 4)) + text[start:]
            case 5:
                many = text[start:stop] or rng.choice(self._words)
                return text[:start] + many * rng.randrange(2, 40) + text[stop:]
            case 6 if rng.random() < 0.1:
                many = rng.choice(self._words)
                return text[:start] + many * rng.randrange(40, _MOST_REPEATS) + text[start:]
            case _:
                return text[:start] + rng.choice(self._texts)[start:]


def spoilt_bytes(rng: Random, data: bytes) -> bytes:
    """The bytes with one place changed, by somebody who does not know what they mean."""
    start = rng.randrange(len(data) + 1)
    stop = min(len(data), start + rng.randrange(1, 9))
    match rng.randrange(7):
        case 0:
            return data[:start]
        case 1:
            return data[:start] + data[stop:]
        case 2:
            return data[:start] + rng.randbytes(rng.randrange(1, 9)) + data[start:]
        case 3:
            return data[:start] + rng.randbytes(stop - start) + data[stop:]
        case 4:
            return data[:start] + data[start:stop] * rng.randrange(2, 20) + data[stop:]
        case 5 if start < len(data):
            return data[:start] + bytes([data[start] ^ 1 << rng.randrange(8)]) + data[start + 1 :]
        case _:
            other = rng.randrange(len(data) + 1)
            return data[:start] + data[other : other + stop - start] + data[stop:]


class ProtobufCorpus:
    """Makes protobuf messages like those that it has: fields are changed wherever they are nested,
    and the lengths of what is around them still fit."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        self._messages = list(messages)
        # Of the messages, and of all that is nested in them: they are read once.
        self._fields: dict[bytes, list[wire.Field]] = {}
        for message in self._messages:
            self._learn(message)
        self._donors = list(self._fields)

    def make(self, rng: Random) -> bytes:
        return self.spoilt(rng, rng.choice(self._messages))

    def spoilt(self, rng: Random, message: bytes) -> bytes:
        """That message, changed in one to three places; sometimes not at all."""
        for _ in range(rng.randrange(4)):
            message = self._spoil(rng, message)
        if rng.random() < 0.05:
            message = spoilt_bytes(rng, message)
        return message

    def _learn(self, data: bytes) -> None:
        fields = _fields_of(data)
        if fields is None or data in self._fields:
            return
        self._fields[data] = fields
        for each in fields:
            if isinstance(each.value, bytes):
                self._learn(each.value)

    def _fields_in(self, data: bytes) -> list[wire.Field] | None:
        """None where it is no message."""
        known = self._fields.get(data)
        return _fields_of(data) if known is None else known

    def _spoil(self, rng: Random, data: bytes) -> bytes:
        fields = self._fields_in(data)
        if not fields:
            return spoilt_bytes(rng, data)
        number = rng.randrange(len(fields))
        parts = [each.raw for each in fields]
        spoilt = self._spoilt_field(rng, fields[number])
        if isinstance(spoilt, int):  # so many times the field, which may be none
            spoilt = parts[number] * spoilt
        parts[number] = spoilt
        return b"".join(parts)

    def _spoilt_field(self, rng: Random, field: wire.Field) -> bytes | int:
        value, kind = field.value, rng.random()
        if isinstance(value, bytes) and kind < 0.6 and value:
            if field.raw[-len(value) :] == value and (field.raw[0] & 7) != wire.LENGTH:
                return field.raw[: -len(value)] + rng.randbytes(len(value))  # of a fixed size
            return wire.bytes_field(field.number, self._spoil(rng, value))
        if isinstance(value, int) and kind < 0.6:
            return wire.varint_field(field.number, _number(rng))
        match rng.randrange(8):
            case 0:
                return 0
            case 1:
                return rng.choice((2, 3, 50, 500))
            case 2:
                return wire.varint_field(field.number, _number(rng))
            case 3:
                return wire.bytes_field(field.number, rng.choice(self._donors))
            case 4:
                return wire.bytes_field(field.number, rng.randbytes(rng.randrange(40)))
            case 5:
                text = random_text(rng, rng.randrange(1, 40))
                return wire.bytes_field(field.number, text.encode("utf-8", "surrogatepass"))
            case 6:
                return wire.bytes_field(field.number, _nested(rng, field))
            case _:
                return field.raw + wire.varint_field(rng.randrange(1, 64), _number(rng))


def _nested(rng: Random, field: wire.Field) -> bytes:
    """The field in itself, in itself, …"""
    nested = field.raw[:200]
    for _ in range(rng.choice((2, 20, 120))):
        nested = wire.bytes_field(field.number, nested)
    return nested


def _number(rng: Random) -> int:
    return rng.choice(_LARGE) if rng.random() < 0.7 else rng.getrandbits(rng.randrange(1, 65))


def _fields_of(data: bytes) -> list[wire.Field] | None:
    try:
        return list(wire.fields(data))
    except ValueError:
        return None


class _Span(NamedTuple):
    """One value in msgpack: where it is, and where its children begin and end."""

    start: int
    stop: int
    children: tuple[int, ...]


class MsgpackCorpus:
    """Makes msgpack like that which it has: one value, at any depth, is replaced by another, so
    that the rest can still be read."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values = [(value, _spans(value)) for value in values]

    def make(self, rng: Random) -> bytes:
        value, spans = rng.choice(self._values)
        if rng.random() < 0.1:
            return spoilt_bytes(rng, value)
        # In the order of their places, so that what is replaced does not move the others.
        places = sorted(
            (rng.choice(spans) for _ in range(rng.randrange(4))), key=lambda span: -span.start
        )
        until = len(value)
        for span in places:
            if span.stop <= until:
                value = value[: span.start] + self._other(rng, value, span) + value[span.stop :]
                until = span.start
        return value

    def _other(self, rng: Random, value: bytes, span: _Span) -> bytes:
        match rng.randrange(5):
            case 0 | 1:
                donor, spans = rng.choice(self._values)
                for _ in range(_TRIES):
                    other = rng.choice(spans)
                    if _kind(donor[other.start]) == _kind(value[span.start]):
                        break
                return donor[other.start : other.stop]
            case 2 if span.children:
                return _with_fewer_or_more(rng, value, span)
            case 2 | 3:
                return rng.choice(_MSGPACK)
            case _ if b'"data":' in value[span.start : span.stop] and not span.children:
                return _with_other_json(rng, value[span.start : span.stop])
            case _:
                return spoilt_bytes(rng, value[span.start : span.stop])


def _kind(head: int) -> str:
    """What a value is, by its first byte."""
    if head <= 0x7F or head >= 0xE0 or 0xCC <= head <= 0xD3:
        return "number"
    if head & 0xE0 == 0xA0 or 0xD9 <= head <= 0xDB:
        return "text"
    if head & 0xF0 == 0x90 or head in (0xDC, 0xDD):
        return "list"
    return "map" if head & 0xF0 == 0x80 or head in (0xDE, 0xDF) else "other"


def _with_fewer_or_more(rng: Random, value: bytes, span: _Span) -> bytes:
    """A list or a map with some of its children left out, or there twice, or in another order."""
    is_map = value[span.start] & 0xF0 == 0x80 or value[span.start] in (0xDE, 0xDF)
    edges = (*span.children, span.stop)
    items = [value[a:b] for a, b in itertools.pairwise(edges)]
    step = 2 if is_map else 1
    pairs = [b"".join(items[at : at + step]) for at in range(0, len(items), step)]
    match rng.randrange(4):
        case 0:
            del pairs[rng.randrange(len(pairs))]
        case 1:
            pairs.insert(rng.randrange(len(pairs) + 1), rng.choice(pairs))
        case 2:
            rng.shuffle(pairs)
        case _:
            pairs = pairs[: rng.randrange(len(pairs) + 1)]
    return (b"\xde" if is_map else b"\xdc") + struct.pack(">H", len(pairs)) + b"".join(pairs)


def _with_other_json(rng: Random, value: bytes) -> bytes:
    """A text of JSON, in which one value is another one."""
    text = value[value.index(b"{") :]
    token = rng.choice(list(_JSON_VALUE.finditer(text)))
    return _text(text[: token.start()] + rng.choice(_JSON) + text[token.end() :])


def _spans(data: bytes) -> list[_Span]:
    spans: list[_Span] = []
    stop = _span(data, 0, spans)
    assert stop == len(data), "no msgpack"
    return spans


def _span(data: bytes, start: int, spans: list[_Span]) -> int:
    """Add the value that begins there, and all in it. Returns where it ends."""
    head = data[start]
    at, children = start + 1, 0
    if head <= 0x7F or head >= 0xE0 or head in (0xC0, 0xC2, 0xC3):
        pass
    elif head & 0xE0 == 0xA0:
        at += head & 0x1F
    elif head & 0xF0 == 0x90:
        children = head & 0x0F
    elif head & 0xF0 == 0x80:
        children = 2 * (head & 0x0F)
    elif head in _NUMBER_SIZES:
        at += _NUMBER_SIZES[head]
    else:
        size = _LENGTH_SIZES[head]
        length = int.from_bytes(data[at : at + size], "big")
        at += size
        if head in (0xDC, 0xDD):
            children = length
        elif head in (0xDE, 0xDF):
            children = 2 * length
        else:
            at += length
    starts = []
    for _ in range(children):
        starts.append(at)
        at = _span(data, at, spans)
    spans.append(_Span(start, at, tuple(starts)))
    return at


# By the first byte: how many bytes a number has behind it, and how many the length of a text, of
# bytes, of a list or of a map. https://github.com/msgpack/msgpack/blob/master/spec.md
_NUMBER_SIZES = {
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
}
_LENGTH_SIZES = {
    0xC4: 1,
    0xC5: 2,
    0xC6: 4,
    0xD9: 1,
    0xDA: 2,
    0xDB: 4,
    0xDC: 2,
    0xDD: 4,
    0xDE: 2,
    0xDF: 4,
}


def _text(text: bytes) -> bytes:
    return b"\xda" + struct.pack(">H", len(text)) + text


_JSON_VALUE = re.compile(rb'(?<=:)(\d+|true|false|null|"[^"]*"|\{[^{}]*\}|\[[^\[\]]*\])')
_JSON = (
    *(b"null", b"true", b"-1", b"1.5", b"1e999", b'""', b'"x"', b"[]", b"{}", b"[null]"),
    *(b"9" * 20, b"9" * 400, b'"\\ud800"', b'"%(x)s"', b"[" * 200 + b"]" * 200, b""),
)
_MSGPACK = (
    *(b"\xcf" + struct.pack(">Q", number) for number in _LARGE),
    *(b"\xd3" + struct.pack(">q", -number) for number in _LARGE if number <= 2**63),
    *(b"\xcb" + struct.pack(">d", x) for x in (0.0, -1.0, 1e300, float("nan"), float("inf"))),
    *(b"\xc0", b"\xc2", b"\xc3", b"\x90", b"\x80", b"\x91\xc0", b"\x81\xa1a\xc0", b"\xc4\x00"),
    *map(_text, (b"", b"-1", b"%(x)s", b"{0.x}", b"\xed\xa0\x80", b"\x00", b"a" * 400)),
    *(b"\xc4\x08" + bytes(range(200, 208)), b"\xd4\x01\x00", b"\xd6\xff\x00\x00\x00\x00"),
    b"\x91" * 2000 + b"\xc0",
)
