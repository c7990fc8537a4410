"""Alerts of a real server: what is wrong is told once, and once when it is over."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from live.webhooks.models import new_secret
from standin import Failure, TikTok
from tests.end_to_end.conftest import StartServer
from tests.support.browsing import add_person
from tests.support.mails import MailServer
from tests.support.phone import Phone
from tests.support.receiver import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIGN_KEY = "the-server-s-own-key"


async def test_a_closed_sign_gate_is_told_and_so_is_its_end(
    start_server: StartServer, tiktok: TikTok, streamer: str
) -> None:
    secret = new_secret()
    async with Receiver() as receiver:
        server = await start_server(
            "uvicorn",
            ALERT_AFTER="1",
            ALERT_WEBHOOK=receiver.url,
            ALERT_WEBHOOK_SECRET=secret,
            CSRF_TRUSTED_ORIGINS="https://relay.example",
            SIGN_API_KEY=SIGN_KEY,
        )
        account = await add_person(server, "anna", streamer)
        tiktok.go_live(streamer).fail(Failure.SIGN_429, times=1, reset_in=6)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, _closed_with = await phone.explanation()
        assert error["code"] == "rate_limited"

        raised = (await receiver.until_type("alert.raised")).verified(secret)
        cleared = (await receiver.until_type("alert.cleared")).verified(secret)
        assert (raised["data"]["code"], raised["data"]["details"]) == ("sign_gate", "rate_limited")
        assert raised["data"]["dashboard"] == "https://relay.example/staff/"
        assert cleared["data"]["since"] == raised["data"]["since"] < cleared["data"]["ended_at"]
        assert len(receiver.got) == 2
        assert SIGN_KEY not in "".join(got.body for got in receiver.got) + server.log_text
        assert secret not in server.log_text

        printed = await server.manage("send_test_alert")
        assert "sent" in printed
        assert receiver.url.removesuffix("/hook") in printed
        assert (await receiver.until_type("alert.test")).verified(secret)


async def test_a_database_that_fails_is_told_by_mail_and_so_is_its_end(
    start_server: StartServer, tiktok: TikTok, streamer: str
) -> None:
    async with MailServer() as mails:
        server = await start_server(
            "uvicorn",
            ALERT_AFTER="1",
            ALERT_EMAILS="ops@example.org",
            EMAIL_URL=f"smtp://127.0.0.1:{mails.port}",
        )
        account = await add_person(server, "anna", streamer)
        tiktok.go_live(streamer)
        with contextlib.closing(sqlite3.connect(server.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with Phone(f"{server.address}/ws/{account.token}") as phone:
                await phone.until_type("connected")  # its row can't be written
                [raised] = await mails.until(1)
                assert raised["To"] == "ops@example.org"
                assert raised["Subject"].endswith("The database fails")
                assert "Sockets that are open go on." in raised.get_content()
                other.rollback()
                [_, cleared] = await mails.until(2)
        assert cleared["Subject"].endswith("Over: The database fails")
        assert len(mails.got) == 2
