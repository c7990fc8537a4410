"""The pages of an account for its owner: sign-in, settings, tokens and password.

All pages are about the account that is signed in. As in the admin, a new token is shown once, on
the page that comes after issuing it, and an API key and a proxy can be set and removed, but not
read.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, get_language_info, gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from accounts.forms import (
    ISSUED_BEFORE,
    ChangePasswordForm,
    EmailForm,
    IssueTokenForm,
    LanguageForm,
    OwnProxyForm,
    OwnSignApiKeyForm,
    ResetPasswordForm,
    TranscriptsForm,
    UsernameForm,
    WatchForm,
)
from accounts.mixins import OwnPage
from accounts.models import UNUSABLE_SHOWN, AccessToken, User
from accounts.sockets import addresses, start_again, tikfinity_url
from accounts.usernames import normalise_tiktok_username

__all__ = [
    "AccountPage",
    "ChangeEmail",
    "ChangeLanguage",
    "ChangePassword",
    "ChangeProxy",
    "ChangeSignApiKey",
    "ChangeTranscripts",
    "ChangeUsername",
    "ChangeWatching",
    "ChooseNewPassword",
    "IssueToken",
    "ResetPassword",
    "RevokeToken",
    "SignIn",
    "check_username",
]


def _remember_language(response: HttpResponseBase, language: str) -> None:
    """Show the pages in this language from now on, by the same cookie as Django's `set_language`.

    Args:
        response: gets the cookie.
        language: the language; empty for the one that the browser asks for.
    """
    cookie: dict[str, Any] = {
        "path": settings.LANGUAGE_COOKIE_PATH,
        "domain": settings.LANGUAGE_COOKIE_DOMAIN,
        "samesite": settings.LANGUAGE_COOKIE_SAMESITE,
    }
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            **cookie,
        )
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, **cookie)


class SignIn(auth.LoginView):
    """The login page. After it, the pages are in the language that the account has chosen.

    Staff land on the page of the setting `STAFF_LOGIN_REDIRECT_URL`, unless they were on their way
    to another one.
    """

    def get_default_redirect_url(self) -> str:
        if self.request.user.is_staff:
            return reverse(settings.STAFF_LOGIN_REDIRECT_URL)
        return super().get_default_redirect_url()

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        if language := form.get_user().language:
            _remember_language(response, language)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(can_reset_password=settings.SENDS_EMAIL, **kwargs)


# --- The account page ----------------------------------------------------------------------------


def _language_name(account: User) -> str:
    """The account's language, as its speakers call it; empty if it has chosen none."""
    language = account.language
    return str(get_language_info(language)["name_local"]).capitalize() if language else ""


def _focus_first_error(form: forms.BaseForm) -> None:
    """Have the page begin at the first field that was refused: screen readers then read its error,
    which is part of the field's description."""
    for name, field in form.fields.items():
        if name in form.errors and not field.widget.is_hidden:
            field.widget.attrs["autofocus"] = True
            return


class AccountPage(OwnPage, TemplateView):
    """The account page, /account/, with all its forms. Each form is sent to a view below.

    The setting `ACCOUNT_TEMPLATE` names its template. That is "accounts/account.html", or a
    template that extends it with parts of other apps.
    """

    def get_template_names(self) -> list[str]:
        return [settings.ACCOUNT_TEMPLATE]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self.account
        tokens = self._tokens()
        return super().get_context_data(
            **{
                "account": account,
                "sign_api_key_is_readable": bool(account.sign_api_key()),
                "proxy_is_readable": bool(account.proxy()),
                "language_name": _language_name(account),
                "transcript_days": settings.RELAY_TRANSCRIPT_DAYS,
                **tokens,
                "step": self._step(has_token=bool(tokens["app_tokens"])),
                "username_form": UsernameForm(instance=account),
                "watch_form": WatchForm(instance=account),
                "sign_api_key_form": OwnSignApiKeyForm(instance=account),
                "proxy_form": self._proxy_form(),
                "language_form": LanguageForm(instance=account),
                "transcripts_form": TranscriptsForm(instance=account),
                "email_form": self._email_form(),
                "token_form": IssueTokenForm(),
                **kwargs,
            }
        )

    def _tokens(self) -> dict[str, Any]:
        """The tokens of phones and programs, and apart from them those of signed-in browsers."""
        usable = list(self.account.access_tokens.usable())
        session = self.request.session.session_key or ""
        return {
            "app_tokens": [token for token in usable if not token.session_digest],
            "browser_tokens": [token for token in usable if token.session_digest],
            "this_session": AccessToken.digest_of(session),
            "old_tokens": list(self.account.access_tokens.of_apps().unusable()[:UNUSABLE_SHOWN]),
        }

    def _step(self, *, has_token: bool) -> str:
        """What somebody new has to do next; empty when a phone can connect."""
        if not self.account.tiktok_username:
            return "username"
        return "" if has_token else "token"

    def _email_form(self) -> EmailForm | None:
        return EmailForm(self.request, instance=self.account) if settings.SENDS_EMAIL else None

    def _proxy_form(self) -> OwnProxyForm | None:
        return OwnProxyForm(instance=self.account) if settings.RELAY_OWN_PROXIES else None


