"""The admin's pages for kept LIVEs: to read, whatever permissions somebody has."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from live.history.models import Live, LiveListener

__all__ = ["LiveAdmin"]


class ListenerInline(admin.TabularInline):  # type: ignore[type-arg]
    """The accounts that have heard the LIVE: to read, whatever permissions somebody has."""

    model = LiveListener
    fields = ("account",)
    verbose_name_plural = _("Heard by")
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveListener]:
        return super().get_queryset(request).select_related("account").order_by("account__username")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # asked only on the page of a LIVE, which needs a permission

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Live)
class LiveAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing of a LIVE can be changed: it is counted."""

    list_display = (
        *("tiktok_username", "title", "began_at", "heard_until", "end_reason", "viewers_peak"),
        *("diamonds", "hole_count"),
    )
    search_fields = ("^tiktok_username", "=room_id")
    search_help_text = _("The beginning of the TikTok username, or the room.")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-began_at", "-pk")
    exclude = ("curve", "biggest_gifts")
    inlines = (ListenerInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
