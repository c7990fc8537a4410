"""A phone that stops reading: it delays nobody, costs bounded memory, and is let go."""

from __future__ import annotations

import asyncio
import random

import pytest

from standin import TikTok, encode_push_frame, messages
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.server import SERVERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUSHES = 500
COMMENTS_A_PUSH = 4
# 12 kB that no compression shrinks by much: together far more than kernels and servers buffer.
TEXT = "".join(random.Random(1).choices([chr(number) for number in range(0x4E00, 0x9F00)], k=4000))


@pytest.mark.parametrize("kind", SERVERS)
class TestAPhoneThatStopsReading:
    async def test_it_is_closed_as_too_slow_and_nobody_else_notices(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind, RELAY_SEND_TIMEOUT="2", RELAY_BACKLOG="256")
        room = tiktok.go_live(streamer)
        slow_account = await server.add_account("slow", streamer)
        account = await server.add_account("witness", streamer)
        async with (
            Phone(f"{server.address}/ws/{slow_account.token}", max_queue=1) as slow,
            Phone(f"{server.address}/ws/{account.token}") as witness,
        ):
            await slow.until_type("connected")
            await witness.until_type("connected")
            await room.wait_for_socket()
            before = server.memory()
            for _ in range(PUSHES):
                comments = [messages.chat("viewer", TEXT) for _ in range(COMMENTS_A_PUSH)]
                await room.push_encoded(encode_push_frame(comments))
                events = await witness.events(COMMENTS_A_PUSH)
                assert [int(e["id"]) for e in events] == [c.msg_id for c in comments]
            row = await server.closed_row(slow_account)
            assert (row["error_code"], row["close_code"]) == ("too_slow", 1008)
            assert row["frames_sent"] < PUSHES * COMMENTS_A_PUSH
            # The log of 256 comments, framed and as text, and what the servers buffer.
            assert server.memory() - before < 256 * 2 * 12_000 + 10_000_000
        assert "Traceback" not in server.log_text


@pytest.mark.parametrize("kind", SERVERS)
class TestAPhoneThatReadsTooSlowly:
    async def test_it_gets_a_gap_and_goes_on(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind, RELAY_BACKLOG="64")
        room = tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with Phone(f"{server.address}/ws/{account.token}", max_queue=1) as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            # The log remembers the types of 16 times as many frames as it holds.
            sent = [messages.chat("viewer", TEXT) for _ in range(1000)]
            for start in range(0, len(sent), 10):
                await room.push(*sent[start : start + 10])
            await tiktok.wait_for(lambda: len(room.acks) >= len(sent) // 10, within=30)
            seen: list[int] = []
            missed = 0
            async with asyncio.timeout(30):
                while not seen or seen[-1] != sent[-1].msg_id:
                    frame = await phone.next()
                    if frame["type"] == "comment":
                        seen.append(int(frame["id"]))
                    elif frame["type"] == "gap":
                        assert frame["data"]["side"] == "client"
                        missed += frame["data"]["missed"]["comment"]
        assert missed > 0
        assert len(seen) + missed == len(sent)
        assert seen == sorted(seen)
