"""The admin's pages for the connection log: to read, whatever permissions somebody has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from live.errors import ErrorCode
from live.filters import CLOSE_CODE_CHOICES, with_close_code
from live.models import ConnectionLog
from live.templatetags.connections import clock

__all__ = ["ConnectionLogAdmin"]


class CloseCodeFilter(admin.SimpleListFilter):
    # Choices of its own: Django's would look through the whole log for the codes in it.
    title = _("close code")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return CLOSE_CODE_CHOICES

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionLog]
    ) -> QuerySet[ConnectionLog]:
        return with_close_code(queryset, self.value())


class ErrorFilter(admin.SimpleListFilter):
    title = _("error")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(code.value, code.value) for code in ErrorCode]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionLog]
    ) -> QuerySet[ConnectionLog]:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


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
    )
    list_filter = (CloseCodeFilter, ErrorFilter, ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("account__username", "tiktok_username", "token_prefix", "address")
    date_hierarchy = "opened_at"
    list_select_related = ("account",)
    # The log is long, and counting all of it serves nobody.
    show_full_result_count = False
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
    )
    readonly_fields = ("duration", "token")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("token"), ordering="token_prefix")
    def token(self, connection: ConnectionLog) -> str:
        return f"{connection.token_prefix}…" if connection.token_prefix else ""

    @admin.display(description=_("duration"))
    def duration(self, connection: ConnectionLog) -> str | None:
        duration: timedelta | None = connection.duration
        return clock(duration) or None
