"""The queue of webhooks in the database: who sends what, in which order, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core import mail
from pytest_django import Settings

from accounts.models import User
from bench.databases import on_postgresql
from live.webhooks import queue
from live.webhooks.actions import send_again, send_test, switch_off, switch_on
from live.webhooks.jobs import Job
from live.webhooks.models import (
    Delivery,
    DeliveryState,
    EventType,
    Failure,
    SwitchedOff,
    Webhook,
)
from live.webhooks.posting import Answer

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
OURS, THEIRS = "ours", "theirs"
FINE = Answer(status=204)
DOWN = Answer(Failure.STATUS, status=500, text="out of order")
REFUSED = Answer(Failure.STATUS, status=400, text="no such field")


@pytest.fixture
def account(db: None) -> User:
    return User.objects.create_user("studio", email="studio@example.org")


@pytest.fixture
def make_hook(account: User) -> Callable[..., Webhook]:
    def make(**values: Any) -> Webhook:
        return Webhook.objects.create(
            account=account, address="https://example.org/hook", due_at=NOW, **values
        )

    return make


@pytest.fixture
def hook(make_hook: Callable[..., Webhook]) -> Webhook:
    return make_hook()


def add(hook: Webhook, type: EventType = EventType.GIFT, at: datetime = NOW) -> Delivery:
    return Delivery.objects.create(
        webhook=hook,
        type=type,
        payload='{"type":"gift","timestamp":"","data":{}}',
        created_at=at,
        tried_until=at + DAY,
    )


def claim(lease: str = OURS, at: datetime = NOW, most: int = 10) -> list[Job]:
    return queue.claim(lease, at, most)


def finish(job: Job, answer: Answer, at: datetime = NOW, *, go_on: bool = True) -> queue.Finished:
    return queue.finish(OURS, job, answer, at, 0.0, go_on=go_on)


class TestOrder:
    def test_a_webhook_has_one_delivery_under_way_the_oldest(self, hook: Webhook) -> None:
        first, _second = add(hook), add(hook)
        assert [job.delivery for job in claim()] == [first.pk]
        assert claim() == []
        assert claim(THEIRS) == []

    def test_the_next_one_follows_when_it_is_delivered(self, hook: Webhook) -> None:
        _first, second = add(hook), add(hook)
        [job] = claim()
        done = finish(job, FINE)
        assert done.delivered
        assert done.next_job is not None
        assert done.next_job.delivery == second.pk
        assert finish(done.next_job, FINE).next_job is None
        hook.refresh_from_db()
        assert hook.due_at is None
        assert (hook.lease, hook.leased_until) == ("", None)
        assert hook.last_tried_at == NOW

    def test_the_next_one_waits_while_the_first_fails(self, hook: Webhook) -> None:
        first, second = add(hook), add(hook)
        [job] = claim()
        assert finish(job, DOWN).next_job is None
        assert claim(at=NOW + 4 * SECOND) == []
        [job] = claim(at=NOW + 6 * SECOND)
        assert job.delivery == first.pk
        done = finish(job, FINE, NOW + 6 * SECOND)
        assert done.next_job is not None
        assert done.next_job.delivery == second.pk

    def test_other_webhooks_have_their_turn_after_some(self, hook: Webhook) -> None:
        add(hook)
        add(hook)
        [job] = claim()
        assert finish(job, FINE, go_on=False).next_job is None
        assert len(claim(THEIRS)) == 1

    def test_many_are_taken_at_once_but_no_more_than_there_is_room_for(
        self, make_hook: Callable[..., Webhook]
    ) -> None:
        for _ in range(5):
            add(make_hook())
        assert len(claim(most=3)) == 3
        assert len(claim(most=3)) == 2

    def test_an_event_of_another_version_is_sent_as_it_was_noted(self, hook: Webhook) -> None:
        delivery = add(hook)
        Delivery.objects.update(type="battle.won")
        [job] = claim()
        assert (job.delivery, job.type) == (delivery.pk, "battle.won")

    def test_nothing_is_sent_of_one_that_is_switched_off(self, hook: Webhook) -> None:
        add(hook)
        Webhook.objects.update(is_enabled=False)
        assert claim() == []

    def test_nothing_is_sent_of_an_account_that_is_disabled(
        self, hook: Webhook, account: User
    ) -> None:
        add(hook)
        User.objects.update(is_active=False)
        assert claim() == []


class TestLeases:
    def test_one_that_nobody_gave_back_runs_out(self, hook: Webhook) -> None:
        add(hook)
        claim(OURS)
        assert claim(THEIRS, NOW + 59 * SECOND) == []
        assert len(claim(THEIRS, NOW + 61 * SECOND)) == 1

    def test_one_that_is_given_back_is_free_at_once(self, hook: Webhook) -> None:
        add(hook)
        claim(OURS)
        queue.give_back(OURS)
        assert len(claim(THEIRS)) == 1

    def test_nothing_is_noted_by_whoever_has_lost_it(self, hook: Webhook) -> None:
        delivery = add(hook)
        [job] = claim(OURS)
        claim(THEIRS, NOW + 61 * SECOND)
        assert finish(job, FINE, NOW + 62 * SECOND) == queue.Finished()
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.WAITING

    def test_a_webhook_that_is_deleted_meanwhile_does_no_harm(self, hook: Webhook) -> None:
        add(hook)
        [job] = claim()
        hook.delete()
        assert finish(job, FINE) == queue.Finished()

    def test_one_that_is_busy_here_is_not_claimed_again(self, hook: Webhook) -> None:
        add(hook)
        claim()
        late = NOW + 61 * SECOND
        assert queue.claim(OURS, late, 10, busy=[hook.pk]) == []


class TestWhatIsKeptOfAnAttempt:
    def test_a_success(self, hook: Webhook) -> None:
        delivery = add(hook)
        [job] = claim()
        finish(job, Answer(status=200, text="ok", milliseconds=12), NOW + SECOND)
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.DELIVERED
        assert (delivery.status, delivery.answer, delivery.failure) == (200, "ok", "")
        assert (delivery.attempts, delivery.milliseconds) == (1, 12)
        assert delivery.tried_at == NOW + SECOND

    def test_a_failure(self, hook: Webhook) -> None:
        delivery = add(hook)
        [job] = claim()
        finish(job, Answer(Failure.TIMEOUT))
        delivery.refresh_from_db()
        hook.refresh_from_db()
        assert delivery.state == DeliveryState.WAITING
        assert (delivery.status, delivery.failure) == (None, "timeout")
        assert (hook.failures, hook.failing_since) == (1, NOW)

    def test_a_success_ends_the_failing(self, hook: Webhook) -> None:
        add(hook)
        [job] = claim()
        finish(job, DOWN)
        [job] = claim(at=NOW + MINUTE)
        finish(job, FINE, NOW + MINUTE)
        hook.refresh_from_db()
        assert (hook.failures, hook.failing_since, hook.due_at) == (0, None, None)

    def test_a_pause_that_is_asked_for_is_kept(self, hook: Webhook) -> None:
        add(hook)
        [job] = claim()
        finish(job, Answer(Failure.STATUS, status=429, retry_after=90.0))
        hook.refresh_from_db()
        assert hook.due_at == NOW + 90 * SECOND


class TestTests:
    """Those that somebody asks for with "Send a test"."""

    def send_test(self, hook: Webhook, at: datetime = NOW) -> Delivery:
        assert send_test(hook, "en", at)
        return Delivery.objects.get(type=EventType.TEST, state=DeliveryState.WAITING)

    def test_one_goes_before_all_that_waits_and_is_tried_once(self, hook: Webhook) -> None:
        event, test = add(hook), self.send_test(hook)
        [job] = claim()
        assert job.delivery == test.pk
        done = finish(job, DOWN)
        assert done.given_up == 1
        test.refresh_from_db()
        assert test.state == DeliveryState.FAILED
        assert done.next_job is not None
        assert done.next_job.delivery == event.pk

    @pytest.mark.parametrize("answer", [FINE, DOWN, Answer(Failure.STATUS, 429, retry_after=9.0)])
    def test_none_changes_when_the_others_are_tried_nor_how_often_they_have_failed(
        self, hook: Webhook, answer: Answer
    ) -> None:
        event = add(hook)
        [job] = claim()
        finish(job, Answer(Failure.STATUS, status=429, retry_after=3600.0))
        before = Webhook.objects.get()
        assert before.due_at == NOW + HOUR
        for second in range(1, 4):
            now = NOW + second * SECOND
            test = self.send_test(hook, now)
            [job] = claim(at=now)
            assert job.delivery == test.pk
            assert finish(job, answer, now).next_job is None
            after = Webhook.objects.get()
            for name in ("due_at", "failures", "failing_since", "failed_days", "failed_day"):
                assert getattr(after, name) == getattr(before, name)
        assert claim(at=NOW + HOUR - SECOND) == []
        [job] = claim(at=NOW + HOUR)
        assert job.delivery == event.pk

    def test_one_that_comes_while_another_delivery_is_under_way_follows_it(
        self, hook: Webhook
    ) -> None:
        add(hook)
        [job] = claim()
        test = self.send_test(hook)
        done = finish(job, DOWN)
        assert done.next_job is not None
        assert done.next_job.delivery == test.pk
        assert finish(done.next_job, FINE).next_job is None
        assert Webhook.objects.get().due_at == NOW + 5 * SECOND

    def test_a_test_can_be_sent_again(self, hook: Webhook) -> None:
        add(hook, at=NOW)
        Webhook.objects.update(due_at=NOW + HOUR)
        test = add(hook, EventType.TEST)
        Delivery.objects.filter(pk=test.pk).update(state=DeliveryState.FAILED)
        assert send_again(hook, test, NOW)
        [job] = claim()
        assert job.delivery == test.pk
        assert finish(job, FINE).next_job is None
        assert Webhook.objects.get().due_at == NOW + HOUR

    def test_what_waits_for_it_counts_as_waiting(self, hook: Webhook) -> None:
        Webhook.objects.update(due_at=None)
        self.send_test(hook)
        assert queue.count_waiting() == 1


def fail_until(end: datetime, answer: Answer = DOWN, start: datetime = NOW) -> tuple[datetime, int]:
    """Fail each attempt until the time, or until nothing is due. Returns when the last one was, and
    how many there were."""
    now, attempts = start, 0
    while (due := Webhook.objects.get().due_at) is not None and due <= end:
        now = max(now, due)
        jobs = claim(at=now)
        if not jobs:
            break
        attempts += 1
        finish(jobs[0], answer, now, go_on=False)
    return now, attempts


def fail_evening(hook: Webhook, at: datetime) -> None:
    """One event, and no attempt to send it succeeds."""
    add(hook, at=at)
    Webhook.objects.filter(due_at=None).update(due_at=at)
    fail_until(at + 2 * DAY, start=at)


class TestGivingUp:
    def test_a_delivery_is_tried_for_a_day(self, hook: Webhook) -> None:
        delivery = add(hook)
        last, attempts = fail_until(NOW + 3 * DAY)
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.FAILED
        assert delivery.attempts == attempts > 10
        assert 22 * HOUR < last - NOW <= 24 * HOUR

    def test_none_is_given_up_before_it_was_tried_however_long_it_has_waited(
        self, hook: Webhook
    ) -> None:
        deliveries = [add(hook) for _ in range(50)]
        last, attempts = fail_until(NOW + 30 * HOUR)
        failed = Delivery.objects.filter(state=DeliveryState.FAILED)
        assert 1 < failed.count() < 6  # one after the other, at their pauses
        assert not failed.filter(attempts=0).exists()
        assert attempts < len(deliveries)
        # It is there again: all others arrive.
        [job] = claim(at=last + 3 * HOUR)
        sent = 1
        while (next_job := finish(job, FINE, last + 3 * HOUR).next_job) is not None:
            job = next_job
            sent += 1
        assert sent == len(deliveries) - failed.count()

    def test_one_that_is_always_refused_is_given_up_by_itself_and_the_next_goes_on(
        self, hook: Webhook
    ) -> None:
        refused, *others = [add(hook) for _ in range(3)]
        now = NOW
        for _ in range(4):
            [job] = claim(at=now)
            assert job.delivery == refused.pk
            assert finish(job, REFUSED, now).next_job is None
            now = Webhook.objects.get().due_at or NOW
        [job] = claim(at=now)
        done = finish(job, REFUSED, now)
        assert now - NOW < HOUR
        assert done.given_up == 1
        refused.refresh_from_db()
        assert (refused.state, refused.attempts) == (DeliveryState.FAILED, 5)
        for other in others:
            assert done.next_job is not None
            assert done.next_job.delivery == other.pk
            done = finish(done.next_job, FINE, now)
        assert Webhook.objects.get().failing_since is None

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
    def test_a_status_that_may_be_another_one_later_is_no_refusal(
        self, hook: Webhook, status: int
    ) -> None:
        delivery = add(hook)
        fail_until(NOW + 12 * HOUR, Answer(Failure.STATUS, status=status))
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.WAITING
        assert delivery.attempts > 5

    def test_one_that_was_refused_can_be_sent_again_as_often(self, hook: Webhook) -> None:
        delivery = add(hook)
        last, attempts = fail_until(NOW + DAY, REFUSED)
        assert attempts == 5
        assert send_again(hook, delivery, last)
        assert fail_until(last + DAY, REFUSED, last)[1] == 5

    def test_one_that_answers_410_is_switched_off_at_once(self, hook: Webhook) -> None:
        add(hook)
        [job] = claim()
        finish(job, Answer(Failure.STATUS, status=410))
        hook.refresh_from_db()
        assert (hook.is_enabled, hook.switched_off_why) == (False, SwitchedOff.GONE)
        assert Delivery.objects.get().state == DeliveryState.FAILED
        assert len(queue.claim_notices(NOW)) == 1
        assert claim(at=NOW + DAY) == []

    def test_one_that_fails_for_five_days_is_switched_off(self, hook: Webhook) -> None:
        now = NOW
        while Webhook.objects.get().is_enabled:
            add(hook, at=now)
            Webhook.objects.update(due_at=now)
            [job] = claim(at=now)
            finish(job, DOWN, now)
            now += 12 * HOUR
        hook.refresh_from_db()
        assert hook.switched_off_why == SwitchedOff.FAILING
        assert hook.switched_off_at == NOW + 5 * DAY
        assert len(queue.claim_notices(NOW + 5 * DAY)) == 1

    def test_a_bad_evening_is_forgotten_by_next_week(self, hook: Webhook) -> None:
        fail_evening(hook, NOW)
        hook.refresh_from_db()
        assert (hook.due_at, hook.failures, hook.failing_since) == (None, 0, None)
        week = NOW + 7 * DAY
        add(hook, at=week)
        Webhook.objects.update(due_at=week)
        [job] = claim(at=week)
        finish(job, DOWN, week)
        hook.refresh_from_db()
        assert hook.is_enabled
        assert hook.due_at == week + 5 * SECOND
        assert hook.failing_since == week

    def test_days_without_an_attempt_do_not_count_as_failed(self, hook: Webhook) -> None:
        for week in range(5):
            fail_evening(hook, NOW + week * 7 * DAY)
            assert Webhook.objects.get().is_enabled
        # On the sixth day of trying it is clear that nobody is there.
        fail_evening(hook, NOW + 5 * 7 * DAY)
        assert not Webhook.objects.get().is_enabled

    def test_a_success_makes_up_for_all_days_that_have_failed(self, hook: Webhook) -> None:
        for week in range(12):
            at = NOW + week * 7 * DAY
            fail_evening(hook, at)
            add(hook, at=at + 3 * DAY)
            Webhook.objects.update(due_at=at + 3 * DAY)
            [job] = claim(at=at + 3 * DAY)
            finish(job, FINE, at + 3 * DAY)
        hook.refresh_from_db()
        assert hook.is_enabled
        assert (hook.failed_days, hook.failed_day) == (0, None)


class TestNotices:
    """The mails about webhooks that are switched off."""

    @pytest.fixture
    def gone(self, hook: Webhook, settings: Settings) -> Webhook:
        settings.SENDS_EMAIL = True
        add(hook)
        [job] = claim()
        finish(job, Answer(Failure.STATUS, status=410))
        return hook

    def test_the_account_is_told_in_its_language_and_without_secrets(self, gone: Webhook) -> None:
        User.objects.update(language="ru")
        [notice] = queue.claim_notices(NOW)
        assert notice.send()
        [sent] = mail.outbox
        assert sent.to == ["studio@example.org"]
        assert "Вебхук" in sent.body or "вебхук" in sent.body
        assert "https://example.org/…" in sent.body
        assert "/hook" not in f"{sent.body} {sent.subject}"
        assert "\n" not in sent.subject

    def test_one_that_is_done_is_not_due_again(self, gone: Webhook) -> None:
        [notice] = queue.claim_notices(NOW)
        queue.notice_is_done(notice.key)
        assert queue.claim_notices(NOW + HOUR) == []

    def test_one_that_was_not_sent_is_due_again_for_a_day(self, gone: Webhook) -> None:
        now, taken = NOW, 0
        while now < NOW + 3 * DAY:
            taken += len(queue.claim_notices(now))
            assert queue.claim_notices(now) == []  # no other process takes it, too
            now += 10 * MINUTE
        assert taken == 24 * 6 + 1

    def test_nobody_is_told_who_has_switched_it_on_again(self, gone: Webhook) -> None:
        switch_on(gone, NOW)
        assert queue.claim_notices(NOW) == []

    def test_nobody_is_told_who_has_switched_it_off_meanwhile(self, hook: Webhook) -> None:
        add(hook)
        [job] = claim()
        switch_off(hook)
        finish(job, Answer(Failure.STATUS, status=410))
        assert queue.claim_notices(NOW) == []

    @pytest.mark.parametrize(("sends", "email"), [(False, "studio@example.org"), (True, "")])
    def test_no_mail_where_none_can_be_sent(
        self, gone: Webhook, settings: Settings, sends: bool, email: str
    ) -> None:
        settings.SENDS_EMAIL = sends
        User.objects.update(email=email)
        [notice] = queue.claim_notices(NOW)
        assert notice.send()  # nothing more to do
        assert mail.outbox == []

    def test_a_mail_server_that_fails_is_tried_again(
        self, gone: Webhook, settings: Settings
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        [notice] = queue.claim_notices(NOW)
        assert not notice.send()


class TestPruning:
    def test_deliveries_are_kept_for_thirty_days(self, hook: Webhook) -> None:
        add(hook, at=NOW - 31 * DAY)
        kept = add(hook, at=NOW - 29 * DAY)
        assert queue.prune(NOW) == 1
        assert queue.prune(NOW) == 0
        assert Delivery.objects.get() == kept

    def test_they_go_with_the_account(self, hook: Webhook, account: User) -> None:
        add(hook)
        account.delete()
        assert not Webhook.objects.exists()
        assert not Delivery.objects.exists()


def test_what_waits_is_counted(hook: Webhook, make_hook: Callable[..., Webhook]) -> None:
    add(hook)
    add(hook)
    add(make_hook(is_enabled=False))
    assert queue.count_waiting() == 2


# --- Several processes on PostgreSQL -------------------------------------------------------------

PROCESS = """
import sys
from datetime import datetime, timedelta
import django
django.setup()
from live.webhooks import queue
from live.webhooks.posting import Answer
lease = sys.argv[1]
print("ready", flush=True)
for line in sys.stdin:
    what, moment = line.split()
    now = datetime.fromisoformat(moment)
    if what == "claim":
        jobs = queue.claim(lease, now, 1)
        print(*(job.delivery for job in jobs), flush=True)
    else:  # take and deliver all that there is
        sent = []
        while jobs := queue.claim(lease, now, 4):
            for job in jobs:
                while job is not None:
                    sent.append(job.delivery)
                    done = queue.finish(lease, job, Answer(status=204), now, 0.0, go_on=True)
                    job = done.next_job
        print(*sent, flush=True)
