"""A viewer is taken out of what webhooks were told."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from live.contract.examples import example
from live.protocol.frames import FrameType
from live.webhooks.events import payload
from live.webhooks.models import Delivery, DeliveryState, EventType, Webhook

pytestmark = pytest.mark.django_db

BEA = {"id": "7", "username": "bea", "nickname": "Bea \u2665", "avatar": "https://cdn.example/bea"}
CARL = {"id": "77", "username": "carl", "nickname": "Carl", "avatar": "https://cdn.example/carl"}


def delivery(type: EventType, data: dict[str, Any], **values: Any) -> Delivery:
    account, _ = User.objects.get_or_create(username="studio")
    webhook, _ = Webhook.objects.get_or_create(account=account, address="https://example.org")
    return Delivery.objects.create(
        webhook=webhook, type=type, payload=payload(type, 0, data), **values
    )


def gift(user: dict[str, Any]) -> dict[str, Any]:
    data = dict(example(FrameType.GIFT)["data"])
    return {**data, "username": "anna.live", "user": {**data["user"], **user}}


@pytest.mark.parametrize("viewer", ["7", "@Bea"])
def test_no_event_tells_of_the_viewer_any_more(viewer: str) -> None:
    waiting = delivery(EventType.GIFT, gift(BEA))
    sent = delivery(EventType.SUBSCRIBE, gift(BEA), state=DeliveryState.DELIVERED, answer="hi bea")
    top = [{"user": BEA, "diamonds": 5}, {"user": CARL, "diamonds": 7}]
    recap = delivery(EventType.LIVE_ENDED, {"username": "anna.live", "recap": {"top": top}})
    other = delivery(EventType.GIFT, gift(CARL), answer="hi carl")
    output = StringIO()
    call_command("forget_viewer", viewer, stdout=output)
    assert output.getvalue().endswith("in 0 LIVEs and 3 events of webhooks.\n")
    for each in (waiting, sent, recap):
        each.refresh_from_db()
        assert "bea" not in f"{each.payload}{each.answer}".casefold()
        assert '"7"' not in each.payload
    data = json.loads(waiting.payload)["data"]
    assert data["username"] == "anna.live"
    assert data["diamonds_total"] == gift(BEA)["diamonds_total"]
    nobody, carl = json.loads(recap.payload)["data"]["recap"]["top"]
    assert nobody["user"]["id"].startswith("~")
    assert (nobody["diamonds"], carl["user"]) == (5, CARL)
    before = other.payload
    other.refresh_from_db()
    assert (other.payload, other.answer) == (before, "hi carl")


def test_the_streamer_s_username_is_no_viewer_s() -> None:
    delivery(EventType.GIFT, gift(CARL))
    output = StringIO()
    call_command("forget_viewer", "@anna.live", stdout=output)
    assert output.getvalue().endswith("0 events of webhooks.\n")
