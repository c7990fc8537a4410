"""The admin's pages for the connection log, and its column in the list of accounts.

The log is there to read, whatever permissions somebody has. Its pages are for a look at the newest
rows; searching is what the staff's pages are made for, to which each row leads. What Django offers
besides would read the whole log: counting it, searching in it, a drill-down by date, sorting by any
column, filters together.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin import AccountAdmin
from accounts.models import User
from live.models import ConnectionLog, LastOutcome
from live.pages.ends import end_in_words
from live.protocol.errors import ErrorCode
from live.templatetags.connections import clock

__all__ = ["AccountWithConnectionsAdmin", "ConnectionLogAdmin"]

COUNTED = 1000


class NewestRows(Paginator):  # type: ignore[type-arg]
    """Pages of the newest rows; the others are not even counted."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[ConnectionLog] = self.object_list[:COUNTED]  # type: ignore[assignment]
        return rows.count()


class NewestFirst(ChangeList):
    """In the order that has an index, whatever an address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-opened_at", "-pk"]


class EndFilter(admin.SimpleListFilter):
    """One filter, whose every choice has an index. Django's own would look through the whole log
    for the values in it."""

    title = _("error")
    parameter_name = "error"
    _OPEN = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(self._OPEN, _("still open")), *((code.value, code.value) for code in ErrorCode)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionLog]
    ) -> QuerySet[ConnectionLog]:
        match self.value():
            case None:
                return queryset
            case self._OPEN:
                return queryset.filter(closed_at=None)
            case code:
                return queryset.filter(error_code=code)


@admin.register(ConnectionLog)
class ConnectionLogAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "opened_at",
        "account",
        "tiktok_username",
        "token",
        "address",
        "close_code",
        "error_code",
        "duration",
        "frames_sent",
        "timeline_link",
    )
    list_filter = (EndFilter,)
    list_select_related = ("account",)
    sortable_by = ()
    list_per_page = 50
    show_full_result_count = False
    paginator = NewestRows
    fields = (
        "opened_at",
        "closed_at",
        "duration",
        "account",
        "tiktok_username",
        "token",
        "address",
        "user_agent",
        "close_code",
        "error_code",
        "said",
        "frames_sent",
        "is_test",
        "timeline_link",
    )
    readonly_fields = ("duration", "token", "timeline_link")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestFirst

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("token"))
    def token(self, connection: ConnectionLog) -> str:
        return f"{connection.token_prefix}…" if connection.token_prefix else ""

    @admin.display(description=_("duration"))
    def duration(self, connection: ConnectionLog) -> str | None:
        duration: timedelta | None = connection.duration
        return clock(duration) or None

    @admin.display(description=_("what happened"))
    def timeline_link(self, connection: ConnectionLog) -> str:
        address = reverse("connection", args=(connection.pk,))
        return format_html('<a href="{}">{}</a>', address, _("timeline"))


# The accounts' own admin, which knows nothing of connections, with what is known of them.
admin.site.unregister(User)


@admin.register(User)
class AccountWithConnectionsAdmin(AccountAdmin):
    """Shows in the list what went wrong last with an account's connections."""

    list_display = (*AccountAdmin.list_display, "last_problem")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).select_related("last_outcome")

    @admin.display(description=_("last problem"), ordering="last_outcome__failed_at")
    def last_problem(self, account: User) -> str | None:
        outcome: LastOutcome | None = getattr(account, "last_outcome", None)
        if outcome is None or outcome.failed_at is None:
            return None
        # There, what to do is said, too; the connection itself may have been deleted since.
        address = reverse("affected", query={"q": account.username})
        return format_html('<a href="{}">{}</a>', address, end_in_words(None, outcome.error_code))
