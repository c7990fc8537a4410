"""The first lines of programs that the page of a new token shows, run as they stand there."""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from standin import TikTok, messages
from tests.end_to_end.conftest import ON_UVICORN
from tests.support.browsing import add_person, http, post, signed_in
from tests.support.node import find_node, run_command
from tests.support.server import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_UVICORN]

WITHIN = 20.0
# In Node 20, WebSocket has to be switched on.
OLDEST_NODE, NODE_WITH_SOCKETS = 20, 22


class Program(NamedTuple):
    """A program on the page: how its file is called, and its lines."""

    file: str
    text: str


async def shown(server: Server, streamer: str) -> dict[str, Program]:
    """The programs on the page of a token for the streamer's LIVE, by their languages."""
    person = await add_person(server, f"developer-of-{streamer}", streamer)
    async with signed_in(server, person.username) as browser:
        account = await browser.get("/account/")
        form_id = re.findall(r'name="form_id" value="([\w-]+)"', account.text)[0]
        page = await post(browser, "/account/tokens/", form_id=form_id)
    name, file, text = r'data-tab="(\w+)">', r'"no">(\w+\.\w+)</span>', r"<pre[^>]*>(.*?)</pre>"
    parts = re.findall(f"{name}.*?{file}.*?{text}", page.text, re.DOTALL)
    return {name: Program(file, html.unescape(text)) for name, file, text in parts}


async def node_with(folder: Path, server: Server) -> list[str]:
    """Node, with the relay's client beside the program."""
    node = find_node(OLDEST_NODE)
    async with httpx.AsyncClient() as client:
        script = await client.get(f"{http(server)}/static/live/relay-client.js")
    (folder / "relay-client.mjs").write_text(script.text)
    version = int(run_command(node, "--version").stdout.lstrip("v").partition(".")[0])
    return [node] if version >= NODE_WITH_SOCKETS else [node, "--experimental-websocket"]


async def python_with(folder: Path, server: Server) -> list[str]:
    return [sys.executable]


@pytest.mark.parametrize(
    ("language", "command_with"), [("JavaScript", node_with), ("Python", python_with)]
)
async def test_the_lines_of_the_page_print_comments(
    server: Server,
    tiktok: TikTok,
    streamer: str,
    tmp_path: Path,
    language: str,
    command_with: Callable[[Path, Server], asyncio.Future[list[str]]],
) -> None:
    room = tiktok.go_live(streamer)
    program = (await shown(server, streamer))[language]
    (tmp_path / program.file).write_text(program.text)
    process = await asyncio.create_subprocess_exec(
        *await command_with(tmp_path, server),
        program.file,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WITHIN):
            assert await process.stdout.readline() == f"@{streamer} is live\n".encode()
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "hello, developer"))
            assert await process.stdout.readline() == b"Viewer: hello, developer\n"
    finally:
        process.kill()
        await process.communicate()
