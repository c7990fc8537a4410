"""`/healthz` and `/readyz` of real servers, with a database that goes away."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from standin import TikTok
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.postgresql import PostgreSQL, private_postgresql
from tests.support.server import SERVERS, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 20.0
# A load balancer asks by the address that it connects to.
HEADERS = {"Host": "10.0.0.9:8000", "X-Forwarded-For": "192.0.2.7"}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with private_postgresql() as postgresql:
        yield postgresql


async def ask(server: Server, path: str) -> tuple[int, Any]:
    """Returns the status and the body. Fails if the answer takes a second."""
    async with httpx.AsyncClient(trust_env=False) as client:
        began = time.monotonic()
        answer = await client.get(f"http://127.0.0.1:{server.port}{path}", headers=HEADERS)
        assert time.monotonic() - began < 1.0
    assert "set-cookie" not in answer.headers
    return answer.status_code, answer.json()


async def until_ready(server: Server) -> None:
    deadline = time.monotonic() + WITHIN
    while (answer := await ask(server, "/readyz"))[0] != 200:
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.1)


class TestHealth:
    @pytest.mark.parametrize("kind", SERVERS)
    async def test_it_costs_no_line_in_the_log(self, start_server: StartServer, kind: str) -> None:
        server = await start_server(kind)
        for _ in range(3):
            assert await ask(server, "/healthz") == (200, {"status": "ok"})
            status, said = await ask(server, "/readyz?verbose")
            assert (status, said["checks"]) == (200, {"database": "ok", "server": "ok"})
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"http://127.0.0.1:{server.port}/healthz/nothing")
        await server.stop()
        lines = [line for line in server.log_text.splitlines() if "/healthz" in line]
        assert len(lines) == 1  # others have their line
        assert "/healthz/nothing" in lines[0]
        assert "/readyz" not in server.log_text

    @pytest.mark.parametrize(
        ("kind", "how", "problem"),
        [
            ("daphne", "stopped", "can't be reached, or refuses"),
            ("uvicorn", "frozen", "no answer within 0.8 s"),
        ],
    )
    async def test_a_database_that_is_away_makes_it_not_ready_and_not_unhealthy(
        self,
        start_server: StartServer,
        postgresql: PostgreSQL,
        kind: str,
        how: str,
        problem: str,
    ) -> None:
        server = await start_server(kind, DATABASE_URL=postgresql.url)
        await until_ready(server)
        postgresql.freeze() if how == "frozen" else postgresql.stop()
        try:
            await asyncio.sleep(1.1)  # the last answer counts for a second
            for _ in range(3):
                status, said = await ask(server, "/readyz")
                assert (status, said["checks"]) == (503, {"database": problem, "server": "ok"})
                assert await ask(server, "/healthz") == (200, {"status": "ok"})
        finally:
            postgresql.thaw() if how == "frozen" else postgresql.start()
        await until_ready(server)
        assert "Traceback" not in server.log_text

    @pytest.mark.parametrize("kind", SERVERS)
    async def test_it_is_not_ready_while_it_stops(
        self,
        start_server: StartServer,
        postgresql: PostgreSQL,
        tiktok: TikTok,
        streamer: str,
        kind: str,
    ) -> None:
        server = await start_server(kind, DATABASE_URL=postgresql.url)
        tiktok.go_live(streamer)
        account = await server.add_account(streamer, streamer)
        async with AsyncExitStack() as stack:
            phone = await stack.enter_async_context(Phone(f"{server.address}/ws/{account.token}"))
            await phone.until_type("connected")
            postgresql.freeze()  # so that the stop takes as long as it may
            stack.callback(postgresql.thaw)
            stopping = asyncio.create_task(server.stop(signal.SIGTERM))
            await phone.explanation()
            status, said = await ask(server, "/readyz")
            assert (status, said["checks"]["server"]) == (503, "stopping")
            assert await ask(server, "/healthz") == (200, {"status": "ok"})
            await stopping
