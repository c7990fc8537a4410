"""`manage.py prune_connections`."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from live.models import ConnectionLog

pytestmark = pytest.mark.django_db


class TestPruneConnections:
    def test_rows_older_than_the_limit_are_deleted(self) -> None:
        now = timezone.now()
        for days in (1, 29, 31, 400):
            opened_at = now - timedelta(days=days)
            ConnectionLog.objects.create(opened_at=opened_at, closed_at=now, close_code=1000)
        output = StringIO()
        call_command("prune_connections", days=30, stdout=output)
        assert output.getvalue() == "Deleted 2 connections.\n"
        oldest = ConnectionLog.objects.last()
        assert oldest is not None
        assert oldest.opened_at == now - timedelta(days=29)

    def test_it_keeps_what_is_still_open(self) -> None:
        ConnectionLog.objects.create(opened_at=timezone.now() - timedelta(days=400))
        output = StringIO()
        call_command("prune_connections", "--days", "30", stdout=output)
        assert output.getvalue() == "Deleted 0 connections.\n"
        assert ConnectionLog.objects.count() == 1

    @pytest.mark.parametrize("days", ["0", "-1", "99999999999", "soon", ""])
    def test_it_refuses_other_than_a_number_of_days(self, days: str) -> None:
        ConnectionLog.objects.create(opened_at=timezone.now(), closed_at=timezone.now())
        with pytest.raises(CommandError, match="--days"):
            call_command("prune_connections", f"--days={days}")
        assert ConnectionLog.objects.count() == 1

    def test_it_asks_for_the_days(self) -> None:
        with pytest.raises(CommandError, match="--days"):
            call_command("prune_connections")
