"""What load balancers are told. With real servers and a real database that stops, see
tests/end_to_end/test_monitoring.py."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError

from live.clock import Clock
from live.server.assembly import make_relay
from live.server.health import HEALTH, READY, Check, DatabaseCheck, Health, not_stopping
from tests.support.clock import now, virtual_time

# How a machine's own name, or a password, could come into an answer.
SECRET = "connection to db7.internal as relay:hunter2 refused"


async def _right() -> str:
    return ""


async def _wrong() -> str:
    return "the cat sits on it"


async def _fails() -> str:
    raise OSError(SECRET)


class Client:
    """Asks a `Health` around an application that remembers what it was asked."""

    def __init__(self, **checks: Check) -> None:
        self.passed_on: list[str] = []
        self._health = Health(self._application, checks)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        self.passed_on.append(scope["path"])

    async def ask(
        self, path: str, method: str = "GET", root_path: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Returns status, headers and body."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "root_path": root_path}
        await self._health(scope, None, send)
        start, body = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, body["body"]


class TestHealth:
    async def test_the_loop_turns_whatever_is_wrong_else(self) -> None:
        status, headers, body = await Client(database=_wrong).ask(HEALTH)
        assert (status, json.loads(body)) == (200, {"status": "ok"})
        assert headers["cache-control"] == "no-store"

    async def test_it_is_ready_when_nothing_is_wrong(self) -> None:
        status, _headers, body = await Client(database=_right, server=_right).ask(READY)
        assert status == 200
        assert json.loads(body) == {"status": "ok", "checks": {"database": "ok", "server": "ok"}}

    async def test_it_names_what_is_wrong(self) -> None:
        status, _headers, body = await Client(database=_right, sofa=_wrong).ask(READY)
        assert status == 503
        assert json.loads(body) == {
            "status": "not ready",
            "checks": {"database": "ok", "sofa": "the cat sits on it"},
        }

    async def test_it_does_not_say_how_a_check_failed_that_raises(self) -> None:
        status, _headers, body = await Client(redis=_fails).ask(READY)
        assert status == 503
        assert json.loads(body)["checks"] == {"redis": "the check itself failed (OSError)"}

    @virtual_time
    async def test_it_waits_for_no_check_longer_than_a_second(self) -> None:
        async def hangs() -> str:
            await asyncio.Event().wait()
            return ""

        began = now()
        status, _headers, body = await Client(redis=hangs, other=hangs).ask(READY)
        assert now() - began < 1
        assert status == 503
        assert json.loads(body)["checks"]["redis"] == "no answer within 0.8 s"

    async def test_a_head_has_the_same_headers_and_no_body(self) -> None:
        client = Client(database=_right)
        for path in (HEALTH, READY):
            status, headers, _body = await client.ask(path)
            assert await client.ask(path, "HEAD") == (status, headers, b"")

    async def test_other_methods_are_refused(self) -> None:
        status, headers, _body = await Client().ask(HEALTH, "POST")
        assert (status, headers["allow"]) == (405, "GET, HEAD")

    async def test_it_is_found_below_a_root_path(self) -> None:
        status, _headers, _body = await Client().ask(f"/relay{HEALTH}", root_path="/relay")
        assert status == 200

    async def test_all_else_is_passed_on(self) -> None:
        client = Client()
        with pytest.raises(ValueError, match="not enough"):
            await client.ask("/healthz/")
        assert client.passed_on == ["/healthz/"]


class Database:
    """Answers, fails or hangs, as it is told.

    Attributes:
        asked: how often.
        failure: what each question raises.
        answers: cleared while it hangs.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def query(self) -> None:
        self.asked += 1
        assert self.answers.wait(10)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.answers.set()


class SteppedClock(Clock):
    """Attributes:
    at: what its monotonic time is.
    """

    at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


class TestTheDatabase:
    async def test_one_that_answers_is_right(self, database: Database) -> None:
        assert await DatabaseCheck(query=database.query)() == ""

    async def test_one_that_can_t_be_reached_is_said_without_its_name(
        self, database: Database
    ) -> None:
        database.failure = OperationalError(SECRET)
        said = await DatabaseCheck(query=database.query)()
        assert said == "can't be reached, or refuses"

    async def test_one_that_lacks_a_table_is_said(self, database: Database) -> None:
        database.failure = ProgrammingError(SECRET)
        said = await DatabaseCheck(query=database.query)()
        assert said == "not as it should be; has manage.py migrate been run?"

    async def test_many_who_ask_at_once_share_an_answer(self, database: Database) -> None:
        check = DatabaseCheck(query=database.query)
        # On a busy machine that answer may be that there was none in time: it is shared as well.
        answers = await asyncio.gather(*(check() for _ in range(100)))
        assert len(set(answers)) == 1
        assert database.asked <= 1

    async def test_an_answer_counts_for_a_second(
        self, database: Database, clock: SteppedClock
    ) -> None:
        check = DatabaseCheck(query=database.query, clock=clock)
        await check()
        clock.at += 0.9
        database.failure = OperationalError(SECRET)
        assert await check() == ""
        clock.at += 0.2
        assert await check() != ""

    async def test_one_that_hangs_is_asked_no_second_question(
        self, database: Database, clock: SteppedClock
    ) -> None:
        check = DatabaseCheck(query=database.query, clock=clock)
        database.answers.clear()
        assert await check() == "no answer within 0.8 s"
        clock.at += 2
        assert await check() == "no answer within 0.8 s"
        assert database.asked == 1

    async def test_it_is_asked_again_when_it_has_answered_after_all(
        self, database: Database, clock: SteppedClock
    ) -> None:
        check = DatabaseCheck(query=database.query, clock=clock)
        database.answers.clear()
        await check()
        database.answers.set()
        async with asyncio.timeout(10):
            while await check():
                clock.at += 2
                await asyncio.sleep(0.01)
        assert database.asked == 2


class TestStopping:
    async def test_a_relay_that_closes_is_not_ready(self) -> None:
        relay = make_relay()
        check = not_stopping([relay])
        assert await check() == ""
        await relay.close()
        assert await check() == "stopping"
