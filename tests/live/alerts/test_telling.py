"""What people and programs get of an alert, and what becomes of it where a way does not work. None
of these tests may use the database."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail

from live.alerts.alert import Alert, Condition
from live.alerts.messages import Kind, Message, body_for_discord, body_for_programs
from live.alerts.telling import ByMail, ByWebhook, Teller
from live.alerts.texts import words_of
from live.webhooks.addresses import Guard
from live.webhooks.models import new_secret
from live.webhooks.posting import Poster
from tests.support.clock import now, virtual_time
from tests.support.receiver import Receiver, Reply

SINCE = 1_795_000_000_000
DASHBOARD = "https://relay.example/staff/"
ALERT = Alert(Condition.SIGN_GATE, SINCE, "rate_limited", "host:7")
RAISED = Message(Kind.RAISED, SINCE + 60_000, ALERT)
CLEARED = Message(Kind.CLEARED, SINCE + 300_000, ALERT, SINCE + 240_000)
TEST = Message(Kind.TEST, SINCE)


class TestMails:
    async def test_one_says_what_it_is_and_what_to_do(self) -> None:
        way = ByMail(["ops@example.org", "anna@example.org"], "en", DASHBOARD)

        assert await way.send(RAISED) == ""
        [sent] = mail.outbox
        assert sent.to == ["ops@example.org", "anna@example.org"]
        assert sent.subject == "[TikTok LIVE Relay] The sign server opens no new connections"
        assert "Since 2026-11-18 11:06:40 UTC: rate_limited" in sent.body
        assert "LIVEs that are connected go on." in sent.body
        assert "SIGN_API_KEY" in sent.body
        assert "host:7" in sent.body
        assert DASHBOARD in sent.body

    async def test_another_says_that_it_is_over(self) -> None:
        await ByMail(["ops@example.org"], "en").send(CLEARED)

        [sent] = mail.outbox
        assert sent.subject.endswith("Over: The sign server opens no new connections")
        assert "from 2026-11-18 11:06:40 UTC to 2026-11-18 11:10:40 UTC" in sent.body

    async def test_a_mail_server_that_fails_is_told_of_without_its_words(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise SMTPServerDisconnected("user s3cr3t")

        monkeypatch.setattr("live.alerts.telling.send_mail", fail)

        assert await ByMail(["ops@example.org"], "en").send(TEST) == "SMTPServerDisconnected"


class TestWebhooks:
    @pytest.fixture
    def secret(self) -> str:
        return new_secret()

    async def test_one_is_signed_and_says_all_that_is_known(self, secret: str) -> None:
        async with Receiver() as receiver:
            poster = Poster(Guard(["127.0.0.1"]), "relay/test")
            way = ByWebhook(poster, receiver.url, secret, "en", DASHBOARD)
            assert await way.send(RAISED) == ""
            await way.close()

            [got] = receiver.got
            told = got.verified(secret)
            assert got.id == RAISED.id
            assert told["type"] == "alert.raised"
            assert told["timestamp"] == "2026-11-18T11:07:40.000Z"
            data = told["data"]
            assert (data["code"], data["details"]) == ("sign_gate", "rate_limited")
            assert (data["since"], data["process"]) == (SINCE, "host:7")
            assert data["dashboard"] == DASHBOARD
            assert data["title"]
            assert data["meaning"]
            assert data["advice"]
            assert "ended_at" not in data

    async def test_one_without_a_secret_is_not_signed(self) -> None:
        async with Receiver() as receiver:
            way = ByWebhook(Poster(Guard(["127.0.0.1"]), "relay/test"), receiver.url, "", "en")
            assert await way.send(CLEARED) == ""
            await way.close()

            [got] = receiver.got
            assert "webhook-signature" not in got.headers
            assert got.json["data"]["ended_at"] == SINCE + 240_000

    async def test_it_says_why_it_could_not_be_sent_without_the_address(self) -> None:
        async with Receiver() as receiver:
            receiver.replies.append(Reply(500))
            way = ByWebhook(Poster(Guard(["127.0.0.1"]), "relay/test"), receiver.url, "", "en")
            assert await way.send(TEST) == "status 500"
            await way.close()

            assert "hook" not in way.name.removeprefix("webhook ")

    def test_discord_gets_what_it_shows(self) -> None:
        shown = json.loads(body_for_discord(RAISED, DASHBOARD))

        [embed] = shown["embeds"]
        assert embed["title"] == "The sign server opens no new connections"
        assert "rate\\_limited" in embed["description"]
        assert shown["allowed_mentions"] == {"parse": []}
        assert embed["color"] != json.loads(body_for_discord(CLEARED, ""))["embeds"][0]["color"]

    @pytest.mark.parametrize("condition", Condition)
    def test_each_condition_has_words(self, condition: Condition) -> None:
        data = json.loads(body_for_programs(Message(Kind.RAISED, SINCE, Alert(condition, 1)), ""))[
            "data"
        ]

        assert data["title"]
        assert data["meaning"]
        assert data["advice"]


def test_a_condition_that_only_another_version_knows_is_named_by_its_code() -> None:
    assert words_of("new_fault") == ("new_fault", "", "")


class SlowWay:
    """Answers what a test wants, the last answer again and again."""

    name = "a way"

    def __init__(self, *answers: str) -> None:
        self.answers = deque(answers)
        self.sent: list[tuple[float, Message]] = []

    async def send(self, message: Message) -> str:
        self.sent.append((now(), message))
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]

    async def close(self) -> None:
        pass


class TestTelling:
    @virtual_time
    async def test_it_tries_again_until_it_is_sent_and_keeps_the_order(self) -> None:
        way = SlowWay("no connection", "no connection", "")
        teller = Teller([way], pauses=(5, 10, 20))
        teller.tell(RAISED)
        teller.tell(CLEARED)
        await asyncio.sleep(100)

        began = way.sent[0][0]
        assert [round(at - began) for at, _message in way.sent] == [0, 5, 15, 15]
        assert [message.kind for _at, message in way.sent] == [Kind.RAISED] * 3 + [Kind.CLEARED]
        await teller.close()

    @virtual_time
    async def test_it_gives_up_after_the_last_attempt_and_goes_on(self, caplog: Any) -> None:
        way = SlowWay("no connection")
        teller = Teller([way], pauses=(5, 10))
        teller.tell(RAISED)
        teller.tell(CLEARED)
        await asyncio.sleep(100)

        assert [m.kind for _at, m in way.sent] == [Kind.RAISED] * 3 + [Kind.CLEARED] * 3
        assert caplog.text.count("given up") == 2
        await teller.close()

    @virtual_time
    async def test_a_way_that_fails_holds_up_no_other(self) -> None:
        broken, working = SlowWay("no connection"), SlowWay("")
        teller = Teller([broken, working])
        teller.tell(RAISED)
        teller.tell(CLEARED)
        await asyncio.sleep(1)

        assert len(working.sent) == 2
        await teller.close()


class HangingWay(SlowWay):
    """Never answers."""

    async def send(self, message: Message) -> str:
        await asyncio.Event().wait()
        return ""


class TestTheEnd:
    @virtual_time
    async def test_what_is_being_sent_and_what_waits_behind_it_has_a_moment(self) -> None:
        class Way(SlowWay):
            async def send(self, message: Message) -> str:
                await asyncio.sleep(0.3)
                return await super().send(message)

        way = Way("")
        teller = Teller([way])
        teller.tell(RAISED)
        teller.tell(CLEARED)
        await asyncio.sleep(0)

        assert await teller.close() == []
        assert [message for _at, message in way.sent] == [RAISED, CLEARED]

    @virtual_time
    async def test_a_way_that_hangs_is_waited_for_for_a_second_and_the_log_has_what_is_lost(
        self, caplog: Any
    ) -> None:
        teller = Teller([HangingWay(), HangingWay()])
        teller.tell(RAISED)
        teller.tell(CLEARED)
        await asyncio.sleep(0)
        began = now()

        assert await teller.close() == [RAISED, CLEARED]
        assert now() - began < 1.1
        assert caplog.text.count("was not sent before the end: a way: alert.raised sign_gate") == 2
        assert caplog.text.count("was not sent before the end: a way: alert.cleared") == 2

    @virtual_time
    async def test_a_pause_before_the_next_attempt_is_not_waited_for(self, caplog: Any) -> None:
        teller = Teller([SlowWay("no connection")])
        teller.tell(RAISED)
        await asyncio.sleep(1)
        began = now()

        assert await teller.close() == [RAISED]
        assert now() - began < 0.1
        assert "was not sent before the end" in caplog.text

    @virtual_time
    async def test_what_one_way_has_sent_has_reached_somebody(self) -> None:
        teller = Teller([HangingWay(), SlowWay("")])
        teller.tell(RAISED)
        await asyncio.sleep(0)

        assert await teller.close() == []

    def test_a_mail_server_that_hangs_does_not_keep_the_event_loop_from_ending(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hung, is_over = threading.Event(), threading.Event()

        def hang(*_: object) -> None:
            hung.set()
            is_over.wait(20)

        monkeypatch.setattr("live.alerts.telling.send_mail", hang)

        async def tell_and_stop() -> list[Message]:
            teller = Teller([ByMail(["ops@example.org"], "en")], close_within=0.1)
            teller.tell(RAISED)
            await asyncio.to_thread(hung.wait, 10)
            return await teller.close()

        began = time.monotonic()
        try:
            assert asyncio.run(tell_and_stop()) == [RAISED]
            assert time.monotonic() - began < 10
        finally:
            is_over.set()
