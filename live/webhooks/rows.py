"""Writes many deliveries at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections

from live.history.turns import give_way
from live.webhooks.models import TRIED_FOR, Delivery, EventType

__all__ = ["NewDelivery", "add"]

# How many rows one query adds: databases limit a query's parameters. Then others have their turn.
_AT_ONCE = 200


class NewDelivery(NamedTuple):
    """Attributes:
    webhook: its primary key.
    payload: the body.
    """

    webhook: int
    type: EventType
    payload: str


def add(deliveries: Sequence[NewDelivery], now: datetime) -> None:
    """Add rows of deliveries that wait, in this order, in the transaction that is open.

    A LIVE that a thousand webhooks are told of brings a hundred thousand rows in a few seconds.
    `bulk_create` takes most of its time for columns that are the same in all of them. Here, a query
    has these once. Figures: `make bench ARGS=webhooks`.

    Args:
        now: since when they wait.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    meta = Delivery._meta
    by_name = {each.name: each for each in meta.concrete_fields}
    own = [by_name[name] for name in ("webhook", "event_id", "type", "payload")]
    same = [each for each in meta.concrete_fields if not (each.primary_key or each in own)]
    like = Delivery(created_at=now, tried_until=now + TRIED_FOR)
    values = [each.get_db_prep_save(getattr(like, each.attname), connection) for each in same]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(each.column)) for each in (*own, *same))
    places = ", ".join(["%s"] * len(same))
    new_id = own[1].get_default
    with connection.cursor() as cursor:
        for begin in range(0, len(deliveries), _AT_ONCE):
            some = deliveries[begin : begin + _AT_ONCE]
            rows = ", ".join(["(%s, %s, %s, %s)"] * len(some))
            parameters = [*values]
            for each in some:
                parameters += (each.webhook, new_id(), each.type.value, each.payload)
            # Only names and places are put in here. What `VALUES` calls its columns is the same in
            # PostgreSQL and SQLite.
            cursor.execute(
                f"INSERT INTO {quote(meta.db_table)} ({columns})"  # noqa: S608
                f" SELECT column1, column2, column3, column4, {places} FROM (VALUES {rows}) AS own",
                parameters,
            )
            give_way()
