"""Battles between hosts, to the letter."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from typing import Any

import pytest
from TikTokLiveProto.v3.webcast.im import LinkMicBattleBattleAction
from TikTokLiveProto.v3.webcast.model.data import (
    BattleResultResult,
)
from TikTokLiveProto.v3.webcast.model.live.match import BattleTeamResult, BattleTeamUser
from TikTokLiveProto.v3.webcast.model.message import (
    WebcastLinkMicArmies,
    WebcastLinkMicBattle,
)
from TikTokLiveProto.v3.webcast.model.message.battle import BattleUserArmies, BattleUserArmy

from live.protocol.frames import Frame, encode
from live.tiktok.decoding import decode_message
from live.tiktok.events import event_of
from standin import messages as build
from tests.support.framing import (
    HEAD,
    NOW,
    data_of,
    event,
)
from tests.support.people import person
from tests.support.samples import read_frame

CURSOR = "k3f9abcd-1742"
ANNA, BEA, CARL, DAN = (build.user(name) for name in ("anna", "bea", "carl", "dan"))
Action, Result = LinkMicBattleBattleAction, BattleResultResult
X, Y, Z = (build.user(name) for name in ("x", "y", "z"))
MATCH = {"id": str(build.BATTLE_ID), "starts_at": 1_795_372_811_000, "seconds": 301}


def built(message: build.Message) -> Any:
    """The frame of a message, as clients read it."""
    happened = event_of(message.method, decode_message(message.method, message.payload), NOW)
    assert happened is not None
    frame = Frame(
        type=happened.type, cursor=CURSOR, ts=happened.at, id=happened.id, data=happened.data
    )
    return read_frame(encode(frame))


def contribution(who: Any, score: int) -> dict[str, Any]:
    return {
        "user": {key: value for key, value in person(who).items() if key != "username"},
        "score": score,
    }


class TestBattle:
    def test_a_started_battle_has_its_teams(self) -> None:
        assert built(build.battle(Action.OPEN, {"anna": {}}, {"bea": {}}))["data"] == {
            **MATCH,
            "state": "started",
            "teams": [
                {"id": str(ANNA.id), "hosts": [person(ANNA)], "score": 0, "top": []},
                {"id": str(BEA.id), "hosts": [person(BEA)], "score": 0, "top": []},
            ],
        }

    @pytest.mark.parametrize(
        ("action", "state"),
        [
            (Action.INVITE, "invited"),
            (Action.REJECT, "declined"),
            (Action.CANCEL, "cancelled"),
            (Action.OPEN, "started"),
            (Action.FINISH, "ended"),
            (Action.LINK_MIC_BATTLE_BATTLE_ACTION_CUT_SHORT, "ended"),
            (Action.ACCEPT, "accepted"),
        ],
    )
    def test_it_has_a_state(self, action: LinkMicBattleBattleAction, state: str) -> None:
        assert data_of(WebcastLinkMicBattle(common=HEAD, action=action))["state"] == state

    @pytest.mark.parametrize(
        "action",
        [
            Action.LINK_MIC_BATTLE_BATTLE_ACTION_UNKNOWN,
            Action.QUIT_APPLY,
            Action.DECLINE_QUIT,
            Action.DECLINE_OFF_QUIT,
            Action.LEAVE_LINKMIC,
            Action(99),
        ],
    )
    def test_it_is_nothing_when_nothing_happens(self, action: LinkMicBattleBattleAction) -> None:
        assert event(WebcastLinkMicBattle(common=HEAD, action=action)) is None

    def test_it_has_scores_as_they_change(self) -> None:
        message = build.battle_scores({"anna": {"x": 3, "y": 2}}, {"bea": {}})
        frame = built(message)
        assert (frame["type"], frame["data"]["state"]) == ("battle", "scores")
        teams = {team["id"]: team for team in frame["data"]["teams"]}
        assert teams == {
            str(ANNA.id): {
                "id": str(ANNA.id),
                "hosts": [{"id": str(ANNA.id)}],
                "score": 5,
                "top": [contribution(X, 3), contribution(Y, 2)],
            },
            str(BEA.id): {
                "id": str(BEA.id),
                "hosts": [{"id": str(BEA.id)}],
                "score": 0,
                "top": [],
            },
        }

    def test_it_ends_with_scores_and_results(self) -> None:
        teams = [{"anna": {"x": 3}}, {"bea": {"y": 5}}]
        message = build.battle(Action.FINISH, *teams, results=[Result.LOSE, Result.WIN])
        assert built(message)["data"] == {
            **MATCH,
            "state": "ended",
            "teams": [
                {
                    "id": str(ANNA.id),
                    "hosts": [person(ANNA)],
                    "score": 3,
                    "top": [contribution(X, 3)],
                    "result": "lost",
                },
                {
                    "id": str(BEA.id),
                    "hosts": [person(BEA)],
                    "score": 5,
                    "top": [contribution(Y, 5)],
                    "result": "won",
                },
            ],
        }

    def test_it_may_end_in_a_draw(self) -> None:
        teams = [{"anna": {"x": 3}}, {"bea": {"y": 3}}]
        message = build.battle(Action.FINISH, *teams, results=[Result.DRAW] * 2)
        assert [team["result"] for team in built(message)["data"]["teams"]] == ["draw", "draw"]

    def test_it_has_no_winner_before_the_end(self) -> None:
        message = build.battle(Action.OPEN, {"anna": {}}, {"bea": {}}, results=[Result.WIN] * 2)
        assert not any("result" in team for team in built(message)["data"]["teams"])

    def test_it_may_be_between_teams(self) -> None:
        teams: list[dict[str, dict[str, int]]] = [
            {"anna": {"x": 3}, "carl": {}},
            {"bea": {"y": 5}, "dan": {"z": 1}},
        ]
        message = build.battle(Action.FINISH, *teams, results=[Result.LOSE, Result.WIN])
        assert built(message)["data"]["teams"] == [
            {
                "id": "1",
                "hosts": [person(ANNA), person(CARL)],
                "score": 3,
                "top": [contribution(X, 3)],
                "result": "lost",
            },
            {
                "id": "2",
                "hosts": [person(BEA), person(DAN)],
                "score": 6,
                "top": [contribution(Y, 5), contribution(Z, 1)],
                "result": "won",
            },
        ]

    def test_teams_have_scores_too(self) -> None:
        message = build.battle_scores({"anna": {"x": 3}, "carl": {"y": 4}}, {"bea": {}, "dan": {}})
        assert built(message)["data"]["teams"] == [
            {
                "id": "1",
                "hosts": [{"id": str(ANNA.id)}, {"id": str(CARL.id)}],
                "score": 7,
                "top": [contribution(X, 3), contribution(Y, 4)],
            },
            {
                "id": "2",
                "hosts": [{"id": str(BEA.id)}, {"id": str(DAN.id)}],
                "score": 0,
                "top": [],
            },
        ]

    def test_teams_are_named_when_the_match_starts(self) -> None:
        message = build.battle(Action.OPEN, {"anna": {}, "carl": {}}, {"bea": {}, "dan": {}})
        teams = built(message)["data"]["teams"]
        assert [team["hosts"] for team in teams] == [
            [person(ANNA), person(CARL)],
            [person(BEA), person(DAN)],
        ]

    def test_a_result_alone_has_score_and_hosts(self) -> None:
        result = BattleTeamResult(
            team_id=1, team_user=[BattleTeamUser(user_id=5)], result=0, total_score=12
        )
        schema = WebcastLinkMicBattle(
            common=HEAD, action=Action.FINISH, team_battle_result=[result]
        )
        assert data_of(schema)["teams"] == [
            {"id": "1", "hosts": [{"id": "5"}], "score": 12, "top": [], "result": "won"}
        ]

    def test_its_punishment_ends(self) -> None:
        assert built(build.punishment_end())["data"] == {
            **MATCH,
            "state": "punishment_ended",
            "teams": [],
        }

    def test_it_keeps_ids_beyond_2_63(self) -> None:
        army = BattleUserArmies(user_armies=[BattleUserArmy(user_id=-1, score=1)])
        schema = WebcastLinkMicArmies(common=HEAD, battle_id=-(2**63), armies={-2: army})
        data = data_of(schema)
        assert data["id"] == "9223372036854775808"
        (team,) = data["teams"]
        assert team["id"] == team["hosts"][0]["id"] == "18446744073709551614"
        assert team["top"][0]["user"]["id"] == "18446744073709551615"
