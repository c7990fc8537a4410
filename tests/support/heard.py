"""Pieces of streams' logs, as those who keep something of LIVEs are given them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from live.contract.examples import example
from live.history.heard import Heard
from live.history.models import Live
from live.protocol.frames import FrameType
from live.streams.log import Entry

__all__ = ["AT", "entry", "make_live", "piece"]

# When it all happens, in ms since the epoch.
AT = 1_795_000_000_000


def entry(type: FrameType, **data: Any) -> Entry:
    """An entry with the example of that frame, in which some of the data are others."""
    frame = dict(example(type))
    frame["data"] = {**frame["data"], **data}
    text = json.dumps(frame)
    return Entry(offset=1, type=type, at=AT, text=text, size=len(text))


def make_live(username: str = "anna", **values: Any) -> Live:
    """A LIVE in the database."""
    moment = datetime.fromtimestamp(AT / 1000, UTC)
    return Live.objects.create(
        **{
            "tiktok_username": username,
            "room_id": "7411999999999999001",
            "title": "Good evening",
            "began_at": moment,
            "heard_from": moment,
            "heard_until": moment,
            **values,
        }
    )


def piece(*entries: Entry, accounts: tuple[User, ...] = (), **values: Any) -> Heard:
    """A piece that these accounts hear."""
    return Heard(
        **{
            "username": "anna",
            "accounts": frozenset(account.pk for account in accounts),
            "live": None,
            "entries": entries,
            **values,
        }
    )
