"""A feed that was written down and read again is the feed that was written down."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import (
    EVENT_TYPES,
    Comment,
    Delete,
    FrameType,
    Gift,
    Like,
    LiveChange,
    Other,
    State,
    Status,
    StreakState,
    Viewers,
)
from live.streams.borders import Border, save_border
from live.streams.feed import Feed
from live.streams.log import Entry
from live.streams.log_memory import LogMemory
from live.streams.saved import RestoreError, decode_feed, encode_feed
from live.tiktok.events import Event
from live.tiktok.rooms import Room
from tests.support.clock import FixedClock
from tests.support.reading import NOW
from tests.support.samples import gift, user

BACKLOG = 6  # so small that frames are dropped, and the memory for types is used up
BYTES = 6000
ONGOING, ENDED = StreakState.ONGOING, StreakState.ENDED
OFFLINE = RelayError(ErrorCode.USER_OFFLINE, username="anna", said="room 7 is over")
LIMITED = RelayError(
    ErrorCode.RATE_LIMITED, retry_after=7, tried=[("signed", ErrorCode.RATE_LIMITED)]
)

Step = Callable[["World"], object]


class World:
    """A feed, with clocks of its own: ms of the wall, and seconds of any other."""

    def __init__(self, feed: Feed, clock: FixedClock, now: int) -> None:
        self.feed = feed
        self.clock = clock
        self.now = now

    @classmethod
    def new(cls, backlog: int = BACKLOG, memory: int = BYTES) -> World:
        clock = FixedClock(NOW)
        feed = Feed(backlog, clock, "anna", memory=LogMemory(memory, 100 * memory))
        feed.begin_run()
        return cls(feed, clock, 1000)

    def restored(self, seconds: int = 0, backlog: int = BACKLOG, memory: int = BYTES) -> World:
        """What another process makes of it, so many seconds later."""
        clock, now = FixedClock(self.clock.ms + 1000 * seconds), 50
        saved = decode_feed(encode_feed(self.feed.save(self.now)))
        of_each = LogMemory(memory, 100 * memory)
        return World(Feed.restore(saved, now, backlog, clock, "anna", memory=of_each), clock, now)

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.clock.ms += 1000 * seconds

    def hear(self, type: FrameType, data: msgspec.Struct, id: str = "") -> bool:
        return self.feed.take([Event(type, id, self.clock.ms, data)], self.now)


def comment(id: int) -> Step:
    data = Comment(user(f"user{id % 3}"), f"Привет {id}" * (1 + id % 4), [], [])
    return lambda world: world.hear(FrameType.COMMENT, data, f"c{id}")


def give(who: int, count: int, streak: StreakState | None, group: str) -> Step:
    data = gift(count, streak, who=f"user{who}", group=group, diamonds=5)
    return lambda world: world.hear(FrameType.GIFT, data)


def next_run(error: RelayError | None) -> Step:
    def step(world: World) -> None:
        world.feed.end_run(error, world.clock.ms - 100)
        world.feed.begin_run()

    return step


def of(type: FrameType, data: msgspec.Struct) -> Step:
    return lambda world: world.hear(type, data)


few = st.integers(0, 9)
steps = st.one_of(
    few.map(comment),
    st.builds(
        give, st.integers(0, 2), st.integers(1, 5), st.sampled_from([ONGOING, ENDED]),
        st.sampled_from(["0", "g"]),
    ),
    st.builds(give, few, few, st.none(), st.just("")),
    few.map(lambda n: of(FrameType.LIKE, Like(user(), n, 10 * n))),
    few.map(lambda n: of(FrameType.VIEWERS, Viewers(n, n, []))),
    few.map(lambda n: of(FrameType.OTHER, Other("WebcastX", n))),
    few.map(lambda n: of(FrameType.DELETE, Delete([f"c{n}"], [f"user{n}"]))),
    st.just(of(FrameType.LIVE_END, LiveChange())),
    st.sampled_from(["1", "2"]).map(lambda n: lambda world: world.feed.open(Room(n, "Title"))),
    st.just(lambda world: world.feed.cut(world.clock.ms - 5000)),
    st.just(lambda world: world.feed.streamer_offline(OFFLINE)),
    st.sampled_from([None, OFFLINE, LIMITED]).map(next_run),
    st.just(lambda world: world.feed.append_status(Status(State.LIVE))),
    st.sampled_from([1, 5, 20, 120]).map(lambda seconds: lambda world: world.wait(seconds)),
    st.just(lambda world: world.feed.sweep(world.now)),
)  # fmt: skip


def told(border: Border | None) -> Any:
    """A border in a form that can be compared: errors are equal to themselves only."""
    return border and save_border(border)


def kept(entries: list[Entry]) -> list[tuple[object, ...]]:
    """What of entries is kept: not when their pushes arrived, which only measures this process."""
    return [(entry.offset, entry.type, entry.at, entry.text) for entry in entries]


def seen(world: World) -> Any:
    """Everything that a feed's users can learn of it."""
    feed, log = world.feed, world.feed.log
    places = range(max(0, log.end - 130), log.end + 1)
    half = log.end // 2
    return {
        "log": (log.epoch, log.first, log.first_with_others, log.end, log.last_border),
        "sizes": (log.size, log.others_size, log.first_room()),
        "reads": [
            kept(log.read(after, 3, others=others)) for after in places for others in (False, True)
        ],
        "lasting": [
            kept(log.lasting(after, first=first)) for after in places for first in (0, half)
        ],
        "missed": [
            log.missed(after, types, until, announced, first)
            for after in places
            for types in (EVENT_TYPES, {FrameType.COMMENT}, {FrameType.OTHER})
            for until, announced, first in ((None, 0, 0), (half, 0, 0), (None, half, half))
        ],
        "borders": [
            (told(log.border_before(at)), told((log.border_after(at) or (0, None))[1]))
            for at in places
        ],
        "snapshot": msgspec.json.encode(feed.snapshot()),
        "feed": (feed.run, feed.live_ended, feed.room, feed.was_live, feed.has_streaks),
        "ids": feed.ids_remembered,
    }


