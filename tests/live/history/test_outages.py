"""What history does while the database fails, hangs or refuses, and when a sink does."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
import psycopg
import pytest
from django.db import DataError, OperationalError
from django.db.utils import ConnectionHandler
from django.utils import timezone

from accounts.models import User
from live.connections.database import own_connection
from live.history import keeper as keeper_module
from live.history import pruning
from live.history.heard import Heard
from live.history.models import Hole, HoleKind, Live, LiveListener
from live.history.writing import Writer
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType
from live.streams.followers import Elsewhere
from tests.support.history import NOW, Keeping, event, gift_event, room
from tests.support.postgresql import PostgreSQL, private_postgresql

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]


class Sink:
    """Writes accounts, so that a test sees whether its transaction came through.

    Attributes:
        heard: what it was given, by call.
        fails: what it raises, after it has written.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.fails: Exception | None = None

    def write(self, heard: Sequence[Heard]) -> None:
        self.heard += heard
        User.objects.create(username=f"sink{len(self.heard)}")
        if self.fails is not None:
            raise self.fails


class Written:
    """What Redis has of a log."""

    has_entries = False

    def __init__(self, written: int) -> None:
        self.written = written


def gifts_of(heard: Heard) -> list[int]:
    """How many each gift was."""
    frames = [json.loads(entry.text) for entry in heard.entries if entry.type is FrameType.GIFT]
    return [frame["data"]["count"] for frame in frames]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
async def keeping(sink: Sink) -> AsyncIterator[Keeping]:
    keeping = Keeping(sink)
    yield keeping
    await keeping.end()


async def sums() -> tuple[int, int]:
    live = await Live.objects.aget()
    return live.likes, live.gifts


