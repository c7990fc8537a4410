"""The admin's pages for kept LIVEs: to read, whatever permissions somebody has."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from live.history.models import EndReason, Live

__all__ = ["LiveAdmin"]


@admin.register(Live)
class LiveAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing of a LIVE can be changed: it is counted."""

    list_display = (
        *("tiktok_username", "title", "began_at", "heard_until", "end", "viewers_peak"),
        *("diamonds", "hole_count"),
    )
    search_fields = ("^tiktok_username", "=room_id")
    search_help_text = _("The beginning of the TikTok username, or the room.")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-began_at", "-pk")
    exclude = (
        *("curve", "biggest_gifts", "end_reason", "viewers_told", "viewers_sum", "viewers_peak_at"),
        "transcript_from",
    )
    readonly_fields = ("end", "heard_by")

    @admin.display(description=_("why it ended"))
    def end(self, live: Live) -> str:
        """In words, or the error's code; empty while it is heard."""
        known = live.end_reason in EndReason.values
        return str(EndReason(live.end_reason).label) if known else live.end_reason

    @admin.display(description=_("heard by"))
    def heard_by(self, live: Live) -> str:
        """The accounts that have heard it, each with a link."""
        names = live.listeners.order_by("account__username").values_list(
            "account_id", "account__username"
        )
        links = ((reverse("admin:accounts_user_change", args=[pk]), name) for pk, name in names)
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
