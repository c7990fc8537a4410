"""Gift streaks: what clients count is what was given."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from live.protocol.frames import Gift, StreakState
from live.streams.streaks import STREAK_TIMEOUT, Streaks
from tests.support.samples import gift

ONGOING, ENDED = StreakState.ONGOING, StreakState.ENDED
FORGOTTEN = 120.0


class TestUpdate:
    def test_it_passes_on_a_gift_that_is_no_streak(self) -> None:
        single = gift(3)

        assert Streaks().update(single, 0) is single

    def test_it_passes_on_a_streak_as_it_grows(self) -> None:
        streaks = Streaks()
        steps = [gift(1, ONGOING), gift(2, ONGOING), gift(3, ENDED)]

        assert [streaks.update(step, 0) for step in steps] == steps

    def test_it_drops_a_second_end(self) -> None:
        streaks = Streaks()
        streaks.update(gift(3, ENDED), 0)

        assert streaks.update(gift(3, ENDED), 1) is None

    def test_it_drops_a_step_that_the_end_overtook(self) -> None:
        streaks = Streaks()
        streaks.update(gift(3, ENDED), 0)

        assert streaks.update(gift(2, ONGOING), 1) is None
        assert list(streaks.end_all()) == []

    def test_it_never_shows_a_count_that_shrinks(self) -> None:
        streaks = Streaks()
        streaks.update(gift(5, ONGOING, diamonds=2), 0)

        overtaken = streaks.update(gift(3, ONGOING, diamonds=2), 1)

        assert overtaken == gift(5, ONGOING, diamonds=2)

    def test_it_counts_an_end_that_says_less_than_was_seen_as_what_was_seen(self) -> None:
        streaks = Streaks()
        streaks.update(gift(5, ONGOING), 0)

        assert streaks.update(gift(4, ENDED), 1) == gift(5, ENDED)

    def test_it_counts_anew_what_comes_after_the_end(self) -> None:
        streaks = Streaks()
        streaks.update(gift(3, ENDED, diamonds=10), 0)

        assert streaks.update(gift(5, ENDED, diamonds=10), 1) == gift(2, ENDED, diamonds=10)

    def test_it_counts_the_next_streak_without_a_group_from_the_start(self) -> None:
        streaks = Streaks()
        steps = [gift(3, ENDED, group="0"), gift(1, ONGOING, group="0"), gift(2, ENDED, group="0")]

        assert [streaks.update(step, 0) for step in steps] == steps

    def test_it_counts_a_streak_without_a_group_that_follows_one_that_timed_out(self) -> None:
        streaks = Streaks()
        frames = [streaks.update(gift(n, ONGOING, group="0"), n) for n in range(1, 6)]
        frames += streaks.expire(5 + STREAK_TIMEOUT)
        following = [gift(n, ONGOING, group="0") for n in (1, 2, 3)] + [gift(3, ENDED, group="0")]
        frames += [streaks.update(each, 6 + STREAK_TIMEOUT) for each in following]

        assert counted([frame for frame in frames if frame is not None]) == (8, 8)

    def test_it_counts_such_a_streak_though_it_grows_larger_than_the_first(self) -> None:
        streaks = Streaks()
        streaks.update(gift(2, ONGOING, group="0"), 0)
        frames = list(streaks.expire(STREAK_TIMEOUT))
        for step in [gift(n, ONGOING, group="0") for n in range(1, 5)] + [
            gift(4, ENDED, group="0")
        ]:
            frames.append(streaks.update(step, STREAK_TIMEOUT + 1) or gift(0))

        assert counted(frames) == (6, 6)

    def test_it_counts_the_rest_of_a_streak_without_a_group_that_goes_on(self) -> None:
        streaks = Streaks()
        streaks.update(gift(5, ONGOING, group="0"), 0)
        frames = list(streaks.expire(STREAK_TIMEOUT))
        frames.append(streaks.update(gift(7, ENDED, group="0"), STREAK_TIMEOUT + 1) or gift(0))

        assert counted(frames) == (7, 7)

    def test_it_drops_the_late_end_of_a_streak_without_a_group(self) -> None:
        streaks = Streaks()
        streaks.update(gift(5, ONGOING, group="0"), 0)
        list(streaks.expire(STREAK_TIMEOUT))

        assert streaks.update(gift(5, ENDED, group="0"), STREAK_TIMEOUT + 1) is None

    def test_it_keeps_streaks_of_users_gifts_and_groups_apart(self) -> None:
        streaks = Streaks()
        each = [
            gift(5, ENDED),
            gift(3, ENDED, who="other"),
            gift(3, ENDED, kind="1"),
            gift(3, ENDED, group="h"),
        ]

        assert [streaks.update(one, 0) for one in each] == each


class TestExpire:
    def test_it_ends_a_streak_that_is_silent_for_the_timeout(self) -> None:
        streaks = Streaks()
        streaks.update(gift(4, ONGOING, diamonds=5), 100)

        assert list(streaks.expire(100 + STREAK_TIMEOUT - 0.1)) == []
        assert list(streaks.expire(100 + STREAK_TIMEOUT)) == [gift(4, ENDED, diamonds=5)]

    def test_it_ends_a_streak_once(self) -> None:
        streaks = Streaks()
        streaks.update(gift(4, ONGOING), 0)
        list(streaks.expire(STREAK_TIMEOUT))

        assert list(streaks.expire(2 * STREAK_TIMEOUT)) == []
        assert list(streaks.end_all()) == []

    def test_it_waits_longer_for_a_streak_that_goes_on(self) -> None:
        streaks = Streaks()
        streaks.update(gift(1, ONGOING), 0)
        streaks.update(gift(2, ONGOING), 15)

        assert list(streaks.expire(STREAK_TIMEOUT)) == []
        assert list(streaks.expire(15 + STREAK_TIMEOUT)) == [gift(2, ENDED)]

    def test_it_ends_all_that_are_due_and_no_others(self) -> None:
        streaks = Streaks()
        streaks.update(gift(1, ONGOING, group="a"), 0)
        streaks.update(gift(2, ONGOING, group="b"), 1)
        streaks.update(gift(3, ONGOING, group="c"), 10)

        ended = list(streaks.expire(1 + STREAK_TIMEOUT))

        assert ended == [gift(1, ENDED, group="a"), gift(2, ENDED, group="b")]

    def test_it_counts_only_the_rest_of_a_streak_that_goes_on_after_the_timeout(self) -> None:
        streaks = Streaks()
        streaks.update(gift(4, ONGOING), 0)
        list(streaks.expire(STREAK_TIMEOUT))

        assert streaks.update(gift(6, ONGOING), STREAK_TIMEOUT + 1) == gift(2, ONGOING)
        assert streaks.update(gift(7, ENDED), STREAK_TIMEOUT + 2) == gift(3, ENDED)

    def test_it_drops_the_late_end_of_a_streak_that_it_ended_itself(self) -> None:
        streaks = Streaks()
        streaks.update(gift(4, ONGOING), 0)
        list(streaks.expire(STREAK_TIMEOUT))

        assert streaks.update(gift(4, ENDED), STREAK_TIMEOUT + 1) is None

    def test_it_forgets_streaks_of_long_ago(self) -> None:
        streaks = Streaks()
        for number in range(100):
            streaks.update(gift(1, ENDED, group=str(number)), 0)

        list(streaks.expire(FORGOTTEN))

        assert len(streaks) == 0


class TestEndAll:
    def test_it_ends_what_is_open(self) -> None:
        streaks = Streaks()
        streaks.update(gift(2, ONGOING, group="a"), 0)
        streaks.update(gift(9, ENDED, group="b"), 0)

        assert list(streaks.end_all()) == [gift(2, ENDED, group="a")]


def counted(frames: list[Gift]) -> tuple[int, int]:
    """Gifts and diamonds, as the protocol tells clients to count them."""
    final = [frame for frame in frames if frame.streak is not ONGOING]
    return sum(frame.count for frame in final), sum(frame.diamonds_total for frame in final)


@st.composite
def streams_of_gifts(draw: st.DrawFn) -> tuple[list[tuple[float, Gift]], tuple[int, int]]:
    """Messages with the seconds before each, and the true numbers of gifts and diamonds.

    Every streak is a set of its growing counts, whatever of them arrives, and perhaps its end,
    perhaps twice; all of that is shuffled.
    """
    messages: list[Gift] = []
    gifts = diamonds_given = 0
    for number in range(1, 1 + draw(st.integers(1, 4))):
        diamonds = draw(st.sampled_from([0, 1, 299]))
        counts = draw(st.lists(st.integers(1, 30), min_size=1, max_size=6))
        ends = draw(st.integers(0, 2))
        singles = draw(st.lists(st.integers(1, 3), max_size=2))
        messages += [gift(n, ONGOING, group=str(number), diamonds=diamonds) for n in counts]
        # The end says the whole count; it may arrive before any of the steps.
        messages += [gift(max(counts), ENDED, group=str(number), diamonds=diamonds)] * ends
        messages += [gift(n, None, diamonds=diamonds) for n in singles]
        gifts += max(counts) + sum(singles)
        diamonds_given += diamonds * (max(counts) + sum(singles))
    shuffled = draw(st.permutations(messages))
    # Within what the relay remembers, however the pauses fall.
    longest = (FORGOTTEN - 1) / len(messages)
    pauses = draw(
        st.lists(
            st.sampled_from([0.0, 1.0, 8.0, STREAK_TIMEOUT + 1]).map(lambda s: min(s, longest)),
            min_size=len(messages),
            max_size=len(messages),
        )
    )
    return list(zip(pauses, shuffled, strict=True)), (gifts, diamonds_given)


@given(streams_of_gifts(), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_clients_count_every_gift_exactly_once(
    stream: tuple[list[tuple[float, Gift]], tuple[int, int]], sweep_every: int
) -> None:
    messages, truth = stream
    streaks, frames, now = Streaks(), list[Gift](), 0.0
    for number, (pause, message) in enumerate(messages):
        now += pause
        if number % sweep_every == 0:
            frames += streaks.expire(now)
        shown = streaks.update(message, now)
        if shown is not None:
            frames.append(shown)
    frames += streaks.end_all()

    assert counted(frames) == truth
