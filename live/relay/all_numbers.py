"""Adds the numbers of several processes up to those of the whole relay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from operator import itemgetter

from live.relay.last_minutes import Course
from live.relay.number_shapes import (
    MAX_SLOW,
    MAX_WATCHED,
    AlertNumbers,
    GateNumbers,
    Numbers,
    RouteNumbers,
    SlowSocket,
    StreamNumbers,
    UsedUp,
    WatchedNumbers,
    slowness,
    worth_showing,
)

__all__ = ["add_up"]


def add_up(own: Numbers, others: Sequence[Numbers]) -> Numbers:
    """The numbers of all processes together.

    Args:
        own: those of this process, whose moment counts.
        others: those of the other processes.
    """
    everybody = [own, *others]
    streams = _streams(each for numbers in everybody for each in numbers["streams"])
    rates = [stream["events"] for stream in streams if stream["events"] is not None]
    slow: list[SlowSocket] = [each for numbers in everybody for each in numbers["slow"]]
    slow.sort(key=slowness, reverse=True)
    return {
        **own,
        "processes": sum(numbers["processes"] for numbers in everybody),
        "started_at": min(numbers["started_at"] for numbers in everybody),
        "cpu": _sum(numbers["cpu"] for numbers in everybody),
        "sockets": sum(numbers["sockets"] for numbers in everybody),
        "events": round(sum(rates), 1) if rates else own["events"],
        "streams": streams,
        "gates": _gates(each for numbers in everybody for each in numbers["gates"]),
        "pages_closed_until": _latest(numbers["pages_closed_until"] for numbers in everybody),
        "routes": _routes([numbers["routes"] for numbers in everybody]),
        "first_hour": min(numbers["first_hour"] for numbers in everybody),
        "slow": slow[:MAX_SLOW],
        "watched": _watched([numbers["watched"] for numbers in everybody]),
        "used_up": _used_up(each for numbers in everybody for each in numbers["used_up"]),
        "course": _course([numbers["course"] for numbers in everybody]),
        "writing": {
            "log": sum(numbers["writing"]["log"] for numbers in everybody),
            "history": sum(numbers["writing"]["history"] for numbers in everybody),
            "lost": sum(numbers["writing"]["lost"] for numbers in everybody),
        },
        "alerts": _alerts(each for numbers in everybody for each in numbers["alerts"]),
    }


def _alerts(alerts: Iterable[AlertNumbers]) -> list[AlertNumbers]:
    """One of each kind: the oldest."""
    found: dict[str, AlertNumbers] = {}
    for alert in alerts:
        known = found.setdefault(alert["code"], alert)
        found[alert["code"]] = min(known, alert, key=itemgetter("since"))
    return list(found.values())


def _watched(of_processes: Sequence[WatchedNumbers]) -> WatchedNumbers:
    """Each process watches other accounts."""
    states: Counter[str] = Counter()
    for watched in of_processes:
        states.update(watched["states"])
    accounts = [account for watched in of_processes for account in watched["accounts"]]
    return {
        "states": dict(states),
        "looks": sum(watched["looks"] for watched in of_processes),
        "signed": sum(watched["signed"] for watched in of_processes),
        "unseen": sorted(each for watched in of_processes for each in watched["unseen"]),
        "accounts": sorted(accounts, key=worth_showing)[:MAX_WATCHED],
    }


def _used_up(used_up: Iterable[UsedUp]) -> list[UsedUp]:
    """One for each budget of an account or client, with the longest wait."""
    found: dict[tuple[str, int | None, str], UsedUp] = {}
    for each in used_up:
        key = each["budget"], each["account_id"], each["client"]
        known = found.setdefault(key, each)
        found[key] = max(known, each, key=itemgetter("again_at"))
    return list(found.values())


def _streams(streams: Iterable[StreamNumbers]) -> list[StreamNumbers]:
    """One for each username: what its leader says, with the sockets of all processes."""
    found: dict[str, StreamNumbers] = {}
    for stream in streams:
        known = found.setdefault(stream["username"], stream)
        if known is not stream:
            said = stream if stream["leads"] else known
            sockets = known["sockets"] + stream["sockets"]
            accounts = known["accounts"] + stream["accounts"]
            found[stream["username"]] = {**said, "sockets": sockets, "accounts": accounts}
    return sorted(found.values(), key=itemgetter("username"))


def _gates(gates: Iterable[GateNumbers]) -> list[GateNumbers]:
    """One for each label, with the least that is allowed."""
    found: dict[str, GateNumbers] = {}
    for gate in gates:
        known = found.setdefault(gate["label"], gate)
        left = [n for n in (known["remaining"], gate["remaining"]) if n is not None]
        found[gate["label"]] = {
            **known,
            "remaining": min(left) if left else None,
            "closed_until": _latest((known["closed_until"], gate["closed_until"])),
        }
    return list(found.values())


def _routes(of_processes: Sequence[Sequence[RouteNumbers]]) -> list[RouteNumbers]:
    """One for each route, in the order of the first process. Their hours end at the same one."""
    found: dict[str, RouteNumbers] = {}
    for route in (route for routes in of_processes for route in routes):
        known = found.setdefault(route["name"], route)
        if known is not route:
            hours = zip_longest(known["opened"][::-1], route["opened"][::-1], fillvalue=0)
            refused = Counter(known["refused"]) + Counter(route["refused"])
            found[route["name"]] = {
                **known,
                "closed_until": _latest((known["closed_until"], route["closed_until"])),
                "opened": [sum(hour) for hour in hours][::-1],
                "refused": dict(refused.most_common()),
            }
    return list(found.values())


def _course(courses: Sequence[Course]) -> Course:
    """Their newest looks are at about the same time, that of the first."""
    events = zip_longest(*(course["events"][::-1] for course in courses), fillvalue=0.0)
    return {**courses[0], "events": [round(sum(each), 1) for each in events][::-1]}


def _latest(moments: Iterable[int | None]) -> int | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _sum(shares: Iterable[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return round(sum(known), 3) if known else None
