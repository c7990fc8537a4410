"""The numbers of several processes, added up."""

from __future__ import annotations

from typing import Any

from live.relay.all_numbers import add_up
from live.relay.number_shapes import AlertNumbers, Numbers, StreamNumbers, UsedUp, WatchedNumbers


def stream(username: str, **known: Any) -> StreamNumbers:
    numbers: StreamNumbers = {
        "username": username,
        "state": "live",
        "route": "signed",
        "attempt": None,
        "since": 1000,
        "sockets": 1,
        "accounts": 1,
        "viewers": 7,
        "curve": [5, 7],
        "events": 2.0,
        "faults": 0,
        "undecodable": 0,
        "problem": "",
        "problem_at": None,
        "leads": True,
    }
    return {**numbers, **known}  # type: ignore[typeddict-item]


def watched(**known: Any) -> WatchedNumbers:
    numbers: WatchedNumbers = {
        "states": {},
        "looks": 0,
        "signed": 0,
        "unseen": [],
        "accounts": [],
    }
    return {**numbers, **known}  # type: ignore[typeddict-item]


def of_process(**known: Any) -> Numbers:
    numbers: Numbers = {
        "processes": 1,
        "source": "1-live",
        "is_test": False,
        "at": 5000,
        "started_at": 1000,
        "cpu": 0.25,
        "sockets": 3,
        "events": 2.0,
        "streams": [],
        "gates": [],
        "pages_closed_until": None,
        "routes": [],
        "first_hour": 0,
        "slow": [],
        "watched": watched(),
        "used_up": [],
        "course": {"at": 5000, "step": 5, "viewers": [], "events": []},
        "writing": {"log": 0, "history": 0, "lost": 0},
        "alerts": [],
    }
    return {**numbers, **known}  # type: ignore[typeddict-item]


def test_one_process_is_as_it_was() -> None:
    alone = of_process(streams=[stream("anna")], cpu=None)
    assert add_up(alone, []) == alone


def test_sums_and_the_oldest_start() -> None:
    whole = add_up(of_process(), [of_process(sockets=4, started_at=500, cpu=0.5)])
    assert (whole["processes"], whole["sockets"], whole["started_at"]) == (2, 7, 500)
    assert whole["cpu"] == 0.75


def test_a_stream_is_told_once_by_its_leader_with_the_sockets_of_all() -> None:
    follower = stream("anna", leads=False, route="", events=1.0, sockets=5)
    leader = stream("anna", sockets=2, events=9.0)
    for one, other in ((follower, leader), (leader, follower)):
        whole = add_up(of_process(streams=[one]), [of_process(streams=[other, stream("bob")])])
        assert whole["streams"] == [{**leader, "sockets": 7, "accounts": 2}, stream("bob")]
        assert whole["events"] == 11.0


def test_of_a_gate_the_least_that_is_allowed() -> None:
    gates = [
        [{"label": "", "remaining": 9, "closed_until": None}],
        [{"label": "", "remaining": 4, "closed_until": 7000}],
        [{"label": "@anna", "remaining": None, "closed_until": None}],
    ]
    whole = add_up(of_process(gates=gates[0]), [of_process(gates=each) for each in gates[1:]])
    assert whole["gates"] == [
        {"label": "", "remaining": 4, "closed_until": 7000},
        {"label": "@anna", "remaining": None, "closed_until": None},
    ]


def test_the_hours_of_routes_end_together() -> None:
    def route(opened: list[int], refused: dict[str, int]) -> Any:
        return {"name": "signed", "closed_until": None, "opened": opened, "refused": refused}

    whole = add_up(
        of_process(routes=[route([1, 2, 3], {"rate_limited": 1})], first_hour=0),
        [of_process(routes=[route([10], {"rate_limited": 2, "tiktok_blocked": 9})], first_hour=7)],
    )
    assert whole["routes"][0]["opened"] == [1, 2, 13]
    assert whole["routes"][0]["refused"] == {"tiktok_blocked": 9, "rate_limited": 3}
    assert whole["first_hour"] == 0


def test_the_slowest_sockets_of_all() -> None:
    def slow(stalled_for: float) -> Any:
        return {"stalled_for": stalled_for, "lag": 1, "row": None}

    whole = add_up(
        of_process(slow=[slow(9), slow(3)]), [of_process(slow=[slow(5 + n) for n in range(25)])]
    )
    assert len(whole["slow"]) == 20
    assert whole["slow"][0]["stalled_for"] == 29


def test_a_used_up_budget_is_told_once_with_the_longest_wait() -> None:
    def used_up(account_id: int, again_at: int) -> UsedUp:
        return {
            "budget": "lookups",
            "account_id": account_id,
            "account": "anna",
            "client": "",
            "again_at": again_at,
        }

    whole = add_up(
        of_process(used_up=[used_up(1, 6000)]),
        [of_process(used_up=[used_up(1, 7000), used_up(2, 5500)])],
    )
    assert whole["used_up"] == [used_up(1, 7000), used_up(2, 5500)]


def test_events_of_the_last_minutes_are_added_up_from_the_newest_on() -> None:
    own = of_process(course={"at": 9000, "step": 5, "viewers": [], "events": [1.0, 2.0]})
    other = of_process(course={"at": 8000, "step": 5, "viewers": [], "events": [4.0, 5.0, 6.0]})
    assert add_up(own, [other])["course"] == {
        "at": 9000,
        "step": 5,
        "viewers": [],
        "events": [4.0, 6.0, 8.0],
    }


def test_what_the_databases_of_all_do_not_take_is_added_up() -> None:
    fails = of_process(writing={"log": 3, "history": 40, "lost": 1})
    assert add_up(of_process(), [fails, fails])["writing"] == {"log": 6, "history": 80, "lost": 2}


def test_an_alert_of_each_kind_is_the_oldest_that_a_process_knows() -> None:
    def alert(code: str, since: int) -> AlertNumbers:
        return {"code": code, "since": since, "details": "", "process": "host:7"}

    whole = add_up(
        of_process(alerts=[alert("database", 7)]),
        [of_process(alerts=[alert("database", 5), alert("sign_gate", 9)])],
    )

    assert whole["alerts"] == [alert("database", 5), alert("sign_gate", 9)]
