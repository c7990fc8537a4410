"""The examples under docs/ do what they say, against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from standin import TikTok, messages
from tests.end_to_end.conftest import ON_DAPHNE, ON_UVICORN, AddAccount, StartServer
from tests.support.proxy import CuttableProxy
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = ROOT / "docs" / "examples"
WITHIN = 20.0


class Example:
    """A running example, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed = ""

    async def until(self, text: str) -> None:
        """Read on until `text` has been printed behind what was read before."""
        assert self.process.stdout
        read = ""
        async with asyncio.timeout(WITHIN):
            while text not in read:
                part = await self.process.stdout.read(4096)
                assert part, f"ended before {text!r}: {self.printed}"
                read += part.decode(errors="replace")
                self.printed += part.decode(errors="replace")

    async def until_ended(self) -> int:
        async with asyncio.timeout(WITHIN):
            out, _errors = await self.process.communicate()
            self.printed += out.decode(errors="replace")
            code = self.process.returncode
        assert code is not None
        return code


Run = Callable[..., Awaitable[Example]]


@pytest_asyncio.fixture(loop_scope="session")
async def run() -> AsyncIterator[Run]:
    """Runs commands, and ends those that are still running."""
    examples: list[Example] = []

    async def start(*command: str | Path) -> Example:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "LANG": "C.UTF-8"},
        )
        examples.append(Example(process))
        return examples[-1]

    yield start
    for example in examples:
        with contextlib.suppress(ProcessLookupError):
            example.process.kill()
        await example.process.communicate()


class TestThePythonExample:
    @ON_DAPHNE
    async def test_it_prints_comments_and_gifts_and_ends_with_the_live(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount, run: Run
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        example = await run(
            sys.executable, EXAMPLES / "watch.py", f"{server.address}/ws/{account.token}"
        )
        await example.until(f"@{streamer} is live\n")
        await room.wait_for_socket()
        await room.push(messages.chat("viewer", "hello"), messages.like("viewer"))
        await room.push(*messages.streak("giver", "Rose", count=3))
        await example.until("3 × Rose\n")
        await room.end()
        assert await example.until_ended() == 0
        assert example.printed.count("hello\n") == 1
        assert example.printed.count("Rose\n") == 1

    async def test_it_misses_nothing_when_the_network_is_cut(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, run: Run
    ) -> None:
        server = await start_server("uvicorn")
        room = tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with CuttableProxy(server.port) as network:
            address = f"ws://127.0.0.1:{network.port}/ws/{account.token}"
            example = await run(sys.executable, EXAMPLES / "watch.py", address)
            await example.until("is live\n")
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "number 1"))
            await example.until("number 1\n")
            network.cut()
            await room.push(*(messages.chat("viewer", f"number {n}") for n in range(2, 6)))
            await example.until("number 5\n")
        lines = [line.partition(": ")[2] for line in example.printed.splitlines()]
        seen = [line for line in lines if line.startswith("number")]
        assert seen == [f"number {n}" for n in range(1, 6)]
        assert "missed" not in example.printed

    async def test_it_waits_for_the_streamer(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, run: Run
    ) -> None:
        server = await start_server("uvicorn", RELAY_WAIT_INTERVAL="0.2")
        room = tiktok.room(streamer)
        account = await server.add_account("phone", streamer)
        example = await run(
            sys.executable, EXAMPLES / "watch.py", f"{server.address}/ws/{account.token}"
        )
        await tiktok.wait_for(lambda: tiktok.requests)
        room.go_live()
        await example.until("is live\n")

    @ON_UVICORN
    async def test_the_python_example_ends_when_nobody_reads_what_it_prints(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount, run: Run
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        command = '"$0" "$1" "$2" | head -1'
        address = f"{server.address}/ws/{account.token}"
        example = await run("sh", "-c", command, sys.executable, EXAMPLES / "watch.py", address)
        await example.until(f"@{streamer} is live\n")
        await room.wait_for_socket()
        await room.push(messages.chat("viewer", "to nobody"))
        assert await example.until_ended() == 0
        assert example.printed == f"@{streamer} is live\n"

    @ON_DAPHNE
    @pytest.mark.parametrize(
        ("token", "said"), [("no-such-token", "Access denied"), ("", "Access denied")]
    )
    async def test_it_stops_where_a_retry_cures_nothing(
        self, server: Server, own_address: str, run: Run, token: str, said: str
    ) -> None:
        async with CuttableProxy(server.port, source=own_address) as proxy:
            address = f"ws://127.0.0.1:{proxy.port}/ws/{token}"
            example = await run(sys.executable, EXAMPLES / "watch.py", address)
            assert await example.until_ended() == 1
        assert said in example.printed
        assert "Traceback" not in example.printed


class TestTheLook:
    @pytest.mark.parametrize("tool", ["websocat", "python", "curl"])
    async def test_it_shows_what_comes(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        run: Run,
        tool: str,
    ) -> None:
        if tool != "python" and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        room = tiktok.go_live(streamer)
        account = await add_account()
        address = f"{server.address}/ws/{account.token}?types=comment"
        example = await run("sh", EXAMPLES / "look.sh", address, tool)
        await example.until('{"type":"connected"')
        await room.wait_for_socket()
        await room.push(messages.chat("viewer", "have a look"))
        await example.until('"text":"have a look"')

    @ON_UVICORN
    async def test_it_finds_a_tool_by_itself(
        self, server: Server, own_address: str, run: Run
    ) -> None:
        async with CuttableProxy(server.port, source=own_address) as proxy:
            address = f"ws://127.0.0.1:{proxy.port}/ws/no-such-token"
            example = await run("sh", EXAMPLES / "look.sh", address)
            await example.until("invalid_token")

    async def test_it_knows_no_other_tool(self, run: Run) -> None:
        example = await run("sh", EXAMPLES / "look.sh", "ws://127.0.0.1:1/", "telnet")
        assert await example.until_ended() == 2
        assert "no such tool: telnet" in example.printed