class TestSinks:
    async def test_they_get_each_entry_once_with_the_live(
        self, keeping: Keeping, sink: Sink
    ) -> None:
        anna = (await User.objects.acreate(username="anna")).pk
        stream = keeping.stream(anna)
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 3)], 0)
        await keeping.write()
        stream.feed.take([event(FrameType.LIKE, NOW, 2), event(FrameType.LIVE_END, NOW)], 0)
        await keeping.write()
        begun, first, second = sink.heard
        assert (begun.username, begun.accounts) == ("anna.live", frozenset({anna}))
        assert (begun.has_begun, begun.has_ended, begun.entries) == (True, False, ())
        assert (first.username, first.accounts) == ("anna.live", frozenset({anna}))
        assert (first.has_begun, first.has_ended, first.error) == (False, False, None)
        assert [entry.type for entry in first.entries] == ["gift"]
        assert (second.has_begun, second.has_ended) == (False, True)
        assert [entry.type for entry in second.entries] == ["like", "live_end"]
        assert second.live is not None
        assert (second.live.gifts, second.live.likes) == (3, 2)

    async def test_they_are_told_of_the_accounts_of_other_processes(
        self, keeping: Keeping, sink: Sink
    ) -> None:
        anna, bert = [(await User.objects.acreate(username=name)).pk for name in ("anna", "bert")]
        stream = keeping.stream(anna)
        stream.feed.open(room())
        await keeping.write()
        live = await Live.objects.aget()
        await LiveListener.objects.acreate(live=live, account_id=bert, began_at=live.began_at)
        stream.elsewhere = Elsewhere(listeners=1)
        stream.feed.take([gift_event(NOW, 3)], 0)
        await keeping.write()
        assert [heard.accounts for heard in sink.heard] == [{anna}, {anna, bert}]

    async def test_they_are_told_of_all_since_an_account_came_in_another_process(
        self, keeping: Keeping, sink: Sink
    ) -> None:
        """The one that counts knows nothing of it until it has its row."""
        carl = (await User.objects.acreate(username="carl")).pk
        leader = keeping.stream()
        leader.feed.open(room())
        leader.feed.take([gift_event(NOW, 1)], 0)
        other = Keeping(sink, clock=keeping.clock)
        other.following(carl, leader.feed)
        other.keeper.look()
        leader.feed.take([gift_event(NOW, 2), event(FrameType.LIKE, NOW, 1)], 0)
        other.hears.clear()  # it goes at once
        leader.elsewhere = Elsewhere(0)
        await keeping.write()  # all of this, without carl
        leader.feed.last_copy = Written(leader.log.end)
        leader.feed.take([gift_event(NOW, 3)], 0)
        await other.write()
        assert leader.feed.last_copy is not None
        leader.feed.last_copy = Written(leader.log.end)
        await keeping.write()
        await other.write()
        await other.end()
        told = [heard for heard in sink.heard if carl in heard.accounts]
        assert told[0].has_begun
        gifts = [gifts_of(heard) for heard in told if heard.entries]
        assert gifts == [[2], [3]]

    @pytest.mark.parametrize("is_written", [True, False])
    async def test_they_are_told_of_it_once_though_its_process_takes_over(
        self, keeping: Keeping, sink: Sink, is_written: bool
    ) -> None:
        carl = (await User.objects.acreate(username="carl")).pk
        dying = keeping.stream()
        dying.feed.open(room())
        dying.feed.take([gift_event(NOW, 1)], 0)
        other = Keeping(sink, clock=keeping.clock)
        stream = other.following(carl, dying.feed)
        other.keeper.look()
        dying.feed.take([gift_event(NOW, 2)], 0)
        await keeping.write()
        if is_written:
            await other.write()
        dying.feed.take([gift_event(NOW, 3)], 0)
        other.keeper.look()
        stream.is_following, stream.is_leading, stream.has_led = False, True, True
        stream.feed.last_copy = Written(dying.log.end)
        for _ in range(2):
            await other.write()
        await other.end()
        told = [heard for heard in sink.heard if carl in heard.accounts]
        assert [gift for heard in told for gift in gifts_of(heard)] == [2, 3]

    async def test_a_live_begins_once_for_each_account_that_hears_it(
        self, keeping: Keeping, sink: Sink
    ) -> None:
        """One is there at its beginning, one comes later, one hears it in another process."""
        anna, bert, carl = [
            (await User.objects.acreate(username=name)).pk for name in ("anna", "bert", "carl")
        ]
        stream = keeping.stream(anna)
        stream.feed.open(room())
        await keeping.write()
        other = Keeping(sink, clock=keeping.clock)
        follower = other.following(carl)
        follower.feed.open(room())
        for _ in range(2):
            await other.write()
        keeping.hears.append((stream, bert))
        for _ in range(2):
            stream.feed.take([gift_event(NOW, 1)], 0)
            await keeping.write()
        again = other.stream(anna, bert)  # after a restart
        again.feed.open(room())
        await other.write()
        await other.end()
        begun = [heard for heard in sink.heard if heard.has_begun]
        assert [heard.accounts for heard in begun] == [{anna}, {carl}, {bert}]
        assert all(heard.live is not None for heard in begun)

    async def test_they_hear_of_a_stream_that_failed_without_a_live(
        self, keeping: Keeping, sink: Sink
    ) -> None:
        anna = (await User.objects.acreate(username="anna")).pk
        stream = keeping.stream(anna)
        keeping.hears.clear()  # the socket was told, and is gone
        stream.stop(RelayError(ErrorCode.USER_OFFLINE, username="anna.live"))
        await keeping.write()
        (heard,) = sink.heard
        assert (heard.live, heard.accounts) == (None, frozenset({anna}))
        assert heard.error is not None
        assert heard.error.code is ErrorCode.USER_OFFLINE

    async def test_one_that_fails_keeps_no_live_from_being_counted(
        self, keeping: Keeping, sink: Sink, caplog: pytest.LogCaptureFixture
    ) -> None:
        sink.fails = ValueError("a fault")
        stream = keeping.stream()
        stream.feed.open(room())
        for _ in range(2):
            stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
            await keeping.write()
        assert await sums() == (2, 0)
        assert not await User.objects.aexists(), "what it had written is taken back"
        assert caplog.text.count("LIVEs are kept all the same") == 1

    async def test_where_the_database_fails_in_one_nothing_is_written_until_it_works(
        self, keeping: Keeping, sink: Sink
    ) -> None:
        sink.fails = OperationalError("gone")
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
        await keeping.write()
        assert not await Live.objects.aexists()
        sink.fails = None
        await keeping.write()
        assert await sums() == (1, 0)
        assert len(sink.heard) == 2
        assert await User.objects.acount() == 1