def differing(one: World, other: World) -> list[str]:
    """What differs of what can be learned of two feeds: its names, as all would be long."""
    of_one, of_other = seen(one), seen(other)
    return [name for name in of_one if of_one[name] != of_other[name]]


# With few of them, nothing would have been dropped, and types would not have been forgotten.
many_steps = st.lists(steps, min_size=40, max_size=160)


@given(many_steps, st.lists(steps, min_size=10, max_size=40), st.sampled_from([0, 1, 30]))
def test_a_restored_feed_is_the_one_that_was_saved(
    before: list[Step], after: list[Step], seconds: int
) -> None:
    world = World.new()
    for step in before:
        step(world)

    restored = world.restored(seconds)
    world.wait(seconds)

    assert not differing(restored, world)
    for step in after:
        assert step(restored) == step(world)
    assert not differing(restored, world)


def test_it_holds_after_the_memory_for_types_is_used_up() -> None:
    world = World.new()
    world.feed.open(Room("1"))
    for n in range(500):
        comment(n)(world)
        of(FrameType.LIKE, Like(user(), n, n))(world)
        of(FrameType.OTHER, Other("WebcastX", n))(world)
    restored = world.restored()
    assert world.feed.log.missed(0, EVENT_TYPES) is None, "there is more than it remembers"
    assert not differing(restored, world)

    for n in range(1000, 1030):
        for each in (world, restored):
            of(FrameType.LIKE, Like(user(), n, n))(each)
            comment(n)(each)
        assert not differing(restored, world)


@given(many_steps, st.integers(1, 30), st.sampled_from([900, 3000, 100_000]))
def test_it_fits_into_other_bounds(before: list[Step], backlog: int, memory: int) -> None:
    world = World.new()
    for step in before:
        step(world)

    log = world.restored(backlog=backlog, memory=memory).feed.log

    assert log.end == world.feed.log.end
    assert len(log.read(0, 1000, others=False)) <= backlog
    held = len(log.read(0, 1000, others=False)) + len(log.lasting(0))
    assert log.size <= memory or held == 1
    whole = world.feed.log.missed(0, EVENT_TYPES)
    less = log.missed(0, EVENT_TYPES)
    assert whole is None or less is None or all(less[kind] >= whole[kind] for kind in whole)
    for n in range(3 * backlog):
        log.append(FrameType.COMMENT, NOW, f"{n}")
    assert [e.text for e in log.read(log.end - 1, 9)] == [f"{3 * backlog - 1}"]


def test_streaks_grow_older_meanwhile() -> None:
    world = World.new()
    give(1, 2, ONGOING, "g")(world)

    soon, late = world.restored(seconds=19), world.restored(seconds=20)
    for each in (soon, late):
        each.feed.sweep(each.now)

    assert soon.feed.log.end == world.feed.log.end
    assert late.feed.log.end == world.feed.log.end + 1, "it has ended"


def test_an_ended_streak_that_goes_on_counts_what_is_new() -> None:
    world = World.new(backlog=100)
    give(1, 3, ENDED, "g")(world)
    restored = world.restored(backlog=100)

    for each in (world, restored):
        give(1, 5, ENDED, "g")(each)

    assert '"count":2,' in restored.feed.log.read(1, 1)[0].text
    assert not differing(restored, world)


