"""The forms for an account, used by its owner's pages and by the admin.

The forms of the owner's pages save only the fields that they ask for. So they don't undo what
somebody else changes at the same time.
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
from django.utils.translation import get_language, get_language_info, ngettext, override
from django.utils.translation import gettext_lazy as _

from accounts.budgets import OverBudgetError, take_username_change
from accounts.models import (
    FORM_ID_LENGTH,
    LABEL_LENGTH,
    MAX_DAYS,
    AccessToken,
    Scope,
    User,
    proxy_validator,
    sign_api_key_validator,
)

__all__ = [
    "ISSUED_BEFORE",
    "ChangePasswordForm",
    "EmailForm",
    "IssueTokenForm",
    "LanguageForm",
    "OwnProxyForm",
    "OwnSignApiKeyForm",
    "ProxyForm",
    "ResetPasswordForm",
    "SignApiKeyForm",
    "TranscriptsForm",
    "UsernameForm",
    "WatchForm",
]

# The message if a form for a token is sent a second time.
ISSUED_BEFORE = _(
    "No other token was issued. The one that you issued can't be shown again: if you did not copy "
    "it, revoke it and issue another."
)
# The largest length of an API key or of a proxy's address, in characters.
_SECRET_LENGTH = 500
# The number of random bytes in the id of a form.
_FORM_ID_BYTES = 12
# Seconds in an hour.
_HOUR = 3600
# How many emails for a lost password an account can get in an hour.
_RESETS_AN_HOUR = 3
# The HTML attributes of fields that phones and browsers must not correct or fill in.
_TYPED = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class _AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form for some fields of an account. Only these fields are saved."""

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

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's, where the model checks the values
        changed = self.instance.tiktok_username != self.initial["tiktok_username"]
        if changed and not self.errors:
            try:
                take_username_change(self.instance.pk)
            except OverBudgetError as refusal:
                text = _("You have changed it too often. Try again in %(seconds)d s.")
                values = {"seconds": refusal.retry_after}
                self.add_error("tiktok_username", ValidationError(text, params=values))


class LanguageForm(_AccountForm):
    """Sets the account's language. Each language has its own name: "Русский", not "Russian"."""

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


