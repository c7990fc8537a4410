"""What the connection log can be narrowed down to. A bad value is an error of the form, never more.

The words for close codes stand here; those for errors are in `live.errors`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from live.errors import CloseCode, ErrorCode
from live.models import ConnectionLog

__all__ = ["CLOSE_CODE_CHOICES", "CLOSE_CODE_WORDS", "ConnectionFilter", "with_close_code"]

# Clients close with codes of their own too, so the log holds more codes than the relay sends.
CLOSE_CODE_WORDS = {
    CloseCode.NORMAL: _("the client closed, or the LIVE ended"),
    CloseCode.ABNORMAL: _("broken off without a close"),
    CloseCode.POLICY_VIOLATION: _("refused by the relay"),
    CloseCode.INTERNAL_ERROR: _("the path to TikTok failed"),
    CloseCode.SERVICE_RESTART: _("the server restarted"),
}
OTHER = "other"
CLOSE_CODE_CHOICES = [
    *(
        (str(int(code)), format_lazy("{} · {}", int(code), CLOSE_CODE_WORDS[code]))
        for code in CloseCode
    ),
    (OTHER, _("another code, chosen by the client")),
]
OPEN, CLOSED = "open", "closed"
_YEARS = range(1970, 9000)


def with_close_code(
    connections: QuerySet[ConnectionLog], choice: str | None
) -> QuerySet[ConnectionLog]:
    """The connections that a value of CLOSE_CODE_CHOICES stands for; all for any other value."""
    if choice == OTHER:
        return connections.exclude(close_code__in=list(CloseCode)).exclude(close_code=None)
    if choice in dict(CLOSE_CODE_CHOICES):
        return connections.filter(close_code=choice)
    return connections


class MomentField(forms.DateTimeField):
    """A time in UTC, as `datetime-local` inputs send it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        # Databases fail on the ends of the calendar, as soon as a time zone leads beyond them.
        if moment is not None and moment.year not in _YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class MomentFilter(django_filters.DateTimeFilter):
    field_class = MomentField


class ConnectionFilter(django_filters.FilterSet):
    account = django_filters.CharFilter(
        label=_("Account or TikTok username"), method="of_account", max_length=150
    )
    state = django_filters.ChoiceFilter(
        label=_("State"),
        method="in_state",
        choices=[(OPEN, _("still open")), (CLOSED, _("closed"))],
        empty_label=_("any"),
    )
    code = django_filters.ChoiceFilter(
        label=_("Close code"),
        method="closed_with",
        choices=CLOSE_CODE_CHOICES,
        empty_label=_("any"),
    )
    error = django_filters.ChoiceFilter(
        label=_("Error"),
        field_name="error_code",
        choices=[(code.value, code.value) for code in ErrorCode],
        empty_label=_("any"),
    )
    since = MomentFilter(label=_("Since (UTC)"), field_name="opened_at", lookup_expr="gte")
    until = MomentFilter(label=_("Until (UTC)"), field_name="opened_at", lookup_expr="lte")

    def of_account(
        self, connections: QuerySet[ConnectionLog], name: str, value: str
    ) -> QuerySet[ConnectionLog]:
        part = value.removeprefix("@")
        return connections.filter(
            Q(account__username__icontains=part) | Q(tiktok_username__icontains=part)
        )

    def closed_with(
        self, connections: QuerySet[ConnectionLog], name: str, value: str
    ) -> QuerySet[ConnectionLog]:
        return with_close_code(connections, value)

    def in_state(
        self, connections: QuerySet[ConnectionLog], name: str, value: str
    ) -> QuerySet[ConnectionLog]:
        return connections.filter(closed_at__isnull=value == OPEN)
