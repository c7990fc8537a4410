"""A LIVE's holes, its end and its battles in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from live.history.models import EndReason, Live
from live.pages.moments import explain
from live.protocol.frames import BattleResult, BattleState

__all__ = ["end_in_words", "missing_in_words", "result_in_words"]

_RESULTS = {
    BattleResult.WON: _("won"),
    BattleResult.LOST: _("lost"),
    BattleResult.DRAW: _("a draw"),
}
# Of a battle that has no result. In those that are not here, it is over.
_STATES = {
    BattleState.INVITED: _("not begun"),
    BattleState.ACCEPTED: _("not begun"),
    BattleState.DECLINED: _("declined"),
    BattleState.CANCELLED: _("cancelled"),
    BattleState.STARTED: _("under way"),
    BattleState.SCORES: _("under way"),
}


def end_in_words(live: Live) -> Any:
    """Say why nothing more of the LIVE is heard; empty while it is heard."""
    if live.end_reason in set(EndReason):
        return EndReason(live.end_reason).label
    if error := explain(live.end_reason, live.tiktok_username):
        return error.title
    return live.end_reason


def result_in_words(state: str, result: str) -> Any:
    """Say how a battle, or a team in it, has fared.

    Args:
        state: the battle's state.
        result: a `BattleResult`, or empty.
    """
    if result in set(BattleResult):
        return _RESULTS[BattleResult(result)]
    if state in set(BattleState):
        return _STATES.get(BattleState(state), _("over"))
    return ""


def missing_in_words(state: str, result: str, *, has_scores: bool, is_heard: bool) -> Any:
    """Say why a battle has no result, and what is known instead; empty where nothing is missing.

    Args:
        state: the battle's state.
        result: the streamer's own result, or empty.
        has_scores: whether scores of it were heard.
        is_heard: whether its LIVE is still being heard, so that more may come.
    """
    if result or state not in set(BattleState):
        return ""
    if BattleState(state) in (BattleState.ENDED, BattleState.PUNISHMENT_ENDED):
        if has_scores:
            return _("TikTok sent no result. These scores were heard last.")
        return _("TikTok sent no result and no scores.")
    if BattleState(state) in (BattleState.STARTED, BattleState.SCORES) and not is_heard:
        if has_scores:
            return _("Its end was not heard. These scores were heard last.")
        return _("Its end was not heard.")
    return ""
