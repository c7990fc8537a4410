"""What an alert is: a condition that holds, and since when."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["Alert", "Condition"]

_LONGEST = 500


class Condition(StrEnum):
    """What can be wrong. The codes are told to programs."""

    SIGN_GATE = "sign_gate"
    TIKTOK_BLOCKED = "tiktok_blocked"
    MESSAGES_UNREADABLE = "messages_unreadable"
    DATABASE = "database"
    REDIS = "redis"


class Alert(msgspec.Struct, frozen=True):
    """A condition that holds for long enough to be told. No secrets, no names of people.

    Attributes:
        since: when it began to hold, in ms since the Unix epoch.
        details: more exactly what: error codes or names of the ways to TikTok, with commas. Empty
            if there is nothing more to say.
        process: the server process that has noticed it.
    """

    condition: Condition
    since: Annotated[int, Meta(ge=0, le=10**15)]
    details: Annotated[str, Meta(max_length=_LONGEST)] = ""
    process: Annotated[str, Meta(max_length=_LONGEST)] = ""
