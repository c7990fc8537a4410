"""Notes when overlays were connected last, where the connection log is written.

Not where overlays are looked up: that thread must not wait for whoever writes to the database,
since every phone that connects waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from django.db import Error, transaction

from live.connections import rows as connection_rows
from live.connections.record import Connection
from live.connections.rows import Row
from live.overlays.models import Overlay

__all__ = ["write"]


def write(rows: Sequence[Row]) -> None:
    """Write rows of the connection log, as `live.connections.rows.write`; then note which overlays
    have connected. If that fails, the log is written all the same: the overlay's page then says
    less, and the next connection is noted again.

    Raises:
        Exception: nothing was written, or it can't be known whether.
    """
    connection_rows.write(rows)
    with suppress(Error):
        _note(row.connection for row in rows if row.begins)


def _note(new: Iterable[Connection]) -> None:
    connected: dict[int, datetime] = {}
    for one in new:
        if one.overlay_id is not None:
            newest = connected.get(one.overlay_id, one.opened_at)
            connected[one.overlay_id] = max(one.opened_at, newest)
    if not connected:
        return
    with transaction.atomic():
        for pk, moment in connected.items():
            Overlay.objects.filter(pk=pk).update(last_connected_at=moment)
