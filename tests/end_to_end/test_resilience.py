"""Cuts, storms, limits and waiting: what the stream engine does for many phones at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from standin import Kind, TikTok, messages
from tests.end_to_end.conftest import ON_DAPHNE, AddAccount, StartServer
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")


class TestCuts:
    async def test_each_phone_sees_each_event_once_however_often_the_upstream_is_cut(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("daphne", RELAY_MAX_SOCKETS="20")
        account = await server.add_account("phones", streamer)
        room = tiktok.go_live(streamer)
        sent = [messages.chat("viewer", str(number)) for number in range(1000)]
        async with AsyncExitStack() as stack:
            phones = [
                await stack.enter_async_context(Phone(f"{server.address}/ws/{account.token}"))
                for _ in range(20)
            ]
            for phone in phones:
                await phone.until_type("connected")
            for start in range(0, 1000, 50):
                await room.wait_for_socket()
                part = sent[start : start + 50]
                room.history = part[-10:]  # TikTok sends the last ones again
                for push in range(0, 50, 10):
                    await room.push(*part[push : push + 10])
                for phone in phones:
                    while (await phone.next()).get("id") != str(part[-1].msg_id):
                        pass
                if start < 950:
                    await room.cut()
        expected = [str(message.msg_id) for message in sent]
        for phone in phones:
            comments = [frame["id"] for frame in phone.frames if frame["type"] == "comment"]
            assert comments == expected
            states = [f["data"]["state"] for f in phone.frames if f["type"] == "status"]
            assert states.count("reconnecting") == 19
            gaps = [frame["data"] for frame in phone.frames if frame["type"] == "gap"]
            assert [gap["side"] for gap in gaps] == ["upstream"] * 19
            assert all(gap["from"] <= gap["to"] for gap in gaps)


class TestStorms:
    async def test_it_takes_one_signature_when_200_phones_come_at_once(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("uvicorn", RELAY_MAX_SOCKETS="200")
        account = await server.add_account("phones", streamer)
        room = tiktok.go_live(streamer)
        async with AsyncExitStack() as stack:
            phones = await asyncio.gather(
                *(
                    stack.enter_async_context(Phone(f"{server.address}/ws/{account.token}"))
                    for _ in range(200)
                )
            )
            await asyncio.gather(*(phone.until_type("connected") for phone in phones))
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "to all"))
            await asyncio.gather(*(phone.until_type("comment") for phone in phones))
        assert tiktok.count(Kind.SIGN, room) == 1

    @ON_DAPHNE
    async def test_it_asks_a_limited_sign_server_a_few_times_for_any_phones(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        key = f"key-of-{streamer}"
        accounts = []
        for number in range(6):
            tiktok.go_live(f"{streamer}.{number}")
            accounts.append(await add_account(f"{streamer}.{number}", "--sign-api-key", key))
        tiktok.sign_limit(0, reset_in=30)
        try:

            async def refused(token: str) -> dict[str, object]:
                async with Phone(f"{server.address}/ws/{token}") as phone:
                    return (await phone.explanation())[0]

            errors = await asyncio.gather(*(refused(account.token) for account in accounts))
            errors += [await refused(account.token) for account in accounts]
            assert {error["code"] for error in errors} == {"rate_limited"}
            assert all(1 <= int(str(error["retry_after"])) <= 31 for error in errors)
            asked = [r for r in tiktok.requests if r.kind is Kind.SIGN and r.api_key == key]
            assert 1 <= len(asked) <= 4  # so many are sent at once before anything is known
        finally:
            tiktok.no_sign_limit()


class TestWaiting:
    async def test_it_waits_for_the_streamer_with_one_poll_for_all(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("uvicorn", RELAY_WAIT_INTERVAL="1")
        account = await server.add_account("phones", streamer)
        room = tiktok.room(streamer)
        address = f"{server.address}/ws/{account.token}"
        async with Phone(f"{address}?wait=1") as first, Phone(f"{address}?wait=1") as second:
            for phone in (first, second):
                await phone.until(lambda frame: frame["data"].get("state") == "waiting")
            async with Phone(address) as impatient:
                error, closed_with = await impatient.explanation()
            assert (error["code"], closed_with) == ("user_offline", 1011)
            polls = tiktok.count(Kind.ROOM_API, room)
            await tiktok.wait_for(lambda: tiktok.count(Kind.ROOM_API, room) >= polls + 2)
            assert tiktok.count(Kind.SIGN, room) == 0
            room.go_live()
            for phone in (first, second):
                await phone.until_type("connected")
            assert tiktok.count(Kind.SIGN, room) == 1
        assert server.log_text.count("Connecting to TikTok Live") == 1


class TestSilence:
    async def test_it_tells_quiet_from_deaf(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("uvicorn", RELAY_IDLE_TIMEOUT="1")
        account = await server.add_account("phone", streamer)
        room = tiktok.go_live(streamer)
        room.ping_interval = 0.3
        async with Phone(f"{server.address}/ws/{account.token}") as phone:

            async def status(state: str) -> None:
                await phone.until(lambda frame: frame["data"].get("state") == state)

            await status("live")
            await status("quiet")
            await room.push(messages.chat("viewer", "hello"))
            await status("live")
            room.deaf = True
            await status("deaf")
            room.deaf = False
            await status("reconnecting")
            await status("live")
            gap = next(frame["data"] for frame in phone.frames if frame["type"] == "gap")
            assert gap["side"] == "upstream"
        assert tiktok.count(Kind.SIGN, room) == 2


@ON_DAPHNE
class TestBatching:
    async def test_it_gathers_events_into_one_frame(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}?batch=200") as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            sent = [messages.chat("viewer", str(number)) for number in range(30)]
            for message in sent:
                await room.push(message)
            texts: list[str] = []
            while len(texts) < 30:
                frame = await phone.next()
                events = frame["data"]["events"] if frame["type"] == "batch" else [frame]
                texts += [e["data"]["text"] for e in events if e["type"] == "comment"]
            assert texts == [str(number) for number in range(30)]
            assert sum(frame["type"] == "batch" for frame in phone.frames) <= 5


class TestResuming:
    async def test_it_announces_what_it_cannot_replay(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("uvicorn", RELAY_BACKLOG="16")
        room = tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "first"))
            cursor = (await phone.until_type("comment"))["cursor"]
            for number in range(40):
                await room.push(messages.chat("viewer", str(number)))
            await phone.events(40)
            async with Phone(f"{address}?since={cursor}") as late:
                assert (await late.until_type("connected"))["data"]["resumed"] is False
                gap = await late.next()
                assert (gap["type"], gap["data"]["side"]) == ("gap", "client")
                assert gap["data"]["missed"] == {"comment": 24}
                events = await late.events(16)
                assert [e["data"]["text"] for e in events] == [str(n) for n in range(24, 40)]
            async with Phone(f"{address}?since=otherepoch-7") as stranger:
                assert (await stranger.until_type("connected"))["data"]["resumed"] is False
                gap = await stranger.next()
                assert (gap["type"], gap["data"]["missed"]) == ("gap", None)
                assert len(await stranger.events(16)) == 16
