"""One soak: starts everything, has the faults happen in their time, and judges."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO

from bench.processes import memory
from bench.results import Row
from bench.servers import Relay
from soak.checking import Sent, untrue_holes
from soak.phones import COMES_AND_GOES, KEEPS_UP, READS_NOTHING, SLOW, Followers, Told
from soak.plan import Fault, plan
from soak.tiktok import NumberedTikTok

__all__ = ["Result", "Sample", "Settings", "run", "slope"]

# Of each hundred phones.
_SHARES = {SLOW: 8, COMES_AND_GOES: 36, READS_NOTHING: 6}
_HELPERS = 2
# A socket that takes nothing is only noticed when the kernel's buffers are full. So slow phones and
# those that read nothing follow LIVEs on which much is said, in long texts.
_BUSY_SHARE, _BUSY_RATE, _SIZE, _BUSY_SIZE = 0.03, 12.0, 60, 8000
# Small enough that a long absence, and slowness, ask for more than the log has.
_RELAY = {"RELAY_BACKLOG": "256", "RELAY_LINGER": "5", "RELAY_WAIT_INTERVAL": "2"}
_RELAY |= {"RELAY_SEND_TIMEOUT": "10"}
_SAMPLE_EVERY = 2.0
# Behind the last comment, before it is asked what was sent; and until every phone has it.
_SETTLE, _FINISH_WITHIN = 3.0, 90.0
_KIB, _MIB = 1024, 2**20
_MOST_TOLD = 20
# Goals of memory are for runs that are long enough for logs and memories of ids to be full.
_LONG_MINUTES = 20
_MOST_GROWTH, _MOST_MORE_FILES = 0.10, 20


@dataclass(frozen=True)
class Settings:
    """How a soak is run. `rate` is comments a second of each LIVE that is not busy."""

    minutes: float = 30
    streams: int = 100
    phones: int = 500
    seed: int = 1
    rate: float = 1.0


class Sample(NamedTuple):
    """What the relay's process has at a moment: seconds since the beginning, bytes, files."""

    at: float
    rss: int
    pss: int
    files: int


@dataclass
class Result:
    """What came of a soak.

    Attributes:
        violations: what phones must not have seen, in words; the first ones of `found`.
    """

    rows: list[Row] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    found: int = 0

    @property
    def is_good(self) -> bool:
        return not self.found and all(row.met is not False for row in self.rows)


def run(settings: Settings, print_to: TextIO | None = None) -> Result:
    """Run one. What happens is told line by line."""
    return _Soak(settings, print_to).run()


def slope(samples: list[Sample]) -> float:
    """Bytes of the resident set a minute, by the line that fits best."""
    mean_at = sum(each.at for each in samples) / len(samples)
    mean = sum(each.rss for each in samples) / len(samples)
    spread = sum((each.at - mean_at) ** 2 for each in samples)
    together = sum((each.at - mean_at) * (each.rss - mean) for each in samples)
    return 60 * together / spread if spread else 0.0


