"""The form with the filters for the list of connections. A bad value is shown as a form error.

One field takes what people know of a connection (`search_text` reads it); the others are for those
who want to name what they mean. What is in several fields must all apply.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.usernames import TikTokUsernameFormField
from live.connections.failures import NO_FAILURES
from live.connections.search import Search
from live.models import ConnectionLog
from live.pages.connections.names import Found, account_named, find
from live.pages.connections.search_text import Asked, Phrase, UnclearError, parse, zone_named
from live.pages.ends import CLOSE_CODES, ERRORS
from live.protocol.errors import CLOSE_CODE_WORDS, ErrorCode

__all__ = ["FAILED", "OPEN", "TODAY", "ConnectionFilter", "Understood"]

# The values of the filter `state`.
OPEN, CLOSED, FAILED = "open", "closed", "failed"
# The value of the filter `day`.
TODAY = "today"
_LONGEST_SEARCH = 200
# The years that the filters of time accept.
_YEARS = range(1970, 9000)
# The choice that filters nothing.
_ANY = [("", _("any"))]


class MomentField(forms.DateTimeField):
    """A field for a time, as HTML's `datetime-local` inputs have it, which know no zone: it is UTC.

    With a zone, as "2026-05-04T14:00+02:00", it is that moment. The page's script sends it so, and
    shows the moment in the input's `data-moment` as the reader's clock has it.
    """

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        # Near the first and last year of the calendar, converting the time zone fails in databases.
        if moment is not None and moment.year not in _YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment and moment.astimezone(UTC)

    def prepare_value(self, value: Any) -> Any:
        """What the input shows: without a zone, which it would not take."""
        moment = self.moment_in(value)
        if moment is None:
            return value
        return moment.replace(tzinfo=None).isoformat(timespec="seconds").removesuffix(":00")

    def moment_in(self, value: Any) -> datetime | None:
        """The moment that a value stands for; None if it stands for none."""
        try:
            return self.to_python(value)
        except ValidationError:
            return None


class AccountField(forms.CharField):
    """A field for an account: its name, or a part of the name that only this account has."""

    def clean(self, value: Any) -> Any:
        part = super().clean(value)
        if not part:
            return None
        try:
            account = account_named(part)
        except UnclearError as unclear:
            raise _invalid(unclear) from None
        if account is None:
            raise ValidationError(_("No account has such a name."), code="unknown")
        return account


def _invalid(unclear: UnclearError) -> ValidationError:
    return ValidationError(unclear.message, code="unclear", params=unclear.values)


class Understood(NamedTuple):
    """What was understood of the search, for the page.

    Attributes:
        terms: what is searched for: each with what it is, and how it is called.
        since: from when on the connection was opened; None if it does not matter.
        until: until when.
    """

    terms: list[tuple[Any, str]]
    since: datetime | None
    until: datetime | None


class ConnectionFilter(forms.Form):
    """The filters: `q` is the search field, `tz` the zone of the days and times in it."""

    q = forms.CharField(
        label=_("Search"),
        max_length=_LONGEST_SEARCH,
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    # What these don't know counts as nothing: nobody has typed it.
    day = forms.CharField(widget=forms.HiddenInput)
    tz = forms.CharField(widget=forms.HiddenInput)
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
        label=_("State"),
        choices=[*_ANY, (FAILED, _("failed")), (OPEN, _("still open")), (CLOSED, _("closed"))],
    )
    since = MomentField(label=_("Since (UTC)"))
    until = MomentField(label=_("Until (UTC)"))

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self._asked, self._found, self._today = Asked(), Found(), Asked()
        for name, field in self.fields.items():
            field.required = False
            if isinstance(field, MomentField) and (moment := field.moment_in(self.data.get(name))):
                field.widget.attrs["data-moment"] = moment.isoformat()

    def is_set(self) -> bool:
        """Whether any filter is set."""
        return any(self.data.get(name) for name in self.fields if name != "tz")

    @property
    def more(self) -> list[forms.BoundField]:
        """The filters besides the search field, which most searches do not need."""
        return [self[name] for name in _MORE]

    def is_more_open(self) -> bool:
        """Whether one of these is set or has an error, so that it should be seen."""
        told_by_a_chip = self.data.get("state") in {OPEN, FAILED}
        return any(
            (self.data.get(name) and not (name == "state" and told_by_a_chip))
            or self.errors.get(name)
            for name in _MORE
        )

    def clean_tz(self) -> tzinfo:
        return zone_named(self.cleaned_data["tz"])

    def clean(self) -> None:
        now, zone = timezone.now(), self.cleaned_data.get("tz") or zone_named("")
        if self.cleaned_data.get("day") == TODAY:
            self._today = parse(TODAY, now, zone)
        try:
            self._asked = parse(self.cleaned_data.get("q") or "", now, zone, _phrases())
            self._found = find(self._asked.names)
        except UnclearError as unclear:
            self.add_error("q", _invalid(unclear))

    def understood(self) -> Understood:
        """What was understood of the search field. Call it only on a valid form."""
        asked = self._asked
        told = [*self._found.told]
        if asked.username:
            told.append((_("TikTok username"), f"@{asked.username}"))
        if asked.error:
            told.append((_("error"), asked.error))
        if asked.code:
            words = CLOSE_CODE_WORDS.get(asked.code) or CLOSE_CODES.get(asked.code)  # type: ignore[call-overload]
            told.append((_("close code"), f"{asked.code} ({words})" if words else str(asked.code)))
        if asked.address:
            told.append((_("address"), asked.address))
        if asked.network:
            told.append((_("network"), asked.network))
        return Understood(told, asked.since, asked.until)

    def search(self, log: QuerySet[ConnectionLog]) -> Search:
        """Return the search for the connections that the filters describe.

        Call it only on a valid form.

        Args:
            log: the connection log, with the columns to read.
        """
        state, asked = self.cleaned_data["state"], self._asked
        values, also = self._values()
        if asked.networks:
            also.append(_in_network(asked.networks))
        if state == FAILED:
            # Not one of the errors by themselves: a database would begin to look for each.
            also.append(~Q(error_code__in=["", *NO_FAILURES]))
        if state == OPEN:
            values["closed_at"] = None
        sinces = (self.cleaned_data["since"], asked.since, self._today.since)
        untils = (self.cleaned_data["until"], asked.until, self._today.until)
        return Search(
            log,
            values,
            since=max(filter(None, sinces), default=None),
            until=min(filter(None, untils), default=None),
            closed=state == CLOSED,
            also=tuple(also),
        )

    def _values(self) -> tuple[dict[str, Any], list[Q]]:
        """What is searched for by an index, and what has no index, or has another value already."""
        account = self.cleaned_data["account"]
        fields = {
            "address": self.cleaned_data["address"],
            "tiktok_username": self.cleaned_data["username"],
            "account_id": account and account.pk,
            "error_code": self.cleaned_data["error"],
            "close_code": self.cleaned_data["code"],
        }
        words = {
            "address": self._asked.address,
            "tiktok_username": self._asked.username,
            "error_code": self._asked.error,
            "close_code": self._asked.code,
        }
        values: dict[str, Any] = {}
        also = [*self._found.also]
        for some in (fields, words, self._found.values):
            for name, value in some.items():
                if value and values.setdefault(name, value) != value:
                    also.append(Q(**{name: value}))
        return values, also


# The fields that are folded away.
_MORE = ("account", "username", "error", "code", "address", "state", "since", "until")


def _phrases() -> dict[str, Phrase]:
    """What lists say of ends, in the page's language: it can be searched for as it is read."""
    # The last one with the same words wins, which is an error.
    of_codes = {str(words): Phrase(code=code) for code, words in CLOSE_CODES.items()}
    return of_codes | {str(words): Phrase(error=ErrorCode(code)) for code, words in ERRORS.items()}


def _in_network(beginnings: tuple[str, ...]) -> Q:
    whole = [text for text in beginnings if not text.endswith((".", ":"))]
    condition = Q(address__in=whole) if whole else Q()
    for text in beginnings:
        if text not in whole:
            condition |= Q(address__startswith=text)
    return condition