class TranscriptsForm(_AccountForm):
    """Sets whether what viewers say in the account's LIVEs is kept."""

    class Meta:
        model = User
        fields = ("keeps_transcripts",)
        labels = {"keeps_transcripts": _("Keep transcripts of my LIVEs")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = settings.RELAY_TRANSCRIPT_DAYS
        self.fields["keeps_transcripts"].help_text = ngettext(
            "Comments and gifts, word by word, on the LIVE's page. These are other people's words: "
            "they are deleted after %(days)d day.",
            "Comments and gifts, word by word, on the LIVE's page. These are other people's words: "
            "they are deleted after %(days)d days.",
            days,
        ) % {"days": days}


class WatchForm(_AccountForm):
    """Switches on and off that the account is watched: its LIVEs are heard without an app."""

    class Meta:
        model = User
        fields = ("is_watched",)
        labels = {"is_watched": _("Watched without an app")}
        help_texts = {
            "is_watched": _(
                "The relay waits for your LIVEs and hears each from start to end, also while no "
                "app is connected. Otherwise it hears them only while an app listens."
            )
        }


class EmailForm(_AccountForm):
    """Sets the email address, which is used when the owner has lost the password.

    It asks for the password. Otherwise somebody who finds a browser that is signed in could set
    another address, and then take over the account.
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
    """Sets or removes the API key. The stored key is not a field of it, so no page can show it."""

    new_sign_api_key = forms.CharField(
        label=_("New EulerStream API key"),
        required=False,
        validators=[sign_api_key_validator],
        max_length=_SECRET_LENGTH,
        # Not "off": password managers often ignore that, and would offer the password here.
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
    """Sets or removes the API key, on a page that has one button for each of these."""

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


class ProxyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Sets or removes the proxy. The stored address, which may hold a password, is not a field of
    it, so no page can show it."""

    new_proxy = forms.CharField(
        label=_("New proxy"),
        required=False,
        validators=[proxy_validator],
        max_length=_SECRET_LENGTH,
        widget=forms.PasswordInput(
            render_value=False, attrs={**_TYPED, "autocomplete": "new-password"}
        ),
        help_text=_(
            "http://user:password@host:port, https://… or socks5://…; leave it empty to keep "
            "things as they are. It is stored encrypted."
        ),
    )
    clear_proxy = forms.BooleanField(label=_("Remove the proxy"), required=False)

    class Meta:
        model = User
        fields: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("new_proxy") and self.cleaned_data["clear_proxy"]:
            self.add_error(
                "clear_proxy",
                ValidationError(_("Either enter a new proxy or remove the proxy, not both.")),
            )
        return cleaned

    def save(self, commit: bool = True) -> Any:
        if address := self.cleaned_data["new_proxy"]:
            self.instance.own_proxy = address
        elif self.cleaned_data["clear_proxy"]:
            self.instance.own_proxy = None
        return super().save(commit)


class OwnProxyForm(ProxyForm):
    """Sets or removes the proxy, on a page that has one button for each of these."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_proxy"].help_text = _(
            "http://user:password@host:port, https://… or socks5://…; your connections to TikTok "
            "then go through it. It is stored encrypted."
        )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not any(self.cleaned_data.values()) and not self.errors:
            self.add_error("new_proxy", ValidationError(_("Enter the proxy's address.")))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        account = super().save(commit=False)
        if commit:
            account.save(update_fields=["own_proxy"])
        return account


def _new_form_id() -> str:
    return secrets.token_urlsafe(_FORM_ID_BYTES)


class IssueTokenForm(forms.Form):
    """Asks for the label, expiry and scope of a new token.

    A form that is sent twice issues one token.
    """

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
    may_change = forms.BooleanField(
        label=_("May change the account"),
        required=False,
        help_text=_(
            "Its TikTok username and language, over REST. An app that only listens needs no tick."
        ),
    )
    form_id = forms.CharField(
        max_length=FORM_ID_LENGTH, initial=_new_form_id, widget=forms.HiddenInput
    )

    def issue(self, account: User) -> tuple[AccessToken, str]:
        """Issue the token that the form asks for.

        Args:
            account: the account that gets the token.

        Returns:
            The token as stored, and its text, which is not stored.

        Raises:
            IntegrityError: if this form already got a token for this account.
        """
        days = self.cleaned_data["days"]
        return AccessToken.objects.issue(
            account,
            self.cleaned_data["label"],
            timedelta(days=days) if days else None,
            self.cleaned_data["form_id"],
            scope=Scope.MANAGE if self.cleaned_data["may_change"] else Scope.LISTEN,
        )


class ChangePasswordForm(PasswordChangeForm):
    """Django's form to change the password. Wrong passwords also count as failed sign-ins."""

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
    """Whether this is the password of the account.

    A wrong one counts as a failed sign-in. After too many, this form and the login page are locked.
    """
    found = authenticate(request, username=account.get_username(), password=password)
    return found is not None


class ResetPasswordForm(PasswordResetForm):
    """Sends emails for a lost password, to each account in its language, at most three an hour.

    The emails are sent in another thread. So the time of the answer does not show whether there is
    an account with the address. A server that stops first sends the emails that wait.
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

        send_mail = super().send_mail  # Django's own; it logs failures
        _MAILER.submit(send)


# The thread that sends emails. Python waits for it when the process ends.
_MAILER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="email")


def _may_be_written_to(account: User) -> bool:
    """Whether the account may get one more email in this hour; if so, count it.

    Each email takes one of a few places in the cache, which becomes free after an hour.
    """
    return any(
        cache.add(f"password-reset-{account.pk}-{place}", True, _HOUR)
        for place in range(_RESETS_AN_HOUR)
    )