class AccountPart(AccountPage):
    """Receives one form of the account page.

    If the form is not valid, the account page is shown with the errors. A GET redirects to the
    account page.

    Attributes:
        form_class: the class of the form.
        context_name: the name of the form in the page's template.
    """

    form_class: ClassVar[type[forms.BaseForm]]
    context_name: ClassVar[str]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect("account")

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.get_form()
        if form.is_valid():
            return self.form_valid(form)
        _focus_first_error(form)
        return self.render_to_response(self.get_context_data(**{self.context_name: form}))

    def get_form(self) -> Any:
        return self.form_class(**self.get_form_kwargs())

    def get_form_kwargs(self) -> dict[str, Any]:
        # The form gets another object than `request.user`, because it changes the object. The page
        # must show what is stored, not the values that were refused.
        return {"data": self.request.POST, "instance": User.objects.get(pk=self.account.pk)}

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, self.done(form.save()))
        return redirect("account")

    def done(self, account: User) -> str:
        """Return the message to show after saving."""
        return gettext("Saved.")


class ChangeUsername(AccountPart):
    form_class = UsernameForm
    context_name = "username_form"

    def done(self, account: User) -> str:
        if not account.tiktok_username:
            return gettext("Saved: the account has no TikTok username.")
        return gettext("Saved: your app gets the LIVE of @%(username)s.") % {
            "username": account.tiktok_username
        }


class ChangeWatching(AccountPart):
    form_class = WatchForm
    context_name = "watch_form"

    def done(self, account: User) -> str:
        if account.is_watched:
            return gettext("Saved: your LIVEs are heard without an app, too.")
        return gettext("Saved: your LIVEs are heard only while an app listens.")


@method_decorator(sensitive_post_parameters("new_sign_api_key"), name="dispatch")
class ChangeSignApiKey(AccountPart):
    form_class = OwnSignApiKeyForm
    context_name = "sign_api_key_form"

    def done(self, account: User) -> str:
        if account.own_sign_api_key:
            return gettext("The EulerStream API key is saved. New connections use it.")
        return gettext("The EulerStream API key is removed.")


@method_decorator(sensitive_post_parameters("new_proxy"), name="dispatch")
class ChangeProxy(AccountPart):
    """Where accounts may not choose a proxy, this page does not exist."""

    form_class = OwnProxyForm
    context_name = "proxy_form"

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.RELAY_OWN_PROXIES:
            raise Http404
        return super().dispatch(*args, **kwargs)

    def done(self, account: User) -> str:
        if account.own_proxy:
            return gettext("The proxy is saved. New connections go through it.")
        return gettext("The proxy is removed.")


class ChangeLanguage(AccountPart):
    form_class = LanguageForm
    context_name = "language_form"

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        _remember_language(response, form.instance.language)
        return response

    def done(self, account: User) -> str:
        with override(account.language or get_language()):
            return super().done(account)


