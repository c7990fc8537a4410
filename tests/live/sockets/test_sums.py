"""A client that adds up what it got and what it was told it missed: the sum is what happened."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from live.protocol.cursor import Cursor
from live.protocol.frames import FrameType
from live.sockets.delivery import Delivery
from live.streams.log import EventLog
from live.streams.log_memory import LogMemory
from tests.support.samples import append, read_frame

EVENTS = [
    *(FrameType.LIKE, FrameType.JOIN, FrameType.VIEWERS),
    *(FrameType.GIFT, FrameType.COMMENT, FrameType.FOLLOW),
]
OTHER = FrameType.OTHER
# Of this many frames behind, a socket is sent merged ones, which this client does not take apart.
LAG = 256
BURST = 60


class Sums(RuleBasedStateMachine):
    """One client, which is cut behind any frame, and resumes from that frame's cursor."""

    @initialize(
        capacity=st.sampled_from([4, 10, 40]),
        bytes_=st.sampled_from([6_000, 30_000, 10**9]),
        types=st.none()
        | st.just(frozenset([*EVENTS, OTHER]))
        | st.frozensets(st.sampled_from([*EVENTS, OTHER]), min_size=1),
        before=st.integers(0, 20),
    )
    def start(
        self, capacity: int, bytes_: int, types: frozenset[FrameType] | None, before: int
    ) -> None:
        self.memory = LogMemory(bytes_, 3 * bytes_)
        self.log = EventLog(capacity, self.memory)
        self.types = types
        self.wanted = set(EVENTS if types is None else types)
        for number in range(before):
            append(self.log, EVENTS[number % len(EVENTS)])
        self.appended: Counter[str] = Counter()
        self.told: list[Any] = []
        self.sent = 0  # by the last look
        self.connect(None)
        assert self.delivery is not None
        self.first_cursor = self.delivery.cursor

    def connect(self, since: str | None) -> None:
        parsed = None if since is None else Cursor.parse(since)
        self.delivery: Delivery | None = Delivery(self.log, parsed, self.types, 0, lambda: 0)
        self.not_lag = self.log.end
        assert since is None or self.delivery.cursor == since
        # Where the replay is whole, no gap must come.
        self.may_miss = not self.delivery.resumed

    def may_append(self) -> bool:
        if self.delivery is None:
            return True
        return self.log.end - max(self.delivery.position, self.not_lag) <= LAG - BURST

    @precondition(may_append)
    @rule(
        types=st.lists(st.sampled_from([*EVENTS, OTHER, FrameType.STATUS]), min_size=1, max_size=20)
    )
    def append_some(self, types: list[FrameType]) -> None:
        for frame_type in types:
            append(self.log, frame_type)
            self.appended[frame_type] += frame_type in self.wanted
        self.may_miss = True

    @precondition(may_append)
    @rule(
        mix=st.lists(st.sampled_from([*EVENTS, OTHER]), min_size=1, max_size=3),
        times=st.integers(1, BURST),
    )
    def append_a_burst(self, mix: list[FrameType], times: int) -> None:
        self.append_some([mix[number % len(mix)] for number in range(times)])

    @rule(frames=st.integers(1, 200), kind=st.sampled_from([FrameType.LIKE, OTHER]))
    def fill_another_log(self, frames: int, kind: FrameType) -> None:
        another = EventLog(1000, self.memory)
        for _ in range(frames):
            append(another, kind)
        self.may_miss = True

    @precondition(lambda self: self.delivery is not None)
    @rule(looks=st.integers(1, 2))
    def take(self, looks: int) -> None:
        assert self.delivery is not None
        for _ in range(looks):
            texts = [text for parcel in self.delivery.pending() for text in parcel.texts]
            frames = [read_frame(text) for text in texts]
            assert self.may_miss or not any(frame["type"] == "gap" for frame in frames)
            self.told += frames
            self.sent = len(frames)

    @precondition(lambda self: self.delivery is not None)
    @rule(share=st.floats(0, 1), at_once=st.booleans())
    def cut(self, share: float, at_once: bool) -> None:
        """Of the frames that were sent to it last, some do not arrive."""
        self.take(1)
        arrived = len(self.told) - self.sent
        self.sent = 0
        self.told = self.told[: arrived + int(share * (len(self.told) - arrived))]
        self.delivery = None
        if at_once:
            self.resume()

    @precondition(lambda self: self.delivery is None)
    @rule()
    def resume(self) -> None:
        self.connect(self.told[-1]["cursor"] if self.told else self.first_cursor)

    def teardown(self) -> None:
        if not hasattr(self, "log"):
            return
        if self.delivery is None:
            self.resume()
        assert self.delivery is not None
        while not self.delivery.up_to_date:
            self.take(1)
        self.check()

    def check(self) -> None:
        told = [frame for frame in self.told if frame["type"] in self.wanted]
        places = [Cursor.parse(frame["cursor"]).offset for frame in told]
        assert places == sorted(set(places)), "each event once, in order"
        missed = [frame["data"]["missed"] for frame in self.told if frame["type"] == "gap"]
        if None in missed:
            return
        total = Counter(frame["type"] for frame in told)
        for of_one in missed:
            total.update(of_one)
        assert total == +self.appended


def test_what_came_and_what_was_missed_are_all_that_happened() -> None:
    run_state_machine_as_test(
        Sums, settings=settings(max_examples=80, stateful_step_count=30, deadline=None)
    )
