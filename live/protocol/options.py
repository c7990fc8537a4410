"""Reads and checks the options that a client writes into the query of a socket's address.

The rest of the relay gets them as `SocketOptions`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.utils.translation import gettext_noop as _

from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import EVENT_TYPES, FrameType

__all__ = ["ALL_TYPES", "OPTIONS", "RECORDING", "TEST_OPTIONS", "SocketOptions"]

# The value of `types` that means every event, also `other`.
ALL_TYPES = "all"
# The largest value of `batch`, in milliseconds.
MAX_BATCH_MS = 1000
# The largest length of a query, in characters.
_MAX_QUERY = 4096
# The options in JSON Schema, as they are published. The functions below parse the same values.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "since": {
        "type": "string",
        "description": "The last cursor that was seen: goes on exactly behind it.",
    },
    "types": {
        "type": "array",
        "items": {"enum": sorted(map(str, EVENT_TYPES | {ALL_TYPES}))},
        "minItems": 1,
        "description": (
            "Only these events, separated by commas. Without it all but `other`; "
            f"`{ALL_TYPES}` adds that."
        ),
    },
    "lang": {
        "enum": settings.LANGUAGE_CODES,
        "description": (
            "The language of error texts; else the account's, else what Accept-Language asks for, "
            "else the server's."
        ),
    },
    "batch": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_BATCH_MS,
        "default": 0,
        "description": "Milliseconds over which events are gathered to share one frame.",
    },
    "wait": {
        "enum": ["0", "1"],
        "default": "0",
        "description": "With 1 the socket stays open until the streamer goes live.",
    },
}

# The additional options of the test endpoint, in JSON Schema, as they are published.
TEST_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "fail": {
        "enum": sorted(map(str, ErrorCode)),
        "description": "The error to rehearse, as it happens in earnest.",
    },
    "replay": {
        "type": "string",
        "pattern": r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$",
        "description": "The name of a recording on the server, to be played instead of inventions.",
    },
}
# Matches the names of recordings that `replay` accepts: no folders, no hidden files.
RECORDING = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class SocketOptions:
    """The options of one socket, parsed.

    Attributes:
        since: the last cursor that the client has seen; None if it has seen nothing yet.
        types: the events that the client wants; None for all except `other`.
        batch: over how many milliseconds events are gathered for one frame; 0 for no batches.
        wait: whether the socket stays open until the streamer goes live.
        fail: the error to rehearse, on the test endpoint only; None for no error.
        replay: the name of the recording to play, on the test endpoint only; empty for none.
        is_overlay: whether it is an overlay's socket. No client can say so: its admission does.
    """

    since: Cursor | None = None
    types: frozenset[FrameType] | None = None
    batch: int = 0
    wait: bool = False
    fail: ErrorCode | None = None
    replay: str = ""
    is_overlay: bool = False

    @property
    def wants_others(self) -> bool:
        """Whether the client wants `other` frames."""
        return self.types is not None and FrameType.OTHER in self.types

    @classmethod
    def parse(cls, query: str, *, test: bool = False) -> SocketOptions:
        """Read the query of a socket's address.

        Unknown options are ignored. If an option comes more than once, the last one counts.

        Args:
            query: the query, without "?".
            test: whether to read the additional options of the test endpoint.

        Raises:
            RelayError: `bad_request`, if the query is too long or an option has a bad value.
        """
        if len(query) > _MAX_QUERY:
            raise _bad_request(_("The socket address is too long."))
        values = {
            name: given[-1] for name, given in parse_qs(query, keep_blank_values=True).items()
        }
        _check_language(values)
        return cls(
            since=_since(values),
            types=_types(values),
            batch=_batch(values),
            wait=_wait(values),
            fail=_fail(values) if test else None,
            replay=_replay(values) if test else "",
        )


def _bad_request(reason: str) -> RelayError:
    return RelayError(ErrorCode.BAD_REQUEST, reason=reason)


def _since(values: Mapping[str, str]) -> Cursor | None:
    if "since" not in values:
        return None
    try:
        return Cursor.parse(values["since"])
    except ValueError:
        raise _bad_request(_("“since” is not a cursor of this server.")) from None


def _types(values: Mapping[str, str]) -> frozenset[FrameType] | None:
    if "types" not in values:
        return None
    names = {name.strip() for name in values["types"].split(",")}
    if not names <= EVENT_TYPES | {ALL_TYPES}:
        raise _bad_request(_("“types” names an event type that does not exist."))
    return EVENT_TYPES if ALL_TYPES in names else frozenset(map(FrameType, names))


def _batch(values: Mapping[str, str]) -> int:
    value = values.get("batch", "0")
    # int() accepts at most 4300 digits. A query is never that long: see _MAX_QUERY.
    if not (value.isascii() and value.isdecimal() and int(value) <= MAX_BATCH_MS):
        raise _bad_request(_("“batch” takes 0 to 1000 milliseconds."))
    return int(value)


def _wait(values: Mapping[str, str]) -> bool:
    value = values.get("wait", "0")
    if value not in {"0", "1"}:
        raise _bad_request(_("“wait” takes 0 or 1."))
    return value == "1"


def _fail(values: Mapping[str, str]) -> ErrorCode | None:
    value = values.get("fail")
    if value is not None and value not in set(ErrorCode):
        raise _bad_request(_("“fail” names an error that does not exist."))
    return None if value is None else ErrorCode(value)


def _replay(values: Mapping[str, str]) -> str:
    value = values.get("replay", "")
    if value and not RECORDING.fullmatch(value):
        raise _bad_request(_("“replay” takes the name of a recording."))
    return value


def _check_language(values: Mapping[str, str]) -> None:
    # Only checked here. `accounts.requests.language` reads it, and ignores a bad value, so that
    # the client can be told of the bad value in another language.
    if "lang" in values and values["lang"] not in settings.LANGUAGE_CODES:
        raise _bad_request(_("“lang” takes en or ru."))
