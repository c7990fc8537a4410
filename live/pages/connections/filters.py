"""The form with the filters for the list of connections. A bad value is shown as a form error.

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

# The values of the filter `state`.
OPEN, CLOSED = "open", "closed"
# The years that the filters of time accept.
_YEARS = range(1970, 9000)
# The choice that filters nothing.
_ANY = [("", _("any"))]
# How many accounts an error message names when a part of a name fits several of them.
_NAMED = 5


class MomentField(forms.DateTimeField):
    """A field for a time in UTC, in the format of HTML's `datetime-local` inputs."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        # Near the first and last year of the calendar, converting the time zone fails in databases.
        if moment is not None and moment.year not in _YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class AccountField(forms.CharField):
    """A field for an account: its name, or a part of the name that only this account has."""

    def clean(self, value: Any) -> Any:
        part = super().clean(value)
        if not part:
            return None
        # This reads all accounts, of which there are few; `only` leaves out the encrypted column.
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
    """The filters. Those whose value staff are most likely to know come first."""

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
        """Whether any filter is set."""
        return any(self.data.get(name) for name in self.fields)

    def search(self, log: QuerySet[ConnectionLog]) -> Search:
        """Return the search for the connections that the filters describe.

        Call it only on a valid form.

        Args:
            log: the connection log, with the columns to read.
        """
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
