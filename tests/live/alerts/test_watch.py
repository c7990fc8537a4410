"""Each condition is told once when it begins to hold, and once when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from live.alerts.alert import Alert, Condition
from live.alerts.messages import Kind, Message
from live.alerts.shared import Agreed, Change, SharedAlerts, Vote
from live.alerts.watch import Alerts
from tests.support.clock import VirtualClock, now_ms, virtual_time
from tests.support.redis_server import private_redis

DATABASE, REDIS, SIGN_GATE = Condition.DATABASE, Condition.REDIS, Condition.SIGN_GATE
AFTER = 60.0


class Server:
    """What may be wrong, and who is told of it.

    Attributes:
        wrong: the conditions that hold, with details.
        told: what people were told.
        unsent: what of it has reached nobody when it stops.
    """

    def __init__(self, shared: Any = None, *, after: float = AFTER, name: str = "one") -> None:
        self.wrong: dict[Condition, str] = {}
        self.told: list[Message] = []
        self.unsent: list[Message] = []
        self.alerts = Alerts(
            {each: partial(self._check, each) for each in Condition},
            self,
            VirtualClock(),
            after,
            name,
            shared,
        )

    def _check(self, condition: Condition) -> str | None:
        return self.wrong.get(condition)

    def tell(self, message: Message) -> None:
        self.told.append(message)

    async def close(self) -> list[Message]:
        return self.unsent

    @property
    def kinds(self) -> list[tuple[str, Condition | None]]:
        return [
            (m.kind.value.removeprefix("alert."), None if m.alert is None else m.alert.condition)
            for m in self.told
        ]

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Server]:
        self.alerts.start()
        try:
            yield self
        finally:
            await self.alerts.close()


class TestWhatIsTold:
    @virtual_time
    async def test_nothing_is_told_while_all_is_well(self) -> None:
        async with Server().watching() as server:
            await asyncio.sleep(1000)

            assert not server.told
            assert not server.alerts.current

    @virtual_time
    async def test_a_condition_is_told_once_it_has_held_for_long_enough(self) -> None:
        async with Server().watching() as server:
            await asyncio.sleep(10)
            server.wrong[SIGN_GATE] = "rate_limited"
            began = now_ms()
            await asyncio.sleep(AFTER - 1)
            assert not server.told

            await asyncio.sleep(5)
            [message] = server.told
            assert message.kind is Kind.RAISED
            assert message.alert is not None
            assert (message.alert.condition, message.alert.details) == (SIGN_GATE, "rate_limited")
            assert message.alert.since == pytest.approx(began, abs=2100)
            assert message.alert.process == "one"
            assert server.alerts.current == [message.alert]

            await asyncio.sleep(1000)
            assert len(server.told) == 1

    @virtual_time
    async def test_its_end_is_told_once_it_has_been_over_for_long_enough(self) -> None:
        async with Server().watching() as server:
            server.wrong[DATABASE] = ""
            await asyncio.sleep(2 * AFTER)
            server.wrong.clear()
            ended = now_ms()
            await asyncio.sleep(AFTER - 5)
            assert server.kinds == [("raised", DATABASE)]

            await asyncio.sleep(1000)
            assert server.kinds == [("raised", DATABASE), ("cleared", DATABASE)]
            assert server.told[1].alert == server.told[0].alert
            assert server.told[1].ended_at == pytest.approx(ended, abs=2100)
            assert not server.alerts.current

    @virtual_time
    async def test_a_blip_is_not_told(self) -> None:
        async with Server().watching() as server:
            for _ in range(10):
                server.wrong[SIGN_GATE] = "rate_limited"
                await asyncio.sleep(AFTER / 2)
                server.wrong.clear()
                await asyncio.sleep(AFTER / 2)

            assert not server.told

    @virtual_time
    async def test_a_pause_of_a_condition_is_not_its_end(self) -> None:
        async with Server().watching() as server:
            server.wrong[SIGN_GATE] = "sign_unavailable"
            await asyncio.sleep(2 * AFTER)
            for _ in range(10):
                server.wrong.clear()
                await asyncio.sleep(AFTER / 2)
                server.wrong[SIGN_GATE] = "sign_unavailable"
                await asyncio.sleep(4)

            assert server.kinds == [("raised", SIGN_GATE)]

    @virtual_time
    async def test_conditions_are_told_each_by_itself(self) -> None:
        async with Server().watching() as server:
            server.wrong[SIGN_GATE] = "rate_limited"
            await asyncio.sleep(2 * AFTER)
            server.wrong[DATABASE] = ""
            await asyncio.sleep(2 * AFTER)
            del server.wrong[SIGN_GATE]
            assert [alert.condition for alert in server.alerts.current] == [DATABASE, SIGN_GATE]
            await asyncio.sleep(2 * AFTER)

            assert server.kinds == [
                ("raised", SIGN_GATE),
                ("raised", DATABASE),
                ("cleared", SIGN_GATE),
            ]

    @virtual_time
    async def test_a_check_that_is_broken_stops_no_other(self) -> None:
        server = Server()

        def broken() -> str | None:
            raise RuntimeError("a fault")

        server.alerts = Alerts(
            {SIGN_GATE: broken, DATABASE: lambda: ""}, server, VirtualClock(), AFTER
        )
        async with server.watching():
            await asyncio.sleep(2 * AFTER)

        assert server.kinds == [("raised", DATABASE)]

    @virtual_time
    async def test_the_next_process_goes_on_with_what_was_told(self) -> None:
        async with Server().watching() as old:
            old.wrong |= {SIGN_GATE: "rate_limited", DATABASE: ""}
            await asyncio.sleep(2 * AFTER)
        new = Server(name="two")
        new.wrong[SIGN_GATE] = "rate_limited"
        new.alerts.restore(old.alerts.save())
        async with new.watching():
            await asyncio.sleep(10 * AFTER)

            assert new.kinds == [("cleared", DATABASE)]
            assert [alert.condition for alert in new.alerts.current] == [SIGN_GATE]

    @virtual_time
    async def test_the_next_process_tells_what_has_reached_nobody(self) -> None:
        async with Server().watching() as old:
            old.wrong[DATABASE] = ""
            await asyncio.sleep(2 * AFTER)
            old.wrong = {SIGN_GATE: "rate_limited"}
            await asyncio.sleep(2 * AFTER)
            assert old.kinds[1:] == [("cleared", DATABASE), ("raised", SIGN_GATE)]
            old.unsent = old.told[1:]
        new = Server(name="two")
        new.wrong[SIGN_GATE] = "rate_limited"
        new.alerts.restore(old.alerts.save())
        async with new.watching():
            await asyncio.sleep(2 * AFTER)

            assert sorted(new.kinds) == [("cleared", DATABASE), ("raised", SIGN_GATE)]


class Board:
    """Agrees as processes do through Redis, which may be away: one alert each, of all votes.

    Attributes:
        is_away: nothing can be agreed on.
    """

    def __init__(self) -> None:
        self.is_away = False
        self.alerts: dict[Condition, Alert] = {}
        self.seen_by: dict[Condition, set[str]] = {each: set() for each in Condition}

    def of(self, process: str) -> _Member:
        return _Member(self, process)


class _Member:
    def __init__(self, board: Board, process: str) -> None:
        self.board = board
        self.process = process

    async def agree(
        self, votes: Mapping[Condition, tuple[Vote, Alert]]
    ) -> dict[Condition, Agreed] | None:
        if self.board.is_away:
            return None
        return {each: self._agree(each, *vote) for each, vote in votes.items()}

    async def close(self) -> None:
        pass

    def _agree(self, condition: Condition, vote: Vote, would_be: Alert) -> Agreed:
        seen_by, alerts = self.board.seen_by[condition], self.board.alerts
        if vote is Vote.HOLDS:
            seen_by.add(self.process)
            if condition not in alerts:
                alerts[condition] = would_be
                return Agreed(Change.RAISED, would_be)
        elif vote is Vote.OVER:
            seen_by.discard(self.process)
            if condition in alerts and not seen_by:
                return Agreed(Change.CLEARED, alerts.pop(condition))
        return Agreed(Change.NONE, alerts.get(condition))


class TestSeveralProcesses:
    @virtual_time
    async def test_they_tell_once_what_all_of_them_see(self) -> None:
        board = Board()
        one, two = Server(board.of("one")), Server(board.of("two"), name="two")
        async with one.watching(), two.watching():
            one.wrong[DATABASE] = two.wrong[DATABASE] = ""
            await asyncio.sleep(2 * AFTER)
            assert one.kinds + two.kinds == [("raised", DATABASE)]
            assert one.alerts.current == two.alerts.current

            one.wrong.clear()
            await asyncio.sleep(2 * AFTER)
            assert len(one.told + two.told) == 1, "it holds in the other one"

            two.wrong.clear()
            await asyncio.sleep(2 * AFTER)
            assert [m.kind for m in one.told + two.told].count(Kind.CLEARED) == 1
            assert not one.alerts.current
            assert not two.alerts.current

    @virtual_time
    async def test_that_redis_is_away_each_tells_by_itself(self) -> None:
        board = Board()
        one, two = Server(board.of("one")), Server(board.of("two"), name="two")
        async with one.watching(), two.watching():
            board.is_away = True
            one.wrong[REDIS] = two.wrong[REDIS] = ""
            await asyncio.sleep(2 * AFTER)
            board.is_away = False
            one.wrong.clear()
            two.wrong.clear()
            await asyncio.sleep(2 * AFTER)

            assert one.kinds == two.kinds == [("raised", REDIS), ("cleared", REDIS)]
            assert [m.alert and m.alert.process for m in two.told] == ["two", "two"]

    @virtual_time
    async def test_what_was_told_while_redis_was_away_is_not_told_again(self) -> None:
        board = Board()
        async with Server(board.of("one")).watching() as server:
            board.is_away = True
            server.wrong[DATABASE] = ""
            await asyncio.sleep(2 * AFTER)
            board.is_away = False
            await asyncio.sleep(2 * AFTER)
            assert server.kinds == [("raised", DATABASE)]
            assert DATABASE in board.alerts

            board.is_away = True
            server.wrong.clear()
            await asyncio.sleep(2 * AFTER)
            board.is_away = False
            await asyncio.sleep(2 * AFTER)
            assert server.kinds == [("raised", DATABASE), ("cleared", DATABASE)]
            assert not board.alerts

    @virtual_time
    async def test_what_is_over_when_redis_comes_back_is_told_to_be_over(self) -> None:
        board = Board()
        async with Server(board.of("one")).watching() as server:
            board.is_away = True
            server.wrong[DATABASE] = ""
            await asyncio.sleep(2 * AFTER)
            server.wrong.clear()
            board.is_away = False
            await asyncio.sleep(2 * AFTER)

            assert server.kinds == [("raised", DATABASE), ("cleared", DATABASE)]

    async def test_redis_has_them_agree(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        with private_redis(tmp_path_factory.mktemp("redis")) as redis:
            address = {"address": f"redis://127.0.0.1:{redis.port}/0", "db": 0}
            one, two = (
                Server(SharedAlerts(address, name), after=0, name=name) for name in ("one", "two")
            )

            async def look() -> None:
                await one.alerts.look()
                await two.alerts.look()

            one.wrong[SIGN_GATE] = two.wrong[SIGN_GATE] = "rate_limited"
            await look()
            await look()
            assert (one.kinds, two.kinds) == ([("raised", SIGN_GATE)], [])
            assert one.alerts.current == two.alerts.current

            one.wrong.clear()
            await look()
            await look()
            assert not two.told
            two.wrong.clear()
            await look()
            await look()
            assert (one.kinds, two.kinds) == (
                [("raised", SIGN_GATE)],
                [("cleared", SIGN_GATE)],
            )
            assert not one.alerts.current
            for server in (one, two):
                await server.alerts.close()
