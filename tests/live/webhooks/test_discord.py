"""What Discord shows of an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from live.contract.examples import example
from live.protocol.frames import FrameType
from live.webhooks.discord import discord_message
from live.webhooks.events import payload
from live.webhooks.jobs import Job
from live.webhooks.models import Delivery, EventType, Webhook

NOW = datetime(2026, 5, 4, tzinfo=UTC)
USER = {"id": "7", "username": "gert", "nickname": "Gert", "avatar": ""}
RECAP = {
    "at_least": False,
    "diamonds": 12345,
    "gifts": 5,
    "gifters": 1,
    "likes": 77,
    "comments": 3,
    "shares": 0,
    "follows": 2,
    "joins": 0,
    "subscriptions": 0,
    "viewers_peak": 9,
    "viewers_average": None,
    "viewers_total": None,
    "top": [{"user": USER, "diamonds": 12000}, {"user": {**USER, "nickname": ""}, "diamonds": 1}],
}
LIVE = {"username": "anna", "live": 1, "room_id": "1", "title": "Good evening", "started_at": 1}


def frame_data(type: FrameType, **changes: Any) -> dict[str, Any]:
    return {"username": "anna", **example(type)["data"], **changes}


DATA = {
    EventType.LIVE_STARTED: LIVE,
    EventType.LIVE_ENDED: {**LIVE, "ended_at": 2, "recap": RECAP},
    EventType.GIFT: frame_data(FrameType.GIFT),
    EventType.SUBSCRIBE: frame_data(FrameType.SUBSCRIBE),
    EventType.ERROR: {"username": "anna", "code": "x", "title": "No connection", "detail": "Why."},
    EventType.TEST: {"text": "A test."},
}


def embed(type: EventType, language: str = "en", **changes: Any) -> dict[str, Any]:
    body = json.loads(payload(type, 1_795_000_000_000, {**DATA[type], **changes}))
    message = discord_message(body, language)
    [shown] = message["embeds"]
    return dict(shown)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("type", EventType)
def test_every_event_is_a_message_that_mentions_nobody(type: EventType, language: str) -> None:
    body = json.loads(payload(type, 1_795_000_000_000, DATA[type]))
    message = discord_message(body, language)
    assert message["allowed_mentions"] == {"parse": []}
    [shown] = message["embeds"]
    assert shown["timestamp"] == "2026-11-18T11:06:40.000Z"
    assert shown.get("title") or shown.get("description")
    assert isinstance(shown["color"], int)


def test_a_recap_has_its_sums_and_the_top_gifters() -> None:
    shown = embed(EventType.LIVE_ENDED)
    assert shown["title"] == "The LIVE of @anna is over"
    assert shown["fields"][0] == {"name": "Diamonds", "value": "12,345", "inline": True}
    assert "1. Gert: 12,000 diamonds" in shown["description"]
    assert "2. gert: 1 diamond" in shown["description"]


def test_sums_with_holes_say_at_least() -> None:
    shown = embed(EventType.LIVE_ENDED, recap={**RECAP, "at_least": True})
    assert shown["fields"][0]["value"] == "at least 12,345"


def test_a_gift_has_its_picture_if_that_is_an_address() -> None:
    assert embed(EventType.GIFT)["thumbnail"]["url"].startswith("https://")
    gift = {**DATA[EventType.GIFT]["gift"], "image": "javascript:alert(1)"}
    assert "thumbnail" not in embed(EventType.GIFT, gift=gift)


@pytest.mark.parametrize(
    ("nickname", "shown"),
    [
        ("**x** _y_", r"\*\*x\*\* \_y\_"),
        ("@everyone", r"\@everyone"),
        ("<@123>", r"\<\@123\>"),
        ("[x](https://evil)", r"\[x\]\(https\://evil\)"),
        ("a\nb\u2028c", "a b c"),
    ],
)
def test_a_nickname_has_no_meaning_for_discord(nickname: str, shown: str) -> None:
    user = {**DATA[EventType.GIFT]["user"], "nickname": nickname}
    assert f"**{shown}** gave" in embed(EventType.GIFT, user=user)["description"]


def test_long_texts_are_within_discord_s_limits() -> None:
    user = {**USER, "nickname": "x" * 5000}
    recap = {**RECAP, "top": [{"user": user, "diamonds": 1}] * 10}
    for event, changes in (
        (EventType.LIVE_ENDED, {"recap": recap, "title": "t" * 9000, "username": "u" * 150}),
        (EventType.LIVE_STARTED, {"title": "t" * 9000}),
        (EventType.GIFT, {"user": user}),
        (EventType.ERROR, {"title": "t" * 900, "detail": "d" * 9000}),
    ):
        shown = embed(event, **changes)
        assert len(shown.get("title", "")) <= 256
        assert len(shown.get("description", "")) <= 4096


def test_an_event_of_another_version_is_shown_by_its_name() -> None:
    body = {"type": "battle.won", "timestamp": "2026-11-18T11:06:40.000Z", "data": {"by": 1}}
    [shown] = discord_message(body, "en")["embeds"]
    assert shown["description"] == "battle.won"
    assert shown["timestamp"] == body["timestamp"]


def test_only_discord_s_addresses_get_it_and_unsigned() -> None:
    body = payload(EventType.TEST, 1_795_000_000_000, DATA[EventType.TEST])
    delivery = Delivery(pk=1, type=EventType.TEST, payload=body)
    account = User(language="ru")
    for address, is_discord in (
        ("https://discord.com/api/webhooks/1/key", True),
        ("https://example.org/api/webhooks/1/key", False),
    ):
        job = Job.of(
            Webhook(pk=1, account=account, address=address, secret="whsec_x"), delivery, NOW
        )
        assert job.is_signed is not is_discord
        assert ("embeds" in job.body) is is_discord
        assert (job.body == body) is not is_discord
