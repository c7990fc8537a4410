"""An event as a message that Discord shows: one embed, which mentions nobody.

https://docs.discord.com/developers/resources/webhook#execute-webhook
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext, override

from live.webhooks.models import EventType

__all__ = ["discord_message", "notice_message"]

# The colours of embeds: something good, something over, something wrong.
_GOOD, _OVER, _BAD = 0x11683A, 0x566072, 0xA3152A
_GIFT = 0xB8103F
# Discord's limits, in characters, less some room for what stands around.
_TITLE, _TEXT, _NAME = 240, 1000, 100
# What has a meaning in Discord's texts.
_MARKS = re.compile(r"([\\*_~`|<>\[\]()#@:-])")
_PICTURE = re.compile(r"https://[^\s]{1,1000}")

_Data = Mapping[str, Any]


def discord_message(payload: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Make the message of a payload.

    Args:
        payload: as it would be sent to others. Of a type that this version does not know, which
            another one has noted, its name is all that is shown.
        language: of the texts, such as "en".
    """
    name, data = payload["type"], payload["data"]
    embed_of = _EMBEDS.get(name)
    with override(language):
        unknown = {"description": _plain(name), "color": _OVER}
        embed = unknown if embed_of is None else embed_of(data)
    embed["timestamp"] = payload["timestamp"]
    # Nobody is called, whatever a nickname says.
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def notice_message(
    title: str, paragraphs: Sequence[str], at: datetime, *, is_bad: bool
) -> dict[str, Any]:
    """Make a message that is of no account: about the server itself.

    Args:
        paragraphs: plain text.
        at: when it was written, in UTC.
    """
    embed = {
        "title": title[:_TITLE],
        "description": "\n\n".join(map(_plain, paragraphs)),
        "color": _BAD if is_bad else _GOOD,
        "timestamp": at.isoformat(),
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _started(data: _Data) -> dict[str, Any]:
    return {
        "title": gettext("@%(username)s is live") % {"username": data["username"]},
        "url": f"https://www.tiktok.com/@{data['username']}/live",
        "description": _plain(data["title"]),
        "color": _GOOD,
    }


def _ended(data: _Data) -> dict[str, Any]:
    recap = data["recap"]
    counts = {
        gettext("Diamonds"): recap["diamonds"],
        gettext("Gifts"): recap["gifts"],
        gettext("Most viewers"): recap["viewers_peak"],
        gettext("Likes"): recap["likes"],
        gettext("Comments"): recap["comments"],
        gettext("New followers"): recap["follows"],
    }
    at_least = gettext("at least %(number)s") if recap["at_least"] else "%(number)s"
    lines = [
        f"{place}. {_name(gifter['user'])}: {_diamonds(gifter['diamonds'])}"
        for place, gifter in enumerate(recap["top"][:5], start=1)
    ]
    return {
        "title": gettext("The LIVE of @%(username)s is over") % {"username": data["username"]},
        "description": "\n".join([_plain(data["title"]), *lines]).strip(),
        "color": _OVER,
        "fields": [
            {"name": name, "value": at_least % {"number": _number(value)}, "inline": True}
            for name, value in counts.items()
        ],
    }


def _gift(data: _Data) -> dict[str, Any]:
    gift = data["gift"]
    text = gettext("**%(name)s** gave %(count)s × %(gift)s: %(diamonds)s") % {
        "name": _name(data["user"]),
        "count": _number(data["count"]),
        "gift": _plain(gift["name"], _NAME),
        "diamonds": _diamonds(data["diamonds_total"]),
    }
    embed = {"description": text, "color": _GIFT}
    if _PICTURE.fullmatch(gift["image"]):
        embed["thumbnail"] = {"url": gift["image"]}
    return embed


def _subscribe(data: _Data) -> dict[str, Any]:
    text = gettext("**%(name)s** subscribes") % {"name": _name(data["user"])}
    return {"description": text, "color": _GOOD}


def _error(data: _Data) -> dict[str, Any]:
    texts = [data["detail"], data.get("hint", "")]
    return {
        "title": data["title"][:_TITLE],
        "description": "\n".join(_plain(text) for text in texts if text),
        "color": _BAD,
    }


def _test(data: _Data) -> dict[str, Any]:
    return {"description": _plain(data["text"]), "color": _GOOD}


_EMBEDS: Mapping[str, Callable[[_Data], dict[str, Any]]] = {
    EventType.LIVE_STARTED: _started,
    EventType.LIVE_ENDED: _ended,
    EventType.GIFT: _gift,
    EventType.SUBSCRIBE: _subscribe,
    EventType.ERROR: _error,
    EventType.TEST: _test,
}


def _plain(text: str, most: int = _TEXT) -> str:
    """Somebody else's text, in one line and without a meaning of its own in Discord."""
    return _MARKS.sub(r"\\\1", " ".join(text.split())[:most])


def _name(user: _Data) -> str:
    return _plain(user.get("nickname") or user.get("username") or user["id"], _NAME)


def _number(value: int) -> str:
    return str(number_format(value, use_l10n=True, force_grouping=True))


def _diamonds(value: int) -> str:
    return ngettext("%(number)s diamond", "%(number)s diamonds", value) % {"number": _number(value)}
