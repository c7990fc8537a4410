"""People taken out of TikTok's messages, so that a recording can be shown to others.

Whatever could be a person's is replaced unless it is known to be TikTok's own;
docs/operate/recordings.md has the rules. Stand-ins come from a keyed hash: the same person, picture
or text has the same one throughout a recording, and without the key, which is never kept, nobody
finds the way back.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from functools import cache, lru_cache
from typing import Any, TypeAlias

from live.tiktok.decoding import load_whole_messages, parse_whole_message
from live.tiktok.values import ID_LIMIT

__all__ = ["Scrubber"]


class Kind(Enum):
    """What a field of the schema holds, as far as people are concerned."""

    PERSON = auto()  # someone's id, however small
    NAME = auto()  # what someone calls themselves
    TELLING = auto()  # a number that tells people apart by its size
    MESSAGE = auto()  # ids of messages, which other messages and frames refer to
    TIME = auto()
    PICTURE = auto()  # an address
    VOCABULARY = auto()  # TikTok's, as long as it looks like a word
    SHOWN_NUMBER = auto()  # a level, "x2"; sometimes a text
    GIFT_NAME = auto()
    ID = auto()  # of whatever: someone's if it is long
    OTHER = auto()


# Which fields are of which kind, as "class.field" by TikTokLiveProto's names; the first that fits.
_FIELDS = [
    (Kind.TELLING, r"User\.(create_time|modify_time|pay_scores?|(fan_)?ticket_count|exp)"),
    (Kind.TELLING, r"(FollowInfo|WebcastSocialMessage)\.follow\w*_count"),
    (Kind.TELLING, r"UserHonor\.score|Author\.video_total_\w+"),
    (Kind.PERSON, r"User\.id(_str)?|(UserArmiesWrapper|BattleUserInfoWrapper)\.key"),
    (
        Kind.PERSON,
        r"\w+\.(\w+_)?"
        r"(uid|(user|anchor|owner|contributor|sponsor|sender|receiver|member|teammate)_id)"
        r"(s|_list|_str|_int)?",
    ),
    (Kind.NAME, r"\w+\.\w*(nick_?name|display_id|user_name)"),
    (Kind.MESSAGE, r"\w+\.\w*msg_ids?"),
    (Kind.TIME, r"\w+\.(\w*time\w*|\w+_(ms|at|ns|nano))"),
    (Kind.VOCABULARY, r"\w*(Text|Badge|PatternRef)\.key|\w+\.(method|\w*color(_code|_values)?)"),
    (Kind.VOCABULARY, r"\w+\.(client_enter_\w+|content_language|lang)|Extra\.source"),
    (Kind.PICTURE, r"\w+\.\w*(ur[il]|schem[ea]|avatar|image|icon)\w*"),
    (Kind.SHOWN_NUMBER, r"(Combine|String)Badge\w*\.str|TextPiece\.string_value"),
    (Kind.SHOWN_NUMBER, r"PrivilegeLogExtra\.level"),
    (Kind.GIFT_NAME, r"(Gift|LiveStreamSubGoalGift)\.name"),
    (Kind.ID, r"\w+\.(\w+_)?ids?(_str)?"),
]
_WORD = re.compile(r"[\w.#-]+", re.ASCII)
_SHOWN_NUMBER = re.compile(r"x?[0-9]{1,3}|[Ⅰ-Ⅹ]")
# A text with placeholders for what stands in `pieces`. With a key it is TikTok's translation.
_PATTERN = "default_pattern"
_PLACEHOLDER = r"\{[0-9]{1,3}(?::\w*)?\}"
# Pictures that TikTok made have names; those that people uploaded have hashes.
_TIKTOKS_PICTURE = re.compile(r"webcast-[a-z]{2}/[A-Za-z_]+(?:[0-9]{1,3}[A-Za-z_]*)?[0-9]?\.png")

# Numbers from there on are ids, unless they are times; TikTok's people have ids of 19 digits.
_ID_FROM = 10**10
_FIRST_ID, _IDS = 6 * 10**18, 15 * 10**17
_SIGNED_LIMIT = ID_LIMIT // 2

_Tokens: TypeAlias = re.Pattern[str]


class Scrubber:
    """Replaces people in the messages of one recording. The first one takes seconds to make.

    Args:
        key: a random one, but for tests.
    """

    def __init__(self, key: bytes | None = None) -> None:
        load_whole_messages()
        self._key = key or secrets.token_bytes(32)

    def message(self, method: str, payload: bytes, msg_id: int) -> bytes:
        """The payload without people; of a method that TikTokLive does not map, only the id.

        Fields that the schema does not know are left out.

        Raises:
            DecodeError: the payload is not such a message.
        """
        message = parse_whole_message(method, payload)
        if message is None:
            return _bare_message(method, msg_id)
        message.DiscardUnknownFields()
        self._scrub(message, _tokens(_names_in(message)))
        scrubbed: bytes = message.SerializeToString()
        return scrubbed

    def name(self, name: str) -> str:
        """Another name of the same length in the same scripts; dots, joiners and the like stay."""
        other = _fill(name, self._random("name", name), symbols=True)
        return other if other != name else _fill("x" * len(name), self._random("name", name))

    def id(self, number: int) -> int:
        """Another number, of 19 digits. One above 2^63 stays above, and one that is negative
        because it was read as signed stays negative. 0 is nobody, and stays."""
        if number == 0:
            return 0
        unsigned = number % ID_LIMIT
        random = int.from_bytes(self._hash("id", str(unsigned)).digest(16))
        if unsigned < _SIGNED_LIMIT:
            return _FIRST_ID + random % _IDS
        other = _SIGNED_LIMIT + random % _SIGNED_LIMIT
        return other if number > 0 else other - ID_LIMIT

    def written_id(self, text: str) -> str:
        """The same for an id that is written as text; any other text as `text` has it."""
        return str(self.id(int(text))) if _is_number(text) else self.text(text)

    def text(self, text: str, tokens: _Tokens | None = None) -> str:
        """Letters and digits replaced by others of the same script; all else stays in its place.

        `tokens`, which are names, long numbers and placeholders, become what they are elsewhere.
        """
        random = self._random("text", text)
        return "".join(
            self._token(part) if number % 2 else _fill(part, random)
            for number, part in enumerate((tokens or _tokens([])).split(text))
        )

    def picture(self, address: str) -> str:
        """Another address: always the same one for a picture, however its address is signed."""
        if not address or _TIKTOKS_PICTURE.fullmatch(address):
            return address
        where, _, _ = address.partition("?")
        place = "https://scrubbed.invalid" if "://" in where else "scrubbed"
        return f"{place}/{self._hash('picture', where).hexdigest(8)}"

    def _token(self, token: str) -> str:
        if re.fullmatch(_PLACEHOLDER, token):
            return token
        return self.written_id(token) if _is_long_number(token) else self.name(token)

    def _scrub(self, message: Any, tokens: _Tokens) -> None:
        for field, value in message.ListFields():
            if _is_map(field):
                self._scrub_map(field, value, tokens)
            elif field.message_type is not None:
                for part in value if field.is_repeated else [value]:
                    self._scrub(part, tokens)
            elif field.is_repeated:
                value[:] = [self._scalar(field, part, tokens) for part in value]
            elif field.name == _PATTERN and message.key:
                setattr(message, field.name, self._translation(value, tokens))
            else:
                setattr(message, field.name, self._scalar(field, value, tokens))

    def _scrub_map(self, field: Any, entries: Any, tokens: _Tokens) -> None:
        of_key, of_value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        if of_value.message_type is None:
            scrubbed = {
                self._scalar(of_key, key, tokens): self._scalar(of_value, value, tokens)
                for key, value in entries.items()
            }
            entries.clear()
            entries.update(scrubbed)
            return
        for key in list(entries):
            self._scrub(entries[key], tokens)
            other = self._scalar(of_key, key, tokens)
            if other != key:
                entries[other].CopyFrom(entries[key])
                del entries[key]

    def _scalar(self, field: Any, value: Any, tokens: _Tokens) -> Any:
        kind = kind_of(field.containing_type.name.rpartition("_")[2], field.name)
        if isinstance(value, str):
            return self._string(kind, value, tokens)
        if isinstance(value, bytes):
            return bytes(len(value))  # nobody knows what is in it
        if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
            return self._number(kind, value)
        return value

    def _number(self, kind: Kind, value: int) -> int:
        match kind:
            case Kind.PERSON:
                return self.id(value)
            case Kind.TELLING:
                return _rounded(value)
            case Kind.MESSAGE | Kind.TIME:
                return value
        return self.id(value) if abs(value) >= _ID_FROM else value

    def _string(self, kind: Kind, value: str, tokens: _Tokens) -> str:
        match kind:
            case Kind.PERSON:
                return self.written_id(value)
            case Kind.NAME:
                return self.name(value)
            case Kind.MESSAGE | Kind.TIME if _is_number(value):
                return value
            case Kind.ID if _is_number(value) and not _is_long_number(value):
                return value
            case Kind.VOCABULARY if _WORD.fullmatch(value) and not _is_long_number(value):
                return value
            case Kind.PICTURE:
                return self.picture(value)
        if tokens.fullmatch(value):
            return self._token(value)
        kept = kind is Kind.GIFT_NAME or (
            kind is Kind.SHOWN_NUMBER and _SHOWN_NUMBER.fullmatch(value)
        )
        return value if kept else self.text(value, tokens)

    def _translation(self, pattern: str, tokens: _Tokens) -> str:
        parts = tokens.split(pattern)
        return "".join(self._token(p) if n % 2 and len(p) > 2 else p for n, p in enumerate(parts))

    def _hash(self, domain: str, text: str) -> Any:
        return hashlib.shake_256(b"\0".join((self._key, domain.encode(), text.encode())))

    def _random(self, domain: str, text: str) -> Iterator[int]:
        """A number for each character, which only the key and the whole text determine."""
        digest = self._hash(domain, text).digest(4 * len(text))
        return (int.from_bytes(digest[at : at + 4]) for at in range(0, len(digest), 4))


def _bare_message(method: str, msg_id: int) -> bytes:
    # `common` is the first field of every message, so that any class of them will do.
    message = parse_whole_message("WebcastControlMessage", b"")
    assert message is not None
    message.common.method = method
    message.common.msg_id = msg_id
    bare: bytes = message.SerializeToString()
    return bare


def _names_in(message: Any) -> Iterator[str]:
    for field, value in message.ListFields():
        if _is_map(field):
            if field.message_type.fields_by_name["value"].message_type is not None:
                for part in value.values():
                    yield from _names_in(part)
        elif field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                yield from _names_in(part)
        elif isinstance(value, str) and kind_of("", field.name) is Kind.NAME:
            yield value


def _tokens(names: Iterable[str]) -> _Tokens:
    """What is found in texts. A single letter is no name to look for: it is in all of them."""
    longest_first = sorted({name for name in names if len(name) > 1}, key=len, reverse=True)
    return re.compile(f"({'|'.join([_PLACEHOLDER, *map(re.escape, longest_first), '[0-9]{10,}'])})")


@cache
def kind_of(cls: str, field: str) -> Kind:
    """How a field is treated, by the names of its message and of itself."""
    name = f"{cls or '_'}.{field}"
    return next((kind for kind, fields in _FIELDS if re.fullmatch(fields, name)), Kind.OTHER)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) < ID_LIMIT


def _is_long_number(text: str) -> bool:
    return _is_number(text) and int(text) >= _ID_FROM


def _rounded(number: int) -> int:
    """One digit of it."""
    return round(number, 1 - len(str(abs(number))))


def _fill(text: str, random: Iterator[int], *, symbols: bool = False) -> str:
    """Args:
    symbols: replace emoji and the like, too.
    """

    def another(character: str) -> str:
        others = _others(character, symbols)
        return others[next(random) % len(others)] if others else character

    return "".join(map(another, text))


@lru_cache(4096)
def _others(character: str, symbols: bool) -> str:
    """The characters that may stand for a letter or digit: of the same script, case, direction and
    length in bytes. Empty for what stays."""
    category = unicodedata.category(character)
    if category[0] not in "LN" and not (symbols and category == "So"):
        return ""
    block = ord(character) // 128 * 128
    return "".join(
        other
        for other in map(chr, range(block, block + 128))
        if other != character and _traits(other) == _traits(character)
    )


def _traits(character: str) -> tuple[str, ...]:
    script = unicodedata.name(character, "").partition(" ")[0]
    return unicodedata.category(character), unicodedata.bidirectional(character), script