class _Soak:
    def __init__(self, settings: Settings, print_to: TextIO | None) -> None:
        self._settings = settings
        self._print_to = print_to
        self._seconds = settings.minutes * 60
        self._samples: list[Sample] = []
        self._restarted_at = 0.0
        self._done: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()

    def run(self) -> Result:
        settings = self._settings
        with ExitStack() as stack:
            tiktok = stack.enter_context(NumberedTikTok())
            relay = stack.enter_context(Relay("uvicorn", tiktok, settings.streams, settings=_RELAY))
            helpers = [stack.enter_context(Followers()) for _ in range(_HELPERS)]
            busy = max(1, round(settings.streams * _BUSY_SHARE))
            rates = [_BUSY_RATE if n < busy else settings.rate for n in range(settings.streams)]
            sizes = [_BUSY_SIZE if n < busy else _SIZE for n in range(settings.streams)]
            tiktok.begin(rates, sizes)
            phones = _phones(settings, busy, relay.paths)
            self._kinds = Counter(kind for _stream, _path, kind in phones)
            for number, helper in enumerate(helpers):
                helper.begin(relay.port, phones[number::_HELPERS], settings.seed + number)
            self._say(
                f"{settings.streams} LIVEs, {settings.phones} phones, {sum(rates):g} events/s"
            )
            self._have_faults(tiktok, relay)
            tiktok.fall_silent()
            time.sleep(_SETTLE)
            sent = tiktok.sent()
            for helper in helpers:
                helper.begin_to_finish(_last(sent), _FINISH_WITHIN)
            told = [helper.told(_FINISH_WITHIN + 60) for helper in helpers]
            output = relay.output
        return self._judge(sent, told[0] + told[1], output)

    def _have_faults(self, tiktok: NumberedTikTok, relay: Relay) -> None:
        """Until the time is over."""
        settings = self._settings
        faults = plan(self._seconds, settings.streams, settings.seed)
        began = time.monotonic()
        sampled = 0.0
        while (now := time.monotonic() - began) < self._seconds:
            if now >= sampled + _SAMPLE_EVERY:
                sampled = now
                self._samples.append(_sample(relay.pid, now))
            if faults and faults[0].at <= now:
                self._happen(faults.pop(0), tiktok, relay)
                if not self._restarted_at and self._done["restart"]:
                    self._restarted_at = time.monotonic() - began
                continue
            time.sleep(min(0.1, _SAMPLE_EVERY))

    def _happen(self, fault: Fault, tiktok: NumberedTikTok, relay: Relay) -> None:
        self._done[fault.what] += 1
        if fault.what == "restart":
            began = time.monotonic()
            relay.restart()
            self._say(f"restarted in {time.monotonic() - began:.1f} s")
        else:
            tiktok.ask(fault.what, **dict(fault.arguments))

    def _judge(self, sent: list[list[Sent]], told: Told, output: str) -> Result:
        untrue = list(untrue_holes(told.holes, sent))
        violations = [*told.violations, *untrue[:_MOST_TOLD]]
        result = Result(violations=violations, found=told.found + len(untrue))
        tracebacks = output.count("Traceback")
        if tracebacks:
            at = output.index("Traceback")
            result.found += tracebacks
            result.violations.append(f"the relay's log: {output[at - 500 : at + 2000]}")
        result.rows = [*self._rows_of_phones(sent, told, result), *self._rows_of_memory()]
        return result

    def _rows_of_phones(self, sent: list[list[Sent]], told: Told, result: Result) -> list[Row]:
        settings, faults = self._settings, self._done
        total = sum(map(len, sent))
        missing = sum(hole.last - hole.first + 1 for hole in told.holes)
        counts = ", ".join(f"{count} {what}" for what, count in sorted(told.counts.items()))
        return [
            Row(
                what=f"{settings.streams} LIVEs, {settings.phones} phones, "
                f"{settings.minutes:g} min, seed {settings.seed}",
                relay=f"{result.found} violations",
                goal="0",
                met=result.found == 0,
                figures={
                    "violations": result.found,
                    "faults": faults,
                    "comments": total,
                    "received": told.comments,
                    "gaps": sum(n for what, n in told.counts.items() if what.startswith("gap")),
                    "phones": self._kinds,
                },
                notes=(
                    f"{total:,} comments sent, {told.comments:,} received over "
                    f"{told.connections:,} connections",
                    "faults: " + ", ".join(f"{n} {what}" for what, n in sorted(faults.items())),
                    f"{len(told.holes):,} different holes, all announced, of {missing:,} comments",
                    f"phones saw: {counts}",
                ),
            ),
            Row(
                what="phones that read nothing",
                relay=f"dropped {told.dropped} times",
                figures={"dropped": told.dropped},
            ),
        ]

    def _rows_of_memory(self) -> list[Row]:
        middle = max(self._seconds / 2, self._restarted_at)
        later = [each for each in self._samples if each.at >= middle]
        if len(later) < 2:
            return []
        is_long = self._settings.minutes >= _LONG_MINUTES
        first, last = later[0], later[-1]
        growth = last.rss / first.rss - 1
        return [
            Row(
                what="the relay's memory, middle → end",
                relay=f"{first.rss / _MIB:.1f} → {last.rss / _MIB:.1f} MiB "
                f"({slope(later) / _KIB:+.0f} KiB/min)",
                goal=f"< +{_MOST_GROWTH:.0%}" if is_long else "–",
                met=growth < _MOST_GROWTH if is_long else None,
                figures={"samples": self._samples, "slope": slope(later)},
                notes=(
                    f"RSS; PSS {first.pss / _MIB:.1f} → {last.pss / _MIB:.1f} MiB; most "
                    f"{max(each.rss for each in self._samples) / _MIB:.1f} MiB",
                ),
            ),
            Row(
                what="its open files, middle → end",
                relay=f"{first.files} → {last.files}",
                goal=f"≤ +{_MOST_MORE_FILES}" if is_long else "–",
                met=last.files - first.files <= _MOST_MORE_FILES if is_long else None,
                notes=(f"most {max(each.files for each in self._samples)}",),
            ),
        ]

    def _say(self, what: str) -> None:
        if self._print_to is not None:
            print(what, file=self._print_to, flush=True)


def _phones(settings: Settings, busy: int, paths: list[str]) -> list[tuple[int, str, str]]:
    """Of each phone its stream, its path and its kind. Each LIVE has one that keeps up."""
    rng = random.Random(settings.seed)
    phones = []
    for kind, share in _SHARES.items():
        for _ in range(max(1, settings.phones * share // 100)):
            among = busy if kind in (SLOW, READS_NOTHING) else settings.streams
            phones.append((rng.randrange(among), kind))
    for stream in itertools.cycle(range(settings.streams)):
        if len(phones) >= settings.phones:
            break
        phones.append((stream, KEEPS_UP))
    return [(stream, paths[stream], kind) for stream, kind in phones]


def _last(sent: list[list[Sent]]) -> list[int]:
    """By stream, the number of the newest comment that the relay was connected for."""
    return [
        max((number for number, each in enumerate(of_one, 1) if each.heard), default=0)
        for of_one in sent
    ]


def _sample(pid: int, at: float) -> Sample:
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Sample(at, memory(pid, "Rss"), memory(pid, "Pss"), files)
