"""What benchmarks of delivery share: rounds of events to many sockets, and what they cost."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Protocol

from bench.mix import mixed
from bench.phones import Phones
from bench.processes import cpu_seconds
from bench.servers import Reference, Relay
from bench.standin import StandIn

__all__ = ["PER_FRAME", "RATE", "SOCKETS", "ReferenceSetting", "RelaySetting", "in_turns", "texts"]

SOCKETS = 100
RATE = 200.0
# Events in one frame of TikTok's: at that rate 50 frames come in a second.
PER_FRAME = 4
_GRACE = 20.0
# Frames that tell of the start, gathered into a batch perhaps, are not to be counted.
_SETTLE = 1.5
_TEXTS = 200


class Setting(Protocol):
    def round(self, events: int) -> float:
        """Deliver events; CPU seconds of the server per event and socket."""


class RelaySetting:
    """A stand-in, the relay and its sockets, on one server."""

    def __init__(self, tiktok: StandIn, relay: Relay, phones: Phones) -> None:
        self.tiktok = tiktok
        self.relay = relay
        self.phones = phones

    @classmethod
    @contextmanager
    def on(
        cls, kind: str, sockets: int = SOCKETS, query: str = "", stamps: bool = False
    ) -> Iterator[RelaySetting]:
        with StandIn() as tiktok, Relay(kind, tiktok) as relay, Phones() as phones:
            phones.open(relay.port, relay.path + query, sockets, greeting=True, stamps=stamps)
            time.sleep(_SETTLE)
            yield cls(tiktok, relay, phones)

    def round(self, events: int) -> float:
        self.tiktok.prepare(events, PER_FRAME)
        self.phones.reset()
        before = cpu_seconds(self.relay.pid)
        self.tiktok.push(RATE, within=events / RATE + _GRACE)
        return _cost(self.relay.pid, before, self.phones, events)


class ReferenceSetting:
    """A reference server and its sockets."""

    def __init__(self, server: Reference, phones: Phones) -> None:
        self.server = server
        self.phones = phones

    @classmethod
    @contextmanager
    def on(cls, kind: str, sockets: int = SOCKETS) -> Iterator[ReferenceSetting]:
        with texts() as file, Reference(kind, file) as server, Phones() as phones:
            phones.open(server.port, server.path, sockets, greeting=False)
            yield cls(server, phones)

    def round(self, events: int) -> float:
        self.phones.reset()
        before = cpu_seconds(self.server.pid)
        self.server.publish(events, RATE, PER_FRAME)
        return _cost(self.server.pid, before, self.phones, events)


def _cost(pid: int, before: float, phones: Phones, events: int) -> float:
    counts = phones.wait_for_events(events, within=events / RATE + _GRACE)
    used = cpu_seconds(pid) - before
    delivered: int = sum(counts["events"])
    if delivered != events * len(counts["events"]):
        raise RuntimeError(f"{delivered} events arrived, of {events} for each socket: {counts}")
    return used / delivered


def in_turns(settings: Sequence[Setting], rounds: int, events: int) -> list[float]:
    """The median cost of each, measured by turns after one round to warm up."""
    for setting in settings:
        setting.round(events)
    costs = [[setting.round(events) for setting in settings] for _ in range(rounds)]
    return [median(of_one) for of_one in zip(*costs, strict=True)]


@contextmanager
def texts() -> Iterator[Path]:
    """A file of the very texts that the relay sends for the mix, one a line."""
    import django

    django.setup()
    from bench.reading import reader
    from live.streams.feed import Feed

    feed = Feed(backlog=_TEXTS)
    feed.take(reader().read(islice(mixed(), _TEXTS)), now=0)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(f"{entry.text}\n" for entry in feed.log.read(0, _TEXTS))
        file.flush()
        yield Path(file.name)
