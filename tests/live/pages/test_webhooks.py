"""The pages of an account's webhooks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from live.webhooks.events import payload
from live.webhooks.models import MOST_EACH, Delivery, DeliveryState, EventType, Webhook

pytestmark = pytest.mark.django_db
LIST, NEW = "/webhooks/", "/webhooks/new/"
ADDRESS = "https://example.org/hook/key"
FORM = {"address": ADDRESS, "name": "", "events": ["live.started", "gift"], "least_diamonds": "10"}
BODY = payload(EventType.TEST, 1_795_000_000_000, {"text": "<b>&"})


@pytest.fixture
def anna(client: Client) -> User:
    """She is signed in."""
    anna = User.objects.create_user("anna", tiktok_username="anna.live")
    client.force_login(anna)
    return anna


def make_hook(account: User, **values: Any) -> Webhook:
    return Webhook.objects.create(
        **{"account": account, "address": ADDRESS, "events": [EventType.GIFT], **values}
    )


def page_of(hook: Webhook, rest: str = "") -> str:
    return f"/webhooks/{hook.pk}/{rest}"


def add(hook: Webhook, **values: Any) -> Delivery:
    return Delivery.objects.create(
        **{"webhook": hook, "type": EventType.GIFT, "payload": BODY, **values}
    )


class TestWithoutWebhooks:
    def test_it_leads_to_the_switch_that_has_all_lives_heard(
        self, client: Client, anna: User
    ) -> None:
        assert 'href="/account/#watching"' in client.get(LIST).text
        User.objects.update(is_watched=True)
        page = client.get(LIST).text
        assert 'href="/account/#watching"' not in page
        assert "The account is watched" in page


class TestAdding:
    def test_it_stores_what_was_chosen(self, client: Client, anna: User) -> None:
        assert client.post(NEW, FORM).status_code == 200
        hook = Webhook.objects.get()
        assert hook.account == anna
        assert hook.readable_address == ADDRESS
        assert hook.events == ["live.started", "gift"]
        assert hook.least_diamonds == 10
        assert hook.is_enabled

    def test_the_secret_is_shown_then_and_never_again(self, client: Client, anna: User) -> None:
        shown = client.post(NEW, FORM).content.decode()
        hook = Webhook.objects.get()
        secret = hook.readable_secret
        assert secret.startswith("whsec_")
        assert f'value="{secret}"' in shown
        for address in (LIST, page_of(hook), page_of(hook, "change/"), page_of(hook, "secret/")):
            assert secret not in client.get(address).content.decode()

    def test_discord_needs_no_secret(self, client: Client, anna: User) -> None:
        address = "https://discord.com/api/webhooks/1/key"
        answer = client.post(NEW, {**FORM, "address": address})
        assert answer.status_code == 302
        assert Webhook.objects.get().is_discord

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"address": ""}, "This field is required"),
            ({"address": "example.org"}, "Enter an address such as"),
            ({"address": "https://a:b@example.org/"}, "user or a password"),
            ({"address": "http://127.0.0.1:8000/"}, "own networks"),
            ({"address": "http://[::ffff:10.0.0.1]/"}, "own networks"),
            ({"address": "https://example.org:25/"}, "This port is not for webhooks"),
            ({"events": []}, "Choose at least one"),
            ({"events": ["test"]}, "not one of the available choices"),
            ({"least_diamonds": "0"}, "greater than or equal to 1"),
        ],
    )
    def test_it_refuses_what_is_none(
        self, client: Client, anna: User, changes: dict[str, Any], said: str
    ) -> None:
        answer = client.post(NEW, {**FORM, **changes})
        assert said in answer.content.decode()
        assert not Webhook.objects.exists()

    def test_addresses_that_are_allowed_are_taken(
        self, client: Client, anna: User, settings: Settings
    ) -> None:
        settings.WEBHOOK_ALLOW = ["hooks.internal"]
        client.post(NEW, {**FORM, "address": "http://hooks.internal:25/"})
        assert Webhook.objects.exists()

    def test_an_account_may_have_ten(self, client: Client, anna: User) -> None:
        for _ in range(MOST_EACH):
            make_hook(anna)
        assert "delete one first" in client.post(NEW, FORM).content.decode()
        assert Webhook.objects.count() == MOST_EACH
        assert NEW not in client.get(LIST).content.decode()


class TestChanging:
    def test_it_changes_what_was_entered_and_nothing_else(self, client: Client, anna: User) -> None:
        due_at = timezone.now()
        hook = make_hook(anna, due_at=due_at, failures=3)
        secret = hook.secret
        client.post(page_of(hook, "change/"), {**FORM, "name": "New", "address": "http://e.org"})
        hook.refresh_from_db()
        assert (hook.name, hook.readable_address) == ("New", "http://e.org")
        assert (hook.secret, hook.due_at, hook.failures) == (secret, due_at, 3)

    def test_the_secret_can_be_renewed(self, client: Client, anna: User) -> None:
        hook = make_hook(anna)
        old = hook.readable_secret
        assert client.get(page_of(hook, "secret/")).status_code == 200
        shown = client.post(page_of(hook, "secret/")).content.decode()
        hook.refresh_from_db()
        assert hook.readable_secret != old
        assert hook.readable_secret in shown
        assert hook.secrets_at(timezone.now()) == (hook.readable_secret, old)
        assert hook.old_secret_until is not None
        assert hook.secrets_at(hook.old_secret_until) == (hook.readable_secret,)

    def test_it_can_be_deleted_with_its_deliveries(self, client: Client, anna: User) -> None:
        hook = make_hook(anna)
        add(hook)
        assert client.get(page_of(hook, "delete/")).status_code == 200
        client.post(page_of(hook, "delete/"))
        assert not Webhook.objects.exists()
        assert not Delivery.objects.exists()

    def test_it_can_be_switched_off_and_on(self, client: Client, anna: User) -> None:
        now = timezone.now()
        hook = make_hook(anna, failures=9, failing_since=now, failed_days=5, failed_day=now)
        waits = add(hook)
        client.post(page_of(hook, "switch/"))
        hook.refresh_from_db()
        assert not hook.is_enabled
        client.post(page_of(hook, "switch/"), {"on": "on"})
        hook.refresh_from_db()
        assert (hook.is_enabled, hook.failures, hook.failing_since) == (True, 0, None)
        assert (hook.failed_days, hook.failed_day) == (0, None)
        assert hook.due_at is not None
        waits.refresh_from_db()
        assert waits.state == DeliveryState.WAITING

    def test_what_was_tried_and_waited_too_long_is_not_sent_when_it_is_switched_on(
        self, client: Client, anna: User
    ) -> None:
        hook = make_hook(anna, is_enabled=False)
        waits = add(hook, tried_until=timezone.now(), attempts=1)
        client.post(page_of(hook, "switch/"), {"on": "on"})
        hook.refresh_from_db()
        waits.refresh_from_db()
        assert waits.state == DeliveryState.FAILED
        assert hook.due_at is None

    def test_what_was_never_tried_is_sent_when_it_is_switched_on(
        self, client: Client, anna: User
    ) -> None:
        hook = make_hook(anna, is_enabled=False)
        waits = add(hook, tried_until=timezone.now())
        client.post(page_of(hook, "switch/"), {"on": "on"})
        hook.refresh_from_db()
        waits.refresh_from_db()
        assert waits.state == DeliveryState.WAITING
        assert hook.due_at is not None


class TestTests:
    def test_a_test_is_due_at_once(self, client: Client, anna: User) -> None:
        hook = make_hook(anna)
        client.post(page_of(hook, "test/"))
        client.post(page_of(hook, "test/"))  # the first one waits
        [test] = Delivery.objects.all()
        assert (test.type, test.state) == (EventType.TEST, DeliveryState.WAITING)
        hook.refresh_from_db()
        assert (hook.has_test, hook.due_at) == (True, None)

    def test_none_is_sent_of_one_that_is_switched_off(self, client: Client, anna: User) -> None:
        hook = make_hook(anna, is_enabled=False)
        client.post(page_of(hook, "test/"))
        assert not Delivery.objects.exists()

    @pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.FAILED])
    def test_something_can_be_sent_again(
        self, client: Client, anna: User, state: DeliveryState
    ) -> None:
        hook = make_hook(anna)
        delivery = add(hook, state=state, tried_until=timezone.now(), attempts=3)
        client.post(page_of(hook, f"deliveries/{delivery.pk}/again/"))
        again = Delivery.objects.get()
        assert again.state == DeliveryState.WAITING
        assert again.event_id == delivery.event_id
        assert again.tried_until > timezone.now()


class TestDeliveries:
    def test_the_page_shows_what_was_sent_and_answered(self, client: Client, anna: User) -> None:
        hook = make_hook(anna)
        add(hook, state=DeliveryState.FAILED, status=500, answer="<script>", failure="status")
        page = client.get(page_of(hook)).content.decode()
        assert "&lt;b&gt;&amp;" in page
        assert "&lt;script&gt;" in page
        assert "HTTP 500" in page
        assert "/hook/key" not in page

    def test_for_discord_it_shows_discord_s_message(self, client: Client, anna: User) -> None:
        hook = make_hook(anna, address="https://discord.com/api/webhooks/1/key")
        add(hook)
        assert "allowed_mentions" in client.get(page_of(hook)).content.decode()

    def test_it_has_thirty_on_a_page(self, client: Client, anna: User) -> None:
        hook = make_hook(anna)
        for _ in range(35):
            add(hook)
        first = client.get(page_of(hook)).content.decode()
        [before] = re.findall(r"\?before=(\d+)", first)
        second = client.get(f"{page_of(hook)}?before={before}").content.decode()
        assert (first.count("<details"), second.count("<details")) == (30, 5)
        assert 'rel="next"' in first
        assert 'rel="next"' not in second

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "", "²"])
    def test_a_bad_place_shows_the_page(self, client: Client, anna: User, before: str) -> None:
        hook = make_hook(anna)
        assert client.get(page_of(hook), {"before": before}).status_code == 200

    def test_a_script_gets_the_part_that_changes(self, client: Client, anna: User) -> None:
        part = client.get(page_of(make_hook(anna)), headers={"X-Fragment": "1"}).content.decode()
        assert "<html" not in part
        assert 'data-waiting="0"' in part

    def test_why_it_was_switched_off_is_said(self, client: Client, anna: User) -> None:
        hook = make_hook(
            anna, is_enabled=False, switched_off_at=timezone.now(), switched_off_why="failing"
        )
        assert "It has failed on five days" in client.get(page_of(hook)).content.decode()


class TestOthers:
    ADDRESSES = ("", "change/", "secret/", "delete/", "switch/", "test/")

    @pytest.mark.parametrize("rest", ADDRESSES)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_others_webhooks_do_not_exist(
        self, client: Client, anna: User, rest: str, method: str
    ) -> None:
        hook = make_hook(User.objects.create_user("bert"))
        if not (rest == "" and method == "post"):
            assert getattr(client, method)(page_of(hook, rest), FORM).status_code == 404
        hook.refresh_from_db()
        assert hook.is_enabled
        assert hook.readable_address == ADDRESS
        assert not Delivery.objects.exists()

    def test_others_deliveries_can_t_be_sent_again(self, client: Client, anna: User) -> None:
        own, other = make_hook(anna), make_hook(User.objects.create_user("bert"))
        delivery = add(other, state=DeliveryState.DELIVERED)
        for hook in (own, other):
            address = page_of(hook, f"deliveries/{delivery.pk}/again/")
            assert client.post(address).status_code == 404
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.DELIVERED

    def test_the_list_has_only_one_s_own(self, client: Client, anna: User) -> None:
        make_hook(anna, name="mine")
        make_hook(User.objects.create_user("bert"), name="theirs")
        page = client.get(LIST).content.decode()
        assert "mine" in page
        assert "theirs" not in page

    def test_the_list_shows_the_last_attempts_and_reads_no_delivery(
        self, client: Client, anna: User
    ) -> None:
        add(make_hook(anna, last_tried_at=datetime(2026, 5, 4, 12, 34, tzinfo=UTC)))
        add(make_hook(anna))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(LIST).content.decode()
        assert page.count("12:34</time>") == 1
        assert page.count("never") == 1
        assert not [query for query in queries if "webhooks_delivery" in query["sql"]]

    def test_whoever_is_not_signed_in_is_sent_to_the_login_page(self, client: Client) -> None:
        hook = make_hook(User.objects.create_user("bert"))
        for address in (LIST, NEW, *(page_of(hook, rest) for rest in self.ADDRESSES)):
            answer = client.get(address)
            assert answer.status_code == 302
            assert answer["Location"].startswith("/login/")

    def test_staff_see_whose_they_are_but_no_address_and_no_secret(
        self, client: Client, anna: User
    ) -> None:
        hook = make_hook(anna)
        client.force_login(User.objects.create_superuser("boss"))
        for address in ("", f"{hook.pk}/change/"):
            page = client.get(f"/admin/webhooks/webhook/{address}").content.decode()
            assert "anna" in page
            assert "https://example.org/…" in page
            assert "/hook/key" not in page
            assert hook.readable_secret not in page

    def test_staff_may_switch_one_off(self, client: Client, anna: User) -> None:
        hook = make_hook(anna)
        client.force_login(User.objects.create_superuser("boss"))
        client.post(f"/admin/webhooks/webhook/{hook.pk}/change/", {})
        hook.refresh_from_db()
        assert not hook.is_enabled
        assert hook.readable_address == ADDRESS


class TestAnotherSecretKey:
    def test_what_can_t_be_read_is_said_and_can_be_entered_again(
        self, client: Client, anna: User
    ) -> None:
        hook = make_hook(anna)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE webhooks_webhook SET address = 'gAAAAAspoilt'")
        hook.refresh_from_db()
        assert hook.readable_address == ""
        for address in (LIST, page_of(hook), page_of(hook, "change/")):
            assert client.get(address).status_code == 200
        client.post(page_of(hook, "change/"), FORM)
        hook.refresh_from_db()
        assert hook.readable_address == ADDRESS

    def test_they_are_encrypted_anew(self, anna: User) -> None:
        def stored() -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SELECT address, secret FROM webhooks_webhook ORDER BY id")
                return cursor.fetchall()

        hook = make_hook(anna)
        make_hook(anna)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE webhooks_webhook SET secret = 'gAAAAAspoilt' WHERE id > %s", [hook.pk]
            )
        before = stored()
        out, errors = StringIO(), StringIO()
        call_command("reencrypt_secrets", stdout=out, stderr=errors)
        after = stored()
        # Both addresses, and the secret that can be read.
        assert "Encrypted 3 secrets of webhooks.Webhook." in out.getvalue()
        assert errors.getvalue().startswith("1 can't be read")
        assert before[0] != after[0]
        assert before[1][1] == after[1][1]
        hook.refresh_from_db()
        assert hook.readable_address == ADDRESS
