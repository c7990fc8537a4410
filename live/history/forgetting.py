"""Takes one viewer out of the LIVEs that are kept. The sums stay."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import transaction

from live.history.models import Gifter, GivenGift, Live, TranscriptLine

__all__ = ["forget_viewer", "ids_of"]

# How many lines one transaction deletes.
_LINES = 2000


def ids_of(viewer: str) -> set[str]:
    """The TikTok user ids of a viewer, as far as a kept LIVE tells.

    Args:
        viewer: an id, or a username that begins with @.
    """
    if not viewer.startswith("@"):
        return {viewer}
    name = viewer.removeprefix("@")
    lines = TranscriptLine.objects.filter(username__iexact=name).values_list("user_id", flat=True)
    gifters = Gifter.objects.filter(username__iexact=name).values_list("user_id", flat=True)
    return {*lines.distinct(), *gifters.distinct()}


def forget_viewer(user_id: str) -> tuple[int, int]:
    """Delete what a viewer has said, and put a number that leads to nobody in the place of the
    viewer's id and names. A LIVE that the viewer is in now may tell of it again.

    Returns:
        How many LIVEs told of the viewer's gifts, and how many lines are deleted.
    """
    lines = 0
    while ids := list(
        TranscriptLine.objects.filter(user_id=user_id).values_list("pk", flat=True)[:_LINES]
    ):
        lines += TranscriptLine.objects.filter(pk__in=ids).delete()[0]
    lives = list(Gifter.objects.filter(user_id=user_id).values_list("live_id", flat=True))
    for live_id in lives:
        _forget_gifts(live_id, user_id)
    return len(lives), lines


def _forget_gifts(live_id: int, user_id: str) -> None:
    nobody = f"~{secrets.token_hex(8)}"
    with transaction.atomic():
        # As those who count do: they write what they have read.
        live = Live.objects.select_for_update().filter(pk=live_id).first()
        if live is None:
            return
        Gifter.objects.filter(live=live, user_id=user_id).update(
            user_id=nobody, username="", nickname="", avatar=""
        )
        GivenGift.objects.filter(live=live, user_id=user_id).update(user_id=nobody)
        live.biggest_gifts = [_without(gift, user_id, nobody) for gift in live.biggest_gifts]
        live.save(update_fields=["biggest_gifts"])


def _without(gift: dict[str, Any], user_id: str, nobody: str) -> dict[str, Any]:
    if gift.get("user_id") != user_id:
        return gift
    return {**gift, "user_id": nobody, "nickname": "", "avatar": ""}
