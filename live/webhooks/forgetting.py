"""Takes one viewer out of what webhooks were told, or will be told."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from django.db.models import Q

from live.webhooks.models import Delivery

__all__ = ["forget_viewer", "ids_of"]

_NAMES = ("username", "nickname", "avatar", "avatar_large")
_CHUNK = 500

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def ids_of(username: str) -> set[str]:
    """The TikTok user ids of a viewer, as far as a kept event tells.

    Args:
        username: without @.
    """
    name = username.casefold()
    rows = Delivery.objects.filter(payload__icontains=_quoted(username))
    return {
        user["id"]
        for text in rows.values_list("payload", flat=True).iterator(chunk_size=_CHUNK)
        for user in _users_in(_decode(text)["data"])
        if user["username"].casefold() == name
    }


def forget_viewer(user_ids: Collection[str]) -> int:
    """Put a number that leads to nobody in the place of the viewer's id, and nothing in the place
    of names and pictures, in all events that are kept, also in those that are still to be sent.
    What receivers have answered to them goes, too. Returns how many events told of the viewer."""
    if not user_ids:
        return 0
    nobody = f"~{secrets.token_hex(8)}"
    told = reduce(or_, (Q(payload__contains=_quoted(user_id)) for user_id in user_ids))
    changed = 0
    rows = Delivery.objects.filter(told).order_by("pk").values_list("pk", "payload")
    for pk, text in list(rows):
        body = _decode(text)
        users = [user for user in _users_in(body["data"]) if user["id"] in user_ids]
        for user in users:
            user.update({name: "" for name in _NAMES if name in user}, id=nobody)
        if users:
            payload = _encode(body).decode()
            changed += Delivery.objects.filter(pk=pk).update(payload=payload, answer="")
    return changed


def _quoted(text: str) -> str:
    """As it stands in a payload."""
    return _encode(text).decode()


def _users_in(value: Any) -> Iterator[dict[str, Any]]:
    """The viewers that an event tells of, wherever they stand in it."""
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str) and isinstance(value.get("username"), str):
            assert isinstance(value, dict)
            yield value
        for part in value.values():
            yield from _users_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _users_in(part)
