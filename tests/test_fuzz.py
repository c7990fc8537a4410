"""The fuzzing can be run, finds nothing in a few thousand inputs, and would find what there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fuzz import __main__ as command
from fuzz.__main__ import TARGETS, target_named
from fuzz.running import Limits, Report, Target, input_of, run

INPUTS = 3_000
# What becomes of inputs that get as far as they can.
FURTHEST = {
    "messages": "pong",
    "cursors": "resumed",
    "options": "options",
    "usernames": "a username",
    "decoder": "events",
    "feeds": "restored, and used",
    "state_file": "taken over, and written again",
    "entries": "loaded, and used",
}


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    made = target_named(request.param)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("target", "name"), [(name, name) for name in TARGETS], indirect=["target"]
)
def test_nothing_is_found_in_a_few_thousand_inputs(target: Target, name: str) -> None:
    report = run(target, INPUTS, seed=20)

    assert not report.findings, report.findings[0].text
    assert report.kinds.total() == report.inputs == INPUTS
    # Neither are all refused, nor all taken.
    assert INPUTS / 50 < report.kinds[FURTHEST[name]] < INPUTS * 9 / 10
    assert report.slowest[0] > 0


@pytest.mark.parametrize("target", TARGETS, indirect=True)
def test_an_input_can_be_had_again_by_its_number(target: Target) -> None:
    made = [input_of(target, 3, number) for number in range(20)]

    assert made == [input_of(target, 3, number) for number in range(20)]
    assert made != [input_of(target, 4, number) for number in range(20)]


def number_below(most: int) -> Callable[[Random], int]:
    return lambda rng: rng.randrange(most)


def test_an_exception_is_found_with_the_input_that_raised_it() -> None:
    def give(number: int) -> str:
        if number == 7:
            raise KeyError(number)
        return "fine"

    report = run(Target(number_below(20), give), 500, seed=1)

    [finding] = report.findings
    assert finding.what.startswith("KeyError in test_fuzz.py:")
    assert "\n7\n" in finding.text
    assert input_of(Target(number_below(20), give), 1, finding.number) == 7
    assert report.found == report.kinds["FOUND KeyError"] > 1
    assert report.kinds["fine"] == 500 - report.found


def test_a_run_can_begin_at_an_input() -> None:
    given: list[int] = []

    def give(number: int) -> str:
        given.append(number)
        return "kept"

    target = Target(number_below(10**9), give)

    run(target, 3, seed=1, first=40)

    assert given == [input_of(target, 1, number) for number in (40, 41, 42)]


def test_a_run_that_is_stopped_reports_what_it_has_seen() -> None:
    def give(number: int) -> str:
        if number == 7:
            raise KeyboardInterrupt
        return "fine"

    report = run(Target(number_below(20), give), 500, seed=1)

    assert report.was_stopped
    assert 0 < report.inputs < 500
    assert report.kinds == {"fine": report.inputs}


def test_an_input_that_takes_too_long_is_found() -> None:
    def give(number: int) -> str:
        until = time.thread_time() + (0.05 if number == 7 else 0)
        while time.thread_time() < until:
            pass
        return "done"

    report = run(Target(number_below(20), give), 50, seed=1, limits=Limits(slow=0.04))

    [finding] = report.findings
    assert finding.what == "slow"
    assert "\n7\n" in finding.text


def test_an_input_that_never_ends_is_broken_off() -> None:
    def give(number: int) -> str:
        while number == 7:
            pass
        return "done"

    seed = next(
        seed for seed in range(99) if input_of(Target(number_below(20), give), seed, 0) == 7
    )
    report = run(Target(number_below(20), give), 1, seed, limits=Limits(slow=60, hang=0.05))

    [finding] = report.findings
    assert finding.what.startswith("_HangError")


@pytest.mark.parametrize("size", [1, 20_000], ids=["many small ones", "few large ones"])
def test_memory_that_is_not_given_back_is_found(size: int) -> None:
    kept: list[Any] = []

    def give(number: int) -> str:
        kept.append(bytes(size + number % 7))
        return "kept"

    report = run(Target(number_below(10**9), give), INPUTS, seed=1)

    assert [finding.what for finding in report.findings] == ["memory"]


def test_the_command_writes_what_it_finds_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def give(number: int) -> str:
        raise ValueError("a bug")

    monkeypatch.setattr(command, "target_named", lambda name: Target(number_below(9), give))
    arguments = ["usernames", "--inputs", "3", "--seed", "5", "--found", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["fuzz", *arguments])

    with pytest.raises(SystemExit, match="usernames"):
        command.main()

    assert "python -m fuzz usernames --seed 5 --first 0 --inputs 1" in capsys.readouterr().out
    [file] = tmp_path.iterdir()
    assert "ValueError: a bug" in file.read_text()


def test_the_summary_names_every_kind() -> None:
    report = Report(inputs=30, seconds=2.0)
    report.kinds.update({"refused": 20, "taken": 10})

    lines = command.summary("cursors", report).splitlines()

    assert lines[0].startswith("cursors: 30 inputs, 15 a second, 0 findings")
    assert lines[0].endswith("memory not judged")
    assert [line.split() for line in lines[1:]] == [["20", "refused"], ["10", "taken"]]
