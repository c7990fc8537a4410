"""The admin's pages for accounts, with their TikTok usernames, API keys, proxies and tokens.

A new token is shown once, on the page that comes after issuing it. Its text is not stored: the
session, messages, the admin's history and the log have at most its prefix. An API key and a proxy
can be set and removed, but not read. Staff who may change accounts may also issue and revoke their
tokens.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.forms import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts.bulk_actions import BulkActions, log_tokens
from accounts.forms import ISSUED_BEFORE, IssueTokenForm, ProxyForm, SignApiKeyForm
from accounts.models import OWN_SECRETS, AccessToken, User
from accounts.sockets import is_for_this_computer_only, socket_url

__all__ = ["AccountAdmin"]

# Who is staff sees everything and a superuser may change everything: nobody needs groups.
admin.site.unregister(Group)


class AccountForm(SignApiKeyForm, ProxyForm, UserChangeForm):  # type: ignore[type-arg]
    """The form for an account. What is encrypted is not a field of it, so it is never shown."""

    class Meta(UserChangeForm.Meta):
        model = User
        exclude = OWN_SECRETS


class UsableTokenFilter(admin.SimpleListFilter):
    """Filters accounts by whether they have a usable token, so that an app can connect."""

    title = _("usable token")
    parameter_name = "usable_token"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Has one")), ("no", _("Has none"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.filter(usable_tokens__gt=0)
            case "no":
                return queryset.filter(usable_tokens=0)
        return queryset


class ShownTokens(BaseInlineFormSet):  # type: ignore[type-arg]
    """The tokens on an account's page: only some of those that are revoked or expired.

    When the page is saved, all tokens are possible, because a token that the page shows may have
    expired since.
    """

    def get_queryset(self) -> Any:
        if self.is_bound:
            return super().get_queryset()
        if not hasattr(self, "_queryset"):
            self._queryset = self.instance.access_tokens.worth_showing()
        return self._queryset


class TokenInline(admin.TabularInline):  # type: ignore[type-arg]
    """Shows the tokens on the page of their account. They can't be edited there, only revoked."""

    model = AccessToken
    formset = ShownTokens
    columns = ("token", "shown_label", "scope", "created_at", "last_used_at", "expires_at", "state")

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

    @admin.display(description=_("label"))
    def shown_label(self, token: AccessToken) -> str:
        return token.shown_label

    @admin.display(description=_("state"))
    def state(self, token: AccessToken) -> str:
        if token.revoked_at is not None:
            return gettext("revoked")
        return gettext("usable") if token.is_usable() else gettext("expired")

    @admin.display(description=_("revoke"))
    def revocation(self, token: AccessToken) -> str:
        if not token.is_usable():
            return ""
        address = reverse("admin:accounts_user_revoke_token", args=(token.user_id, token.pk))
        return format_html('<a class="button" href="{}">{}</a>', address, gettext("Revoke"))


@admin.register(User)
class AccountAdmin(BulkActions, UserAdmin):  # type: ignore[type-arg]
    form = AccountForm
    list_display: tuple[str, ...] = (
        "username",
        "tiktok_username",
        "is_active",
        "is_staff",
        "is_watched",
        "usable_tokens",
        "token_last_used",
    )
    list_filter = (
        "is_active",
        "is_staff",
        "is_watched",
        ("tiktok_username", admin.EmptyFieldListFilter),
        UsableTokenFilter,
        "language",
        "keeps_transcripts",
    )
    search_fields = ("username", "email", "tiktok_username")
    readonly_fields = ("sign_api_key_state", "proxy_state", "last_login", "date_joined")
    # Use plain lists: they are short, and screen readers can't use Django's pairs of lists well.
    filter_horizontal = ()
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "description": _("A token for the app is issued afterwards."),
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
        # Remove "@": people paste usernames as TikTok writes them.
        return super().get_search_results(request, queryset, search_term.strip().removeprefix("@"))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        # Filters on secrets are refused: they would give information about them.
        return not lookup.startswith(OWN_SECRETS) and super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("usable tokens"), ordering="usable_tokens")
    def usable_tokens(self, account: Any) -> int:
        return int(account.usable_tokens)

    @admin.display(description=_("last use of a token"), ordering="token_last_used")
    def token_last_used(self, account: Any) -> Any:
        return account.token_last_used

    # --- An account ----------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return super().get_fieldsets(request, obj)
        may_change = self.has_change_permission(request, obj)
        fields = [
            *("tiktok_username", "is_watched", "language", "keeps_transcripts"),
            "sign_api_key_state",
        ]
        if may_change:
            fields.append("new_sign_api_key")
            if obj.own_sign_api_key:
                fields.append("clear_sign_api_key")
        fields.append("proxy_state")
        if may_change:
            fields.append("new_proxy")
            if obj.own_proxy:
                fields.append("clear_proxy")
        live = {
            "description": _(
                "Open sockets follow a new username within a second. A new API key or proxy is "
                "used from the next connection to TikTok on, a new language by sockets that open "
                "later."
            ),
            "fields": fields,
        }
        return (
            (None, {"fields": ("username", "password", "email")}),
            (_("TikTok LIVE"), live),
            (_("What it may do"), {"fields": ("is_active", "is_staff", "is_superuser")}),
            (_("Dates"), {"fields": ("last_login", "date_joined")}),
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return [TokenInline] if obj else []

    @method_decorator(sensitive_post_parameters("new_sign_api_key", "new_proxy"))
    def change_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().change_view(*args, **kwargs)

    @admin.display(description=_("own EulerStream API key"))
    def sign_api_key_state(self, account: User) -> str:
        if not account.own_sign_api_key:
            return gettext("Not set: the account shares the server's limit.")
        return _state_of_secret(account.sign_api_key())

    @admin.display(description=_("own proxy"))
    def proxy_state(self, account: User) -> str:
        if not account.own_proxy:
            return gettext("Not set: the account reaches TikTok as the server does.")
        return _state_of_secret(account.proxy())

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

    @method_decorator(sensitive_variables("token", "address"))
    def issue_token(self, request: HttpRequest, id: str) -> HttpResponse:
        """Show the form for a new token. When it is sent, issue the token and show it once."""
        account = self._account_to_change(request, id)
        form = IssueTokenForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._page(request, "issue_token", account=account, form=form)
        try:
            with transaction.atomic():
                issued, token = form.issue(account)
                log_tokens(self, request, account, [issued], "added")
        except IntegrityError:
            messages.warning(request, ISSUED_BEFORE)
            return redirect("admin:accounts_user_change", account.pk)
        address = socket_url(request, token)
        return self._page(
            request,
            "token_issued",
            account=account,
            issued=issued,
            token=token,
            socket_url=address,
            is_for_this_computer_only=is_for_this_computer_only(address),
        )

    def revoke_token(self, request: HttpRequest, id: str, token_id: int) -> HttpResponse:
        """Ask for confirmation, then revoke the token with a POST. A second one changes nothing."""
        account = self._account_to_change(request, id)
        token = get_object_or_404(AccessToken, user=account, pk=token_id)
        if request.method != "POST":
            return self._page(request, "revoke_token", account=account, token=token)
        if token.revoked_at is None:
            with transaction.atomic():
                token.revoke()
                log_tokens(self, request, account, [token], "changed", fields=["revoked"])
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


def _state_of_secret(deciphered: str) -> str:
    if not deciphered:
        return gettext("Set, but it can't be read since SECRET_KEY has changed. Enter it again.")
    return gettext("Set. It is never shown.")