"""


class Process:
    """A process that sends webhooks, without sending anything."""

    def __init__(self, database: str, lease: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, lease],
            cwd=ROOT,
            env=environment(database),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.read()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def tell(self, what: str, moment: datetime = NOW) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {moment.isoformat()}\n")
        self._process.stdin.flush()

    def read(self) -> list[str]:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def environment(database: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "relay_project.settings",
        "SECRET_KEY": "of the tests",
        "DATABASE_URL": database,
    }


FILL = """
import sys
from datetime import datetime, timedelta
import django
django.setup()
from accounts.models import User
from live.webhooks.models import Delivery, Webhook
hooks, each, now = int(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
account = User.objects.create_user("studio")
for _ in range(hooks):
    hook = Webhook.objects.create(account=account, address="https://example.org", due_at=now)
    for _ in range(each):
        Delivery.objects.create(webhook=hook, type="gift", payload="{}", created_at=now,
                                tried_until=now + timedelta(days=1))
"""


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The address of a database with the tables."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(on_postgresql())
        except psycopg.OperationalError as error:
            pytest.skip(f"no PostgreSQL, which POSTGRES_URL would name: {error}")
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"],
            cwd=ROOT,
            env=environment(address),
            check=True,
        )
        yield address


def fill(database: str, hooks: int, each: int) -> None:
    subprocess.run(
        [sys.executable, "-c", FILL, str(hooks), str(each), NOW.isoformat()],
        cwd=ROOT,
        env=environment(database),
        check=True,
    )


class TestTwoProcesses:
    def test_each_delivery_is_sent_by_one_of_them_in_order(self, postgresql: str) -> None:
        fill(postgresql, hooks=12, each=10)
        with Process(postgresql, OURS) as one, Process(postgresql, THEIRS) as two:
            one.tell("deliver")
            two.tell("deliver")
            sent = one.read(), two.read()
        together = [*sent[0], *sent[1]]
        assert len(together) == len({*together}) == 120
        for each in sent:  # rows were added webhook by webhook, so their keys tell which is whose
            by_hook: dict[int, list[int]] = {}
            for key in map(int, each):
                by_hook.setdefault((key - 1) // 10, []).append(key)
            for keys in by_hook.values():
                assert keys == sorted(keys)

    def test_one_goes_on_for_one_that_was_killed(self, postgresql: str) -> None:
        fill(postgresql, hooks=1, each=2)
        with Process(postgresql, OURS) as one, Process(postgresql, THEIRS) as two:
            one.tell("claim")
            claimed = one.read()
            one.kill()
            two.tell("claim")
            assert two.read() == []
            two.tell("deliver", NOW + 61 * SECOND)
            sent = two.read()
        assert sent[0] == claimed[0]
        assert len(sent) == 2
