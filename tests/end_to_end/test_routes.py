"""The routes to TikTok, from its messages to the phone's frames, with a server process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from standin import Failure, Kind, TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIVES, PHONES = 50, 200
# Seconds for all of them: on a quiet machine it takes a few.
WITHIN = 40.0
ACCOUNTS = """
import json
from accounts.models import AccessToken, User
tokens = []
for number in range({count}):
    user = User.objects.create_user(f"account{{number}}", tiktok_username=f"user{{number}}")
    tokens.append(AccessToken.objects.issue(user)[1])
print(json.dumps(tokens))
"""


@pytest_asyncio.fixture(loop_scope="session")
async def tiktok() -> AsyncIterator[TikTok]:
    """One of the test's own: what fails in it fails for everybody."""
    async with TikTok() as tiktok:
        yield tiktok


async def connected(server: Server, token: str) -> Phone:
    phone = Phone(f"{server.address}/ws/{token}")
    await phone.__aenter__()
    await phone.until_type("connected")
    return phone


async def test_a_limited_sign_server_and_a_cut_are_not_noticed(
    tiktok: TikTok, start_server: StartServer
) -> None:
    tiktok.fail(Failure.SIGN_429, reset_in=3600)
    server = await start_server("daphne", TIKTOK_ROUTES="signed,direct")
    account = await server.add_account("anna", "alice")
    room = tiktok.go_live("alice")
    async with Phone(f"{server.address}/ws/{account.token}") as phone:
        await phone.until_type("connected")
        await room.wait_for_socket()
        sent = [messages.chat("viewer", str(number)) for number in range(3)]
        await room.push(*sent)
        await phone.events(3)
        missed = messages.chat("viewer", "during the cut")
        room.history[:] = [*sent, missed]  # as TikTok sends it again to whoever comes back
        await room.cut()
        await room.wait_for_socket()
        await phone.until(lambda frame: frame["data"].get("text") == "during the cut")
        await room.push(messages.chat("viewer", "after"))
        await phone.until(lambda frame: frame["data"].get("text") == "after")

    told = [frame["data"]["text"] for frame in phone.frames if frame["type"] == "comment"]
    assert told == ["0", "1", "2", "during the cut", "after"]
    assert "error" not in [frame["type"] for frame in phone.frames]
    assert "direct" not in json.dumps(phone.frames)
    # Nobody asks the sign server while it is limited, and the visitor stays the same.
    assert tiktok.count(Kind.SIGN) == 1
    assert len(tiktok.visitors) == 1
    timeline = server.timeline(await server.closed_row(account))
    assert [detail for _at, what, detail in timeline if what == "live"] == [{"route": "direct"}] * 2
    assert "@alice [direct]" in server.log_text


async def test_with_the_sign_server_down_two_hundred_phones_are_live_soon(
    tiktok: TikTok, start_server: StartServer
) -> None:
    tiktok.fail(Failure.SIGN_500)
    tiktok.cookie_every = 2
    server = await start_server(
        "uvicorn", TIKTOK_ROUTES="signed,direct", RELAY_MAX_SOCKETS_PER_ADDRESS=str(2 * PHONES)
    )
    tokens = json.loads(
        await server.manage("shell", "--no-imports", "-c", ACCOUNTS.format(count=LIVES))
    )
    rooms = [tiktok.go_live(f"user{number}") for number in range(LIVES)]
    async with asyncio.timeout(WITHIN):
        phones = await asyncio.gather(
            *(connected(server, tokens[number % LIVES]) for number in range(PHONES))
        )
    try:
        for room in rooms:
            await room.push(messages.chat("viewer", room.name))
        for number, phone in enumerate(phones):
            (comment,) = await phone.events(1)
            assert comment["data"]["text"] == f"user{number % LIVES}"
    finally:
        for phone in phones:
            await phone.__aexit__(None, None, None)
    assert len(tiktok.visitors) == 1
    # After three failures, the sign server is not asked for a while.
    assert tiktok.count(Kind.SIGN) <= 6
    assert tiktok.count(Kind.DIRECT) == LIVES
    assert tiktok.count(Kind.LIVE_PAGE) == LIVES
