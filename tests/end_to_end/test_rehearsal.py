"""The test endpoint: real sockets to real servers, and a stand-in for TikTok that nobody asks."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from live.protocol.errors import ErrorCode
from rehearsal.plan import rehearsed
from standin import TikTok, messages
from tests.end_to_end.conftest import ON_DAPHNE, ON_UVICORN, AddAccount, StartServer
from tests.support.phone import WITHIN, Frame, Phone
from tests.support.recordings import ROOM_ID, write_recording
from tests.support.server import Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The one who has a real LIVE beside the rehearsal.
REALLY_LIVE = "really.live"

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unasked() -> AsyncIterator[TikTok]:
    """TikTok and the sign server, whom no rehearsal has asked for anything."""
    async with TikTok() as tiktok:
        yield tiktok
        asked_for = {request.room and request.room.name for request in tiktok.requests}
        assert asked_for <= {REALLY_LIVE}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rehearsing(
    unasked: TikTok,
    recordings: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Server]:
    """One server only: what differs between servers is tested on real LIVEs."""
    settings = {
        "RELAY_TEST_ENDPOINT": "always",
        "RELAY_RECORDINGS": str(recordings),
        "RELAY_RECONNECT_FOR": "0.01",
    }
    folder = tmp_path_factory.mktemp("server")
    server = Server("daphne", folder, {**unasked.environment(), **settings})
    await server.start()
    yield server
    await server.stop()
    assert "Traceback" not in server.log_text


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def account(rehearsing: Server) -> Account:
    """The account of somebody who is not live, and never was."""
    return await rehearsing.add_account("developer", "never.live")


@pytest.fixture
def address(rehearsing: Server, account: Account) -> str:
    return f"{rehearsing.address}/ws/test/{account.token}"


class TestTheProgramme:
    async def test_generated_events_come_as_those_of_a_live(
        self, rehearsing: Server, account: Account, address: str
    ) -> None:
        async with Phone(address) as phone:
            assert (await phone.next())["data"] == {"state": "connecting"}
            connected = await phone.next()
            assert connected["type"] == "connected"
            assert connected["data"]["test"] is True
            assert connected["data"]["username"] == "never.live"
            assert (await phone.next())["data"] == {"state": "live"}
            events = await phone.events(20)
        assert len({event["id"] for event in events}) == 20
        assert {"comment", "like"} <= {event["type"] for event in events}
        row = await rehearsing.closed_row(account)
        assert (row["is_test"], row["close_code"]) == (1, 1000)
        assert row["frames_sent"] >= len(phone.frames)  # one may be on its way while it closes

    async def test_a_streak_counts_up_and_ends(self, address: str) -> None:
        def streak_of(gift: Frame) -> tuple[int, str]:
            return gift["data"]["count"], gift["data"]["streak"]

        async with Phone(f"{address}?types=gift") as phone:
            first = await phone.until(
                lambda frame: frame["type"] == "gift" and streak_of(frame) == (1, "ongoing")
            )
            group = first["data"]["group_id"]
            await phone.until(
                lambda frame: (
                    frame["data"].get("group_id") == group and frame["data"]["streak"] == "ended"
                )
            )
        gifts = [frame for frame in phone.frames if frame["data"].get("group_id") == group]
        count = len(gifts) - 1
        counts = [*range(1, count + 1), count]
        assert [gift["data"]["count"] for gift in gifts] == counts
        assert [gift["data"]["streak"] for gift in gifts] == [*["ongoing"] * count, "ended"]

    async def test_a_phone_goes_on_where_it_was(self, address: str) -> None:
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await phone.events(5)
        seen = phone.frames[-1]["cursor"]
        async with Phone(f"{address}?since={seen}") as phone:
            connected = await phone.next()
            assert connected["type"] == "connected"
            assert connected["data"]["resumed"] is True
            event = await phone.next()
        epoch, _, offset = seen.partition("-")
        assert event["cursor"] == f"{epoch}-{int(offset) + 1}"

    async def test_events_share_a_frame(self, address: str) -> None:
        async with Phone(f"{address}?batch=1000") as phone:
            batch = await phone.until_type("batch")
        assert len(batch["data"]["events"]) > 1

    async def test_it_is_filtered(self, address: str) -> None:
        async with Phone(f"{address}?types=comment,gift") as phone:
            events = await phone.events(10)
        assert {event["type"] for event in events} <= {"comment", "gift"}

    async def test_phones_share_it(self, address: str) -> None:
        async with Phone(address) as first, Phone(address) as second:
            await first.until_type("connected")
            await second.until_type("connected")
            (event,) = await second.events(1)
            await first.until(lambda frame: frame.get("cursor") == event["cursor"])
        assert event in first.frames

    async def test_it_takes_the_token_as_a_bearer_header(
        self, rehearsing: Server, account: Account
    ) -> None:
        headers = {"Authorization": f"Bearer {account.token}"}
        async with Phone(f"{rehearsing.address}/ws/test", additional_headers=headers) as phone:
            assert (await phone.until_type("connected"))["data"]["test"] is True

    async def test_an_account_without_a_username_can_rehearse(self, rehearsing: Server) -> None:
        nobody = await rehearsing.add_account(f"nobody{next(_numbers)}", "to.be.removed")
        rehearsing.execute(
            "UPDATE accounts_user SET tiktok_username = '' WHERE id = ?", nobody.user_id
        )
        async with Phone(f"{rehearsing.address}/ws/test/{nobody.token}") as phone:
            connected = await phone.until_type("connected")
            assert connected["data"]["username"] == "rehearsal"
            await phone.events(1)

    async def test_it_is_not_the_real_one(self, rehearsing: Server, unasked: TikTok) -> None:
        room = unasked.go_live(REALLY_LIVE)
        account = await rehearsing.add_account(f"live{next(_numbers)}", REALLY_LIVE)
        async with (
            Phone(f"{rehearsing.address}/ws/test/{account.token}") as rehearsal,
            Phone(f"{rehearsing.address}/ws/{account.token}") as real,
        ):
            await rehearsal.events(3)
            connected = await real.until_type("connected")
            assert connected["data"]["room_id"] == str(room.room_id)
            assert "test" not in connected["data"]
            await room.wait_for_socket()
            await room.push(messages.chat("bob", "really"))
            (event,) = await real.events(1)
            await rehearsal.events(3)
        assert event["data"]["text"] == "really"
        assert "really" not in [frame["data"].get("text") for frame in rehearsal.frames]


class TestFailures:
    @pytest.mark.parametrize("code", ErrorCode)
    async def test_every_failure_can_be_rehearsed_in_both_languages(
        self, rehearsing: Server, address: str, code: ErrorCode
    ) -> None:
        async with (
            Phone(f"{address}?fail={code}&lang=en") as english,
            Phone(f"{address}?fail={code}&lang=ru") as russian,
        ):
            explanations = await asyncio.gather(english.explanation(), russian.explanation())
        for (error, closed_with), language in zip(explanations, ("en", "ru"), strict=True):
            expected = rehearsed(code, "never.live").explain(language)
            assert (error["code"], error["title"]) == (code, expected.title)
            assert error["detail"] == expected.detail
            assert error["close_code"] == closed_with == expected.close_code
        assert explanations[0][0]["title"] != explanations[1][0]["title"]
        timed = {ErrorCode.RATE_LIMITED, ErrorCode.SERVER_SHUTDOWN}
        assert ("retry_after" in explanations[0][0]) is (code in timed)

    async def test_a_connection_is_lost_while_it_is_live(self, address: str) -> None:
        async with Phone(f"{address}?fail=connection_lost") as phone:
            await phone.explanation()
        states = [frame["data"]["state"] for frame in phone.frames if frame["type"] == "status"]
        assert states == ["connecting", "live", "reconnecting"]
        assert "comment" in {frame["type"] for frame in phone.frames}

    async def test_it_hurts_nobody_else(self, address: str) -> None:
        async with Phone(address) as phone:
            await phone.until_type("connected")
            async with Phone(f"{address}?fail=internal_error") as failing:
                await failing.explanation()
            await phone.events(3)

    async def test_it_is_logged_as_a_test(self, rehearsing: Server) -> None:
        account = await rehearsing.add_account(f"logged{next(_numbers)}", "never.live")
        async with Phone(f"{rehearsing.address}/ws/test/{account.token}?fail=too_slow") as phone:
            await phone.explanation()
        row = await rehearsing.closed_row(account)
        assert (row["is_test"], row["error_code"]) == (1, "too_slow")

    async def test_an_unknown_one_is_refused(self, address: str) -> None:
        async with Phone(f"{address}?fail=everything") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("bad_request", 1008)


class TestRecordings:
    async def test_a_recording_is_played_through_the_test_endpoint(
        self, address: str, recordings: Path
    ) -> None:
        sent = [
            messages.chat("bob", "hello"),
            *messages.streak("carol", count=3),
            messages.like("dave", 5, total=100),
            messages.chat("bob", "bye"),
        ]
        name = f"evening-{next(_numbers)}.jsonl.gz"
        write_recording(recordings / name, [messages.unknown(), *sent], every=50)
        async with Phone(f"{address}?replay={name}") as phone:
            assert await phone.until_closed() == 1000
        told = [frame for frame in phone.frames if frame["type"] not in {"status", "connected"}]
        assert [frame["type"] for frame in told] == [
            "comment",
            *["gift"] * 4,
            "like",
            "comment",
            "live_end",
        ]
        assert [frame["id"] for frame in told[:-1]] == [str(message.msg_id) for message in sent]
        connected = next(frame for frame in phone.frames if frame["type"] == "connected")
        assert connected["data"]["room_id"] == ROOM_ID
        assert connected["data"]["username"] == "never.live"
        assert connected["data"]["test"] is True

    @pytest.mark.parametrize(
        "name", ["../evening", "..", ".", "/etc/passwd", ".hidden", "nothing", "a\0b", "x" * 200]
    )
    async def test_a_bad_name_is_refused(self, address: str, name: str) -> None:
        async with Phone(f"{address}?replay={quote(name, safe='')}") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("bad_request", 1008)


class TestTheSwitch:
    @ON_DAPHNE
    async def test_it_is_off_by_default(self, server: Server, add_account: AddAccount) -> None:
        account = await add_account()
        with pytest.raises(InvalidStatus) as refusal:
            async with Phone(f"{server.address}/ws/test/{account.token}"):
                pass
        assert refusal.value.response.status_code == 403

    @ON_UVICORN
    async def test_it_is_off_for_a_token_in_the_handshake(
        self, server: Server, add_account: AddAccount
    ) -> None:
        account = await add_account()
        headers = {"Authorization": f"Bearer {account.token}"}
        with pytest.raises(InvalidStatus) as refusal:
            async with Phone(f"{server.address}/ws/test", additional_headers=headers):
                pass
        assert refusal.value.response.status_code == 403

    async def test_it_can_not_be_on_in_production(self, tmp_path: Path) -> None:
        server = Server("uvicorn", tmp_path, {"RELAY_TEST_ENDPOINT": "on"})
        with pytest.raises(RuntimeError) as refusal:
            await server.manage("migrate", "--skip-checks")
        (line,) = str(refusal.value).splitlines()
        assert "Setting RELAY_TEST_ENDPOINT: expected off, since DEBUG is off" in line

    async def test_it_can_be_on_while_debugging(self, start_server: StartServer) -> None:
        server = await start_server("uvicorn", RELAY_TEST_ENDPOINT="on", DEBUG="on")
        account = await server.add_account("developer", "never.live")
        async with Phone(f"{server.address}/ws/test/{account.token}") as phone:
            await phone.until_type("connected")


class TestTikFinity:
    """Last: its stream lingers, and other tests begin with a new one."""

    async def test_programs_for_tikfinity_get_generated_events_too(
        self, rehearsing: Server, account: Account
    ) -> None:
        names: set[str] = set()
        address = f"{rehearsing.address}/ws/test/tikfinity?token={account.token}"
        async with asyncio.timeout(WITHIN), connect(address) as socket:
            while not names >= {"connected", "chat", "gift", "like"}:
                names.add(json.loads(await socket.recv())["event"])
