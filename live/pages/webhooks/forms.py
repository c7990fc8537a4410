"""The form of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from live.webhooks.addresses import LONGEST_ADDRESS, AddressRefusedError, Guard, parse_address
from live.webhooks.models import EventType, Webhook

__all__ = ["WebhookForm"]

# A LIVE's beginning and end are what most want.
_USUAL = [EventType.LIVE_STARTED, EventType.LIVE_ENDED]
_CHOICES = [(event.value, event.label) for event in EventType if event is not EventType.TEST]
_MOST_DIAMONDS = 1_000_000


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """Makes or changes a webhook. Its address is stored as it is sent to."""

    address = forms.CharField(
        label=_("Address"),
        max_length=LONGEST_ADDRESS,
        widget=forms.URLInput(
            attrs={
                "autocapitalize": "none",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "https://example.org/hook",
            }
        ),
        help_text=_("Of your program; or of a webhook in Discord, which then shows messages."),
    )
    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=_CHOICES,
        initial=_USUAL,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    least_diamonds = forms.IntegerField(
        label=_("Gifts from so many diamonds"),
        min_value=1,
        max_value=_MOST_DIAMONDS,
        initial=1,
        help_text=_("All gifts of a streak together count."),
    )

    class Meta:
        model = Webhook
        fields = ("name", "address", "events", "least_diamonds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["address"] = self.instance.readable_address

    def clean_address(self) -> str:
        try:
            url = parse_address(self.cleaned_data["address"])
            Guard(settings.WEBHOOK_ALLOW).check_text(url)
        except AddressRefusedError as refusal:
            raise ValidationError(str(refusal.why), code="refused") from None
        return str(url)

    def save(self, commit: bool = True) -> Any:
        if self.instance.pk is None or not commit:
            return super().save(commit)
        # What the sender writes at the same time stays.
        hook = super().save(commit=False)
        hook.save(update_fields=self._meta.fields)
        return hook
