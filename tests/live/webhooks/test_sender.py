"""The sender: one thing after the other to each webhook, many webhooks at once, from the database.

What the queue does is in test_queue.py, and one attempt in test_posting.py.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from live.connections.database_thread import DatabaseThread
from live.webhooks import queue
from live.webhooks.addresses import Guard
from live.webhooks.jobs import Job
from live.webhooks.models import Delivery, DeliveryState, EventType, Failure, Webhook
from live.webhooks.notices import Notice
from live.webhooks.posting import Answer, Poster
from live.webhooks.sender import Sender
from tests.support.clock import FixedClock
from tests.support.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db
WITHIN = 10.0
HERE = Guard([ipaddress.ip_network("127.0.0.0/8")])

MakeSender = Callable[..., Sender]
T = TypeVar("T")
DONE = Answer(status=204)


class Database:
    """A database in a file, as servers have it: the one in memory locks whole tables.

    Args:
        file: gets the tables of the tests' database.
    """

    def __init__(self, file: Path) -> None:
        connection.ensure_connection()
        file.write_bytes(connection.connection.serialize())
        self._settings = {**connection.settings_dict, "NAME": str(file)}
        self._thread = DatabaseThread("test", self.connect)

    def connect(self) -> BaseDatabaseWrapper:
        return ConnectionHandler({"default": {**self._settings}})["default"]

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        return await self._thread.run(partial(work, *args))

    def close(self) -> None:
        self._thread.stop()


@pytest.fixture
def database(db: None, tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "db.sqlite3")
    yield database
    database.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def make_sender(database: Database) -> AsyncIterator[MakeSender]:
    made = []

    def make(post: Any = None, **options: Any) -> Sender:
        sender = Sender(
            post or Poster(HERE, "relay"),
            connect=database.connect,
            **{"look_every": 0.05, **options},
        )
        made.append(sender)
        return sender

    yield make
    for sender in made:
        await sender.close()


def add_hook(address: str, deliveries: int = 1) -> Webhook:
    account, _ = User.objects.get_or_create(username="studio", email="studio@example.org")
    hook = Webhook.objects.create(
        account=account,
        address=address,
        due_at=timezone.now(),
        events=[EventType.GIFT],
    )
    for number in range(deliveries):
        body = json.dumps({"type": "gift", "timestamp": "", "data": {"number": number}})
        Delivery.objects.create(webhook=hook, type=EventType.GIFT, payload=body)
    return hook


def make_due(hook: Webhook) -> None:
    Webhook.objects.filter(pk=hook.pk).update(due_at=timezone.now())


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def switch_off_by_server(hook: Webhook) -> None:
    now = timezone.now()
    Webhook.objects.filter(pk=hook.pk).update(
        is_enabled=False, switched_off_at=now, switched_off_why="gone", notice_due_at=now
    )


def no_mail_is_due() -> bool:
    return not Webhook.objects.exclude(notice_due_at=None).exists()


def has_failed_once() -> bool:
    return Webhook.objects.get().failures == 1


def all_are_delivered() -> bool:
    return {*states()} == {DeliveryState.DELIVERED}


def none_is_left() -> bool:
    return not Delivery.objects.exists()


def make_old() -> None:
    old = timezone.now() - timedelta(days=31)
    Delivery.objects.update(created_at=old, state=DeliveryState.DELIVERED)


async def until(condition: Callable[[], bool], database: Database | None = None) -> None:
    """Wait for it; it is asked in the database's thread, if there is one."""
    async with asyncio.timeout(WITHIN):
        while not (condition() if database is None else await database.run(condition)):
            await asyncio.sleep(0.01)


class FakePost:
    """Sends nothing.

    Attributes:
        jobs: all that it was to send.
        under_way: how many at this moment, and the most that there were.
        open: cleared while the receivers answer nothing.
    """

    def __init__(self, answer: Answer = DONE) -> None:
        self.answer = answer
        self.jobs: list[Job] = []
        self.under_way = self.most = 0
        self.open = asyncio.Event()
        self.open.set()

    async def post(self, job: Job) -> Answer:
        self.jobs.append(job)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
        finally:
            self.under_way -= 1
        return self.answer

    async def close(self) -> None:
        pass


async def test_what_waits_is_sent_signed_and_in_order(
    database: Database, receiver: Receiver, make_sender: MakeSender
) -> None:
    hook = await database.run(add_hook, receiver.url, 30)
    sender = make_sender()
    sender.start()
    sender.start()  # a second call does nothing
    got = await receiver.until(30)
    numbers = [each.verified(hook.readable_secret)["data"]["number"] for each in got]
    assert numbers == list(range(30))
    await until(all_are_delivered, database)
    await until(lambda: sender.results["delivered"] == 30)


async def test_one_that_fails_is_sent_again_before_the_next_with_the_same_id(
    database: Database, receiver: Receiver, make_sender: MakeSender
) -> None:
    receiver.replies.append(Reply(500))
    hook = await database.run(add_hook, receiver.url, 2)
    sender = make_sender()
    sender.start()
    await receiver.until(1)
    await until(has_failed_once, database)
    await database.run(make_due, hook)  # its five seconds are over
    got = await receiver.until(3)
    assert [each.json["data"]["number"] for each in got] == [0, 0, 1]
    assert got[0].id == got[1].id != got[2].id
    await until(all_are_delivered, database)
    await until(lambda: sender.results["delivered"] == 2)
    assert sender.results["failed"] == 1


