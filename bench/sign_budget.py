"""How many requests to the sign server a day of many LIVEs takes, and which plan allows it.

A simulation (`sign_simulation`): the relay's own streams, sign gates and pacer under virtual time,
in front of a sign server and a TikTok that are played. LIVEs last 1.4 hours in the mean (lognormal,
median one hour), each connection is cut once in two hours in the mean, and the relay is started
once, at the beginning, when all phones come within ten seconds: all that is assumed. When a LIVE
ends, another one begins, so that always the same number is on.

The day of 10,000 LIVEs is computed by `expected_day`, which is compared with simulations of 1,000
and, at the start, of 2,000. `--quick` simulates 1,000 for four hours.

No CPU is measured, and the same run gives the same figures on each machine.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.results import Options, Row

if TYPE_CHECKING:
    from bench.sign_simulation import Day, Limits

__all__ = ["PLANS", "needed", "run"]

# Requests of one key in a minute, an hour and a day; None where nothing was found. As other
# projects report them in 2026 of EulerStream: not read from EulerStream, and they change.
PLANS: Mapping[str, tuple[int | None, int | None, int]] = {
    "no key": (5, 30, 100),
    "Community": (None, None, 2_500),
    "Business": (None, None, 10_000),
    "Enterprise": (None, None, 250_000),
}
_FEW, _MANY, _TOO_MANY = (10, 100), 1_000, 10_000
_AT_ONCE, _START = 2_000, 300  # LIVEs that come at once, and seconds of that
_OFF_BY = 0.03  # how far `expected_day` may be off
_MINUTE, _HOUR = 60, 3600


def run(options: Options) -> list[Row]:
    import django

    django.setup()
    from bench import sign_simulation as simulation
    from live.tiktok.routes import RouteName

    both = (RouteName.SIGNED, RouteName.DIRECT)
    simulate = simulation.simulate
    rows = [_demand(streams, simulate(streams)) for streams in _FEW]
    hours = options.of(24, 4)
    many = simulate(_MANY, seconds=hours * _HOUR)
    rows.append(_demand(_MANY, many))
    rows.append(_check(many, simulation.expected_day(_MANY, seconds=hours * _HOUR)))
    rows.append(
        _start(
            simulate(_AT_ONCE, seconds=_START), simulation.expected_day(_AT_ONCE, seconds=_START)
        )
    )
    rows.append(_demand(_TOO_MANY, simulation.expected_day(_TOO_MANY), computed=True))
    rows.append(_limited("10 LIVEs without a key", simulate(10, _limits("no key"))))
    rows.append(_limited("the same, signed,direct", simulate(10, _limits("no key"), routes=both)))
    rows.append(_limited("100 LIVEs, one Community key", simulate(100, _limits("Community"))))
    rows.append(
        _limited("the same, signed,direct", simulate(100, _limits("Community"), routes=both))
    )
    rows.append(
        _limited(
            "100 LIVEs, each account with a key of 100 a day",
            simulate(100, simulation.Limits(day=100), own_keys=True),
        )
    )
    return rows


def needed(day: int, hour: int = 0, minute: int = 0) -> str:
    """The smallest plan in which one key may send so many requests; keys of the largest where one
    is not enough."""
    for name, (a_minute, an_hour, a_day) in PLANS.items():
        most = (a_minute or math.inf, an_hour or math.inf, a_day)
        if all(count <= limit for count, limit in zip((minute, hour, day), most, strict=True)):
            return name
    largest = list(PLANS)[-1]
    return f"{math.ceil(day / PLANS[largest][2])} × {largest}"


def _limits(plan: str) -> Limits:
    from bench.sign_simulation import Limits

    return Limits(*(_or_none(limit) for limit in PLANS[plan]))


def _or_none(limit: int | None) -> int:
    return limit or 10**9


def _demand(streams: int, day: Day, *, computed: bool = False) -> Row:
    minutes, hours = day.requests(_MINUTE), day.requests(_HOUR)
    in_all = sum(minutes)
    a_day = streams + round((in_all - streams) * 86_400 / day.seconds)  # there is one start
    worst = statistics.quantiles(minutes, n=100)[-1]
    of = "computed" if computed else f"{day.seconds / _HOUR:g} hours simulated"
    return Row(
        what=f"{streams:,} LIVEs, no limit: requests ({of})",
        relay=f"{in_all / len(minutes):.1f} a minute, {a_day:,} a day",
        figures={
            "a_minute": in_all / len(minutes),
            "p99_minute": worst,
            "largest_minute": max(minutes),
            "largest_hour": max(hours),
            "a_day": a_day,
            "plan": needed(a_day, max(hours), max(minutes)),
        },
        notes=(
            f"p99 of the minutes {worst:.0f}, the largest (the start) {max(minutes):,}; the largest"
            f" hour {max(hours):,}; plan: {needed(a_day, max(hours), max(minutes))}",
            _times(day),
        ),
    )


def _check(simulated: Day, computed: Day) -> Row:
    ratio = len(computed.signed) / len(simulated.signed)
    return Row(
        what=f"{_MANY:,} LIVEs: requests computed beside those simulated",
        relay=f"{len(computed.signed):,}",
        reference=f"{len(simulated.signed):,}",
        ratio=f"{ratio:.3f}",
        goal=f"within {_OFF_BY:.0%}",
        met=abs(ratio - 1) <= _OFF_BY,
        figures={"ratio": ratio},
    )


def _start(day: Day, computed: Day) -> Row:
    figures = {
        "simulated": {f"p{percent}": _at(day.start, percent) for percent in (50, 99)},
        "computed": {f"p{percent}": _at(computed.start, percent) for percent in (50, 99)},
    }
    simulated, arithmetic = (f"p50 {of['p50']:.0f}, p99 {of['p99']:.0f}" for of in figures.values())
    return Row(
        what=f"{_AT_ONCE:,} LIVEs come at once, no limit: seconds until connected",
        relay=simulated,
        reference=f"{arithmetic} (computed)",
        figures={
            **figures,
            "connected": len(day.start),
            "told": {code.value: count for code, count in day.told.items()},
            "largest_minute": max(day.requests(_MINUTE)),
        },
        notes=(
            f"{len(day.start):,} were connected in {day.seconds / _MINUTE:g} minutes; phones were"
            f" refused {sum(day.told.values()):,} times meanwhile ({_codes(day) or 'never'}) and"
            f" came back; requests in the largest minute {max(day.requests(_MINUTE)):,}",
        ),
    )


def _limited(what: str, day: Day) -> Row:
    by_route = ", ".join(f"{count:,} {name}" for name, count in sorted(day.by_route.items()))
    return Row(
        what=what,
        relay=f"connected {day.share_connected:.0%} of the time",
        goal="no request refused",
        met=not day.refused,
        figures={
            "share_connected": day.share_connected,
            "signed": len(day.signed),
            "refused": len(day.refused),
            "by_route": {str(name): count for name, count in day.by_route.items()},
            "told": {code.value: count for code, count in day.told.items()},
        },
        notes=(
            f"{len(day.signed):,} requests signed, {len(day.refused):,} refused; connections:"
            f" {by_route}; phones were refused {sum(day.told.values()):,} times"
            f" ({_codes(day) or 'never'})",
            _times(day),
        ),
    )


def _times(day: Day) -> str:
    kinds = (("at the start", day.start), ("a new LIVE", day.first), ("after a cut", day.again))
    told = [f"{name} {_at(t, 50):.1f}/{_at(t, 99):.1f}" for name, t in kinds if t]
    return f"seconds until connected, p50/p99: {'; '.join(told)}"


def _codes(day: Day) -> str:
    return ", ".join(f"{code.value} {count:,}" for code, count in day.told.most_common())


def _at(times: Sequence[float], percent: int) -> float:
    ordered = sorted(times)
    return ordered[round((len(ordered) - 1) * percent / 100)] if ordered else math.nan
