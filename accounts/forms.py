"""The forms of an account, for its owner and for the admin.

Each saves only the fields that it asks for, so that it does not undo what somebody else changes at
the same time.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import get_language, get_language_info, override
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    FORM_ID_LENGTH,
    LABEL_LENGTH,
    MAX_DAYS,
    AccessToken,
    User,
    sign_api_key_validator,
)

__all__ = [
    "ISSUED_BEFORE",
    "ChangePasswordForm",
    "EmailForm",
    "IssueTokenForm",
    "LanguageForm",
    "OwnSignApiKeyForm",
    "ResetPasswordForm",
    "SignApiKeyForm",
    "UsernameForm",
]

# What is said of a form that comes again.
ISSUED_BEFORE = _(
    "No other token was issued. The one that you issued can't be shown again: if you did not copy "
    "it, revoke it and issue another."
)
_KEY_LENGTH = 500
_FORM_ID_BYTES = 12
_HOUR = 3600  # seconds
_RESETS_AN_HOUR = 3
_TYPED = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class _AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """Some of an account's fields, saved by themselves."""

    def save(self, commit: bool = True) -> Any:
        account = super().save(commit=False)
        if commit:
            account.save(update_fields=self._meta.fields)
        return account


class UsernameForm(_AccountForm):
    class Meta:
        model = User
        fields = ("tiktok_username",)
        widgets = {"tiktok_username": forms.TextInput(attrs=_TYPED)}


class LanguageForm(_AccountForm):
    """The account's language. Each language is listed by its own name: "Русский", not "Russian"."""

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        help_text=_("Of these pages, of emails, and of what the app is told."),
    )

    class Meta:
        model = User
        fields = ("language",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [
            (code, get_language_info(code)["name_local"].capitalize())
            for code, _name in settings.LANGUAGES
        ]
        self.fields["language"].choices = [  # type: ignore[attr-defined]
            ("", _("As the browser or the app asks")),
            *names,
        ]


class EmailForm(_AccountForm):
    """The address for a lost password.

    Asks for the password: somebody else at a browser that is signed in could otherwise take over
    the account.
    """

    current_password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    class Meta:
        model = User
        fields = ("email",)
        labels = {"email": _("Email (for a lost password)")}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}

    def __init__(self, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._request = request

    def clean_current_password(self) -> None:
        password = self.cleaned_data["current_password"]
        if not _is_password_of(self._request, self.instance, password):
            raise ValidationError(_("This is not your password."), code="wrong_password")


class SignApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Sets or clears the API key. The stored key is no field of the form: no page can show it."""

    new_sign_api_key = forms.CharField(
        label=_("New EulerStream API key"),
        required=False,
        validators=[sign_api_key_validator],
        max_length=_KEY_LENGTH,
        # Password managers take "off" as no more than a wish, and would offer the password here.
        widget=forms.PasswordInput(
            render_value=False, attrs={**_TYPED, "autocomplete": "new-password"}
        ),
        help_text=_("Leave it empty to keep things as they are. It is stored encrypted."),
    )
    clear_sign_api_key = forms.BooleanField(
        label=_("Remove the EulerStream API key"), required=False
    )

    class Meta:
        model = User
        fields: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("new_sign_api_key") and self.cleaned_data["clear_sign_api_key"]:
            self.add_error(
                "clear_sign_api_key",
                ValidationError(_("Either enter a new key or remove the key, not both.")),
            )
        return cleaned

    def save(self, commit: bool = True) -> Any:
        if key := self.cleaned_data["new_sign_api_key"]:
            self.instance.own_sign_api_key = key
        elif self.cleaned_data["clear_sign_api_key"]:
            self.instance.own_sign_api_key = None
        return super().save(commit)


class OwnSignApiKeyForm(SignApiKeyForm):
    """The same, for a page with a button for each of the two."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_sign_api_key"].help_text = _(
            "Your connections then have a limit of their own. It is stored encrypted."
        )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not any(self.cleaned_data.values()) and not self.errors:
            self.add_error("new_sign_api_key", ValidationError(_("Enter the key.")))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        account = super().save(commit=False)
        if commit:
            account.save(update_fields=["own_sign_api_key"])
        return account


def _new_form_id() -> str:
    return secrets.token_urlsafe(_FORM_ID_BYTES)


class IssueTokenForm(forms.Form):
    """Asks for a new token's label and expiry. The same form sent twice issues one token."""

    label = forms.CharField(
        label=_("Label"),
        required=False,
        max_length=LABEL_LENGTH,
        help_text=_("What the token is for, such as the name of a phone."),
    )
    days = forms.IntegerField(
        label=_("Days until it expires"),
        required=False,
        min_value=1,
        max_value=MAX_DAYS,
        help_text=_("Empty: the token does not expire."),
    )
    form_id = forms.CharField(
        max_length=FORM_ID_LENGTH, initial=_new_form_id, widget=forms.HiddenInput
    )

    def issue(self, account: User) -> tuple[AccessToken, str]:
        """The token, and its text, of which there is no other copy.

        Raises:
            IntegrityError: the form has had its token for this account.
        """
        days = self.cleaned_data["days"]
        return AccessToken.objects.issue(
            account,
            self.cleaned_data["label"],
            timedelta(days=days) if days else None,
            self.cleaned_data["form_id"],
        )


class ChangePasswordForm(PasswordChangeForm):
    """Django's, that counts wrong passwords as the login page does."""

    def __init__(self, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not _is_password_of(self._request, self.user, password):
            raise ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return password


def _is_password_of(request: HttpRequest, account: User, password: str) -> bool:
    """Whether it is. A wrong one counts as a failed attempt to sign in, and locks out of both."""
    found = authenticate(request, username=account.get_username(), password=password)
    return found is not None


class ResetPasswordForm(PasswordResetForm):
    """Writes to each account in its own language, a few times an hour.

    The emails are sent later, so that the answer takes as long for an address of nobody. A server
    that stops sends those that wait.
    """

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        account: User = context["user"]
        if not _may_be_written_to(account):
            return
        language = account.language or get_language()

        def send() -> None:
            with override(language):
                send_mail(subject_template_name, email_template_name, context, *args, **kwargs)

        send_mail = super().send_mail  # which logs what goes wrong
        _MAILER.submit(send)


# One thread; Python ends it with the process.
_MAILER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="email")


def _may_be_written_to(account: User) -> bool:
    """Whether the account has had fewer than `_RESETS_AN_HOUR` emails in the last hour.

    It counts this one.
    """
    return any(
        cache.add(f"password-reset-{account.pk}-{place}", True, _HOUR)
        for place in range(_RESETS_AN_HOUR)
    )
