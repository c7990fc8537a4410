"""Gives a target its inputs, watches time and memory, and keeps what it finds."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import memory

__all__ = ["Finding", "Limits", "Report", "Target", "input_of", "run"]

# Numbers of inputs of one seed lie below that.
_INPUTS = 2**40
# Behind that share of the inputs, what is made once for all of them has been made.
_WARM_UP = 1 / 4
_MIB = 2**20
# Seconds of wall time in which the watchdog of `faulthandler` must have been set again. It ends the
# process with a traceback; it is there for code in C, which no exception can interrupt.
_STUCK = 600
_REARM_EACH = 1024
_KINDS = 40


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        make: makes an input, with these random numbers alone.
        give: gives the input to the code, and returns in a few words what became of it. Whatever it
            raises is a finding; AssertionError says that a promise is broken.
        close: gives back what the target holds.
    """

    make: Callable[[random.Random], Any]
    give: Callable[[Any], str]
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Limits:
    """What is a finding though nothing was raised.

    Attributes:
        slow: seconds of CPU that one input may take.
        hang: seconds of CPU after which an input is broken off.
        blocks, blocks_each: Python's blocks of memory by which the process may grow behind the
            warm-up: in all, and for each input.
        bytes: by which the resident set may grow behind the warm-up.
    """

    slow: float = 1.0
    hang: float = 10.0
    blocks: int = 2_000
    blocks_each: float = 0.01
    bytes: int = 32 * _MIB


@dataclass(frozen=True)
class Finding:
    """An input that something is wrong with.

    Attributes:
        what: the exception's class and place, or the limit.
        number: of the input; with the seed, it gives the input again.
        text: all about it, with the input as Python writes it.
    """

    what: str
    number: int
    text: str


@dataclass
class Report:
    """What came of a run.

    Attributes:
        kinds: what became of the inputs, and how often.
        slowest: seconds of CPU of the input that took longest, and its number.
        blocks, bytes: by how much Python's blocks and the resident set grew behind the warm-up.
        findings: one of each sort.
        found: how many inputs there were something wrong with.
        was_stopped: it ended before all inputs were given.
        memory_known: it got beyond the warm-up, so that `blocks` and `bytes` say something.
    """

    inputs: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    blocks: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    found: int = 0
    was_stopped: bool = False
    memory_known: bool = False

    def note(self, what: str, number: int, text: str) -> None:
        self.found += 1
        if what not in {finding.what for finding in self.findings}:
            self.findings.append(Finding(what, number, text))


class _HangError(Exception):
    """An input has taken too long. Not a subclass of what code under test might catch by name."""


def input_of(target: Target, seed: int, number: int) -> Any:
    """The input of that number."""
    return target.make(random.Random(seed * _INPUTS + number))


def run(
    target: Target, inputs: int, seed: int, first: int = 0, limits: Limits | None = None
) -> Report:
    """Give the target that many inputs, from that number on. Belongs to the main thread. With
    KeyboardInterrupt it ends earlier, and reports what it has seen."""
    limits = limits or Limits()
    report = Report()
    rng = random.Random()
    warm, before = int(inputs * _WARM_UP), None
    began = time.monotonic()
    with _watching(limits.hang) as watched:
        try:
            for number in range(first, first + inputs):
                if report.inputs == warm:
                    before = _memory()
                if report.inputs % _REARM_EACH == 0:
                    faulthandler.dump_traceback_later(_STUCK, exit=True, file=2)
                _give(target, rng, seed, number, report, limits, watched)
                report.inputs += 1
        except KeyboardInterrupt:
            report.was_stopped = True
    report.seconds = time.monotonic() - began
    if before is not None:
        _judge_memory(report, before, first, report.inputs - warm, limits)
    return report


def _judge_memory(
    report: Report, before: tuple[int, int], first: int, inputs: int, limits: Limits
) -> None:
    blocks, size = _memory()
    report.memory_known = True
    report.blocks, report.bytes = blocks - before[0], size - before[1]
    if report.blocks > limits.blocks + limits.blocks_each * inputs:
        report.note("memory", first, f"{report.blocks} more blocks of memory behind the warm-up")
    elif report.bytes > limits.bytes:
        report.note("memory", first, f"{report.bytes} more bytes of memory behind the warm-up")


def _give(
    target: Target,
    rng: random.Random,
    seed: int,
    number: int,
    report: Report,
    limits: Limits,
    watched: _Watched,
) -> None:
    rng.seed(seed * _INPUTS + number)
    given = target.make(rng)
    before = time.thread_time()
    try:
        watched.number = number
        kind = target.give(given)
        watched.number = None
    except Exception as failure:
        watched.number = None
        kind = f"FOUND {type(failure).__name__}"
        report.note(_place(failure), number, _about(given, traceback.format_exc()))
    took = time.thread_time() - before
    if took > report.slowest[0]:
        report.slowest = took, number
    if took > limits.slow:
        report.note("slow", number, _about(given, f"took {took:.1f} s of CPU\n"))
    if kind not in report.kinds and len(report.kinds) >= _KINDS:
        kind = "more kinds"
    report.kinds[kind] += 1


@dataclass
class _Watched:
    """The number of the input that is being given; None between two of them."""

    number: int | None = None


@contextlib.contextmanager
def _watching(hang: float) -> Iterator[_Watched]:
    """Break off an input that takes that many seconds of CPU, or up to twice as many."""
    watched, seen = _Watched(), None

    def tick(_signal: int, _frame: Any) -> None:
        nonlocal seen
        if watched.number is not None and watched.number == seen:
            raise _HangError(f"not done after {hang:g} s of CPU")
        seen = watched.number

    earlier = signal.signal(signal.SIGPROF, tick)
    signal.setitimer(signal.ITIMER_PROF, hang, hang)
    try:
        yield watched
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)
        faulthandler.cancel_dump_traceback_later()


def _memory() -> tuple[int, int]:
    """Python's blocks of memory, and the bytes of the resident set."""
    gc.collect()
    return sys.getallocatedblocks(), memory(os.getpid(), "Rss")


def _place(failure: Exception) -> str:
    """The same for exceptions that have the same cause, most likely."""
    last = traceback.extract_tb(failure.__traceback__)[-1]
    return f"{type(failure).__name__} in {Path(last.filename).name}:{last.lineno}"


def _about(given: Any, what: str) -> str:
    return f"{what}\nThe input, for a regression test:\n{given!r}\n"
