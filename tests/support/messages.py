"""One message of each kind that the stand-in builds, for tests that go through all kinds."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from TikTokLiveProto.v3.webcast.im import LinkMicBattleBattleAction
from TikTokLiveProto.v3.webcast.model.data import BattleResultResult

from standin import messages as build

_Action = LinkMicBattleBattleAction

_RESULTS = [BattleResultResult.LOSE, BattleResultResult.WIN]

_TEAMS: list[dict[str, dict[str, int]]] = [
    {"anna": {"x": 3}, "carl": {}},
    {"bea": {"y": 5}, "dan": {"z": 1}},
]

_PINNABLE = [
    build.chat("maria", "hello"),
    build.gift("maria"),
    build.like("maria"),
    build.join("maria"),
    build.follow("maria"),
]


def built_messages() -> list[build.Message]:
    """Build a message of each kind; of kinds with several forms, one of each form."""
    return [
        build.chat("maria", "hello 👩‍👩‍👧 مرحبا"),
        build.gift("maria", repeat_end=False, repeat_count=3),
        build.gift("maria", combo=False, gift_id=2**62, diamonds=44_999),
        build.like("maria", 15, total=2**40),
        build.follow("maria"),
        build.share("maria", users_joined=5),
        build.join("maria", member_count=1234),
        build.subscribe("maria", months=7),
        build.viewers(1234, total=56_789, top=["maria", "peter", "olga"]),
        build.question("maria", "why?"),
        build.emote("maria", "1", "2"),
        build.pause(),
        build.end(suspended=True, reason="rules"),
        build.gift("maria", to="guest"),
        build.super_fan("maria"),
        build.envelope("maria"),
        build.envelope("maria", hidden=True),
        build.battle(_Action.OPEN, {"anna": {}}, {"bea": {}}),
        build.battle(_Action.FINISH, {"anna": {"x": 3}}, {"bea": {"y": 2}}, results=_RESULTS),
        build.battle(_Action.FINISH, *_TEAMS, results=_RESULTS),
        build.battle_scores({"anna": {"x": 3}}, {"bea": {}}),
        build.battle_scores(*_TEAMS),
        build.punishment_end(),
        build.goal("maria", "Help", progress=1, target=2),
        build.rank(3),
        build.poll(
            ("tea", 0), ("coffee", 0), title="Which?", starts=(1_795_372_811_000, 1_795_372_871_000)
        ),
        build.poll(("tea", 1), ("coffee", 0)),
        build.poll(("tea", 1), ("coffee", 0), ends=True),
        *(build.pin(message, "peter") for message in _PINNABLE),
        *(build.unpin(build.pin(message, "peter"), "peter") for message in _PINNABLE),
        build.delete(_PINNABLE[0], users=["maria"]),
        build.caption("hello", final=True),
        build.room_message("hello"),
        build.system_message("hello"),
        build.warning("hello", "maria"),
        build.notify("maria", "hello"),
        build.rank_text("{0:user}", build.user("maria")),
        build.like(build.user("maria", id=-1), -1, total=-1, msg_id=-(2**63)),
    ]