class ChangeTranscripts(AccountPart):
    form_class = TranscriptsForm
    context_name = "transcripts_form"

    def done(self, account: User) -> str:
        if account.keeps_transcripts:
            return gettext("Saved: transcripts of your LIVEs are kept from now on.")
        return gettext(
            "Saved: no transcripts of your LIVEs are kept any more. Those of before are deleted."
        )


@method_decorator(sensitive_post_parameters("current_password"), name="dispatch")
class ChangeEmail(AccountPart):
    form_class = EmailForm
    context_name = "email_form"

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _demand_email()
        return super().dispatch(*args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {"request": self.request, **super().get_form_kwargs()}


@require_safe
@login_required
def check_username(request: HttpRequest) -> JsonResponse:
    """Say which TikTok username would be saved for a `value`, or why it would be refused."""
    try:
        username = normalise_tiktok_username(request.GET.get("value", ""))
    except ValidationError as refusal:
        return JsonResponse({"username": None, "problem": refusal.messages[0]})
    return JsonResponse({"username": username, "problem": None})


# --- Tokens --------------------------------------------------------------------------------------


class IssueToken(AccountPart):
    """Issues a token and shows it once. The same form again issues nothing.

    The setting `ISSUED_TOKEN_TEMPLATE` names the template that shows it. That is
    "accounts/token_issued.html", or a template that extends it with parts of other apps.
    """

    form_class = IssueTokenForm
    context_name = "token_form"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {"data": self.request.POST}

    @method_decorator(sensitive_variables("token", "reached_at", "context"))
    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                issued, token = form.issue(self.account)
        except IntegrityError:
            messages.warning(self.request, ISSUED_BEFORE)
            return redirect("account")
        reached_at = addresses(self.request, token)
        context = {
            "issued": issued,
            "token": token,
            "addresses": reached_at,
            "socket_url": reached_at[0].socket_url,
            "start_again": start_again(self.request),
            "tikfinity_url": tikfinity_url(self.request, token, reached_at[0].host),
        }
        return self.response_class(self.request, settings.ISSUED_TOKEN_TEMPLATE, context)


class RevokeToken(OwnPage, TemplateView):
    """Asks for confirmation, then revokes the token with a POST. A second one changes nothing."""

    template_name = "accounts/revoke_token.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(token=self._token(), **kwargs)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        token = self._token()
        token.revoke()
        done = gettext("The token %(token)s has been revoked.") % {"token": token}
        messages.success(request, done)
        return redirect("account")

    def _token(self) -> AccessToken:
        return get_object_or_404(self.account.access_tokens, pk=self.kwargs["pk"])


# --- Passwords -----------------------------------------------------------------------------------


class ChangePassword(OwnPage, SuccessMessageMixin, auth.PasswordChangeView):  # type: ignore[type-arg]
    form_class = ChangePasswordForm
    template_name = "accounts/change_password.html"
    success_url = reverse_lazy("account")
    success_message = _("Your password has been changed.")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {"request": self.request, **super().get_form_kwargs()}


def _demand_email() -> None:
    """Check that the server can send emails. Pages that send them don't exist otherwise.

    Raises:
        Http404: if it can't.
    """
    if not settings.SENDS_EMAIL:
        raise Http404


class ResetPassword(SuccessMessageMixin, auth.PasswordResetView):  # type: ignore[type-arg]
    """Sends the email for a lost password. Its answer does not show whether the account exists."""

    form_class = ResetPasswordForm
    template_name = "accounts/reset_password.html"
    subject_template_name = "accounts/reset_password_subject.txt"
    email_template_name = "accounts/reset_password_email.txt"
    success_url = reverse_lazy("login")
    success_message = _(
        "If there is an account with this address, an email is on its way. Its link works for "
        "three days."
    )

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _demand_email()
        return super().dispatch(*args, **kwargs)


class ChooseNewPassword(SuccessMessageMixin, auth.PasswordResetConfirmView):  # type: ignore[type-arg]
    """The page to choose a new password. The link in the email opens it."""

    template_name = "accounts/choose_new_password.html"
    success_url = reverse_lazy("login")
    success_message = _("Your password has been changed. Sign in with the new one.")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _demand_email()
        return super().dispatch(*args, **kwargs)
