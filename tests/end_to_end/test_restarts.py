"""A server that stops and starts again, and the phones that come back to it."""

from __future__ import annotations

import asyncio
import signal
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standin import Kind, TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.server import SERVERS, Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")


def state_file(server: Server) -> Path:
    return Path(f"{server.database}-state")


def address(server: Server, account: Account, since: str = "") -> str:
    query = f"?since={since}" if since else ""
    return f"{server.address}/ws/{account.token}{query}"


async def stop(server: Server, phone: Phone, how: signal.Signals = signal.SIGTERM) -> str:
    """Stop the server, to which a phone is connected. Returns the phone's last cursor."""
    stopping = asyncio.create_task(server.stop(how))
    await phone.until_closed()
    await stopping
    cursors = [frame["cursor"] for frame in phone.frames if "cursor" in frame]
    return str(cursors[-1])


def ids(*phones: Phone) -> list[str]:
    """Of the comments that the phones have got."""
    frames = [frame for phone in phones for frame in phone.frames]
    return [frame["id"] for frame in frames if frame["type"] == "comment"]


def of(phone: Phone, kind: str) -> list[dict[str, Any]]:
    return [frame["data"] for frame in phone.frames if frame["type"] == kind]


def lines(server: Server, part: str) -> list[str]:
    return [line for line in server.log_text.splitlines() if part in line]


