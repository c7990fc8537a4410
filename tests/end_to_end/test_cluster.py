"""What goes wrong with several processes, their Redis or their database, while a LIVE goes on.

Each test is a row of the table in docs/operate/cluster.md. Outages take a few seconds here, and as
long as the table says with:

    LONG_FAULTS=1 .venv/bin/python -m pytest -s tests/end_to_end/test_cluster.py

which prints the table, with what was measured.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import httpx
import psycopg
import pytest
import pytest_asyncio

from standin import TikTok, messages
from tests.support.cluster import (
    Balancer,
    Broadcast,
    Process,
    Processes,
    ScriptedViewer,
    Viewer,
    Watcher,
    running,
    until,
)
from tests.support.postgresql import PostgreSQL, private_postgresql
from tests.support.redis_server import private_redis
from tests.support.server import Account

pytestmark = pytest.mark.asyncio(loop_scope="session")

IS_LONG = bool(os.environ.get("LONG_FAULTS"))
# Comments in a second.
RATE = 10
SETTINGS = {
    # Times are measured.
    "PYTHONASYNCIODEBUG": "0",
    "RELAY_BLOCK_PAUSE": "0",
    # So long that nobody is refused on a machine that is busy.
    "RELAY_CONNECT_TIMEOUT": "15",
    "RELAY_LINGER": "5",
    "RELAY_MAX_SOCKETS": "100",
    "RELAY_RECONNECT_FOR": "60",
    # There, the stand-in's history begins where the socket does.
    "TIKTOK_ROUTES": "direct",
}
# Until another process leads: the lease of one that died ends after five seconds, and its followers
# leave it to it for another two and a half.
AFTER_A_DEATH = 10.0
AFTER_A_SIGTERM = 1.0
# Until the process has ended: five seconds, and one for a machine that is busy.
STOP_WITHIN = 5.0 + 1.0
# Until the rows of the connection log are closed that a process left open when it died.
ROWS_CLOSED_WITHIN = 60.0
GIFTS = 5
WATCH = """
from accounts.models import User
account = User.objects.get(username="{name}")
account.is_watched = True
account.save()
"""


def long_or(short: float, long: float) -> float:
    return long if IS_LONG else short


class Row(NamedTuple):
    """Of the table."""

    what: str
    saw: str
    lost: int
    twice: int
    seconds: str


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    rows: list[Row] = []
    yield rows
    print("\n\n| what was done | what a phone saw | lost | twice | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with private_postgresql() as postgresql:
        yield postgresql


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def all_processes(
    tiktok: TikTok, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Processes]:
    environment = {**tiktok.environment(), **SETTINGS, "DATABASE_URL": postgresql.url}
    folder = tmp_path_factory.mktemp("cluster")
    with private_redis(folder / "redis") as redis:
        async with running(["uvicorn", "daphne", "uvicorn"], folder, redis, environment) as these:
            yield these
    assert "Traceback" not in these.log_text


@pytest_asyncio.fixture(loop_scope="session")
async def processes(all_processes: Processes) -> Processes:
    """At least two of the three: starting one takes a while."""
    if len(all_processes.running) < 2:
        await all_processes.restore()
    return all_processes


class Show:
    """A LIVE with viewers in every process that runs.

    Args:
        owner: the kind of the process that shall lead its stream.
        broadcast: arguments of its `Broadcast`.

    Attributes:
        owner, others: the process that leads its stream, and those that follow it.
        its, elsewhere: the viewers that were connected to the owner first, and the others.
        account: whose phones they are.
    """

    def __init__(
        self,
        processes: Processes,
        tiktok: TikTok,
        username: str,
        owner: str,
        **broadcast: float,
    ) -> None:
        running = processes.running
        self.processes = processes
        self.username = username
        self.owner = next(process for process in running if process.server.kind == owner)
        self.others = [process for process in running if process is not self.owner]
        self.room = tiktok.go_live(username)
        self.broadcast = Broadcast(self.room, **broadcast)
        self.its: list[Viewer] = []
        self.elsewhere: list[Viewer] = []
        self.account: Account
        self._tiktok = tiktok
        self._group = messages.next_msg_id()
        self._streak_ended = False

    @property
    def viewers(self) -> list[Viewer]:
        return self.its + self.elsewhere

    @property
    def lease(self) -> str:
        return self.processes.lease(self.username)

    @property
    def doubtful(self) -> set[str]:
        """What the owner may have heard, and not handed on yet."""
        shared = set[str].intersection(*(set(viewer.comments) for viewer in self.elsewhere))
        return set(self.broadcast.said) - shared

    async def begin(self, stack: AsyncExitStack) -> None:
        self.account = await self.owner.server.add_account(self.username, self.username)
        for process in (self.owner, *self.others):
            mine = self.its if process is self.owner else self.elsewhere
            for _ in range(2):
                viewer = Viewer(self.addresses_from(process), self.account)
                mine.append(await stack.enter_async_context(viewer))
                await viewer.until_type("connected")
        await self.room.wait_for_socket()
        await stack.enter_async_context(self.broadcast)
        await self.broadcast.send(self._gift(3, ends=False))
        for viewer in self.viewers:
            await viewer.until_type("gift")
            await viewer.has(self.broadcast.said[0])

    async def end_streak(self) -> None:
        """The gifts go on, which began before the fault. The first time counts."""
        if not self._streak_ended:
            self._streak_ended = True
            await self.broadcast.send(self._gift(GIFTS, ends=True))

    def addresses_from(self, first: Process) -> list[str]:
        """Where a viewer goes that begins at a process."""
        running = self.processes.running
        at = running.index(first)
        return [process.server.address for process in running[at:] + running[:at]]

    def _gift(self, count: int, *, ends: bool) -> messages.Message:
        return messages.gift("giver", repeat_count=count, repeat_end=ends, group_id=self._group)

    async def another_leads(self, since: float, but: str, within: float) -> float:
        """Wait until another process leads. Returns the seconds that it took.

        Args:
            since: when it began (monotonic).
            but: the lease of the one that led.
        """
        await until(lambda: self.lease not in {"", but}, within + 5)
        took = time.monotonic() - since
        assert took <= within
        return took

    async def goes_on(self, viewers: Collection[Watcher] = (), within: float = 20) -> float:
        """Wait until the viewers, or all, get what TikTok sends now. Returns when the last did."""
        async with asyncio.timeout(within):
            while not self.broadcast.is_heard:
                await asyncio.sleep(0.02)
        said = await self.broadcast.say("now")
        return max([await viewer.has(said, within) for viewer in viewers or self.viewers])

    async def finish(
        self,
        doubtful: Collection[str] = (),
        forked: Collection[Viewer] = (),
        again: Collection[str] = (),
    ) -> int:
        """End it, and check what all viewers have counted.

        Args:
            doubtful: what may be lost: a process that died may not have handed it on.
            forked: viewers whose process went on without the others, so that what they have got is
                in another order.
            again: what they may have got twice.

        Returns:
            How many comments a viewer lost, at most, since TikTok sent them while nobody listened.
        """
        broadcast = self.broadcast
        await broadcast.stop()
        await self.end_streak()
        last = await broadcast.say("the last")
        for viewer in self.viewers:
            await viewer.has(last, 40)
        most = 0
        for viewer in self.viewers:
            lost = set(broadcast.said) - set(viewer.comments)
            assert lost <= broadcast.unheard.union(doubtful)
            assert not lost or "upstream" in viewer.gaps
            assert viewer.gifts == GIFTS
            if viewer in forked:
                assert viewer.twice <= set(again)
            else:
                assert viewer.comments == [each for each in broadcast.said if each not in lost]
                assert "client" not in viewer.gaps
            most = max(most, len(lost))
        assert {viewer.cursor for viewer in self.viewers} == {self.viewers[0].cursor}
        assert len(set.union(*(viewer.epochs for viewer in self.viewers))) == 1
        await self._tiktok.wait_for(lambda: len(self.room.sockets) == 1)
        assert "Traceback" not in self.processes.log_text
        return most


StartShow = Callable[..., Awaitable[Show]]


@pytest_asyncio.fixture(loop_scope="session")
async def start_show(
    processes: Processes, tiktok: TikTok, streamer: str
) -> AsyncIterator[StartShow]:
    async with AsyncExitStack() as stack:

        async def start(owner: str, **broadcast: float) -> Show:
            show = Show(processes, tiktok, streamer, owner, **{"rate": RATE, **broadcast})
            await show.begin(stack)
            return show

        yield start


class TestTheOwner:
    async def test_it_stands_still_and_wakes(self, start_show: StartShow, rows: list[Row]) -> None:
        show = await start_show("uvicorn")
        lease, began = show.lease, time.monotonic()
        show.broadcast.deaf |= set(show.room.sockets)
        show.owner.server.send_signal(signal.SIGSTOP)
        doubtful = show.doubtful
        try:
            took = await show.another_leads(began, lease, AFTER_A_DEATH)
            went_on = await show.goes_on(show.elsewhere) - began
            newest = show.lease
            await asyncio.sleep(max(0, began + long_or(0, 30) - time.monotonic()))
        finally:
            show.owner.server.send_signal(signal.SIGCONT)
        woken = time.monotonic()
        await show.goes_on()
        noticed = "is led by another process"
        await until(lambda: noticed in show.owner.server.log_text)
        followed = time.monotonic() - woken
        assert followed < 5
        lost = await show.finish(doubtful, forked=show.its)
        assert show.lease == newest
        assert not any(viewer.endings for viewer in show.viewers)
        assert all("reconnecting" in viewer.states for viewer in show.elsewhere)
        rows.append(
            Row(
                f"owner stopped with SIGSTOP for {long_or(8, 30)} s, then woken",
                "its sockets stay, and get all when it wakes; the others `reconnecting`, then a "
                "`gap`",
                lost,
                0,
                f"{took:.1f} to another owner, {went_on:.1f} to the next event; "
                f"{followed:.1f} from waking to following",
            )
        )

    async def test_it_is_cut_off_from_redis(self, start_show: StartShow, rows: list[Row]) -> None:
        show = await start_show("daphne")
        lease, began = show.lease, time.monotonic()
        show.broadcast.deaf |= set(show.room.sockets)
        show.owner.cut_off()
        doubtful = show.doubtful
        try:
            said = await show.broadcast.say("in the meantime")
            for viewer in show.its:
                await viewer.has(said)
            took = await show.another_leads(began, lease, AFTER_A_DEATH)
            went_on = await show.goes_on(show.elsewhere) - began
            newest = show.lease
            await asyncio.sleep(max(0, began + long_or(0, 30) - time.monotonic()))
        finally:
            show.owner.let_through()
        healed = time.monotonic()
        await until(lambda: len(show.room.sockets) == 1)
        followed = time.monotonic() - healed
        await show.goes_on()
        lost = await show.finish(doubtful, forked=show.its)
        assert show.lease == newest
        assert not any(viewer.endings for viewer in show.viewers)
        assert set(show.broadcast.said) <= set.union(*(set(v.comments) for v in show.its))
        assert all("reconnecting" in viewer.states for viewer in show.elsewhere)
        rows.append(
            Row(
                f"owner cut off from Redis for {long_or(8, 30)} s",
                "its sockets notice nothing; the others `reconnecting`, then a `gap`",
                lost,
                0,
                f"{took:.1f} to another owner, {went_on:.1f} to the next event; "
                f"{followed:.1f} from the end to one owner",
            )
        )


class TestRedis:
    @pytest.mark.parametrize("forget", [False, True], ids=["with its data", "without its data"])
    async def test_it_is_restarted(
        self, start_show: StartShow, rows: list[Row], forget: bool
    ) -> None:
        show = await start_show("uvicorn")
        lease, sockets = show.lease, list(show.room.sockets)
        began = time.monotonic()
        show.processes.redis.stop(forget=forget)
        show.processes.redis.start()
        went_on = await show.goes_on() - began
        await until(lambda: show.lease)
        assert show.lease == lease
        lost = await show.finish()
        assert show.room.sockets == sockets
        assert not any(viewer.endings for viewer in show.viewers)
        assert not any(viewer.gaps for viewer in show.viewers)
        assert lost == 0
        rows.append(
            Row(
                f"Redis restarted {'without' if forget else 'with'} its data",
                "sockets of other processes wait a moment, some are told `reconnecting`",
                lost,
                0,
                f"{went_on:.1f} to the next event in other processes",
            )
        )

    async def test_it_is_away(self, start_show: StartShow, rows: list[Row]) -> None:
        show = await start_show("uvicorn")
        lease, sockets = show.lease, list(show.room.sockets)
        length, began = long_or(6, 60), time.monotonic()
        show.processes.redis.stop()
        try:
            await show.goes_on(show.its)
            for viewer in show.elsewhere:
                await viewer.until_state("reconnecting")
            told = time.monotonic() - began
            for process in (show.owner, *show.others):
                async with Viewer(show.addresses_from(process), show.account) as newcomer:
                    await newcomer.until_type("connected")
            if IS_LONG:
                await self._assert_that_nobody_new_is_served(show)
            await asyncio.sleep(max(0, began + length - time.monotonic()))
        finally:
            show.processes.redis.start()
        healed = time.monotonic()
        went_on = await show.goes_on() - healed
        await until(lambda: show.lease)
        assert show.lease == lease
        lost = await show.finish()
        assert show.room.sockets == sockets
        assert not any(viewer.endings for viewer in show.viewers)
        assert not any(viewer.gaps for viewer in show.viewers)
        for viewer in show.elsewhere:
            await viewer.until_state("live")
        assert lost == 0
        rows.append(
            Row(
                f"Redis away for {length} s",
                "the owner's sockets nothing; the others `reconnecting`, then all that was said",
                lost,
                0,
                f"{told:.1f} to `reconnecting`; {went_on:.1f} from the end to the next event",
            )
        )

    async def _assert_that_nobody_new_is_served(self, show: Show) -> None:
        name = f"new-{show.username}"
        account = await show.owner.server.add_account(name, name.replace("-", "."))
        viewer = Viewer([show.owner.server.address], account)
        async with viewer:
            await viewer.until_type("error")
        assert viewer.of_type("error")[0]["code"] == "internal_error"


class TestTheDatabase:
    async def test_it_is_away(
        self, start_show: StartShow, rows: list[Row], postgresql: PostgreSQL
    ) -> None:
        show = await start_show("daphne")
        server = show.owner.server
        newcomer = await server.add_account(f"new-{show.username}", show.username)
        length, began = long_or(5, 60), time.monotonic()
        await _until_rows(postgresql, show, len(show.viewers), closed=0)
        postgresql.stop()
        try:
            before = time.monotonic()
            async with Viewer([server.address], newcomer) as refused:
                await refused.until_type("error", within=30)
            refused_in = time.monotonic() - before
            await show.goes_on()
            leaving = show.its.pop()
            await leaving.__aexit__(None, None, None)
            await asyncio.sleep(max(0, began + length - time.monotonic()))
            await show.goes_on()
        finally:
            postgresql.start()
        healed = time.monotonic()
        await _until_rows(postgresql, show, len(show.viewers) + 1, closed=1)
        written = time.monotonic() - healed
        assert refused.of_type("error")[0]["code"] == "internal_error"
        assert "connected" not in [frame["type"] for frame in refused.frames]
        lost = await show.finish()
        assert lost == 0
        for viewer in show.viewers:
            assert (viewer.endings, viewer.gaps) == ([], [])
            assert "reconnecting" not in viewer.states
        rows.append(
            Row(
                f"PostgreSQL away for {length} s",
                "open sockets nothing; new ones `internal_error`",
                lost,
                0,
                f"{refused_in:.1f} to the `internal_error`; {written:.1f} from the end until the "
                "connection log is complete",
            )
        )


async def _until_rows(postgresql: PostgreSQL, show: Show, count: int, closed: int) -> None:
    """Wait until the connection log has so many rows of the viewers, so many of them closed."""
    sql = "SELECT count(*), count(closed_at) FROM live_connectionlog WHERE account_id = %s"
    found: object = None
    async with asyncio.timeout(20):
        while found != (count, closed):
            with psycopg.connect(postgresql.url) as connection:
                found = connection.execute(sql, [show.account.user_id]).fetchone()
            await asyncio.sleep(0.1)


class TestARollingRestart:
    async def test_clients_lose_nothing(
        self, start_show: StartShow, all_processes: Processes, rows: list[Row]
    ) -> None:
        await all_processes.restore()
        # What TikTok sends again covers the change from one owner to the next, also where other
        # programs have the processor meanwhile. How long that takes, `TestTheEndOfTheOwner` says.
        show = await start_show("uvicorn", rate=50, history=30)
        ports = [process.server.port for process in all_processes.all]
        async with AsyncExitStack() as stack:
            balancer = await stack.enter_async_context(Balancer(ports))
            url = f"ws://127.0.0.1:{balancer.port}"
            apps = [ScriptedViewer(url, show.account) for _ in range(4)]
            for app in apps:
                await stack.enter_async_context(app)
                await app.until_type("comment")
            began = time.monotonic()
            for process in all_processes.all:
                await process.server.stop()
                await process.server.start(migrate=False)
                await show.goes_on([*show.viewers, *apps], within=60)
                await show.end_streak()  # before it is forgotten, on a machine that is busy
            took = time.monotonic() - began
            lost = await show.finish()
            said = show.broadcast.said
            for app in apps:
                await app.has(said[-1])
                assert app.comments == said[said.index(app.comments[0]) :]
                assert "client" not in app.gaps
                assert len(app.epochs) == 1
            closings = [closing["error"] for app in apps for closing in app.closings]
        assert lost == 0
        assert {error["code"] for error in closings} == {"server_shutdown"}
        assert len(closings) >= len(apps)
        rows.append(
            Row(
                f"rolling restart of three processes, {len(said) / took:.0f} comments a second, "
                "the JavaScript client",
                "`server_shutdown`, and goes on where it was; a `gap` for each change of the owner",
                lost,
                0,
                f"{took:.0f} in all",
            )
        )


async def _stopped(process: Process) -> float:
    """Stop it as a supervisor does. Returns when it had ended."""
    await process.server.stop()
    return time.monotonic()


class TestTheEndOfTheOwner:
    """After the others, since a process that has ended takes a while to start."""

    @pytest.mark.parametrize("owner", ["uvicorn", "daphne"])
    async def test_it_is_told_to_stop(
        self, start_show: StartShow, rows: list[Row], owner: str
    ) -> None:
        show = await start_show(owner)
        lease, began = show.lease, time.monotonic()
        stopping = asyncio.create_task(_stopped(show.owner))
        took = await show.another_leads(began, lease, AFTER_A_SIGTERM)
        went_on = await show.goes_on() - began
        assert await stopping - began <= STOP_WITHIN
        lost = await show.finish()
        assert lost == 0
        assert all(viewer.endings[0] == "server_shutdown" for viewer in show.its)
        assert not any(viewer.endings for viewer in show.elsewhere)
        assert all("reconnecting" in viewer.states for viewer in show.elsewhere)
        rows.append(
            Row(
                f"owner stopped with SIGTERM ({owner})",
                "its sockets `server_shutdown`; the others `reconnecting`, then a `gap`",
                lost,
                0,
                f"{took:.1f} to another owner, {went_on:.1f} to the next event",
            )
        )

    async def test_it_is_killed(
        self, start_show: StartShow, postgresql: PostgreSQL, rows: list[Row]
    ) -> None:
        show = await start_show("uvicorn")
        lease, began = show.lease, time.monotonic()
        await show.owner.server.stop(signal.SIGKILL)
        doubtful = show.doubtful
        took = await show.another_leads(began, lease, AFTER_A_DEATH)
        went_on = await show.goes_on() - began
        lost = await show.finish(doubtful, forked=show.its, again=doubtful)
        assert all("reconnecting" in viewer.states for viewer in show.elsewhere)
        if IS_LONG:
            running = len(show.processes.running)
            await until(lambda: owners_of_open_rows(postgresql) == running, ROWS_CLOSED_WITHIN)
        rows.append(
            Row(
                "owner killed with -9",
                "its sockets cut; the others `reconnecting`, then a `gap`",
                lost,
                max(len(viewer.twice) for viewer in show.its),
                f"{took:.1f} to another owner, {went_on:.1f} to the next event",
            )
        )

    async def test_it_is_killed_between_append_and_commit(
        self, start_show: StartShow, rows: list[Row]
    ) -> None:
        show = await start_show("daphne")
        await show.broadcast.stop()
        shared = show.broadcast.said[-1]
        for viewer in show.viewers:
            await viewer.has(shared)
        show.owner.way.freeze()  # what it hands on from now on does not arrive
        seen = await show.broadcast.say("seen by its own phones only")
        for viewer in show.its:
            await viewer.has(seen)
        forks = {viewer.cursor for viewer in show.its}
        lease, began = show.lease, time.monotonic()
        await show.owner.server.stop(signal.SIGKILL)
        took = await show.another_leads(began, lease, AFTER_A_DEATH)
        went_on = await show.goes_on() - began
        assert [viewer.gaps for viewer in show.its] == [["client", "upstream"]] * 2
        await show.finish(forked=show.its, again=[seen])
        for viewer in show.elsewhere:
            assert viewer.gaps == ["upstream"]
            assert viewer.comments.count(seen) == 1, "TikTok has sent it again"
        assert forks.isdisjoint(
            frame["cursor"]
            for viewer in show.elsewhere
            for frame in viewer.frames
            if "cursor" in frame
        )
        rows.append(
            Row(
                "owner killed after its phones had an event that Redis never got",
                "these phones a `gap` of their own, and the event again if TikTok sends it again",
                0,
                max(len(viewer.twice) for viewer in show.its),
                f"{took:.1f} to another owner, {went_on:.1f} to the next event",
            )
        )


def owners_of_open_rows(postgresql: PostgreSQL) -> int:
    """How many processes have rows in the connection log that are open."""
    with psycopg.connect(postgresql.url) as connection:
        sql = "SELECT count(DISTINCT process) FROM live_connectionlog WHERE closed_at IS NULL"
        row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


async def _watches(process: Process) -> bool:
    """Whether the process hears the LIVE of a watched account."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{process.server.port}/metrics")
    return 'relay_watched_accounts{state="live"} 1.0' in answer.text


