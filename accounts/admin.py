"""The admin's pages for accounts: their TikTok usernames, API keys and tokens.

A token is shown on the one page that answers its issue, and stored nowhere: not in the session, in
messages, in the admin's history or in a log, all of which know its prefix only. An API key can be
set and cleared but not read. Whoever may change accounts may issue and revoke their tokens.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts.models import MAX_DAYS, AccessToken, User, sign_api_key_validator

__all__ = ["AccountAdmin"]

_LABEL_LENGTH = AccessToken._meta.get_field("label").max_length


class AccountForm(UserChangeForm):  # type: ignore[type-arg]
    """An account. Its API key is no field of the form, so that no page can come to show it."""

    new_sign_api_key = forms.CharField(
        label=_("New EulerStream API key"),
        required=False,
        validators=[sign_api_key_validator],
        max_length=500,
        widget=forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"}
        ),
        help_text=_("Leave it empty to keep things as they are. It is stored encrypted."),
    )
    clear_sign_api_key = forms.BooleanField(
        label=_("Remove the EulerStream API key"), required=False
    )

    class Meta(UserChangeForm.Meta):
        model = User
        exclude = ("own_sign_api_key",)

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


class IssueTokenForm(forms.Form):
    """What is asked before a token is made."""

    label = forms.CharField(
        label=_("Label"),
        required=False,
        max_length=_LABEL_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("What the token is for, such as the name of a phone."),
    )
    days = forms.IntegerField(
        label=_("Days until it expires"),
        required=False,
        min_value=1,
        max_value=MAX_DAYS,
        help_text=_("Empty: the token does not expire."),
    )

    def expires_in(self) -> timedelta | None:
        days = self.cleaned_data["days"]
        return timedelta(days=days) if days else None


class TokenInline(admin.TabularInline):  # type: ignore[type-arg]
    """The tokens on their account's page, to look at."""

    model = AccessToken
    columns = ("token", "label", "created_at", "last_used_at", "expires_at", "state")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        may_revoke = self._accounts().has_change_permission(request, obj)
        return [*self.columns, "revocation"] if may_revoke else [*self.columns]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._accounts().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:  # type: ignore[override]
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _accounts(self) -> admin.ModelAdmin[User]:
        return self.admin_site.get_model_admin(User)

    @admin.display(description=_("token"))
    def token(self, token: AccessToken) -> str:
        return str(token)

    @admin.display(description=_("state"))
    def state(self, token: AccessToken) -> str:
        if token.revoked_at is not None:
            return gettext("revoked")
        return gettext("usable") if token.is_usable() else gettext("expired")

    @admin.display(description="")
    def revocation(self, token: AccessToken) -> str:
        if not token.is_usable():
            return ""
        address = reverse("admin:accounts_user_revoke_token", args=(token.user_id, token.pk))
        return format_html('<a class="button" href="{}">{}</a>', address, gettext("Revoke"))


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    form = AccountForm
    list_display = (
        "username",
        "tiktok_username",
        "is_active",
        "is_staff",
        "usable_tokens",
        "token_last_used",
    )
    list_filter = ("is_active", "is_staff", ("tiktok_username", admin.EmptyFieldListFilter))
    search_fields = ("username", "email", "tiktok_username")
    readonly_fields = ("sign_api_key_state",)
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": (
                    "username",
                    "tiktok_username",
                    "usable_password",
                    "password1",
                    "password2",
                ),
            },
        ),
    )

    # --- The list ------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        usable = Q(access_tokens__revoked_at=None) & (
            Q(access_tokens__expires_at=None) | Q(access_tokens__expires_at__gt=timezone.now())
        )
        queryset: QuerySet[User] = super().get_queryset(request)
        return queryset.annotate(
            usable_tokens=Count("access_tokens", filter=usable),
            token_last_used=Max("access_tokens__last_used_at"),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        # People paste usernames the way TikTok writes them.
        return super().get_search_results(request, queryset, search_term.strip().removeprefix("@"))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        # Nothing about the key may be found out by filtering.
        return not lookup.startswith("own_sign_api_key") and super().lookup_allowed(
            lookup, value, request
        )

    @admin.display(description=_("usable tokens"), ordering="usable_tokens")
    def usable_tokens(self, account: Any) -> int:
        return int(account.usable_tokens)

    @admin.display(description=_("last use of a token"), ordering="token_last_used")
    def token_last_used(self, account: Any) -> Any:
        return account.token_last_used

    # --- An account ----------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        fields = ["tiktok_username", "language", "sign_api_key_state"]
        if self.has_change_permission(request, obj):
            fields.append("new_sign_api_key")
            if obj.own_sign_api_key:
                fields.append("clear_sign_api_key")
        return (fieldsets[0], (_("TikTok LIVE"), {"fields": fields}), *fieldsets[1:])

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return [TokenInline] if obj else []

    @method_decorator(sensitive_post_parameters("new_sign_api_key"))
    def change_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().change_view(*args, **kwargs)

    @admin.display(description=_("own EulerStream API key"))
    def sign_api_key_state(self, account: User) -> str:
        if not account.own_sign_api_key:
            return gettext("Not set: the account shares the server's limit.")
        if not account.sign_api_key():
            return gettext(
                "Set, but it can't be read since SECRET_KEY has changed. Enter it again."
            )
        return gettext("Set. It is never shown.")

    # --- Its tokens ----------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<id>/tokens/issue/",
                self.admin_site.admin_view(self.issue_token),
                name="accounts_user_issue_token",
            ),
            path(
                "<id>/tokens/<int:token_id>/revoke/",
                self.admin_site.admin_view(self.revoke_token),
                name="accounts_user_revoke_token",
            ),
            *super().get_urls(),
        ]

    @method_decorator(sensitive_variables("token", "context"))
    def issue_token(self, request: HttpRequest, id: str) -> HttpResponse:
        """Ask for label and expiry; answer the POST with the token, this once."""
        account = self._account_to_change(request, id)
        form = IssueTokenForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._page(request, account, "issue_token", {"form": form})
        with transaction.atomic():
            issued, token = AccessToken.objects.issue(
                account, form.cleaned_data["label"], form.expires_in()
            )
            self._log(request, account, "added", issued)
        context = {"issued": issued, "token": token, "socket_url": _socket_url(request, token)}
        page = self._page(request, account, "token_issued", context)
        page.headers["Cache-Control"] = "no-store"
        return page

    def revoke_token(self, request: HttpRequest, id: str, token_id: int) -> HttpResponse:
        """Ask for confirmation; revoke on POST. Revoking twice changes nothing."""
        account = self._account_to_change(request, id)
        token = get_object_or_404(AccessToken, user=account, pk=token_id)
        if request.method != "POST":
            return self._page(request, account, "revoke_token", {"token": token})
        if token.revoked_at is None:
            with transaction.atomic():
                token.revoke()
                self._log(request, account, "changed", token, fields=["revoked"])
        done = gettext("The token %(token)s has been revoked.") % {"token": token}
        messages.success(request, done)
        return redirect("admin:accounts_user_change", account.pk)

    def _account_to_change(self, request: HttpRequest, id: str) -> User:
        account: User | None = self.get_object(request, unquote(id))
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        if account is None:
            raise Http404
        return account

    def _page(
        self, request: HttpRequest, account: User, name: str, context: dict[str, Any]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "account": account,
            **context,
        }
        return TemplateResponse(request, f"admin/accounts/user/{name}.html", context)

    def _log(
        self, request: HttpRequest, account: User, change: str, token: AccessToken, **more: Any
    ) -> None:
        # The history translates these words when it shows them.
        with override(None):
            name = str(AccessToken._meta.verbose_name)
        self.log_change(request, account, [{change: {"name": name, "object": str(token), **more}}])


def _socket_url(request: HttpRequest, token: str) -> str:
    scheme = "wss" if request.is_secure() else "ws"
    return f"{scheme}://{request.get_host()}/ws/{token}"
