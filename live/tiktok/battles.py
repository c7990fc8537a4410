"""Builds the `battle` frames of battles between hosts.

They say who takes part, the scores, and who gave most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from live.protocol.frames import (
    Battle,
    BattleResult,
    BattleState,
    BattleTeam,
    Contribution,
    FrameType,
    Person,
)
from live.tiktok.people import person_of
from live.tiktok.values import Built, id_text, known, time_ms

__all__ = ["armies_of", "battle_of", "punishment"]

# By TikTok's LinkMicBattleBattleAction. A message with another value makes no frame.
_BATTLE_STATES = {
    1: BattleState.INVITED,
    2: BattleState.DECLINED,
    3: BattleState.CANCELLED,
    4: BattleState.STARTED,
    5: BattleState.ENDED,
    6: BattleState.ENDED,
    7: BattleState.ACCEPTED,
}
# By TikTok's BattleResultResult.
_BATTLE_RESULTS = {0: BattleResult.WON, 1: BattleResult.LOST, 2: BattleResult.DRAW}


def battle_of(message: Any) -> Built | None:
    """Build the `battle` frame for the new state of a battle, from a `WebcastLinkMicBattle`.

    Returns None for a state that has no frame.
    """
    state = _BATTLE_STATES.get(message.action)
    if state is None:
        return None
    hosts = {each.key: each.value.user for each in message.anchors_info}
    if message.team_armies or message.team_battle_result or message.team_member:
        teams = _teams(message.team_armies, message.team_member, message.team_battle_result, hosts)
    else:
        armies = {each.key: each.value for each in message.armies}
        teams = [
            _team_of_one(host, hosts.get(host), armies.get(host), message.battle_result.get(host))
            for host in dict.fromkeys([*hosts, *armies, *message.battle_result])
        ]
    if state is not BattleState.ENDED:
        # Before the end, TikTok sends 0 for the result, which would be read as a victory.
        for team in teams:
            team.result = UNSET
    return FrameType.BATTLE, _as_event(message, state, teams)


def armies_of(message: Any) -> Built:
    """Build the `battle` frame for a battle's scores, from a decoded `WebcastLinkMicArmies`.

    TikTok calls the viewers who give for a host the host's army.
    """
    if message.team_armies:
        teams = _teams(message.team_armies, (), (), {})
    else:
        teams = [
            _team_of_one(host, None, army, None) for host, army in sorted(message.armies.items())
        ]
    return FrameType.BATTLE, _as_event(message, BattleState.SCORES, teams)


def punishment(message: Any) -> Built:
    """Build the `battle` frame for the end of the loser's punishment.

    `message` is a decoded `WebcastLinkMicBattlePunishFinish`.
    """
    return FrameType.BATTLE, _as_event(message, BattleState.PUNISHMENT_ENDED, [])


def _as_event(message: Any, state: BattleState, teams: list[BattleTeam]) -> Battle:
    settings = message.battle_settings
    return Battle(
        id_text(message.battle_id or settings.battle_id),
        state,
        teams,
        time_ms(settings.start_time_ms),
        known(settings.duration),
    )


def _host(id: int, host: Any) -> Person:
    if host is None:
        return person_of(id)
    return person_of(host.user_id or id, host.display_id, host.nick_name, host.avatar_thumb)


def _team_of_one(id: int, host: Any, army: Any, result: Any) -> BattleTeam:
    score = army.hostscore if army is not None else 0
    return BattleTeam(
        id_text(id),
        [_host(id, host)],
        score or (result.score if result is not None else 0),
        _contributions(army.user_armies) if army is not None else [],
        UNSET if result is None else _BATTLE_RESULTS.get(result.result, UNSET),
    )


def _teams(
    armies: Iterable[Any], members: Iterable[Any], results: Iterable[Any], hosts: Mapping[int, Any]
) -> list[BattleTeam]:
    of_team: dict[int, BattleTeam] = {}

    def team(id: int, users: Iterable[int]) -> BattleTeam:
        found = of_team.setdefault(id, BattleTeam(id_text(id), [], 0, []))
        found.hosts = found.hosts or [_host(user, hosts.get(user)) for user in users]
        return found

    for each in armies:
        changed = team(each.team_id, [user.user_id for user in each.team_user])
        changed.score = each.team_total_score
        changed.top = _contributions(each.user_armies.user_armies)
    for each in members:
        team(each.team_id, each.user_id)
    for each in results:
        changed = team(each.team_id, [user.user_id for user in each.team_user])
        changed.score = changed.score or each.total_score
        changed.result = _BATTLE_RESULTS.get(each.result, UNSET)
    return list(of_team.values())


def _contributions(armies: Iterable[Any]) -> list[Contribution]:
    return [
        Contribution(
            person_of(army.user_id or army.user_id_str, "", army.nickname, army.avatar_thumb),
            army.score,
        )
        for army in armies
    ]
