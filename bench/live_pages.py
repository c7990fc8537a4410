"""The pages of LIVEs, with 10,000 LIVEs of which each has 1,000 gifters.

`--givers` makes it fewer: ten million gifters, and as many of their gifts, take some gigabytes, and
minutes to write. The accounts differ much in how many LIVEs they have heard; the one that looks has
heard most. It also has as many webhooks and overlays as an account can have, and the pages of these
are measured, too. How pages are measured: `bench.page_times`.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.page_times import browser, measure_page, on_both_databases, row, tell
from bench.results import Options, Row

__all__ = ["run"]

_LIVES, _QUICK_LIVES = 10_000, 1_000
_TABLE = "history_"
# The lines of the longest transcript.
_LINES = 50_000
# What is kept of each of the account's webhooks.
_DELIVERIES = 3_000


def run(options: Options) -> list[Row]:
    arguments = [options.of(_LIVES, _QUICK_LIVES), options.givers]
    return on_both_databases("bench.live_pages", arguments, _rows)


def _rows(told: list[dict[str, Any]], database: str) -> list[Row]:
    return [row(one, database) for one in told]


# --- In the process of its own -------------------------------------------------------------------


def _main(lives: int, givers: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from accounts.models import AccessToken, User
    from bench.lives import fill

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    written = fill(connection, lives, givers, _LINES)
    took = time.perf_counter() - began
    tell("filling the tables", f"{took:.0f} s for {written:,} gifters of {lives:,} LIVEs")
    _add_webhooks_and_overlays("account0")
    _issued, token = AccessToken.objects.issue(User.objects.get(username="account0"))
    get = browser("account0", token=token)
    for what, address in _addresses():
        measure_page(get, what, address, _TABLE)
    own = browser("account0", is_staff=False)
    for what, address in _own_addresses():
        measure_page(own, what, address, _TABLE)
    for what, address in _settings_addresses():
        measure_page(own, what, address, "webhooks_")


def _add_webhooks_and_overlays(username: str) -> None:
    """As many as an account can have."""
    from django.conf import settings
    from django.utils import timezone

    from accounts.models import User
    from live.overlays.kinds import KINDS
    from live.overlays.models import Overlay
    from live.webhooks.models import MOST_EACH, Delivery, DeliveryState, EventType, Webhook

    account = User.objects.get(username=username)
    for number in range(MOST_EACH):
        hook = Webhook.objects.create(
            account=account, address=f"https://hooks.example/{number}", events=[EventType.GIFT]
        )
        Delivery.objects.bulk_create(
            (
                Delivery(
                    webhook=hook, type=EventType.GIFT, payload='{"type": "gift"}', attempts=1,
                    state=DeliveryState.DELIVERED, status=204, tried_at=timezone.now(),
                )
                for _ in range(_DELIVERIES)
            ),
            batch_size=500,
        )  # fmt: skip
    names = itertools.cycle(KINDS)
    for number in range(settings.RELAY_MAX_OVERLAYS):
        overlay = Overlay(account=account, kind=next(names), name=f"overlay {number}")
        overlay.renew()
        overlay.save()


def _addresses() -> Iterator[tuple[str, str]]:
    """What staff see, and REST."""
    from live.connections.position import Position
    from live.history.models import Live

    every = Live.objects.order_by("began_at")
    newest, middle = every.reverse()[0], every[every.count() // 2]
    place = Position(middle.began_at, middle.pk)
    yield "all LIVEs", "/staff/lives/"
    yield "all LIVEs, in the middle", f"/staff/lives/?before={place}"
    yield "all LIVEs, in the middle, back", f"/staff/lives/?after={place}"
    yield "the LIVEs of one streamer", "/staff/lives/?username=streamer7"
    yield "a LIVE, as staff see it", f"/lives/{middle.pk}/"
    yield "a LIVE's recap", f"/lives/{middle.pk}/recap.json"
    yield "a LIVE with a long transcript", f"/lives/{newest.pk}/"
    yield "its search, of what is not there", f"/lives/{newest.pk}/?q=nowhere"
    yield "its search, of what is rare", f"/lives/{newest.pk}/?q=line 9999"
    yield "REST: LIVEs", "/api/v1/lives?limit=100"


def _own_addresses() -> Iterator[tuple[str, str]]:
    """What the account sees that has heard most."""
    from live.connections.position import Position
    from live.history.models import LiveListener

    heard = LiveListener.objects.filter(account__username="account0").order_by("began_at")
    newest, middle = heard.reverse()[0], heard[heard.count() // 2]
    yield "the account page, with its newest LIVEs", "/account/"
    yield "an account's LIVEs", "/lives/"
    yield (
        "an account's LIVEs, in the middle",
        f"/lives/?before={Position(middle.began_at, middle.live_id)}",
    )
    yield "an account's newest LIVE", f"/lives/{newest.live_id}/"
    yield "an account's LIVE in the middle", f"/lives/{middle.live_id}/"
    yield "who gave what, as CSV", f"/lives/{middle.live_id}/gifts.csv"
    yield "all of a LIVE, as JSON", f"/lives/{middle.live_id}/all.json"


def _settings_addresses() -> Iterator[tuple[str, str]]:
    from live.webhooks.models import Webhook

    yield "an account's webhooks", "/webhooks/"
    yield "a webhook, with its newest deliveries", f"/webhooks/{Webhook.objects.all()[0].pk}/"
    yield "an account's overlays", "/overlays/"


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