class Outage:
    """A way to the database that can be closed."""

    def __init__(self) -> None:
        self.is_on = False

    def connect(self) -> Any:
        connection = own_connection()
        ensure = connection.ensure_connection

        def unless_out() -> None:
            if self.is_on:
                raise OperationalError("no way\nDETAIL: secret")
            ensure()

        connection.ensure_connection = unless_out  # type: ignore[method-assign]
        return connection


class TestAnOutage:
    async def test_nothing_is_lost_by_it(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        outage = Outage()
        keeping = Keeping(connect=outage.connect)
        outage.is_on = True
        stream = keeping.stream()
        stream.feed.open(room())
        for _ in range(4):
            stream.feed.take([gift_event(NOW, 1), event(FrameType.LIKE, NOW, 2)], 0)
            await keeping.write()
        assert keeping.keeper.failures == 4
        assert keeping.keeper.waiting == 8
        outage.is_on = False
        await keeping.write()
        assert await sums() == (8, 4)
        assert keeping.keeper.waiting == 0
        assert keeping.keeper.written == 8
        assert caplog.text.count("LIVEs can't be written to the database") == 1
        assert caplog.text.count("LIVEs are written to the database again") == 1
        assert "secret" not in caplog.text
        assert not await Hole.objects.aexists()
        await keeping.end()

    async def test_what_waits_is_written_in_one_go(
        self, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However little a transaction takes, and without waiting for the next turn."""
        monkeypatch.setattr(keeper_module, "_AT_ONCE", 2)
        stream = keeping.stream()
        stream.feed.open(room())
        for _ in range(9):
            stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
            keeping.keeper.look()
        await keeping.keeper._write()
        assert (keeping.keeper.waiting, keeping.keeper.written) == (0, 9)

    async def test_what_does_not_fit_into_memory_is_a_hole(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeper_module, "_MOST_WAITING", 10)
        outage = Outage()
        keeping = Keeping(connect=outage.connect)
        outage.is_on = True
        stream = keeping.stream(feed=keeping.feed(backlog=20))
        stream.feed.open(room())
        for number in range(20):
            keeping.clock.ms += 1000
            stream.feed.take([event(FrameType.LIKE, NOW + number * 1000, 1) for _ in range(5)], 0)
            await keeping.write()
        assert keeping.keeper.waiting <= 10
        outage.is_on = False
        for _ in range(5):
            await keeping.write()
        live = await Live.objects.aget()
        assert live.likes < 100
        (hole,) = [hole async for hole in Hole.objects.all()]
        assert hole.kind == HoleKind.OVERRUN
        assert hole.began_at < hole.ended_at
        await keeping.end()

    async def test_a_transaction_of_which_nobody_knows_is_not_counted_twice(
        self, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 2)], 0)
        write = Writer.write

        def write_and_fail(self: Writer, *given: Any) -> Any:
            write(self, *given)
            raise OperationalError("the connection was lost after the commit")

        with monkeypatch.context() as patched:
            patched.setattr(Writer, "write", write_and_fail)
            await keeping.write()
        assert keeping.keeper.failures == 1
        stream.feed.take([gift_event(NOW, 1)], 0)
        await keeping.write()
        assert await sums() == (0, 3)

    async def test_what_the_database_refuses_holds_up_no_other_live(
        self, keeping: Keeping, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("anna.live", "bert.live"):
            stream = keeping.stream(feed=keeping.feed(name), username=name)
            stream.feed.open(room(name))
            stream.feed.take([gift_event(NOW, 2)], 0)
        write = Writer.write

        def refuse(self: Writer, pieces: Any, *given: Any) -> Any:
            if any(piece.source.username == "anna.live" and piece.entries for piece in pieces):
                raise DataError("a value is too long")
            return write(self, pieces, *given)

        with monkeypatch.context() as patched:
            patched.setattr(Writer, "write", refuse)
            await keeping.write()
        assert keeping.keeper.lost == 1
        lives = {live.tiktok_username: live async for live in Live.objects.all()}
        assert (lives["anna.live"].gifts, lives["bert.live"].gifts) == (0, 2)
        (hole,) = [hole async for hole in Hole.objects.all()]
        assert (hole.live_id, hole.kind) == (lives["anna.live"].pk, HoleKind.OVERRUN)
        assert "@anna.live: its LIVE can't be written" in caplog.text

    async def test_the_end_of_the_process_does_not_wait_for_a_database_that_hangs(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        answers = threading.Event()

        def connect() -> Any:
            answers.wait(10)
            return own_connection()

        keeping = Keeping(connect=connect)
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 2)], 0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await keeping.keeper.close(0.2)
        assert loop.time() - began < 5
        assert "1 entries of LIVEs could not be counted before the end" in caplog.text
        answers.set()


class TestItRunsByItself:
    async def test_it_writes_every_few_seconds_and_the_rest_at_the_end(self) -> None:
        keeping = Keeping(write_every=0.01)
        keeping.keeper.start()
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 2)], 0)
        async with asyncio.timeout(10):
            while keeping.keeper.written < 1:
                await asyncio.sleep(0.02)
        stream.feed.take([gift_event(NOW, 1)], 0)
        stream.stop()
        await keeping.end()
        live = await Live.objects.aget()
        assert (live.gifts, live.end_reason) == (3, "unheard")


def migrate(postgresql: PostgreSQL) -> None:
    environment = {"DATABASE_URL": postgresql.url, "SECRET_KEY": "of the tests"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


class TestPruning:
    async def test_it_runs_by_itself_however_much_there_is_to_write(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeper_module, "_PRUNE_FIRST", 0.0)
        monkeypatch.setattr(keeper_module, "_LOOK_EVERY", 0.01)
        at = timezone.now() - timedelta(days=91)
        await Live.objects.acreate(
            tiktok_username="anna.live", room_id="old", began_at=at, heard_from=at, heard_until=at
        )
        pruned = asyncio.Event()
        loop = asyncio.get_running_loop()

        def prune(*days: int) -> tuple[int, int]:
            deleted = pruning.prune_some(*days)
            loop.call_soon_threadsafe(pruned.set)
            return deleted

        monkeypatch.setattr(keeper_module, "prune_some", prune)
        keeping = Keeping(write_every=0.02)
        stream = keeping.stream()
        stream.feed.open(room())
        keeping.keeper.start()
        async with asyncio.timeout(10):
            while not pruned.is_set():
                stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
                await asyncio.sleep(0.005)
        await keeping.end()
        assert [live.room_id async for live in Live.objects.all()] == ["1"]


class TestPostgreSQL:
    async def test_two_processes_that_count_the_same_log_count_it_once(self) -> None:
        """As one that was taken for dead, and goes on after the other has taken over."""
        with private_postgresql() as postgresql:
            await asyncio.to_thread(migrate, postgresql)
            config = {**environ.Env.db_url_config(postgresql.url), "CONN_MAX_AGE": None}
            handler = ConnectionHandler({"default": config})
            connect = lambda: handler.create_connection("default")  # noqa: E731
            one, other = Keeping(connect=connect), Keeping(connect=connect)
            stream = one.stream()
            again = other.stream(feed=stream.feed, run=stream.run)
            stream.feed.open(room(title="a\x00title"))
            for number in range(10):
                stream.feed.take(
                    [gift_event(NOW, 1, who=f"v{n}", diamonds=2**31) for n in range(20)], 0
                )
                await asyncio.gather(one.write(), other.write())
                assert again.log.end > number
            for _ in range(3):
                await asyncio.gather(one.write(), other.write())
            await one.end()
            await other.end()
            with psycopg.connect(postgresql.url) as connection:
                (live,) = connection.execute(
                    "SELECT gifts, gifter_count, viewers_told FROM history_live"
                ).fetchall()
                (given,) = connection.execute(
                    "SELECT SUM(gifts), COUNT(*) FROM history_givengift"
                ).fetchall()
            assert live == (200, 20, 0)
            assert given == (200, 20)
