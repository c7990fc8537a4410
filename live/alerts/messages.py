"""What people and programs are told of an alert: mails, payloads of webhooks, Discord's messages.

Nothing here needs the database: an alert may be about it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext

from live.alerts.alert import Alert
from live.alerts.texts import words_of
from live.clock import from_ms
from live.webhooks.discord import notice_message

__all__ = ["Kind", "Mail", "Message", "body_for_discord", "body_for_programs", "mail"]


class Kind(StrEnum):
    """`type` of what a webhook gets."""

    RAISED = "alert.raised"
    CLEARED = "alert.cleared"
    TEST = "alert.test"


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be told.

    Attributes:
        at: when it is told first, in ms since the epoch.
        alert: None for a test.
        ended_at: when it was over, in ms since the epoch; None if it is not.
        id: the same in all attempts.
    """

    kind: Kind
    at: int
    alert: Alert | None = None
    ended_at: int | None = None
    id: str = field(default_factory=lambda: f"msg_{secrets.token_hex(12)}")

    def __str__(self) -> str:
        """For the log."""
        alert = self.alert
        if alert is None:
            return self.kind.value
        return f"{self.kind.value} {alert.condition}" + f" ({alert.details})" * bool(alert.details)


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str


def mail(message: Message, dashboard: str) -> Mail:
    """The message as a mail, in the language that is active.

    Args:
        dashboard: the address of the dashboard; empty if it is not known.
    """
    return Mail(
        f"[TikTok LIVE Relay] {_title(message)}", "\n\n".join(_paragraphs(message, dashboard))
    )


def body_for_programs(message: Message, dashboard: str) -> str:
    """The body of a webhook: `type`, `timestamp` and `data`, as those of the accounts' webhooks."""
    data: dict[str, Any] = {"title": _title(message)}
    if message.alert is not None:
        alert, words = message.alert, words_of(message.alert.condition)
        data |= {
            "code": alert.condition,
            "details": alert.details,
            "since": alert.since,
            "process": alert.process,
            "meaning": words.meaning,
            "advice": words.advice,
        }
    if message.ended_at is not None:
        data["ended_at"] = message.ended_at
    if dashboard:
        data["dashboard"] = dashboard
    moment = from_ms(message.at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"type": message.kind, "timestamp": moment, "data": data}
    return json.dumps(body, ensure_ascii=False)


def body_for_discord(message: Message, dashboard: str) -> str:
    """The body for an address of Discord's: one embed."""
    shown = notice_message(
        _title(message),
        _paragraphs(message, dashboard),
        from_ms(message.at),
        is_bad=message.kind is Kind.RAISED,
    )
    return json.dumps(shown, ensure_ascii=False)


def _title(message: Message) -> str:
    if message.alert is None:
        return gettext("A test of the alerts")
    title = words_of(message.alert.condition).title
    if message.kind is Kind.CLEARED:
        return gettext("Over: %(what)s") % {"what": title}
    return title


def _paragraphs(message: Message, dashboard: str) -> list[str]:
    alert = message.alert
    if alert is None:
        paragraphs = [gettext("This is a test. Alerts of this server come here.")]
    elif message.kind is Kind.CLEARED:
        ended_at = message.ended_at or message.at
        lasted = gettext("It has lasted from %(since)s to %(until)s.")
        moments = {"since": _moment(from_ms(alert.since)), "until": _moment(from_ms(ended_at))}
        paragraphs = [lasted % moments]
    else:
        words = words_of(alert.condition)
        since = gettext("Since %(since)s") % {"since": _moment(from_ms(alert.since))}
        paragraphs = [
            f"{since}: {alert.details}" if alert.details else since,
            words.meaning,
            words.advice,
        ]
    if alert is not None and alert.process:
        paragraphs.append(gettext("Noticed by process %(process)s.") % {"process": alert.process})
    if dashboard:
        paragraphs.append(dashboard)
    return paragraphs


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
