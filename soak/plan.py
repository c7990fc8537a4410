"""What goes wrong during a soak, and when: made from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

__all__ = ["Fault", "plan"]

# How often, per minute and stream.
_CUTS, _ENDS, _BROKEN = 0.25, 0.08, 0.5
# Seconds between two limits of the sign server, and for which each lasts.
_LIMIT_EVERY, _LIMIT_FOR = 60.0, (3.0, 8.0)
# Seconds for which a streamer is offline between two LIVEs.
_OFFLINE_FOR = (1.0, 6.0)
# The shares of the time without faults: at the beginning, while phones come, and at the end.
_QUIET_BEFORE, _QUIET_BEHIND = 0.05, 0.1
# When all upstream connections are cut at once, and when the relay is restarted.
_ALL_CUT_AT, _RESTART_AT = 0.15, 0.25
_OF_THE_LONGEST_LIMIT = 3


@dataclass(frozen=True, order=True)
class Fault:
    """Attributes:
    at: seconds from the beginning.
    what: a command of the stand-in, or "restart".
    arguments: of the command.
    """

    at: float
    what: str
    arguments: tuple[tuple[str, Any], ...] = ()


def plan(seconds: float, streams: int, seed: int) -> list[Fault]:
    """The faults of a soak of that length, in their order."""
    rng = random.Random(seed)
    begin, end = seconds * _QUIET_BEFORE, seconds * (1 - _QUIET_BEHIND)
    faults = []

    def times(per_minute: float) -> int:
        return max(1, round(per_minute * streams * (end - begin) / 60))

    def on_a_stream(what: str) -> Fault:
        return Fault(rng.uniform(begin, end), what, (("stream", rng.randrange(streams)),))

    faults += [on_a_stream("cut") for _ in range(times(_CUTS))]
    faults += [on_a_stream("broken") for _ in range(times(_BROKEN))]
    for _ in range(times(_ENDS)):
        ended = on_a_stream("end")
        back = min(ended.at + rng.uniform(*_OFFLINE_FOR), end)
        faults += [ended, Fault(back, "go_live", ended.arguments)]
    for number in range(max(1, int((end - begin) / _LIMIT_EVERY))):
        at = begin + (number + rng.random() / 2) * min(_LIMIT_EVERY, end - begin)
        reset_in = min(rng.uniform(*_LIMIT_FOR), (end - begin) / _OF_THE_LONGEST_LIMIT)
        faults += [
            Fault(at, "sign_limit", (("reset_in", reset_in),)),
            Fault(at + reset_in, "no_sign_limit"),
        ]
    faults += [Fault(seconds * _ALL_CUT_AT, "cut_all"), Fault(seconds * _RESTART_AT, "restart")]
    return sorted(faults)
