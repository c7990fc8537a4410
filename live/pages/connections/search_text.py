"""Reads what staff type into the search field of the connection log.

Only the text is read here: nothing is asked of the database. A text is some words, all of which
must apply to a connection. `Asked` has what they are; a word that could be the name of something is
one of its `names`, and `live.pages.connections.names` finds out what it names.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.usernames import normalise_tiktok_username
from live.protocol.errors import ErrorCode

__all__ = ["MOST_WORDS", "Asked", "Phrase", "UnclearError", "parse", "zone_named"]

# More words than these are no search, but a text that somebody pasted by mistake.
MOST_WORDS = 8
# The time of day "14:05" stands for this much before and after it, too.
_AROUND = timedelta(minutes=5)
_YEARS = range(1970, 9000)
_DAYS_AGO = {"today": 0, "сегодня": 0, "yesterday": 1, "вчера": 1}
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_POINTED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?Z?", re.ASCII)
_CODE = re.compile(r"[1-4]\d{3}", re.ASCII)
_OCTETS = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,2})\.\*?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,30}(?:/[A-Za-z0-9_+\-]{1,30}){0,2}", re.ASCII)
# What stands around words that somebody copied from a sentence or from the page.
_AROUND_WORDS = ",;\"'«»“”()…"
_BITS_OF_A_PART = {4: 8, 6: 16}


class UnclearError(ValueError):
    """The text can't be understood.

    Args:
        message: a sentence that says why, with the places of `values`.
        values: what is put into it.
    """

    def __init__(self, message: Any, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.values = values


@dataclass(frozen=True)
class Phrase:
    """The words that the page shows for the end of a connection: exactly one of these is set."""

    error: ErrorCode | None = None
    code: int | None = None


@dataclass(frozen=True)
class Asked:
    """What is searched for. What is None or empty does not matter.

    Attributes:
        networks: the beginnings of the addresses in a network, of which one must fit; those that
            end in no dot or colon are whole addresses.
        network: that network, as it was understood.
        since: the first moment at which the connection may have been opened.
        until: the last one.
        names: words of which only the database can tell what they name.
    """

    username: str = ""
    code: int | None = None
    error: ErrorCode | None = None
    address: str = ""
    network: str = ""
    networks: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    names: tuple[str, ...] = ()


def zone_named(name: str) -> tzinfo:
    """The time zone with that name, as browsers name theirs; UTC if there is none."""
    if _ZONE.fullmatch(name) is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def parse(
    text: str, now: datetime, zone: tzinfo = UTC, phrases: Mapping[str, Phrase] | None = None
) -> Asked:
    """Read a search.

    Args:
        text: as it was typed.
        now: the time now.
        zone: in which its days and times are.
        phrases: what the page says of ends, in small letters.

    Raises:
        UnclearError: it can't be understood, and why.
    """
    asked = Asked()
    text, found = _without_phrases(text, phrases or {})
    for phrase in found:
        asked = _with(asked, phrase.error, "error") if phrase.error else asked
        asked = _with(asked, phrase.code, "code") if phrase.code else asked
    words = [word for word in map(_bare, text.split()) if word]
    if len(words) > MOST_WORDS:
        raise UnclearError(_("These are more than %(most)s words."), most=MOST_WORDS)
    day: date | None = None
    clock: time | None = None
    for word in _with_codes_of_two_words(words):
        today = now.astimezone(zone).date()
        if moment := _moment(word, today):
            of_day, of_clock = moment
            if (of_day and day) or (of_clock and clock):
                raise UnclearError(_("“%(word)s” is a second time. Give one."), word=word)
            day, clock = of_day or day, of_clock or clock
        else:
            asked = _with_word(asked, word)
    if day or clock:
        since, until = _span(day, clock, now, zone)
        asked = replace(asked, since=since, until=until)
    return asked


# --- Words ---------------------------------------------------------------------------------------


def _without_phrases(text: str, phrases: Mapping[str, Phrase]) -> tuple[str, list[Phrase]]:
    """The text without the page's own words for ends, and which of them it had."""
    found = []
    for words in sorted(phrases, key=len, reverse=True):
        pattern = rf"(?<!\S){re.escape(words)}(?![^\s,;.])"
        text, count = re.subn(pattern, " ", text, flags=re.IGNORECASE)
        if count:
            found.append(phrases[words])
    return text, found


def _bare(word: str) -> str:
    """The word without what stands around it; an IPv6 address may end in colons."""
    word = word.strip(_AROUND_WORDS)
    return word[:-1] if word.endswith(":") and word.count(":") == 1 else word


def _with_codes_of_two_words(words: list[str]) -> Iterator[str]:
    """The words; "rate limited" is put together to the error's code."""
    waiting = list(words)
    while waiting:
        for length in (3, 2):
            together = "_".join(waiting[:length]).lower()
            if len(waiting) >= length and together in set(ErrorCode):
                del waiting[:length]
                yield together
                break
        else:
            yield waiting.pop(0)


def _with_word(asked: Asked, word: str) -> Asked:
    for read in _READERS:
        if (found := read(word)) is not None:
            name, value = found
            return _with(asked, value, name)
    if network := _network(word):
        asked = _with(asked, str(network), "network")
        return replace(asked, networks=_beginnings(network))
    return asked if word in asked.names else replace(asked, names=(*asked.names, word))