async def _watching(processes: Processes, within: float) -> Process:
    """Wait until one process hears the LIVE of the one account that is watched."""
    async with asyncio.timeout(within):
        while True:
            found = [process for process in processes.running if await _watches(process)]
            if len(found) == 1:
                return found[0]
            await asyncio.sleep(0.1)


class TestAWatchedAccount:
    async def test_another_process_goes_on_when_one_stops_or_dies(
        self, processes: Processes, tiktok: TikTok, streamer: str
    ) -> None:
        await processes.restore()
        server = processes[0].server
        account = await server.add_account(streamer, streamer)
        room = tiktok.go_live(streamer)
        await server.manage("shell", "-c", WATCH.format(name=streamer))
        await room.wait_for_socket()
        first = await _watching(processes, within=10)

        began = time.monotonic()
        stopping = asyncio.create_task(first.server.stop())
        lease = processes.lease(streamer)
        await until(lambda: processes.lease(streamer) not in {"", lease}, AFTER_A_SIGTERM + 2)
        took = time.monotonic() - began
        await stopping
        second = await _watching(processes, within=10)
        assert second is not first
        assert took <= 2 * AFTER_A_SIGTERM

        lease, began = processes.lease(streamer), time.monotonic()
        await second.server.stop(signal.SIGKILL)
        await until(lambda: processes.lease(streamer) not in {"", lease}, AFTER_A_DEATH + 5)
        assert time.monotonic() - began <= AFTER_A_DEATH
        third = await _watching(processes, within=10)
        assert third not in {first, second}

        async with Viewer([third.server.address], account) as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "hello"))
            await phone.until_type("comment")
            assert len(room.sockets) == 1
        assert "Traceback" not in processes.log_text
