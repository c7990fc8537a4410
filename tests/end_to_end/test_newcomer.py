"""The README's first steps, as somebody takes them who has just got the project: `make demo` and
`make run`, and from what they print to the first event."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from standin import TikTok, messages
from tests.support.browsing import post
from tests.support.server import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Seconds; and milliseconds, of a server that has just started on a machine that is busy.
START_WITHIN = 120.0
SHOWN_WITHIN = 30_000.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def making(target: str, folder: Path, **environment: str) -> AsyncIterator[str]:
    """Run make's target. Gives what it says until it serves; everything new is in the folder."""
    if shutil.which("make") is None:
        pytest.skip("there is no make: apt-get install make")
    installed = folder / "environment"  # to which nothing needs to be added
    installed.mkdir()
    (installed / "run.stamp").touch()
    process = await asyncio.create_subprocess_exec(
        "make",
        target,
        f"PORT={free_port()}",
        f"VENV={installed}",
        f"BIN={Path(sys.executable).parent}",
        f"DEMO={folder / 'demo'}",
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "DATABASE_URL": f"sqlite:///{folder / 'new.sqlite3'}",
            "SECRET_KEY": "of the tests",
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        said = ""
        async with asyncio.timeout(START_WITHIN):
            while "Uvicorn running on" not in said:
                line = await process.stdout.readline()
                assert line, f"make {target} has ended:\n{said}"
                said += line.decode()
        reading = asyncio.create_task(process.stdout.read())  # or it would wait for a reader
        yield said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
    await reading  # to its end: nobody holds the other end of the pipe any more


@pytest_asyncio.fixture(loop_scope="session")
async def printed(tiktok: TikTok, tmp_path: Path) -> AsyncIterator[str]:
    """What `make run` says until it serves."""
    async with making("run", tmp_path, **tiktok.environment()) as said:
        yield said


class TestANewcomer:
    async def test_make_demo_leads_to_the_first_event_by_what_it_prints(
        self, tmp_path: Path
    ) -> None:
        async with making("demo", tmp_path) as printed:
            command = re.search(r"^ +(\S+python -m websockets '.+')$", printed, re.MULTILINE)
            assert command
            phone = await asyncio.create_subprocess_exec(
                *shlex.split(command[1]),
                stdin=asyncio.subprocess.PIPE,  # which it reads, as from a keyboard
                stdout=asyncio.subprocess.PIPE,
            )
            assert phone.stdout is not None
            async with asyncio.timeout(START_WITHIN):
                await phone.stdout.readuntil(b'"type":"comment"')
            phone.terminate()
            await phone.wait()

            address = re.search(r"Open (\S+)", printed)
            accounts = re.findall(r"name: (\S+) +password: (\S+)", printed)
            assert address
            for name, password in accounts:
                async with httpx.AsyncClient(base_url=address[1], timeout=START_WITHIN) as browser:
                    answer = await post(browser, "/login/", username=name, password=password)
                    assert answer.status_code == 302
                    assert "The stand-in plays TikTok:" in (await browser.get("/account/")).text
            assert {name for name, _password in accounts} == {"demo", "admin"}
        assert not (tmp_path / "new.sqlite3").exists()  # what DATABASE_URL names is not the demo's

    async def test_make_run_leads_to_the_first_comment(
        self, printed: str, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        made = re.search(r"Name: (\S+)  Password: (\S+)", printed)
        where = re.search(r"Sign in at (\S+)", printed)
        assert made
        assert where

        await page.goto(where[1])
        await page.get_by_label("Username").fill(made[1])
        await page.get_by_label("Password", exact=True).fill(made[2])
        await page.get_by_role("button", name="Sign in").click()

        # Whoever runs the server is staff, who land on the dashboard.
        await page.get_by_role("link", name="Console").click(timeout=SHOWN_WITHIN)
        steps = page.get_by_role("region", name="Two steps to your first event")
        await steps.get_by_label("Your TikTok username").fill(f"@{streamer}")
        await steps.get_by_role("button", name="Save").click()
        await expect(steps.get_by_text("is live now")).to_be_visible(timeout=SHOWN_WITHIN)
        await steps.get_by_role("button", name="Connect").click()
        state = page.get_by_role("status")
        await expect(state).to_contain_text(f"LIVE @{streamer}", timeout=SHOWN_WITHIN)
        await room.wait_for_socket()
        await room.push(messages.chat("maria", "hello, newcomer"))
        feed = page.get_by_role("log", name="Comments and events")
        await expect(feed).to_contain_text("hello, newcomer", timeout=SHOWN_WITHIN)
