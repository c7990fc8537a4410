"""The admin's pages for the connection log: to read, whatever permissions somebody has.

They are for a look at the newest rows; searching is what the staff's pages are made for, to which
each row leads. What Django offers besides would read the whole log: counting it, searching in it,
a drill-down by date, sorting by any column, filters together.
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

from live.models import ConnectionLog
from live.protocol.errors import ErrorCode
from live.templatetags.connections import clock

__all__ = ["ConnectionLogAdmin"]

MOST_COUNTED = 1000


class NewestRows(Paginator):  # type: ignore[type-arg]
    """Pages of the newest rows; the others are not even counted."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[ConnectionLog] = self.object_list[:MOST_COUNTED]  # type: ignore[assignment]
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
