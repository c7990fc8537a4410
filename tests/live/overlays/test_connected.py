"""When an overlay was connected last is noted with its row of the connection log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import User
from live.connections.record import Connection
from live.connections.rows import Row, at_opening
from live.models import ConnectionLog
from live.overlays import connected
from live.overlays.models import Overlay

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def overlay() -> Overlay:
    anna = User.objects.create(username="anna", tiktok_username="anna.live")
    return Overlay.objects.create(account=anna, kind="chat", name="Chat")


def opened(overlay_id: int | None, after: int = 0) -> Row:
    """The new row of a socket that opened so many seconds after noon."""
    moment = NOON + timedelta(seconds=after)
    connection = Connection("10.0.0.7", "OBS", overlay_id=overlay_id, opened_at=moment)
    return Row(connection, at_opening(connection), begins=True)


def last(overlay: Overlay) -> datetime | None:
    return Overlay.objects.get(pk=overlay.pk).last_connected_at


def test_it_is_the_newest_of_its_connections(overlay: Overlay) -> None:
    connected.write([opened(overlay.pk, 5), opened(overlay.pk, 9), opened(overlay.pk, 7)])
    assert last(overlay) == NOON + timedelta(seconds=9)
    assert ConnectionLog.objects.count() == 3


def test_other_sockets_and_other_changes_note_nothing(overlay: Overlay) -> None:
    row = opened(None)
    connected.write([row])
    row.connection.overlay_id = overlay.pk
    connected.write([Row(row.connection, {"frames_sent": 3})])
    assert last(overlay) is None


def test_the_log_is_written_also_if_it_can_t_be_noted(
    overlay: Overlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("locked")

    monkeypatch.setattr(connected, "_note", fail)
    row = opened(overlay.pk)
    connected.write([row])
    assert ConnectionLog.objects.get().pk == row.connection.row_id
