"""The README's first steps, as somebody takes them who has just got the project: `make run`, and
from what it prints to the first comment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from standin import TikTok, messages
from tests.support.server import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Seconds; and milliseconds, of a server that has just started on a machine that is busy.
START_WITHIN = 60.0
SHOWN_WITHIN = 30_000.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture(loop_scope="session")
async def printed(tiktok: TikTok, tmp_path: Path) -> AsyncIterator[str]:
    """What `make run` says until it serves, with a new database."""
    if shutil.which("make") is None:
        pytest.skip("there is no make: apt-get install make")
    installed = tmp_path / "environment"  # to which nothing needs to be added
    installed.mkdir()
    (installed / "run.stamp").touch()
    process = await asyncio.create_subprocess_exec(
        "make",
        "run",
        f"PORT={free_port()}",
        f"VENV={installed}",
        f"BIN={Path(sys.executable).parent}",
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}",
            "SECRET_KEY": "of the tests",
            **tiktok.environment(),
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
                assert line, f"make run has ended:\n{said}"
                said += line.decode()
        reading = asyncio.create_task(process.stdout.read())  # or it would wait for a reader
        yield said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
    await reading


class TestANewcomer:
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

        hint = page.get_by_text("The account has no TikTok username yet.")
        await expect(hint).to_be_visible(timeout=SHOWN_WITHIN)
        await hint.get_by_role("link", name="Set it on the account page").click()
        await page.get_by_label("TikTok username").fill(f"@{streamer}")
        await page.get_by_role("button", name="Save the username").click()
        await expect(page.get_by_text(f"your app gets the LIVE of @{streamer}.")).to_be_visible()

        await page.get_by_role("link", name="Console").click()
        state = page.get_by_role("status")
        await expect(state).to_contain_text(f"LIVE @{streamer}", timeout=SHOWN_WITHIN)
        await room.wait_for_socket()
        await room.push(messages.chat("maria", "hello, newcomer"))
        feed = page.get_by_role("log", name="Comments and events")
        await expect(feed).to_contain_text("hello, newcomer", timeout=SHOWN_WITHIN)
