"""What the connection log can be narrowed down to. A bad value is an error of the form, never more.

The words for close codes and errors are in `live.protocol.errors`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.usernames import TikTokUsernameFormField
from live.connections.search import Search
from live.models import ConnectionLog
from live.protocol.errors import ErrorCode

__all__ = ["ConnectionFilter"]

OPEN, CLOSED = "open", "closed"
_YEARS = range(1970, 9000)
_ANY = [("", _("any"))]
# How many accounts are named when a name is meant for one.
_NAMED = 5


class MomentField(forms.DateTimeField):
    """A time in UTC, as `datetime-local` inputs send it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        # Databases fail on the ends of the calendar, as soon as a time zone leads beyond them.
        if moment is not None and moment.year not in _YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class AccountField(forms.CharField):
    """An account by its name, or by a part of it that no other name has."""

    def clean(self, value: Any) -> Any:
        part = super().clean(value)
        if not part:
            return None
        # Accounts are few, and are looked through. Without what is encrypted in them.
        accounts = User.objects.only("username").order_by("username")
        if exact := accounts.filter(username=part).first():
            return exact
        found = list(accounts.filter(username__icontains=part)[: _NAMED + 1])
        if not found:
            raise ValidationError(_("No account has such a name."), code="unknown")
        if len(found) > 1:
            names = ", ".join(account.username for account in found[:_NAMED])
            raise ValidationError(
                _("Several accounts have that in their names: %(names)s%(more)s."),
                code="ambiguous",
                params={"names": names, "more": " …" if len(found) > _NAMED else ""},
            )
        return found[0]


class ConnectionFilter(forms.Form):
    """The filters, in the order in which staff know what they look for."""

    account = AccountField(label=_("Account, or a part of its name"), max_length=150)
    username = TikTokUsernameFormField(label=_("TikTok username"), max_length=200)
    error = forms.ChoiceField(
        label=_("Error"), choices=[*_ANY, *((code.value, code.value) for code in ErrorCode)]
    )
    code = forms.IntegerField(
        label=_("Close code"),
        min_value=1000,
        max_value=4999,
        widget=forms.NumberInput(attrs={"list": "close-codes"}),
    )
    address = forms.GenericIPAddressField(label=_("Address"), unpack_ipv4=True)
    state = forms.ChoiceField(
        label=_("State"), choices=[*_ANY, (OPEN, _("still open")), (CLOSED, _("closed"))]
    )
    since = MomentField(label=_("Since (UTC)"))
    until = MomentField(label=_("Until (UTC)"))

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for field in self.fields.values():
            field.required = False

    def is_set(self) -> bool:
        """Whether there is any."""
        return any(self.data.get(name) for name in self.fields)

    def search(self, log: QuerySet[ConnectionLog]) -> Search:
        """Of a valid form."""
        account = self.cleaned_data["account"]
        values = {
            "address": self.cleaned_data["address"],
            "tiktok_username": self.cleaned_data["username"],
            "account_id": account and account.pk,
            "error_code": self.cleaned_data["error"],
            "close_code": self.cleaned_data["code"],
        }
        values = {name: value for name, value in values.items() if value}
        if self.cleaned_data["state"] == OPEN:
            values["closed_at"] = None
        return Search(
            log,
            values,
            since=self.cleaned_data["since"],
            until=self.cleaned_data["until"],
            closed=self.cleaned_data["state"] == CLOSED,
        )
