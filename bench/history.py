"""What keeping LIVEs costs: on the way of the events, and beside it.

Some LIVEs take events at an even pace, in `Feed.take`, ten a push. In turns, their logs are kept or
not: with a keeper that looks once a second and writes into an SQLite database every three.

What the events' way costs is judged by the CPU of `take` in its own thread. That leaves out the
wait for Python's lock while the keeper holds it: the wall time of a push, which has it, is
shown beside it, and is the machine's other load, too. Beside it stands by how much more CPU the
whole process takes.

Then far more LIVEs take 5,000 events a second, and it shows how many entries a second are written.
A process of its own does it.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from bench.mix import SOURCE, encoded_frames, mixed
from bench.results import ROOT, Options, Row

if TYPE_CHECKING:
    from live.streams.feed import Feed
    from live.tiktok.events import Event

__all__ = ["run"]

_GOAL_US = 2.0
_LIVES = 20
_RATE = 50  # events a second, of each LIVE
_PER_PUSH = 10
_PHASE = 9.0  # seconds: three transactions
_ROUNDS, _QUICK_ROUNDS = 6, 3
# Of the second row.
_MANY_LIVES = 100
_MANY_SECONDS, _QUICK_SECONDS = 20, 10
_MANY_GOAL = 5000  # entries a second


def run(options: Options) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/history.sqlite3"}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        rounds = str(options.of(_ROUNDS, _QUICK_ROUNDS))
        seconds = str(options.of(_MANY_SECONDS, _QUICK_SECONDS))
        process = subprocess.run(
            [sys.executable, "-m", "bench.history", rounds, seconds],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
    figures = json.loads(process.stdout)
    return [_cost(figures), _throughput(figures)]


def _cost(figures: dict[str, float]) -> Row:
    kept, alone = figures["take_kept"], figures["take_alone"]
    more = kept - alone
    own = figures["cpu_kept"] - figures["cpu_alone"]
    return Row(
        what="an event's way into the log, of a LIVE that is kept (CPU)",
        relay=f"{kept:.1f} µs",
        reference=f"{alone:.1f} µs (not kept)",
        ratio=f"{more:+.1f} µs",
        goal=f"≤ +{_GOAL_US:g} µs",
        met=more <= _GOAL_US,
        figures=figures,
        notes=(
            f"{_LIVES} LIVEs, {_LIVES * _RATE} events/s in all, {SOURCE}",
            f"the keeper's own CPU, beside the events' way: {own:.1f} µs an event",
            f"wall time of a push of {_PER_PUSH}, p50/p99: "
            f"{figures['p50_kept']:.0f}/{figures['p99_kept']:.0f} µs, "
            f"not kept {figures['p50_alone']:.0f}/{figures['p99_alone']:.0f} µs",
        ),
    )


def _throughput(figures: dict[str, float]) -> Row:
    rate = figures["written_a_second"]
    return Row(
        what=f"entries that are written, of {_MANY_LIVES} LIVEs",
        relay=f"{rate:,.0f} a second",
        goal=f"≥ {_MANY_GOAL:,} a second",
        met=rate >= _MANY_GOAL,
        figures={},
        notes=(
            f"{figures['fed_a_second']:,.0f} events/s came; "
            f"at most {figures['most_waiting']:,.0f} waited",
        ),
    )


def _main(rounds: int, seconds: float) -> dict[str, float]:
    import django

    django.setup()
    return asyncio.run(_measure(rounds)) | asyncio.run(_write_many(seconds))


async def _measure(rounds: int) -> dict[str, float]:
    figures: dict[str, list[float]] = {}
    for number in range(2 * rounds):
        name = "kept" if number % 2 else "alone"
        measured = await _phase(number, is_kept=number % 2 == 1)
        if number >= 2:  # the first ones warm everything up
            for what, figure in measured.items():
                figures.setdefault(f"{what}_{name}", []).append(figure)
    return {name: statistics.median(values) for name, values in figures.items()}


class _Stream:
    """What a keeper asks of a stream, without a connection."""

    def __init__(self, username: str, feed: Feed) -> None:
        from live.streams.followers import NOBODY

        self.username = username
        self.feed = feed
        self.run = feed.begin_run()
        self.is_leading = self.has_led = self.is_connected = True
        self.is_following = self.over = False
        self.elsewhere = NOBODY
        self.error = None

    @property
    def log(self) -> Any:
        return self.feed.log


async def _phase(number: int, *, is_kept: bool) -> dict[str, float]:
    """Microseconds: of CPU an event, in `take` and in all; and of wall time a push."""
    from live.history.keeper import HistoryKeeper
    from live.streams.feed import Feed
    from live.tiktok.rooms import Room

    streams: list[Any] = []
    keeper = HistoryKeeper(list)
    for live in range(_LIVES):
        stream = _Stream(f"live{live}.{number}", Feed(4096, username=f"live{live}"))
        stream.feed.open(Room(f"{number}{live:03}"))
        streams.append(stream)
        if is_kept:
            keeper.stream_started(stream)  # type: ignore[arg-type]
    pushes = [_pushes() for _ in streams]
    if is_kept:
        keeper.start()
    within, events = 0.0, 0
    walls: list[float] = []
    began, cpu = time.monotonic(), time.process_time()
    for turn, pushed in enumerate(zip(*pushes, strict=True)):
        for stream, push in zip(streams, pushed, strict=True):
            before, wall = time.thread_time(), time.perf_counter()
            stream.feed.take(push, 0)
            walls.append((time.perf_counter() - wall) * 1e6)
            within += time.thread_time() - before
            events += len(push)
            await asyncio.sleep(0)
        await asyncio.sleep(max(0.0, began + turn * _PER_PUSH / _RATE - time.monotonic()))
    cpu = time.process_time() - cpu
    await keeper.close(30)
    if is_kept and keeper.written < events:
        raise RuntimeError(f"{events} events, and {keeper.written} are written")
    percentiles = statistics.quantiles(walls, n=100)
    return {
        "take": within / events * 1e6,
        "cpu": cpu / events * 1e6,
        "p50": percentiles[49],
        "p99": percentiles[98],
    }


async def _write_many(seconds: float) -> dict[str, float]:
    """Events come at the goal's pace, or as fast as this process can have them come. Entries are
    divided by the wall time of the transactions."""
    from msgspec.structs import replace

    from live.history.keeper import HistoryKeeper
    from live.streams.feed import Feed
    from live.tiktok.rooms import Room

    streams: list[Any] = []
    keeper = HistoryKeeper(list)
    write, writing = keeper._writer.write, 0.0

    def timed(*given: Any) -> Any:
        nonlocal writing
        before = time.monotonic()
        try:
            return write(*given)
        finally:
            writing += time.monotonic() - before

    keeper._writer.write = timed  # type: ignore[method-assign, assignment]
    for live in range(_MANY_LIVES):
        stream = _Stream(f"many{live}", Feed(4096, username=f"many{live}"))
        stream.feed.open(Room(f"9{live:03}"))
        streams.append(stream)
        keeper.stream_started(stream)  # type: ignore[arg-type]
    some = _pushes()
    keeper.start()
    pause = _PER_PUSH * _MANY_LIVES / _MANY_GOAL
    began, events, waited = time.monotonic(), 0, 0
    turns = int(seconds / pause)
    for turn in range(turns):
        for stream in streams:
            push = [replace(event, id=f"{turn}.{event.id}") for event in some[turn % len(some)]]
            stream.feed.take(push, 0)
            events += len(push)
            await asyncio.sleep(0)
        waited = max(waited, keeper.waiting)
        await asyncio.sleep(max(0.0, began + (turn + 1) * pause - time.monotonic()))
    fed = time.monotonic() - began
    await keeper.close(300)
    if keeper.waiting or keeper.lost:
        raise RuntimeError(f"{keeper.waiting} entries are not written, and {keeper.lost} are lost")
    return {
        "fed_a_second": events / fed,
        "written_a_second": keeper.written / writing,
        "most_waiting": waited,
    }


def _pushes() -> list[list[Event]]:
    """What one LIVE takes in a phase."""
    from bench.reading import reader
    from live.tiktok.decoding import decode_push_frame, decode_response

    read, count = reader().read, int(_PHASE * _RATE)
    frames: Iterable[bytes] = (data for data, _ in encoded_frames(mixed(), count, _PER_PUSH))
    return [
        list(read(decode_response(decode_push_frame(data)).messages))
        for data in islice(frames, count // _PER_PUSH)
    ]


if __name__ == "__main__":
    print(json.dumps(_main(int(sys.argv[1]), float(sys.argv[2]))))
