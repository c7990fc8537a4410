"""Many refusals of one client are one row."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from live.connections.record import Connection
from live.protocol.errors import ErrorCode
from live.relay import refusals
from live.relay.refusals import Refusals
from tests.support.clock import VirtualClock, virtual_time

CODE = ErrorCode.TOO_MANY_CONNECTIONS


class Log:
    """Keeps what is written: each row's number of attempts, at each write."""

    def __init__(self) -> None:
        self.rows: list[Connection] = []
        self.writes: list[list[int]] = []

    def opened(self, connection: Connection) -> None:
        self.rows.append(connection)
        self.writes.append([])

    def closed(self, connection: Connection) -> None:
        self.writes[self.rows.index(connection)].append(connection.attempts)


class Refused:
    """Refusals, and the log that they write."""

    def __init__(self) -> None:
        self.log = Log()
        log: Any = self.log
        self.refusals = Refusals(log, VirtualClock())

    def add(self, address: str | None = "192.0.2.1", reason: str = "Wrong.") -> None:
        self.refusals.add(Connection(address, "an app"), CODE, reason)

    @property
    def attempts(self) -> list[int]:
        return [row.attempts for row in self.log.rows]


class TestRefusals:
    @virtual_time
    async def test_the_first_is_written_at_once(self) -> None:
        refused = Refused()
        refused.add()
        (row,) = refused.log.rows
        assert (row.address, row.user_agent) == ("192.0.2.1", "an app")
        assert (row.error_code, row.close_code, row.reason) == (CODE, 1008, "Wrong.")
        assert refused.log.writes == [[1]]
        refused.refusals.close()

    @virtual_time
    async def test_further_ones_make_its_number_grow_every_few_seconds(self) -> None:
        refused = Refused()
        for _ in range(57):
            refused.add()
            await asyncio.sleep(0.2)
        await asyncio.sleep(5)
        (writes,) = refused.log.writes
        assert writes[-1] == 57
        assert len(writes) <= 4
        refused.refusals.close()

    @virtual_time
    async def test_it_ends_after_a_quiet_minute(self) -> None:
        refused = Refused()
        refused.add()
        assert refused.refusals.is_counting("192.0.2.1", "Wrong.")
        await asyncio.sleep(70)
        assert not refused.refusals.is_counting("192.0.2.1", "Wrong.")
        refused.add()
        assert refused.attempts == [1, 1]
        refused.refusals.close()

    @virtual_time
    async def test_it_ends_after_an_hour_in_any_case(self) -> None:
        refused = Refused()
        for _ in range(2 * 60 * 3):
            refused.add()
            await asyncio.sleep(30)
        assert len(refused.log.rows) == 3
        assert sum(refused.attempts) == 360
        refused.refusals.close()

    @virtual_time
    async def test_each_client_and_each_reason_has_its_own(self) -> None:
        refused = Refused()
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", None):
            refused.add(address)
        refused.add(reason="Another.")
        assert refused.attempts == [1, 1, 2, 1, 1]
        refused.refusals.close()

    @virtual_time
    async def test_what_has_not_been_written_is_written_at_the_end(self) -> None:
        refused = Refused()
        refused.add()
        refused.add()
        refused.refusals.close()
        assert refused.log.writes == [[1, 2]]

    def test_the_number_of_rows_that_grow_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(refusals, "_MOST", 3)

        @virtual_time
        async def refuse_many() -> None:
            refused = Refused()
            for n in range(20):
                refused.add(f"192.0.2.{n}")
            assert refused.attempts == [1, 1, 1, 17]
            refused.refusals.close()

        refuse_many()