async def test_a_slow_one_holds_up_no_other(
    database: Database, receiver: Receiver, make_sender: MakeSender
) -> None:
    slow = FakePost()
    slow.open.clear()
    await database.run(add_hook, "https://slow.example/")
    sender = make_sender(slow)
    sender.start()
    await until(lambda: len(slow.jobs) == 1)
    await database.run(add_hook, "https://fast.example/")
    sender.wake()
    await until(lambda: slow.under_way == 2)


async def test_no_more_than_some_are_sent_to_at_once(
    database: Database, make_sender: MakeSender
) -> None:
    post = FakePost()
    post.open.clear()
    for number in range(40):
        await database.run(add_hook, f"https://hook{number}.example/")
    sender = make_sender(post)
    sender.start()
    await until(lambda: post.under_way == 32)
    post.open.set()
    await until(all_are_delivered, database)
    assert post.most == 32
    assert len(post.jobs) == 40


async def test_news_are_sent_at_once(
    database: Database, receiver: Receiver, make_sender: MakeSender
) -> None:
    sender = make_sender(look_every=600.0)
    sender.start()
    await until(lambda: sender.waiting == 0 and not sender._news.is_set())
    await database.run(add_hook, receiver.url)
    await asyncio.to_thread(sender.wake)
    await receiver.until(1)


async def test_a_restart_sends_what_was_under_way_again(
    database: Database, receiver: Receiver, make_sender: MakeSender
) -> None:
    post = FakePost()
    post.open.clear()
    hook = await database.run(add_hook, receiver.url)
    first = make_sender(post)
    first.start()
    await until(lambda: post.under_way == 1)
    await first.close()
    assert post.under_way == 0
    second = make_sender()
    second.start()
    [got] = await receiver.until(1)  # at once: the lease was given back
    assert got.verified(hook.readable_secret)["data"]["number"] == 0
    assert got.id == post.jobs[0].event_id


async def test_an_account_is_told_by_mail_of_one_that_is_switched_off(
    database: Database, make_sender: MakeSender, settings: Settings
) -> None:
    settings.SENDS_EMAIL = True
    await database.run(add_hook, "https://gone.example/key")
    sender = make_sender(FakePost(Answer(Failure.STATUS, status=410)))
    sender.start()
    await until(lambda: len(mail.outbox) == 1)
    assert mail.outbox[0].to == ["studio@example.org"]
    assert "key" not in mail.outbox[0].body
    await until(lambda: sender.results["given_up"] == 1)
    await until(no_mail_is_due, database)


async def test_a_mail_that_a_process_did_not_send_is_sent_by_the_next(
    database: Database, make_sender: MakeSender, settings: Settings
) -> None:
    settings.SENDS_EMAIL = True
    hook = await database.run(add_hook, "https://gone.example/key")
    await database.run(switch_off_by_server, hook)
    # It took the mail, and was killed.
    [_lost] = await database.run(queue.claim_notices, timezone.now())
    clock = FixedClock(int(timezone.now().timestamp() * 1000) + 11 * 60_000)
    sender = make_sender(FakePost(), clock=clock)
    sender.start()
    await until(lambda: len(mail.outbox) == 1)
    await until(no_mail_is_due, database)


async def test_a_mail_that_hangs_holds_up_no_delivery(
    database: Database,
    receiver: Receiver,
    make_sender: MakeSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hangs, sent = threading.Event(), threading.Event()

    def send(_notice: Notice) -> bool:
        hangs.set()
        return sent.wait(WITHIN)

    monkeypatch.setattr(Notice, "send", send)
    gone = await database.run(add_hook, "https://gone.example/key", 0)
    await database.run(switch_off_by_server, gone)
    sender = make_sender()
    sender.start()
    try:
        await until(hangs.is_set)
        await database.run(add_hook, receiver.url)
        await receiver.until(1)
    finally:
        sent.set()
    await until(no_mail_is_due, database)


async def test_a_database_that_fails_for_a_time_loses_nothing(
    database: Database,
    receiver: Receiver,
    make_sender: MakeSender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await database.run(add_hook, receiver.url)
    failures = [OperationalError("the database is away\nsecrets")] * 3
    claim = queue.claim

    def failing(*args: Any) -> list[Job]:
        if failures:
            raise failures.pop()
        return claim(*args)

    monkeypatch.setattr(queue, "claim", failing)
    sender = make_sender()
    sender.start()
    await receiver.until(1)
    await until(all_are_delivered, database)
    lines = [record.getMessage() for record in caplog.records if "ebhooks" in record.getMessage()]
    assert len([line for line in lines if line.startswith("Webhooks wait")]) == 1
    assert "Webhooks are sent again" in lines


async def test_old_deliveries_are_deleted_by_itself(
    database: Database, receiver: Receiver, make_sender: MakeSender
) -> None:
    await database.run(add_hook, receiver.url, 3)
    await database.run(make_old)
    sender = make_sender()
    sender.start()
    await until(none_is_left, database)


async def test_one_that_never_started_closes(make_sender: MakeSender) -> None:
    sender = make_sender(FakePost())
    sender.wake()
    await sender.close()
    sender.start()  # nothing begins any more
    assert sender._task is None
