"""`manage.py send_test_alert`: see whether alerts reach you."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from live.alerts.messages import Kind, Message
from live.clock import SYSTEM_CLOCK
from live.server.assembly import make_alert_ways


class Command(BaseCommand):
    help = (
        "Send a test by each way that is set for alerts (ALERT_EMAILS, ALERT_WEBHOOK), once, and "
        "say what has come of it. Needs no database."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        failed = asyncio.run(self._send())
        if failed is None:
            raise CommandError("No alerts are sent: set ALERT_EMAILS or ALERT_WEBHOOK.")
        if failed:
            raise CommandError(f"{failed} could not be sent.")

    async def _send(self) -> int | None:
        """Returns how many have failed; None if there is no way."""
        ways = make_alert_ways()
        message = Message(Kind.TEST, SYSTEM_CLOCK.unix_ms())
        failed = 0
        for way in ways:
            problem = await way.send(message)
            await way.close()
            failed += bool(problem)
            self.stdout.write(f"{way.name}: {problem or 'sent'}")
        return failed if ways else None
