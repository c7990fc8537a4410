"""The admin's actions on several accounts at once.

Actions that can't be undone, that disable accounts or that show tokens ask for confirmation first.
The history of each account says what was done. Open sockets follow within a second.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_noop, ngettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from accounts import announcements
from accounts.forms import IssueTokenForm
from accounts.models import AccessToken, User
from accounts.sockets import is_for_this_computer_only, socket_url

__all__ = ["BulkActions", "log_tokens"]

# The largest number of accounts for one action: the number on one page of the list.
_MOST = 100
# The field of the form that says that the action was confirmed.
_CONFIRMED = "confirmed"

# The words of the history for what was changed. The admin translates them when it shows them.
_DISABLED = gettext_noop("active (switched off)")
_ENABLED = gettext_noop("active (switched on)")
_WATCHED = gettext_noop("watched (switched on)")
_NOT_WATCHED = gettext_noop("watched (switched off)")
_DISCONNECTED = gettext_noop("sockets (disconnected)")


class BulkActions(admin.ModelAdmin):  # type: ignore[type-arg]
    """The actions in the list of accounts, for those who may change accounts."""

    actions = (
        "issue_tokens",
        "revoke_tokens",
        "disable",
        "enable",
        "watch",
        "stop_watching",
        "disconnect",
    )

    @admin.action(description=_("Issue a token for each"), permissions=["change"])
    @method_decorator(sensitive_variables("issued", "token", "tokens"))
    def issue_tokens(self, request: HttpRequest, chosen: QuerySet[User]) -> HttpResponse | None:
        """Issue a token for each account and show them once. The same form again issues nothing."""
        if not (accounts := self._accounts(request, chosen)):
            return None
        form = IssueTokenForm(request.POST if _CONFIRMED in request.POST else None)
        if not form.is_valid():
            return self._ask(
                request,
                accounts,
                ngettext(
                    "Issue a token for %(count)d account?",
                    "Issue a token for each of %(count)d accounts?",
                    len(accounts),
                ),
                gettext("They are shown once, on the next page."),
                gettext("Issue the tokens"),
                form,
            )
        tokens = []
        try:
            with transaction.atomic():
                for account in accounts:
                    issued, token = form.issue(account)
                    log_tokens(self, request, account, [issued], "added")
                    tokens.append((account, socket_url(request, token)))
        except IntegrityError:
            messages.warning(
                request,
                gettext(
                    "No other tokens were issued. Those that you issued can't be shown again: "
                    "if you did not copy them, revoke them and issue others."
                ),
            )
            return None
        is_useless = any(is_for_this_computer_only(address) for _account, address in tokens)
        return self._page(
            request, "tokens_issued", tokens=tokens, is_for_this_computer_only=is_useless
        )

    @admin.action(description=_("Revoke all tokens"), permissions=["change"])
    def revoke_tokens(self, request: HttpRequest, chosen: QuerySet[User]) -> HttpResponse | None:
        if not (accounts := self._accounts(request, chosen)):
            return None
        if _CONFIRMED not in request.POST:
            return self._ask(
                request,
                accounts,
                ngettext(
                    "Revoke all tokens of %(count)d account?",
                    "Revoke all tokens of %(count)d accounts?",
                    len(accounts),
                ),
                gettext("Their open sockets close within a second. This can't be undone."),
                gettext("Revoke the tokens"),
            )
        count = 0
        with transaction.atomic():
            for account in accounts:
                tokens = list(account.access_tokens.filter(revoked_at=None))
                for token in tokens:
                    token.revoke()
                if tokens:
                    log_tokens(self, request, account, tokens, "changed", fields=["revoked"])
                    count += len(tokens)
        done = ngettext(
            "%(count)d token has been revoked.", "%(count)d tokens have been revoked.", count
        )
        messages.success(request, done % {"count": count})
        return None

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, chosen: QuerySet[User]) -> HttpResponse | None:
        if not (accounts := self._accounts(request, chosen)):
            return None
        if _CONFIRMED not in request.POST:
            return self._ask(
                request,
                accounts,
                ngettext(
                    "Disable %(count)d account?", "Disable %(count)d accounts?", len(accounts)
                ),
                gettext(
                    "They can't sign in any more, and their open sockets close within a second."
                ),
                gettext("Disable"),
            )
        if any(account.pk == request.user.pk for account in accounts):
            messages.warning(request, gettext("Your own account was left as it is."))
        changed = [account for account in accounts if account.pk != request.user.pk]
        count = self._switch(request, changed, "is_active", False, _DISABLED)
        done = ngettext(
            "%(count)d account has been disabled.", "%(count)d accounts have been disabled.", count
        )
        messages.success(request, done % {"count": count})
        return None

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        if not (accounts := self._accounts(request, chosen)):
            return
        count = self._switch(request, accounts, "is_active", True, _ENABLED)
        done = ngettext(
            "%(count)d account has been enabled.", "%(count)d accounts have been enabled.", count
        )
        messages.success(request, done % {"count": count})

    @admin.action(description=_("Watch"), permissions=["change"])
    def watch(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Have the relay hear the LIVEs of the accounts, though no app is connected."""
        if not (accounts := self._accounts(request, chosen)):
            return
        count = self._switch(request, accounts, "is_watched", True, _WATCHED)
        done = ngettext(
            "%(count)d account is watched from now on.",
            "%(count)d accounts are watched from now on.",
            count,
        )
        messages.success(request, done % {"count": count})

    @admin.action(description=_("Stop watching"), permissions=["change"])
    def stop_watching(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        if not (accounts := self._accounts(request, chosen)):
            return
        count = self._switch(request, accounts, "is_watched", False, _NOT_WATCHED)
        done = ngettext(
            "%(count)d account is not watched any more.",
            "%(count)d accounts are not watched any more.",
            count,
        )
        messages.success(request, done % {"count": count})

    @admin.action(description=_("Disconnect all sockets"), permissions=["change"])
    def disconnect(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Close the open sockets of the accounts. Their apps may connect again at once."""
        if not (accounts := self._accounts(request, chosen)):
            return
        with transaction.atomic():
            for account in accounts:
                announcements.disconnect(account.pk)
                self.log_change(request, account, [{"changed": {"fields": [_DISCONNECTED]}}])
        done = ngettext(
            "The open sockets of %(count)d account are being closed.",
            "The open sockets of %(count)d accounts are being closed.",
            len(accounts),
        )
        messages.success(request, done % {"count": len(accounts)})

    def _accounts(self, request: HttpRequest, chosen: QuerySet[User]) -> list[User]:
        """Return the chosen accounts. If there are too many, show an error and return none."""
        accounts = list(chosen[: _MOST + 1])
        if len(accounts) <= _MOST:
            return accounts
        refusal = gettext("Choose %(count)d accounts at most.") % {"count": _MOST}
        messages.error(request, refusal)
        return []

    def _switch(
        self, request: HttpRequest, accounts: list[User], field: str, is_on: bool, change: str
    ) -> int:
        """Switch something on or off for the accounts.

        Args:
            request: the request.
            accounts: the accounts.
            field: the name of the field.
            is_on: its new value.
            change: the words for it in the history.

        Returns:
            How many accounts this has changed.
        """
        changed = [account for account in accounts if getattr(account, field) is not is_on]
        with transaction.atomic():
            for account in changed:
                setattr(account, field, is_on)
                account.save(update_fields=[field])
                self.log_change(request, account, [{"changed": {"fields": [change]}}])
        return len(changed)

    def _ask(
        self,
        request: HttpRequest,
        accounts: list[User],
        question: str,
        consequence: str,
        button: str,
        form: IssueTokenForm | None = None,
    ) -> HttpResponse:
        """Ask for confirmation, on a page whose button sends the action again.

        Args:
            request: the request.
            accounts: the accounts that were chosen.
            question: the question, with %(count)d for the number of accounts.
            consequence: what the action does, in a sentence.
            button: the text of the button.
            form: more fields to fill in; None for none.
        """
        return self._page(
            request,
            "bulk_action",
            accounts=accounts,
            question=question % {"count": len(accounts)},
            consequence=consequence,
            button=button,
            form=form,
            action=request.POST["action"],
            checkbox=ACTION_CHECKBOX_NAME,
            confirmed=_CONFIRMED,
        )

    def _page(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        page = TemplateResponse(request, f"admin/accounts/user/{name}.html", context)
        page.headers["Cache-Control"] = "no-store"
        return page


def log_tokens(
    admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    account: User,
    tokens: list[AccessToken],
    change: str,
    **more: Any,
) -> None:
    """Write into the account's history what was done with tokens. It names only their prefixes.

    Args:
        admin: the admin of accounts.
        request: the request of the staff member who did it.
        account: the account of the tokens.
        tokens: the tokens.
        change: "added" or "changed".
        more: for "changed", `fields`: the names of the fields that were changed.
    """
    # In no language, because the admin translates the history when it shows it.
    with override(None):
        name = str(AccessToken._meta.verbose_name)
    message = [{change: {"name": name, "object": str(token), **more}} for token in tokens]
    admin.log_change(request, account, message)
