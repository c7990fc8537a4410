"""What it takes to note gifts for many webhooks, in one transaction of the history.

A LIVE that a thousand accounts hear, each with a webhook, brings a hundred gifts: each webhook gets
a row for each. The reference adds as many rows with Django's `bulk_create`, in the same database. A
process of its own does it, on SQLite, and on PostgreSQL where `POSTGRES_URL` leads to a server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from bench.databases import both_databases
from bench.results import ROOT, Options, Row

__all__ = ["run"]

_HOOKS, _QUICK_HOOKS = 1_000, 200
_GIFTS = 100
# Seconds after which the keeper of the history takes its transaction for hung.
_GOAL = 15.0


def run(options: Options) -> list[Row]:
    hooks = options.of(_HOOKS, _QUICK_HOOKS)
    return [_measured(database, address, hooks) for database, address in both_databases()]


def _measured(database: str, address: str, hooks: int) -> Row:
    environment = {**os.environ, "DATABASE_URL": address}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
    process = subprocess.run(
        [sys.executable, "-m", "bench.webhooks", str(hooks)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, float] = json.loads(process.stdout)
    seconds, reference = figures["noted_s"], figures["bulk_create_s"]
    return Row(
        what=f"{_GIFTS} gifts for {hooks:,} webhooks, {database}",
        relay=f"{seconds:.1f} s",
        reference=f"{reference:.1f} s (`bulk_create`)",
        ratio=f"{seconds / reference:.2f}",
        goal=f"≤ {_GOAL:g} s",
        met=seconds <= _GOAL,
        figures=figures,
        notes=(
            f"CPU of the process: {figures['noted_cpu']:.1f} s, with `bulk_create` "
            f"{figures['bulk_create_cpu']:.1f} s",
        ),
    )


def _main(hooks: int) -> dict[str, float]:
    import django

    django.setup()
    from datetime import UTC, datetime

    from accounts.models import User
    from live.clock import from_ms
    from live.contract.examples import example
    from live.history.heard import Heard
    from live.history.models import Live
    from live.protocol.frames import FrameType
    from live.streams.log import Entry
    from live.webhooks.models import Delivery, EventType, Webhook
    from live.webhooks.sink import WebhookSink

    User.objects.bulk_create(User(username=f"account-{number}") for number in range(hooks))
    accounts = list(User.objects.values_list("pk", flat=True))
    Webhook.objects.bulk_create(
        Webhook(account_id=each, address="https://example.org/", events=[EventType.GIFT])
        for each in accounts
    )
    now = int(time.time() * 1000)
    moment = from_ms(now)
    live = Live.objects.create(
        tiktok_username="anna",
        room_id="1",
        began_at=moment,
        heard_from=moment,
        heard_until=moment,
    )
    frame = dict(example(FrameType.GIFT))
    frame["data"] = {**frame["data"], "diamonds_total": 1, "streak": None}
    text = json.dumps(frame)
    gifts = [
        Entry(offset=number, type=FrameType.GIFT, at=now, text=text, size=len(text))
        for number in range(1, _GIFTS + 1)
    ]
    heard = Heard(username="anna", accounts=frozenset(accounts), live=live, entries=gifts)
    noted = _timed(lambda: WebhookSink().write([heard]))
    rows = list(Delivery.objects.values_list("webhook_id", "payload"))
    assert len(rows) == hooks * _GIFTS
    Delivery.objects.all().delete()

    def bulk_create() -> None:
        created_at = datetime.now(UTC)
        Delivery.objects.bulk_create(
            (
                Delivery(
                    webhook_id=hook, type=EventType.GIFT, payload=payload, created_at=created_at
                )
                for hook, payload in rows
            ),
            batch_size=500,
        )

    created = _timed(bulk_create)
    return {
        "noted_s": noted[0],
        "noted_cpu": noted[1],
        "bulk_create_s": created[0],
        "bulk_create_cpu": created[1],
    }


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """The seconds that a transaction takes, and those of this process' CPU."""
    from django.db import transaction

    began, cpu = time.perf_counter(), time.process_time()
    with transaction.atomic():
        work()
    return time.perf_counter() - began, time.process_time() - cpu


if __name__ == "__main__":
    print(json.dumps(_main(int(sys.argv[1]))))
