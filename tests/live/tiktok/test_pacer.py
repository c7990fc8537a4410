"""How often TikTok is asked, and whose turn it is."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from live.tiktok.pacer import Pacer, Priority, Turn
from tests.support.clock import VirtualClock, now, settle, virtual_time

RATE, BURST = 20, 10
CONNECT, RECONNECT, POLL = Priority.CONNECT, Priority.RECONNECT, Priority.POLL

# When somebody asks, for what, and for how long at most.
ASKERS = st.lists(
    st.tuples(
        st.floats(0, 5),
        st.sampled_from(Priority),
        st.sampled_from([0.0, 0.01, 0.05, 0.3, 100.0]),
    ),
    max_size=60,
)


class Log:
    """Who had a turn, and when."""

    def __init__(self, pacer: Pacer) -> None:
        self.turns: list[tuple[float, object]] = []
        self._pacer = pacer

    async def ask(self, priority: Priority, who: object = None) -> None:
        await self._pacer.turn(priority)
        self.turns.append((now(), who))

    @property
    def order(self) -> list[object]:
        return [who for _, who in self.turns]


class Doomed(Turn):
    """Whose asker is cancelled in the moment in which it comes."""

    asker: asyncio.Task[None]

    def grant(self) -> None:
        super().grant()
        self.asker.cancel()


async def used_up() -> Log:
    """A pacer whose burst is used up."""
    log = Log(Pacer(RATE, VirtualClock()))
    for _ in range(BURST):
        await log.ask(CONNECT)
    log.turns.clear()
    return log


class TestTheRate:
    @virtual_time
    async def test_a_few_need_not_wait(self) -> None:
        log, began = Log(Pacer(RATE, VirtualClock())), now()
        for _ in range(BURST):
            await log.ask(POLL)
        assert now() - began < 0.001

    @virtual_time
    async def test_many_take_their_time(self) -> None:
        log, began = Log(Pacer(RATE, VirtualClock())), now()
        await asyncio.gather(*(log.ask(CONNECT, who) for who in range(1000)))
        assert (1000 - BURST) / RATE - 0.01 < now() - began < (1000 - BURST) / RATE + 0.01
        assert log.order == list(range(1000))

    @settings(max_examples=50, deadline=None)
    @given(ASKERS)
    @virtual_time
    async def test_there_are_never_more_turns_than_promised(
        self, askers: list[tuple[float, Priority, float]]
    ) -> None:
        pacer = Pacer(RATE, VirtualClock())
        log = Log(pacer)

        async def ask(after: float, priority: Priority, patience: float) -> None:
            await asyncio.sleep(after)
            try:
                async with asyncio.timeout(patience):
                    await log.ask(priority, patience)
            except TimeoutError:
                assert patience < 100

        await asyncio.gather(*(ask(*asker) for asker in askers))

        times = [at for at, _ in log.turns]
        for first, last in itertools.combinations_with_replacement(range(len(times)), 2):
            assert last - first + 1 <= RATE * (times[last] - times[first]) + BURST + 0.001
        patient = sum(patience == 100 for *_, patience in askers)
        assert log.order.count(100.0) == patient
        assert not pacer.waiting


class TestTheOrder:
    @virtual_time
    async def test_what_somebody_waits_for_comes_first(self) -> None:
        log = await used_up()
        asked = [(POLL, "c"), (CONNECT, "a"), (RECONNECT, "b"), (CONNECT, "A")]
        await asyncio.gather(*(log.ask(*question) for question in asked))
        assert log.order == ["a", "A", "b", "c"]

    @virtual_time
    async def test_nobody_waits_for_ever(self) -> None:
        log = await used_up()
        asked = [
            *(log.ask(CONNECT, CONNECT) for _ in range(100)),
            *(log.ask(RECONNECT, RECONNECT) for _ in range(100)),
            *(log.ask(POLL, POLL) for _ in range(100)),
        ]
        await asyncio.gather(*asked)
        assert log.order[:100].count(POLL) >= 9
        assert log.order[:100].count(RECONNECT) >= 9

    @virtual_time
    async def test_what_has_become_urgent_goes_ahead(self) -> None:
        log = await used_up()
        pacer = log._pacer
        others = [asyncio.create_task(log.ask(POLL, "other")) for _ in range(100)]
        await settle()
        turn = Turn(pacer, POLL)
        waiting = asyncio.create_task(turn.come())
        await settle()
        turn.hasten(CONNECT)
        await waiting
        assert len(log.turns) <= 1
        turn.hasten(CONNECT)  # too late, which does no harm
        await asyncio.gather(*others)


class TestThoseWhoGiveUp:
    @virtual_time
    async def test_they_take_no_turn(self) -> None:
        log, began = await used_up(), now()
        gone = [asyncio.create_task(log.ask(CONNECT)) for _ in range(100)]
        stays = asyncio.create_task(log.ask(POLL, "stays"))
        await settle()
        for task in gone:
            task.cancel()
        await stays
        assert now() - began < 1.1 / RATE
        assert log.order == ["stays"]

    @virtual_time
    async def test_a_turn_that_has_just_come_goes_to_the_next(self) -> None:
        log, began = await used_up(), now()
        turn = Doomed(log._pacer, CONNECT)
        turn.asker = gone = asyncio.create_task(turn.come())
        stays = asyncio.create_task(log.ask(CONNECT, "stays"))
        await stays
        assert gone.cancelled()
        assert now() - began < 1.1 / RATE
