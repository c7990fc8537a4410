"""Rows that dead processes left open are closed by those that run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from live.connections.orphans import OrphanCloser
from live.models import ConnectionLog
from live.protocol.errors import CloseCode

GONE, RUNNING = 5, 6
WITHIN = 10.0


class Processes:
    """What one process knows of the others.

    Attributes:
        looks: how often it has taken its own locks again.
        fails: what the database does instead.
    """

    sees_others = True

    def __init__(self) -> None:
        self.running = {RUNNING}
        self.looks = 0
        self.fails: Exception | None = None

    def owner(self) -> int:
        self.looks += 1
        if self.fails is not None:
            raise self.fails
        return RUNNING

    def is_running(self, number: int) -> bool:
        return number in self.running

    def cut(self) -> None:
        pass


@pytest.fixture
def processes() -> Processes:
    return Processes()


@pytest.fixture
async def closer(processes: Processes) -> AsyncIterator[OrphanCloser]:
    """Looks all the time, and waits for no process."""
    closer = made(processes, gone_for=0)
    yield closer
    await closer.close()


def made(processes: Any, gone_for: float) -> OrphanCloser:
    return OrphanCloser(processes, look_every=0.01, gone_for=gone_for)


async def a_row(process: int) -> ConnectionLog:
    return await ConnectionLog.objects.acreate(opened_at=timezone.now(), process=process)


async def until_closed(row: ConnectionLog) -> None:
    async with asyncio.timeout(WITHIN):
        while row.closed_at is None:
            await asyncio.sleep(0.01)
            await row.arefresh_from_db()


async def looks(processes: Processes, count: int) -> None:
    """Wait for so many more looks, of which the last has begun."""
    wanted = processes.looks + count
    async with asyncio.timeout(WITHIN):
        while processes.looks < wanted:
            await asyncio.sleep(0.01)


@pytest.mark.django_db(transaction=True)
class TestOrphans:
    async def test_they_are_closed_while_the_process_runs(
        self, processes: Processes, closer: OrphanCloser, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        gone, running = await a_row(GONE), await a_row(RUNNING)
        closer.start()
        await until_closed(gone)
        assert gone.close_code == CloseCode.ABNORMAL
        await running.arefresh_from_db()
        assert running.closed_at is None
        processes.running.clear()  # it dies, too, some time later
        await until_closed(running)
        assert caplog.text.count("1 connections were cut when another process died") == 2

    async def test_a_process_that_was_without_its_lock_for_a_moment_keeps_its_rows(
        self, processes: Processes
    ) -> None:
        """As when PostgreSQL restarts."""
        row = await a_row(RUNNING)
        processes.running.clear()
        closer = made(processes, gone_for=60)
        closer.start()
        await looks(processes, 3)
        processes.running.add(RUNNING)
        await looks(processes, 2)
        await closer.close()
        await row.arefresh_from_db()
        assert row.closed_at is None

    async def test_a_failing_database_gives_all_of_them_their_time_anew(
        self, processes: Processes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was seen before counts no more: all have lost their locks."""
        seconds = [0.0]
        monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
        row = await a_row(GONE)
        closer = made(processes, gone_for=30)
        close_rows = sync_to_async(closer._close_rows)
        assert await close_rows() == 0
        processes.fails = OperationalError("gone")
        seconds[0] = 20.0
        with pytest.raises(OperationalError):
            await close_rows()
        processes.fails = None
        for seconds[0] in (40.0, 69.0):
            assert await close_rows() == 0
        seconds[0] = 71.0
        assert await close_rows() == 1
        await row.arefresh_from_db()
        assert row.closed_at is not None

    async def test_a_failing_database_is_worth_one_line(
        self, processes: Processes, closer: OrphanCloser, caplog: pytest.LogCaptureFixture
    ) -> None:
        row = await a_row(GONE)
        processes.fails = OperationalError("no way\nin")
        closer.start()
        await looks(processes, 8)
        assert caplog.text.count("stay open for now: no way in") == 1
        processes.fails = None
        await until_closed(row)
        assert caplog.text.count("stay open for now") == 1

    async def test_where_other_processes_can_t_be_seen_nothing_is_closed(
        self, processes: Processes, closer: OrphanCloser
    ) -> None:
        processes.sees_others = False
        closer.start()
        await asyncio.sleep(0.05)
        assert processes.looks == 0
