"""What webhooks are told, made from what is heard of LIVEs, in the published frames' words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET

from live.clock import from_ms, to_ms
from live.history.exports import sums_of
from live.history.heard import Heard
from live.history.models import Gifter, Live
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType, StreakState
from live.webhooks.models import EventType

__all__ = ["Happening", "error_data", "happenings", "payload"]

# How many gifters a recap names.
_TOP = 10
# What a recap has of a LIVE's sums, by the names that they have in the API.
_SUMS = (
    *("at_least", "diamonds", "gifts", "gifters", "likes", "comments", "shares", "follows"),
    *("joins", "subscriptions", "viewers_peak", "viewers_average", "viewers_total"),
)
# The streamer is not live: that is no error.
_NO_ERROR = frozenset({ErrorCode.USER_OFFLINE})

_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Happening:
    """One event, before it is known who wants it.

    Attributes:
        at: when it happened, in ms since the epoch.
        data: of the payload; for an error, what is the same in all languages.
        diamonds: what a gift is worth.
        error: the error, whose texts are in the account's language.
    """

    type: EventType
    at: int
    data: Mapping[str, Any] = field(default_factory=dict)
    diamonds: int = 0
    error: RelayError | None = None


def happenings(heard: Heard, now: int, wanted: frozenset[EventType]) -> Iterator[Happening]:
    """The events in one piece of a stream's log, in their order.

    Args:
        now: the time, in ms since the epoch.
        wanted: the types that somebody wants. Others are not looked for.
    """
    live = heard.live
    if heard.has_begun and live is not None and EventType.LIVE_STARTED in wanted:
        yield Happening(EventType.LIVE_STARTED, to_ms(live.heard_from), _about(live))
    if {EventType.GIFT, EventType.SUBSCRIBE} & wanted:
        for entry in heard.entries:
            if entry.type is FrameType.GIFT and EventType.GIFT in wanted:
                data = _decode(entry.text)["data"]
                # Each gift counts once: when its streak has ended, or if it comes in none.
                if data["streak"] != StreakState.ONGOING:
                    whose = _whose(heard, data)
                    yield Happening(EventType.GIFT, entry.at, whose, data["diamonds_total"])
            elif entry.type is FrameType.SUBSCRIBE and EventType.SUBSCRIBE in wanted:
                data = _decode(entry.text)["data"]
                yield Happening(EventType.SUBSCRIBE, entry.at, _whose(heard, data))
    if heard.has_ended and live is not None and EventType.LIVE_ENDED in wanted:
        yield Happening(EventType.LIVE_ENDED, to_ms(live.heard_until), _recap(live))
    error = heard.error
    if error is not None and error.code not in _NO_ERROR and EventType.ERROR in wanted:
        yield Happening(EventType.ERROR, now, {"username": heard.username}, error=error)


def error_data(happening: Happening, language: str) -> dict[str, Any]:
    """The data of an error, with texts in that language."""
    assert happening.error is not None
    told = happening.error.explain(language)
    data = {"code": told.code, "title": told.title, "detail": told.detail}
    if told.hint is not UNSET:
        data["hint"] = told.hint
    return {**happening.data, **data}


def payload(type: EventType, at: int, data: Mapping[str, Any]) -> str:
    """The body as it is sent: `type`, `timestamp` and `data`, as Standard Webhooks has them.

    Args:
        at: ms since the epoch.
    """
    moment = from_ms(at).isoformat(timespec="milliseconds")
    body = {"type": type, "timestamp": moment.replace("+00:00", "Z"), "data": data}
    return _encode(body).decode()


def _whose(heard: Heard, data: Mapping[str, Any]) -> dict[str, Any]:
    """A frame's data, with the streamer and the LIVE."""
    live = heard.live
    about: dict[str, Any] = {"username": heard.username}
    if live is not None:
        about |= {"live": live.pk, "room_id": live.room_id}
    return {**about, **data}


def _about(live: Live) -> dict[str, Any]:
    """What the LIVE is, by the names of the `connected` frame."""
    return {
        "username": live.tiktok_username,
        "live": live.pk,
        "room_id": live.room_id,
        "title": live.title,
        "started_at": to_ms(live.began_at),
    }


def _recap(live: Live) -> dict[str, Any]:
    """The LIVE with its sums, which are at least so much where something was not heard."""
    sums = sums_of(live)
    gifters = Gifter.objects.filter(live=live).order_by("-diamonds", "pk")[:_TOP]
    return {
        **_about(live),
        "ended_at": to_ms(live.heard_until),
        "recap": {
            **{name: sums[name] for name in _SUMS},
            "top": [
                {
                    "user": {
                        "id": gifter.user_id,
                        "username": gifter.username,
                        "nickname": gifter.nickname,
                        "avatar": gifter.avatar,
                    },
                    "diamonds": gifter.diamonds,
                }
                for gifter in gifters
            ],
        },
    }
