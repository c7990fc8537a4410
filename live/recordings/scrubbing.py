"""Replaces personal data in TikTok's messages, so that a recording can be shown to others.

Every value that could belong to a person is replaced, unless it is known to be one of TikTok's own
values; docs/operate/recordings.md has the rules. The replacement is computed by a hash with a
secret key: within one recording, the same person, picture or text always gets the same
replacement. The key is never stored, and without it nobody can find the original value.
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
    """What a field of the schema holds. This decides how the field is treated."""

    PERSON = auto()  # a person's id: always replaced, also if it is a small number
    NAME = auto()  # a person's @name or nickname: replaced
    TELLING = auto()  # a number, such as a follower count, that could identify a person: rounded
    MESSAGE = auto()  # ids of messages, to which other messages and frames refer: kept
    TIME = auto()  # a time or a duration: kept
    PICTURE = auto()  # a picture's address: replaced, unless it is one of TikTok's own pictures
    VOCABULARY = auto()  # one of TikTok's own words: kept if it looks like a word
    SHOWN_NUMBER = auto()  # a level, or a count such as "x2": kept; any other text is replaced
    GIFT_NAME = auto()  # kept
    ID = auto()  # any other id: replaced if it is long, since it may be a person's
    OTHER = auto()  # texts are replaced, and long numbers


# The kinds of fields, as patterns for "class.field" with the names of TikTokLiveProto. The first
# pattern that matches counts.
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
# The field for a text with placeholders, whose values are in `pieces`. If the message also has a
# key, the text is one of TikTok's translations.
_PATTERN = "default_pattern"
_PLACEHOLDER = r"\{[0-9]{1,3}(?::\w*)?\}"
# The addresses of TikTok's own pictures, which contain a readable name. The addresses of pictures
# that people have uploaded contain a hash instead.
_TIKTOKS_PICTURE = re.compile(r"webcast-[a-z]{2}/[A-Za-z_]+(?:[0-9]{1,3}[A-Za-z_]*)?[0-9]?\.png")

# A number from this one on is taken for an id, unless its field holds times.
_ID_FROM = 10**10
# Replaced ids lie in this range, by its first number and its size: they have 19 digits like
# TikTok's ids.
_FIRST_ID, _IDS = 6 * 10**18, 15 * 10**17
# Ids from this number on are negative when they are read as signed numbers.
_SIGNED_LIMIT = ID_LIMIT // 2

# Finds the parts of a text that are replaced as a whole: names, long numbers and placeholders.
_Tokens: TypeAlias = re.Pattern[str]


class Scrubber:
    """Replaces personal data in the messages of one recording.

    Creating the first scrubber of a process takes seconds, since the schema is built then.

    Args:
        key: the secret key of the hash; a random one if None. Only tests give one.
    """

    def __init__(self, key: bytes | None = None) -> None:
        load_whole_messages()
        self._key = key or secrets.token_bytes(32)

    def message(self, method: str, payload: bytes, msg_id: int) -> bytes:
        """Return a message's payload with personal data replaced.

        Fields that the schema does not know are removed. If TikTokLive has no class for the method,
        the new payload has the method and the id only.

        Args:
            method: TikTok's method of the message.
            payload: the message, encoded by protobuf.
            msg_id: the id in the message's envelope.

        Raises:
            DecodeError: the payload is not a message of that method.
        """
        message = parse_whole_message(method, payload)
        if message is None:
            return _bare_message(method, msg_id)
        message.DiscardUnknownFields()
        self._scrub(message, _tokens(_names_in(message)))
        scrubbed: bytes = message.SerializeToString()
        return scrubbed

    def name(self, name: str) -> str:
        """Return the replacement of a name: of the same length, with letters of the same scripts.

        Punctuation, such as dots, stays.
        """
        other = _fill(name, self._random("name", name), symbols=True)
        return other if other != name else _fill("x" * len(name), self._random("name", name))

    def id(self, number: int) -> int:
        """Return the replacement of an id: another number, of 19 digits.

        An id from 2^63 on is replaced by one from 2^63 on. A negative id, which was read as a
        signed number, is replaced by a negative one. 0 means that there is no id, and stays.
        """
        if number == 0:
            return 0
        unsigned = number % ID_LIMIT
        random = int.from_bytes(self._hash("id", str(unsigned)).digest(16))
        if unsigned < _SIGNED_LIMIT:
            return _FIRST_ID + random % _IDS
        other = _SIGNED_LIMIT + random % _SIGNED_LIMIT
        return other if number > 0 else other - ID_LIMIT

    def written_id(self, text: str) -> str:
        """Return the replacement of an id that is written as text; other texts go to `text`."""
        return str(self.id(int(text))) if _is_number(text) else self.text(text)

    def text(self, text: str, tokens: _Tokens | None = None) -> str:
        """Return a text whose letters and digits are replaced by others of the same script.

        All other characters stay.

        Args:
            tokens: finds the names, long numbers and placeholders in the text. Each gets the
                replacement that it has everywhere; placeholders stay.
        """
        random = self._random("text", text)
        return "".join(
            self._token(part) if number % 2 else _fill(part, random)
            for number, part in enumerate((tokens or _tokens([])).split(text))
        )

    def picture(self, address: str) -> str:
        """Return the replacement of a picture's address.

        It does not depend on the query, which holds a signature that changes.
        """
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
            return bytes(len(value))  # zeros, since it is not known what the bytes mean
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
        """Yield one number for each character; they depend on the key and the whole text only."""
        digest = self._hash(domain, text).digest(4 * len(text))
        return (int.from_bytes(digest[at : at + 4]) for at in range(0, len(digest), 4))


def _bare_message(method: str, msg_id: int) -> bytes:
    # Every message has `common` as its first field, so any message class can be used for it.
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
    """Make the pattern that finds names, placeholders and long numbers in texts.

    Names of a single letter are left out, since every text contains them.
    """
    longest_first = sorted({name for name in names if len(name) > 1}, key=len, reverse=True)
    return re.compile(f"({'|'.join([_PLACEHOLDER, *map(re.escape, longest_first), '[0-9]{10,}'])})")


@cache
def kind_of(cls: str, field: str) -> Kind:
    """Return the kind of a field.

    Args:
        cls: the name of the message class, in TikTokLiveProto.
        field: the name of the field.
    """
    name = f"{cls or '_'}.{field}"
    return next((kind for kind, fields in _FIELDS if re.fullmatch(fields, name)), Kind.OTHER)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) < ID_LIMIT


def _is_long_number(text: str) -> bool:
    return _is_number(text) and int(text) >= _ID_FROM


def _rounded(number: int) -> int:
    """Round a number to its first digit: 1234 to 1000."""
    return round(number, 1 - len(str(abs(number))))


def _fill(text: str, random: Iterator[int], *, symbols: bool = False) -> str:
    """Replace letters and digits of a text by others of the same script.

    Args:
        random: one number for each character, which chooses its replacement.
        symbols: whether emoji and other symbols are replaced too.
    """

    def another(character: str) -> str:
        others = _others(character, symbols)
        return others[next(random) % len(others)] if others else character

    return "".join(map(another, text))


@lru_cache(4096)
def _others(character: str, symbols: bool) -> str:
    """Return the characters that may replace a character; empty if it stays.

    They have the same script, case, writing direction and length in bytes.
    """
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