class TestSigterm:
    @pytest.mark.parametrize("kind", SERVERS)
    async def test_phones_go_on_as_if_nothing_had_been(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        account = await server.add_account("phone", streamer)
        room = tiktok.go_live(streamer)
        sent = [messages.chat("viewer", str(number)) for number in range(8)]
        streak = messages.streak("giver", count=5)
        async with Phone(address(server, account)) as phone:
            await phone.until_type("connected")
            await room.push(sent[0], sent[1])
            await phone.until(lambda frame: frame.get("id") == str(sent[1].msg_id))
            middle = str(phone.frames[-1]["cursor"])
            await room.push(sent[2], *streak[:2], sent[3])
            await phone.until(lambda frame: frame.get("id") == str(sent[3].msg_id))
            cursor = await stop(server, phone)
        assert stat.S_IMODE(state_file(server).stat().st_mode) == 0o600
        await tiktok.wait_for(lambda: not room.sockets)
        signed = tiktok.count(Kind.SIGN, room)

        await server.start()
        async with Phone(server.address + "/ws/no-such-token") as nobody:
            await nobody.until_closed()  # the first that the server is asked
        assert not state_file(server).exists()
        assert tiktok.count(Kind.SIGN, room) == signed, "nobody has asked for the LIVE yet"

        room.history = [*sent[2:6], *streak[:4]]  # TikTok sends the last minutes again
        late = Phone(address(server, account, middle))  # it has not got the last ones
        async with Phone(address(server, account, cursor)) as back, late:
            await back.until_type("gap")
            await room.push(sent[6], *streak[4:], sent[7])
            for each in (back, late):
                await each.until(lambda frame: frame.get("id") == str(sent[7].msg_id))
        wanted = [str(message.msg_id) for message in sent]
        assert ids(phone, back) == wanted
        assert ids(late) == wanted[2:]
        for each in (back, late):
            assert each.frames[0]["data"]["resumed"] is True
            assert [gap["side"] for gap in of(each, "gap")] == ["upstream"]
            epochs = {f["cursor"].split("-")[0] for f in each.frames if "cursor" in f}
            assert epochs == {cursor.split("-")[0]}
        # What counts of gifts: those whose streak has ended.
        gifts = of(phone, "gift") + of(back, "gift")
        assert sum(gift["count"] for gift in gifts if gift["streak"] != "ongoing") == 5
        assert "Traceback" not in server.log_text
        assert len(lines(server, "streams of before the restart can go on")) == 1

    async def test_a_file_is_read_once(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("daphne")
        account = await server.add_account("phone", streamer)
        tiktok.go_live(streamer)
        async with Phone(address(server, account)) as phone:
            await phone.until_type("connected")
            cursor = await stop(server, phone)
        await server.start()
        async with Phone(address(server, account, cursor)) as phone:
            await phone.until_type("connected")
            await server.stop(signal.SIGKILL)
        assert not state_file(server).exists()
        assert sorted(state_file(server).parent.glob("*-state*")) == []

        await server.start()
        async with Phone(address(server, account, cursor)) as phone:
            gap = await phone.until_type("gap")
        assert gap["data"]["side"] == "client"
        assert gap["data"]["missed"] is None

    async def test_a_closed_sign_gate_stays_closed(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("uvicorn")
        key = f"key-of-{streamer}"
        account = await server.add_account("phone", streamer, "--sign-api-key", key)
        tiktok.go_live(streamer)
        tiktok.sign_limit(0, reset_in=60)
        try:
            async with Phone(address(server, account)) as phone:
                error, _code = await phone.explanation()
            assert error["code"] == "rate_limited"
            await server.stop()
            assert key.encode() not in state_file(server).read_bytes()
            asked = sum(request.kind is Kind.SIGN for request in tiktok.requests)
        finally:
            tiktok.no_sign_limit()

        await server.start()
        async with Phone(address(server, account)) as phone:
            error, _code = await phone.explanation()
        assert error["code"] == "rate_limited"
        assert 30 <= error["retry_after"] <= 60
        assert sum(request.kind is Kind.SIGN for request in tiktok.requests) == asked


@pytest.mark.parametrize("kind", ["uvicorn"])
class TestKill:
    async def test_phones_are_told_of_a_gap(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        account = await server.add_account("phone", streamer)
        room = tiktok.go_live(streamer)
        async with Phone(address(server, account)) as phone:
            await phone.until_type("connected")
            await room.push(messages.chat("viewer", "hello"))
            await phone.until_type("comment")
            cursor = await stop(server, phone, signal.SIGKILL)
        assert not state_file(server).exists()

        await server.start()
        async with Phone(address(server, account, cursor)) as phone:
            gap = await phone.until_type("gap")
        assert (gap["data"]["side"], gap["data"]["missed"]) == ("client", None)
        assert gap["cursor"].split("-")[0] != cursor.split("-")[0]


def older(given: bytes) -> bytes:
    state = msgspec.msgpack.decode(given)
    state[1][0] -= 91_000  # RELAY_LINGER and 61 s
    return msgspec.msgpack.encode(state)


def of_another_version(given: bytes) -> bytes:
    state = msgspec.msgpack.decode(given)
    state[0] += 1
    return msgspec.msgpack.encode(state)


class TestABadFile:
    # Two of them on each server: what is wrong with a file is seen before the servers differ.
    @pytest.mark.parametrize(
        ("kind", "spoilt", "why"),
        [
            ("daphne", older, "s old, and 90 s is the most"),
            ("uvicorn", of_another_version, "version 2, not 1"),
            ("daphne", lambda given: given[: len(given) // 2], "truncated"),
            ("uvicorn", lambda given: b"\xff" * 100, "Expected"),
        ],
        ids=["old", "version", "truncated", "nonsense"],
    )
    async def test_it_is_ignored_with_one_line(
        self,
        start_server: StartServer,
        tiktok: TikTok,
        streamer: str,
        kind: str,
        spoilt: Any,
        why: str,
    ) -> None:
        server = await start_server(kind)
        account = await server.add_account("phone", streamer)
        tiktok.go_live(streamer)
        async with Phone(address(server, account)) as phone:
            await phone.until_type("connected")
            cursor = await stop(server, phone)
        file = state_file(server)
        file.write_bytes(spoilt(file.read_bytes()))

        await server.start()
        async with Phone(address(server, account, cursor)) as phone:
            await phone.until_type("gap")
        (line,) = lines(server, f"The state file {file} is ignored: ")
        assert why in line
        assert not file.exists()
        assert "Traceback" not in server.log_text

    @pytest.mark.parametrize("kind", ["daphne"])
    async def test_a_folder_that_is_not_there_is_told_in_one_line_each_time(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str, tmp_path: Path
    ) -> None:
        server = await start_server(kind, RELAY_STATE_FILE=str(tmp_path / "gone" / "state"))
        account = await server.add_account("phone", streamer)
        tiktok.go_live(streamer)
        async with Phone(address(server, account)) as phone:
            await phone.until_type("connected")
            await stop(server, phone)

        assert len(lines(server, "RELAY_STATE_FILE: nothing can be written in")) == 1
        assert len(lines(server, "gone/state could not be written")) == 1
        assert "Traceback" not in server.log_text

    @pytest.mark.parametrize("kind", ["uvicorn"])
    async def test_there_is_none_when_it_is_off(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind, RELAY_STATE_FILE="off")
        account = await server.add_account("phone", streamer)
        tiktok.go_live(streamer)
        async with Phone(address(server, account)) as phone:
            await phone.until_type("connected")
            await stop(server, phone)

        assert not list(state_file(server).parent.glob("*state*"))
