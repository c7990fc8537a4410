"""Each thing that can stand in the way: its code, its close code, its row, and no trace of it left.

Real sockets to real servers, with the stand-in for TikTok behind them.
"""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from standin import Failure, TikTok
from tests.end_to_end.conftest import ON_DAPHNE, AddAccount
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCENARIOS = [
    (Failure.USER_NOT_FOUND, "user_not_found", 1011),
    (Failure.AGE_RESTRICTED, "age_restricted", 1011),
    (Failure.CAPTCHA, "tiktok_blocked", 1011),
    (Failure.NOT_ALIVE, "user_offline", 1011),
    (Failure.CHECK_ALIVE_EMPTY, "tiktok_blocked", 1011),
    (Failure.SIGN_401, "sign_forbidden", 1011),
    (Failure.SIGN_403, "sign_forbidden", 1011),
    (Failure.SIGN_500, "sign_unavailable", 1011),
    (Failure.SIGN_EMPTY, "sign_unavailable", 1011),
    (Failure.SIGN_NO_COOKIES, "sign_unavailable", 1011),
    (Failure.SIGN_GARBAGE, "sign_unavailable", 1011),
    (Failure.SIGN_HANG, "tiktok_timeout", 1011),
    (Failure.WEBCAST_200, "tiktok_blocked", 1011),
    (Failure.WEBCAST_400, "tiktok_blocked", 1011),
    (Failure.WEBCAST_403, "tiktok_blocked", 1011),
    (Failure.WEBCAST_HANG, "tiktok_timeout", 1011),
    (Failure.CUT_AT_ONCE, "connection_lost", 1011),
]


@ON_DAPHNE
class TestAFailure:
    @pytest.mark.parametrize(
        ("failure", "code", "close_code"), SCENARIOS, ids=[str(s[0].value) for s in SCENARIOS]
    )
    async def test_it_is_explained_and_logged(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        failure: Failure,
        code: str,
        close_code: int,
    ) -> None:
        room = tiktok.go_live(streamer)
        room.fail(failure)
        if failure is Failure.AGE_RESTRICTED:  # told only if the socket is refused, too
            room.fail(Failure.WEBCAST_200)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], error["close_code"], closed_with) == (code, close_code, close_code)
        assert error["title"]
        assert error["detail"]
        row = await server.closed_row(account)
        assert (row["error_code"], row["close_code"]) == (code, close_code)
        assert row["tiktok_username"] == streamer
        assert row["frames_sent"] == len(phone.frames)
        assert "Traceback" not in server.log_text
        await tiktok.wait_for(lambda: not tiktok.rooms[streamer].sockets)

    async def test_it_says_offline_when_the_streamer_is(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.room(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("user_offline", 1011)
        assert streamer in error["detail"]
        assert (await server.closed_row(account))["error_code"] == "user_offline"

    @pytest.mark.parametrize("failure", [Failure.SIGN_429, Failure.SIGN_429_WITHOUT_HEADER])
    async def test_it_tells_the_truth_about_a_rate_limit(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        failure: Failure,
    ) -> None:
        tiktok.go_live(streamer).fail(failure, reset_in=40)
        # A key of its own, so that no other test meets its closed gate.
        account = await add_account(streamer, "--sign-api-key", f"key-of-{streamer}")
        async with Phone(f"{server.address}/ws/{account.token}?lang=ru") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("rate_limited", 1008)
        assert 35 <= error["retry_after"] <= 41
        assert error["title"] == "Rate limit от TikTok API: Too many connections started"
        assert error["hint"].startswith("Для снятия лимита используйте EulerStream API")
        assert "TIKTOK_ROUTES=signed,direct" in error["hint"]  # which is off here
        row = await server.closed_row(account)
        assert (row["error_code"], row["close_code"]) == ("rate_limited", 1008)
        assert f"key-of-{streamer}" not in row["said"] + server.log_text


class TestARefusal:
    async def test_it_says_nothing_of_why_a_token_is_unknown(
        self, server: Server, own_address: str
    ) -> None:
        address = f"{server.address}/ws/no-such-token"
        async with Phone(address, local_addr=(own_address, 0)) as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("invalid_token", 1008)

    async def test_it_refuses_a_socket_without_a_token(
        self, server: Server, own_address: str
    ) -> None:
        async with Phone(f"{server.address}/ws", local_addr=(own_address, 0)) as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("invalid_token", 1008)

    async def test_it_tells_that_a_token_was_revoked(
        self, server: Server, add_account: AddAccount, own_address: str
    ) -> None:
        account = await add_account()
        server.execute(
            "UPDATE accounts_accesstoken SET revoked_at = created_at WHERE user_id = ?",
            account.user_id,
        )
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address, local_addr=(own_address, 0)) as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("token_revoked", 1008)
        assert (await server.closed_row(account))["error_code"] == "token_revoked"

    async def test_it_tells_that_the_account_is_disabled(
        self, server: Server, add_account: AddAccount, own_address: str
    ) -> None:
        account = await add_account()
        server.execute("UPDATE accounts_user SET is_active = 0 WHERE id = ?", account.user_id)
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address, local_addr=(own_address, 0)) as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("account_disabled", 1008)
        assert (await server.closed_row(account))["error_code"] == "account_disabled"

    async def test_it_refuses_an_account_without_a_username(
        self, server: Server, tiktok: TikTok, add_account: AddAccount
    ) -> None:
        account = await add_account("")
        requests = len(tiktok.requests)
        async with Phone(f"{server.address}/ws/{account.token}?lang=ru") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("username_missing", 1008)
        assert error["title"] == "TikTok username не указан"
        assert len(tiktok.requests) == requests
        row = await server.closed_row(account)
        assert (row["error_code"], row["close_code"]) == ("username_missing", 1008)

    async def test_it_refuses_a_username_that_tiktok_cannot_have(
        self, server: Server, add_account: AddAccount
    ) -> None:
        account = await add_account()
        server.execute(
            "UPDATE accounts_user SET tiktok_username = 'no/such?' WHERE id = ?", account.user_id
        )
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("username_invalid", 1008)
        assert (await server.closed_row(account))["error_code"] == "username_invalid"

    async def test_it_limits_the_sockets_of_an_account(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        address = f"{server.address}/ws/{account.token}"
        phones = [await Phone(address).__aenter__() for _ in range(10)]
        for phone in phones:
            await phone.until_type("connected")
        async with Phone(address) as eleventh:
            error, closed_with = await eleventh.explanation()
        assert (error["code"], closed_with) == ("too_many_connections", 1008)
        await phones.pop().socket.close()
        while len(server.execute("SELECT * FROM live_connectionlog WHERE closed_at IS NULL")) > 9:
            await asyncio.sleep(0.05)
        async with Phone(address) as again:
            await again.until_type("connected")
        for phone in phones:
            await phone.socket.close()

    async def test_it_knows_no_demo(
        self, server: Server, tiktok: TikTok, add_account: AddAccount
    ) -> None:
        tiktok.room("demo")
        account = await add_account("demo")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("user_offline", 1011)

    @pytest.mark.parametrize("path", ["/", "/socket", "/ws/test/token", "/ws/a/b/c"])
    async def test_it_refuses_the_handshake_of_other_addresses(
        self, server: Server, path: str
    ) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await Phone(server.address + path).__aenter__()
        assert refused.value.response.status_code in {403, 404}
