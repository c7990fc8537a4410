"""Takes one viewer out of the LIVEs that are kept. The sums stay."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from django.db import transaction

from live.history.models import Battle, Gifter, GivenGift, Live, TranscriptLine

__all__ = ["forget_viewer", "ids_of", "names_of"]

# How many rows one statement reads or deletes.
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


def names_of(user_ids: Collection[str]) -> set[str]:
    """The usernames and nicknames under which kept LIVEs know these users."""
    pairs = {
        *TranscriptLine.objects.filter(user_id__in=user_ids).values_list("username", "nickname"),
        *Gifter.objects.filter(user_id__in=user_ids).values_list("username", "nickname"),
    }
    return {name for pair in pairs for name in pair if name}


def forget_viewer(user_ids: Collection[str], names: Collection[str]) -> tuple[int, int]:
    """Delete what a viewer has said, and put a number that leads to nobody in the place of the
    viewer's id and names. A LIVE that the viewer is in now may tell of it again.

    Args:
        user_ids: the viewer's, from `ids_of`.
        names: the viewer's, from `names_of`: hosts of battles are known by their names alone.

    Returns:
        How many LIVEs told of the viewer's gifts and battles, and how many lines are deleted.
    """
    lines = 0
    while ids := list(
        TranscriptLine.objects.filter(user_id__in=user_ids).values_list("pk", flat=True)[:_LINES]
    ):
        lines += TranscriptLine.objects.filter(pk__in=ids).delete()[0]
    lives: set[int] = set()
    for user_id in user_ids:
        for live_id in Gifter.objects.filter(user_id=user_id).values_list("live_id", flat=True):
            _forget_gifts(live_id, user_id)
            lives.add(live_id)
    return len(lives | _forget_battles(user_ids, names)), lines


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


# --- Battles ------------------------------------------------------------------------------------


def _forget_battles(user_ids: Collection[str], names: Collection[str]) -> set[int]:
    """Take a host out of all battles. Returns the LIVEs that had one with it."""
    lives = set()
    known = {name.casefold() for name in names}
    rows = Battle.objects.order_by("pk").values_list("pk", "live_id", "teams")
    for pk, live_id, teams in rows.iterator(chunk_size=_LINES):
        if _without_host(teams, user_ids, known) != teams:
            with transaction.atomic():
                list(Live.objects.select_for_update().filter(pk=live_id))
                for battle in Battle.objects.filter(pk=pk):
                    battle.teams = _without_host(battle.teams, user_ids, known)
                    battle.save(update_fields=["teams"])
            lives.add(live_id)
    return lives


def _without_host(
    teams: list[dict[str, Any]], user_ids: Collection[str], names: Collection[str]
) -> list[dict[str, Any]]:
    """Of a single host, the team's id is the user's."""
    return [
        {**team, "id": f"~{number}", "hosts": []}
        if team["id"] in user_ids
        else {**team, "hosts": [name for name in team["hosts"] if name.casefold() not in names]}
        for number, team in enumerate(teams)
    ]