def filled() -> World:
    world = World.new()
    world.feed.open(Room("1", "Title"))
    for n in range(12):
        comment(n)(world)
        of(FrameType.OTHER, Other("WebcastX", n))(world)
        of(FrameType.LIKE, Like(user(), n, n))(world)
    next_run(LIMITED)(world)
    world.feed.open(Room("1", "Title"))
    give(1, 2, ONGOING, "g")(world)
    give(2, 2, None, "")(world)
    return world


def use(feed: Feed) -> None:
    """Do what streams and sockets do with it."""
    world = World(feed, FixedClock(NOW), 50)
    seen(world)
    for n in range(200):
        comment(n)(world)
        of(FrameType.OTHER, Other("WebcastX", n))(world)
        give(1, n, ONGOING, "g")(world)
    feed.end_run(None, NOW)
    seen(world)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """The containers inside a value, each with each of its keys."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in places_in(value[key])]


def restore(given: bytes) -> Feed:
    return Feed.restore(decode_feed(given), 50, BACKLOG, FixedClock(NOW), "anna")


STRANGE: list[Any] = [
    *(None, True, 0, 1, -1, 3, 20, 40, 2**53, 2**64 - 1, 0.5, float("nan"), float("inf")),
    *("", "x", "%(bad)s", "gift", "comment", "like", b"", b"\xff", b"\x00" * 12),
    *([], [[]], {}, {"like": 5}),
]


class TestForeign:
    """What is read back is whatever somebody has put there."""

    @given(st.data())
    def test_a_changed_value_is_refused_or_does_no_harm(self, data: st.DataObject) -> None:
        tree = msgspec.msgpack.decode(encode_feed(filled().feed.save(1000)))
        places = places_in(tree)
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        change = data.draw(st.sampled_from(["replace", "remove", "copy", "swap"]))
        if change == "replace":
            container[key] = data.draw(st.sampled_from(STRANGE))
        elif change == "remove":
            del container[key]
        elif isinstance(container, list):
            if change == "copy":
                container.insert(key, copy.deepcopy(container[key]))
            else:
                container[key], container[0] = container[0], container[key]
        try:
            feed = restore(msgspec.msgpack.encode(tree))
        except RestoreError:
            return
        use(feed)

    @given(st.integers(0, 10**6), st.integers(0, 255))
    def test_a_changed_byte_is_refused_or_does_no_harm(self, at: int, value: int) -> None:
        given = bytearray(encode_feed(filled().feed.save(1000)))
        given[at % len(given)] = value
        try:
            feed = restore(bytes(given))
        except RestoreError:
            return
        use(feed)

    @given(st.integers(0, 10**6))
    def test_a_part_is_refused(self, length: int) -> None:
        given = encode_feed(filled().feed.save(1000))

        with pytest.raises(RestoreError):
            restore(given[: length % len(given)])

    @given(st.binary(max_size=200))
    @example(b"\x91" * 100_000)
    def test_anything_else_is_refused(self, given: bytes) -> None:
        with pytest.raises(RestoreError):
            restore(given)

    def test_another_version_is_refused(self) -> None:
        tree = msgspec.msgpack.decode(encode_feed(filled().feed.save(1000)))
        tree[0] += 1

        with pytest.raises(RestoreError, match="version 2, not 1"):
            restore(msgspec.msgpack.encode(tree))

    @pytest.mark.parametrize("row", ["ring", "others"])
    def test_a_hole_is_refused(self, row: str) -> None:
        tree = msgspec.msgpack.decode(encode_feed(filled().feed.save(1000)))
        del tree[1]["log"][row][-1]

        with pytest.raises(RestoreError, match="a hole"):
            restore(msgspec.msgpack.encode(tree))

    def test_a_streak_of_the_greatest_age_can_be_written_again(self) -> None:
        world = World.new()
        world.hear(FrameType.GIFT, gift(streak=ONGOING))
        tree = msgspec.msgpack.decode(encode_feed(world.feed.save(1000)))
        tree[1]["streaks"][0][-1] = 1e9

        later = restore(msgspec.msgpack.encode(tree)).save(5e9)

        assert decode_feed(encode_feed(later)).streaks[0].silent == 1e9

    def test_an_open_streak_that_is_there_twice_is_refused(self) -> None:
        world = World.new()
        world.hear(FrameType.GIFT, gift(streak=ONGOING))
        tree = msgspec.msgpack.decode(encode_feed(world.feed.save(1000)))
        tree[1]["snapshot"]["streaks"] *= 2

        with pytest.raises(RestoreError, match="two streaks"):
            restore(msgspec.msgpack.encode(tree))

    def test_a_number_that_does_not_fit_is_not_written(self) -> None:
        world = World.new()
        data = msgspec.structs.replace(gift(), diamonds_total=2**70)
        world.hear(FrameType.GIFT, data)
        assert isinstance(data, Gift)

        with pytest.raises(RestoreError):
            encode_feed(world.feed.save(world.now))
