"""What is noted for webhooks, of what is heard of LIVEs."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from live.history.models import Gifter, LiveListener
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType
from live.streams.log import Entry
from live.webhooks import sink as sink_module
from live.webhooks.events import Happening, error_data
from live.webhooks.models import Delivery, EventType, Webhook
from live.webhooks.sink import WebhookSink, new_delivery
from tests.support.clock import FixedClock
from tests.support.heard import AT, entry, make_live, piece

pytestmark = pytest.mark.django_db
NOW = AT + 2000
ALL = [event for event in EventType if event is not EventType.TEST]


@pytest.fixture
def account() -> User:
    return User.objects.create_user("studio", tiktok_username="anna")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def sink(clock: FixedClock) -> WebhookSink:
    return WebhookSink(clock)


def hook(account: User, *events: EventType, **values: Any) -> Webhook:
    return Webhook.objects.create(
        account=account, address="https://example.org/hook", events=list(events or ALL), **values
    )


def payloads(webhook: Webhook) -> list[dict[str, Any]]:
    return [json.loads(each.payload) for each in webhook.deliveries.order_by("pk")]


def types(webhook: Webhook) -> list[str]:
    return [each["type"] for each in payloads(webhook)]


class TestLives:
    def test_a_beginning_is_told(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        live = make_live()
        sink.write([piece(accounts=(account,), live=live, has_begun=True)])
        assert payloads(webhook) == [
            {
                "type": "live.started",
                "timestamp": "2026-11-18T11:06:40.000Z",
                "data": {
                    "username": "anna",
                    "live": live.pk,
                    "room_id": live.room_id,
                    "title": "Good evening",
                    "started_at": AT,
                },
            }
        ]

    def test_an_end_is_told_with_its_recap(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        end = datetime.fromtimestamp(AT / 1000, UTC) + timedelta(hours=1)
        live = make_live(diamonds=120, gifts=5, likes=77, gifter_count=1, heard_until=end)
        Gifter.objects.create(live=live, user_id="7", nickname="Gert", diamonds=120, gifts=5)
        sink.write([piece(accounts=(account,), live=live, has_ended=True)])
        [told] = payloads(webhook)
        assert told["type"] == "live.ended"
        data, recap = told["data"], told["data"]["recap"]
        assert (data["started_at"], data["ended_at"]) == (AT, AT + 3_600_000)
        assert (recap["diamonds"], recap["gifts"], recap["likes"]) == (120, 5, 77)
        assert recap["at_least"] is False
        assert recap["viewers_average"] is None
        assert recap["top"] == [
            {
                "user": {"id": "7", "username": "", "nickname": "Gert", "avatar": ""},
                "diamonds": 120,
            }
        ]

    def test_likes_are_as_many_as_tiktok_says(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        live = make_live(likes=77, likes_total=1000)
        sink.write([piece(accounts=(account,), live=live, has_ended=True)])
        assert payloads(webhook)[0]["data"]["recap"]["likes"] == 1000

    def test_sums_with_holes_say_at_least(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        sink.write([piece(accounts=(account,), live=make_live(hole_count=1), has_ended=True)])
        assert payloads(webhook)[0]["data"]["recap"]["at_least"] is True

    def test_an_end_is_told_to_all_who_have_heard_the_live_and_only_the_end(
        self, account: User, sink: WebhookSink
    ) -> None:
        webhook = hook(account)
        live = make_live()
        LiveListener.objects.create(live=live, account=account, began_at=live.began_at)
        sink.write([piece(entry(FrameType.SUBSCRIBE), live=live, has_ended=True)])
        assert types(webhook) == ["live.ended"]

    def test_a_piece_with_everything_is_told_in_order(
        self, account: User, sink: WebhookSink
    ) -> None:
        webhook = hook(account)
        entries = entry(FrameType.GIFT, streak=None), entry(FrameType.SUBSCRIBE)
        live = make_live()
        sink.write(
            [piece(*entries, accounts=(account,), live=live, has_begun=True, has_ended=True)]
        )
        assert types(webhook) == ["live.started", "gift", "subscribe", "live.ended"]


class TestGifts:
    def test_each_is_told_once_when_its_streak_has_ended(
        self, account: User, sink: WebhookSink
    ) -> None:
        webhook = hook(account)
        entries = [
            entry(FrameType.GIFT, streak=streak, diamonds_total=diamonds)
            for streak, diamonds in (("ongoing", 1), ("ongoing", 2), ("ended", 3), (None, 4))
        ]
        sink.write([piece(*entries, accounts=(account,), live=make_live())])
        assert [each["data"]["diamonds_total"] for each in payloads(webhook)] == [3, 4]

    def test_it_has_the_frame_s_fields_and_whose_live_it_is(
        self, account: User, sink: WebhookSink
    ) -> None:
        webhook = hook(account)
        given = entry(FrameType.GIFT, streak=None)
        live = make_live()
        sink.write([piece(given, accounts=(account,), live=live)])
        [told] = payloads(webhook)
        frame = json.loads(given.text)
        assert told["data"] == {
            "username": "anna",
            "live": live.pk,
            "room_id": live.room_id,
            **frame["data"],
        }
        assert told["timestamp"] == "2026-11-18T11:06:40.000Z"

    def test_a_webhook_gets_those_from_so_many_diamonds(
        self, account: User, sink: WebhookSink
    ) -> None:
        all_of_them, large = hook(account), hook(account, least_diamonds=100)
        entries = [
            entry(FrameType.GIFT, streak=None, diamonds_total=diamonds) for diamonds in (99, 100)
        ]
        sink.write([piece(*entries, accounts=(account,), live=make_live())])
        assert len(payloads(all_of_them)) == 2
        assert [each["data"]["diamonds_total"] for each in payloads(large)] == [100]

    def test_more_than_can_wait_are_dropped_and_counted_but_never_an_end(
        self, account: User, clock: FixedClock
    ) -> None:
        webhook = hook(account)
        sink = WebhookSink(clock, most_waiting=3)
        gifts = [entry(FrameType.GIFT, streak=None) for _ in range(5)]
        live = make_live()
        sink.write([piece(*gifts[:2], accounts=(account,), live=live)])
        sink.write([piece(*gifts, accounts=(account,), live=live, has_ended=True)])
        assert types(webhook) == ["gift", "gift", "gift", "live.ended"]
        webhook.refresh_from_db()
        assert webhook.dropped == 4


class TestErrors:
    def failed(self, account: User, code: ErrorCode) -> Any:
        return piece(accounts=(account,), error=RelayError(code, username="anna"))

    def test_they_are_told_in_the_account_s_language(
        self, account: User, sink: WebhookSink
    ) -> None:
        account.language = "ru"
        account.save()
        webhook = hook(account)
        sink.write([self.failed(account, ErrorCode.TIKTOK_BLOCKED)])
        [told] = payloads(webhook)
        assert told["data"]["code"] == "tiktok_blocked"
        assert told["data"]["username"] == "anna"
        assert told["data"]["title"].startswith("Ошибка")
        assert "close_code" not in told["data"]

    def test_a_streamer_who_is_not_live_is_none(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        sink.write([self.failed(account, ErrorCode.USER_OFFLINE)])
        assert payloads(webhook) == []

    def test_the_same_one_is_told_once_in_half_an_hour(
        self, account: User, sink: WebhookSink, clock: FixedClock
    ) -> None:
        webhook = hook(account)
        sink.write([self.failed(account, ErrorCode.TIKTOK_BLOCKED)])
        sink.write([self.failed(account, ErrorCode.TIKTOK_BLOCKED)])
        sink.write([self.failed(account, ErrorCode.CONNECTION_LOST)])
        clock.ms += 31 * 60_000
        sink.write([self.failed(account, ErrorCode.TIKTOK_BLOCKED)])
        codes = [each["data"]["code"] for each in payloads(webhook)]
        assert codes == ["tiktok_blocked", "connection_lost", "tiktok_blocked"]

    def test_the_same_one_twice_in_one_write_is_told_once(
        self, account: User, sink: WebhookSink
    ) -> None:
        ours, theirs = hook(account), hook(account)
        error = self.failed(account, ErrorCode.TIKTOK_BLOCKED)
        of_another = dataclasses.replace(error, username="bert")
        sink.write([error, error, of_another])
        for webhook in (ours, theirs):
            names = [each["data"]["username"] for each in payloads(webhook)]
            assert names == ["anna", "bert"]

    def test_many_webhooks_are_looked_up_at_once(
        self,
        account: User,
        sink: WebhookSink,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(10):
            hook(account)
        with django_assert_max_num_queries(8):
            sink.write([self.failed(account, ErrorCode.TIKTOK_BLOCKED)])
        assert Delivery.objects.count() == 10


class TestWhoIsTold:
    def test_only_accounts_that_hear_it(self, account: User, sink: WebhookSink) -> None:
        other = User.objects.create_user("other", tiktok_username="anna")
        ours, theirs = hook(account), hook(other)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        assert types(ours) == ["live.started"]
        assert types(theirs) == []

    def test_only_webhooks_that_want_it(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account, EventType.LIVE_ENDED)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        assert types(webhook) == []

    def test_none_that_is_switched_off(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account, is_enabled=False)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        assert types(webhook) == []

    def test_none_of_an_account_that_is_disabled(self, account: User, sink: WebhookSink) -> None:
        account.is_active = False
        account.save()
        webhook = hook(account)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        assert types(webhook) == []

    def test_without_webhooks_it_costs_one_query(
        self,
        account: User,
        sink: WebhookSink,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        heard = [piece(entry(FrameType.GIFT), accounts=(account,), live=make_live())]
        with django_assert_num_queries(1):
            sink.write(heard)


class TestFaults:
    def test_an_event_of_another_version_is_passed_over(
        self, account: User, sink: WebhookSink
    ) -> None:
        webhook = hook(account)
        Webhook.objects.update(events=["battle.won", "live.started"])
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        assert types(webhook) == ["live.started"]

    def test_what_fails_for_one_webhook_is_counted_and_told_to_the_others(
        self,
        account: User,
        clock: FixedClock,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        russian = User.objects.create_user("other", tiktok_username="anna", language="ru")
        ours, theirs = hook(account), hook(russian)

        def failing(happening: Happening, language: str) -> dict[str, Any]:
            if language == "ru":
                raise KeyError(language)
            return error_data(happening, language)

        monkeypatch.setattr(sink_module, "error_data", failing)
        failures: list[int] = []
        sink = WebhookSink(clock, on_failed=lambda: failures.append(1))
        for code in (ErrorCode.TIKTOK_BLOCKED, ErrorCode.CONNECTION_LOST):
            error = RelayError(code, username="anna")
            sink.write([piece(accounts=(russian, account), error=error)])
        assert types(ours) == ["error", "error"]
        assert types(theirs) == []
        assert len(failures) == 2
        assert len([line for line in caplog.records if "not told" in line.getMessage()]) == 1

    def test_a_piece_that_fails_harms_no_other(self, account: User, clock: FixedClock) -> None:
        webhook = hook(account)
        live = make_live()
        spoilt = Entry(offset=1, type=FrameType.GIFT, at=AT, text="{}", size=2)
        failures: list[int] = []
        sink = WebhookSink(clock, on_failed=lambda: failures.append(1))
        sink.write(
            [
                piece(spoilt, accounts=(account,), live=live),
                piece(entry(FrameType.SUBSCRIBE), accounts=(account,), live=live),
            ]
        )
        assert types(webhook) == ["subscribe"]
        assert len(failures) == 1

    def test_what_the_database_says_is_raised(
        self, account: User, sink: WebhookSink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Then the history writes all of it again."""
        hook(account)

        def failing(*_: object) -> None:
            raise OperationalError

        monkeypatch.setattr(sink_module, "payload", failing)
        with pytest.raises(OperationalError):
            sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])