def _with(asked: Asked, value: Any, name: str) -> Asked:
    """The same with another value, unless there is one already that differs."""
    if (there := getattr(asked, name)) and there != value:
        raise UnclearError(
            _("No connection has both “%(one)s” and “%(other)s”: search for one of them."),
            one=there,
            other=value,
        )
    return replace(asked, **{name: value})


def _username(word: str) -> tuple[str, str] | None:
    if not word.startswith("@") and "tiktok.com/" not in word.lower():
        return None
    if word == "@":
        raise UnclearError(_("After “@” a TikTok username is missing."))
    try:
        return "username", normalise_tiktok_username(word)
    except ValidationError as error:
        raise UnclearError("%(reason)s", reason=" ".join(error.messages)) from None


def _code(word: str) -> tuple[str, int] | None:
    return ("code", int(word)) if _CODE.fullmatch(word) else None


def _error(word: str) -> tuple[str, ErrorCode] | None:
    code = word.lower().replace("-", "_")
    return ("error", ErrorCode(code)) if code in set(ErrorCode) else None


def _address(word: str) -> tuple[str, str] | None:
    try:
        address = ipaddress.ip_address(word.strip("[]"))
    except ValueError:
        return None
    # As the connection log has it.
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return "address", str(address.ipv4_mapped)
    if getattr(address, "scope_id", None):
        return None
    return "address", str(address)


_READERS: tuple[Callable[[str], tuple[str, Any] | None], ...] = (
    _username,
    _code,
    _error,
    _address,
)

# --- Networks ------------------------------------------------------------------------------------

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(word: str) -> _Network | None:
    """The network that is written as 10.1.0.0/16, or as the beginning of its addresses: 10.1."""
    if octets := _OCTETS.fullmatch(word):
        parts = octets[1].split(".")
        word = f"{'.'.join([*parts, *'000'][:4])}/{8 * len(parts)}"
    elif "/" not in word:
        return None
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        if re.match(r"[\d.]+/|[\da-fA-F]*:[\da-fA-F:.]*/|\d+\.\d", word, re.ASCII):
            raise UnclearError(_("“%(word)s” is no network."), word=word) from None
        return None


def _beginnings(network: _Network) -> tuple[str, ...]:
    """How the texts of its addresses begin."""
    bits = _BITS_OF_A_PART[network.version]
    up_to = min(-(-max(network.prefixlen, 1) // bits) * bits, network.max_prefixlen)
    if network.version == 6 and (up_to != network.prefixlen or _may_be_shortened(network)):
        raise UnclearError(
            _("An IPv6 network is searched for by whole parts, such as 2001:db8::/32.")
        )
    return tuple(_beginning(part, up_to // bits) for part in network.subnets(new_prefix=up_to))


def _may_be_shortened(network: _Network) -> bool:
    """Whether "::" may stand for a part of the network in an address."""
    parts = network.network_address.exploded.split(":")[: network.prefixlen // 16]
    zeros = [int(part, 16) == 0 for part in parts]
    return zeros[-1] or any(one and other for one, other in pairwise(zeros))


def _beginning(network: _Network, parts: int) -> str:
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    if network.version == 4:
        return "".join(f"{part}." for part in str(network.network_address).split(".")[:parts])
    exploded = network.network_address.exploded.split(":")[:parts]
    return "".join(f"{int(part, 16):x}:" for part in exploded)


# --- Times ---------------------------------------------------------------------------------------


def _moment(word: str, today: date) -> tuple[date | None, time | None] | None:
    """The day and the time of day in a word; None if it is neither."""
    if (ago := _DAYS_AGO.get(word.lower())) is not None:
        return today - timedelta(days=ago), None
    day_text, between, clock_text = word.partition("T")
    day, clock = _day(day_text), _clock(clock_text if between else day_text)
    if between:
        return (day, clock) if day and clock is not None else None
    if clock is not None:
        return None, clock
    return (day, None) if day else None


def _day(text: str) -> date | None:
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = map(int, found.groups())
    elif found := _POINTED_DAY.fullmatch(text):
        day, month, year = map(int, found.groups())
    else:
        return None
    try:
        if year in _YEARS:
            return date(year, month, day)
    except ValueError:
        pass
    raise UnclearError(_("There is no day “%(word)s”."), word=text)


def _clock(text: str) -> time | None:
    if (found := _TIME.fullmatch(text)) is None:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in found.groups())
        return time(hour, minute, second)
    except ValueError:
        raise UnclearError(_("There is no time of day “%(word)s”."), word=text) from None


def _span(
    day: date | None, clock: time | None, now: datetime, zone: tzinfo
) -> tuple[datetime, datetime]:
    """The first and the last moment of a day, or of some minutes around a time. A time without a
    day is the last one that has been."""
    if clock is None:
        assert day is not None
        since = datetime.combine(day, time(), zone).astimezone(UTC)
        until = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        return since, until - timedelta(microseconds=1)
    today = now.astimezone(zone).date()
    moment = datetime.combine(day or today, clock, zone).astimezone(UTC)
    if day is None and moment > now:
        moment = datetime.combine(today - timedelta(days=1), clock, zone).astimezone(UTC)
    return moment - _AROUND, moment + _AROUND
