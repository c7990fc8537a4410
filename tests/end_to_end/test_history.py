"""What is kept of a LIVE, compared with an oracle that counts TikTok's own messages; also when the
server stops, dies, or another process takes over in the middle."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import dict_row

from standin import Message, Room, TikTok, captures, messages
from tests.end_to_end.conftest import StartServer
from tests.support import history_oracle as oracle
from tests.support.captures import each_once, ends_live
from tests.support.cluster import Processes, Viewer, running, until
from tests.support.messages import built_messages
from tests.support.phone import Phone
from tests.support.postgresql import PostgreSQL, private_postgresql
from tests.support.redis_server import private_redis
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 20.0
SETTINGS = {"RELAY_BLOCK_PAUSE": "0", "RELAY_LINGER": "5", "TIKTOK_ROUTES": "direct"}


def rows(database: Server | PostgreSQL, sql: str) -> list[dict[str, Any]]:
    if isinstance(database, Server):
        return database.execute(sql)
    with psycopg.connect(database.url, row_factory=dict_row) as connection:
        return connection.execute(sql).fetchall()


async def live_with(database: Server | PostgreSQL, condition: str) -> dict[str, Any]:
    """The only LIVE, once that is true of it."""
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(WITHIN):
            while True:
                found = rows(database, f"SELECT * FROM history_live WHERE {condition}")
                if found:
                    (live,) = found
                    return live
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(rows(database, "SELECT * FROM history_live")) from None


def check(database: Server | PostgreSQL, live: dict[str, Any], sent: list[Message]) -> None:
    """The rows say what the messages say."""
    sums = oracle.count(sent)
    assert live["gifts"] == sums.gifts.total()
    assert live["diamonds"] == sums.diamonds.total()
    given = rows(database, "SELECT user_id, gift_id, gifts, diamonds FROM history_givengift")
    assert {(g["user_id"], g["gift_id"]): g["gifts"] for g in given} == dict(sums.gifts)
    assert {(g["user_id"], g["gift_id"]): g["diamonds"] for g in given} == dict(sums.diamonds)
    gifters = rows(database, "SELECT user_id, diamonds FROM history_gifter")
    assert {g["user_id"]: g["diamonds"] for g in gifters} == sums.diamonds_of_givers
    assert live["gifter_count"] == len(gifters)
    kinds = rows(database, "SELECT gift_id, gifts FROM history_giftkind")
    assert {kind["gift_id"]: kind["gifts"] for kind in kinds} == sums.gifts_of_kinds
    counted = ("comments", "likes", "joins", "viewers_peak")
    assert [live[name] for name in counted] == [getattr(sums, name) for name in counted]
    (minutes,) = rows(
        database,
        "SELECT SUM(gifts) AS gifts, SUM(diamonds) AS diamonds, SUM(likes) AS likes,"
        " SUM(comments) AS comments, SUM(joins) AS joins FROM history_minute",
    )
    for name in ("gifts", "diamonds", "likes", "comments", "joins"):
        assert int(minutes[name] or 0) == live[name]


async def push(room: Room, sent: list[Message], some: list[Message]) -> None:
    for start in range(0, len(some), 10):
        await room.push(*some[start : start + 10])
    sent += some


def some_messages(number: int) -> list[Message]:
    """A few of those that are counted, with a streak and another gift."""
    return [
        messages.chat("viewer", f"hello {number}"),
        *messages.streak("giver", count=3 + number, diamonds=5),
        messages.gift(f"giver{number}", "Lion", gift_id=7, diamonds=500, combo=False),
        messages.like("viewer", 10 + number),
        messages.viewers(100 + number),
    ]


class TestAWholeLive:
    @pytest.mark.parametrize("kind", ["daphne"])
    async def test_its_rows_are_what_tiktok_has_told(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        account = await server.add_account("phone", streamer)
        captured = captures.load_captures() if captures.captures_available() else []
        sent = [m for m in each_once([*captured, *built_messages()]) if not ends_live(m)]
        room = tiktok.go_live(streamer, history=sent[:20], title="Hello")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await push(room, [], sent[20:])
            await room.push(messages.end())
            await phone.until_closed()
        live = await live_with(server, "end_reason = 'ended'")

        check(server, live, sent)
        assert (live["tiktok_username"], live["title"]) == (streamer, "Hello")
        listeners = rows(server, "SELECT account_id FROM history_livelistener")
        assert [listener["account_id"] for listener in listeners] == [account.user_id]
        assert rows(server, "SELECT * FROM history_transcriptline") == []
        assert rows(server, "SELECT * FROM history_battle") != []
        assert "Traceback" not in server.log_text


class TestAServerThatStops:
    @pytest.mark.parametrize(
        ("kind", "how"), [("daphne", signal.SIGTERM), ("uvicorn", signal.SIGKILL)]
    )
    async def test_nothing_is_counted_twice_and_nothing_is_lost(
        self,
        start_server: StartServer,
        tiktok: TikTok,
        streamer: str,
        kind: str,
        how: signal.Signals,
    ) -> None:
        server = await start_server(kind)
        account = await server.add_account("phone", streamer)
        room = tiktok.go_live(streamer)
        sent: list[Message] = []
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await push(room, sent, some_messages(1))
            await live_with(server, "comments = 1")
            late = some_messages(2)  # those that have perhaps not been counted
            await push(room, sent, late)
            await phone.until(lambda frame: frame.get("id") == str(late[-1].msg_id))
            stopping = asyncio.create_task(server.stop(how))
            await phone.until_closed()
            await stopping
        room.history = list(sent)  # TikTok sends the last minutes again
        await server.start()
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await push(room, sent, some_messages(3))
            await room.push(messages.end())
            await phone.until_closed()
        live = await live_with(server, "end_reason = 'ended'")

        check(server, live, sent)
        holes = rows(server, "SELECT kind FROM history_hole")
        assert [hole["kind"] for hole in holes] == ["stopped"]
        assert "Traceback" not in server.log_text


@pytest.fixture(scope="module")
def postgresql() -> Any:
    with private_postgresql() as postgresql:
        yield postgresql


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def processes(
    tiktok: TikTok, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Processes]:
    environment = {**tiktok.environment(), **SETTINGS, "DATABASE_URL": postgresql.url}
    folder = tmp_path_factory.mktemp("history")
    with private_redis(folder / "redis") as redis:
        async with running(["uvicorn", "daphne"], folder, redis, environment) as these:
            yield these
    assert "Traceback" not in these.log_text


class TestSeveralProcesses:
    async def test_each_gift_counts_once_though_its_process_dies(
        self, processes: Processes, postgresql: PostgreSQL, tiktok: TikTok, streamer: str
    ) -> None:
        """The one that leads is killed, and the other one goes on."""
        first, second = (process.server for process in processes.all)
        account = await first.add_account("phone", streamer)
        room = tiktok.go_live(streamer)
        sent: list[Message] = []
        async with Viewer([first.address], account) as its:
            await its.until_type("connected")
            other = await second.add_account("other", streamer)
            async with Viewer([second.address], other) as elsewhere:
                await elsewhere.until_type("connected")
                await push(room, sent, some_messages(1))
                await live_with(postgresql, "comments = 1")
                await push(room, sent, some_messages(2))
                room.history = list(sent)
                await first.stop(signal.SIGKILL)
                await until(lambda: len(room.sockets) == 1 and processes.lease(streamer))
                await elsewhere.until_type("gap")
                await push(room, sent, some_messages(3))
                await room.push(messages.end())
                live = await live_with(postgresql, "end_reason = 'ended'")

        check(postgresql, live, sent)
        listeners = rows(postgresql, "SELECT account_id FROM history_livelistener")
        assert {each["account_id"] for each in listeners} == {account.user_id, other.user_id}