class TestManyDeliveries:
    """The rows are written without `bulk_create`."""

    def test_each_webhook_has_them_in_their_order_in_few_queries(
        self,
        account: User,
        sink: WebhookSink,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        hooks = [hook(account, EventType.GIFT) for _ in range(3)]
        gifts = [entry(FrameType.GIFT, diamonds_total=n, streak=None) for n in range(1, 301)]
        heard = [piece(*gifts, accounts=(account,), live=make_live())]
        with django_assert_max_num_queries(11):
            sink.write(heard)
        for each in hooks:
            told = [one["data"]["diamonds_total"] for one in payloads(each)]
            assert told == list(range(1, 301))
        assert len(set(Delivery.objects.values_list("event_id", flat=True))) == 900

    def test_a_row_has_what_that_of_the_model_has(
        self, account: User, sink: WebhookSink, clock: FixedClock
    ) -> None:
        webhook = hook(account)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        written = webhook.deliveries.get()
        made = new_delivery(webhook, EventType.LIVE_STARTED, written.payload, clock.unix_ms())
        for field in Delivery._meta.concrete_fields:
            if field.name not in {"id", "event_id"}:
                assert getattr(written, field.attname) == getattr(made, field.attname), field.name
        assert written.event_id.startswith("msg_")


class TestTheQueue:
    def test_a_webhook_is_due_when_something_waits(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        webhook.refresh_from_db()
        assert webhook.due_at == datetime.fromtimestamp(NOW / 1000, UTC)

    def test_one_that_has_failed_stays_due_when_it_was(
        self, account: User, sink: WebhookSink
    ) -> None:
        later = datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(hours=1)
        webhook = hook(account, due_at=later)
        sink.write([piece(accounts=(account,), live=make_live(), has_begun=True)])
        webhook.refresh_from_db()
        assert webhook.due_at == later

    @pytest.mark.django_db(transaction=True)
    def test_the_sender_hears_of_it_after_the_commit(
        self, account: User, clock: FixedClock
    ) -> None:
        hook(account)
        told: list[int] = []
        sink = WebhookSink(clock, lambda: told.append(Delivery.objects.count()))
        live = make_live()
        with transaction.atomic():
            sink.write([piece(accounts=(account,), live=live, has_begun=True)])
            assert told == []
        assert told == [1]

    @pytest.mark.django_db(transaction=True)
    def test_what_is_rolled_back_was_never_noted(self, account: User, sink: WebhookSink) -> None:
        webhook = hook(account)
        live = make_live()
        with transaction.atomic():
            sink.write([piece(accounts=(account,), live=live, has_begun=True)])
            transaction.set_rollback(True)
        assert payloads(webhook) == []


def test_address_and_secret_are_stored_encrypted(account: User) -> None:
    from django.db import connection

    webhook = hook(account)
    with connection.cursor() as cursor:
        cursor.execute("SELECT address, secret FROM webhooks_webhook")
        [(address, secret)] = cursor.fetchall()
    assert "example.org" not in address
    assert webhook.secret not in secret
    webhook.refresh_from_db()
    assert webhook.readable_address == "https://example.org/hook"
    assert webhook.readable_secret.startswith("whsec_")
