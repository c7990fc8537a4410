"""The admin's pages for overlays. Staff see whose they are and may delete them, or give them other
addresses; the addresses themselves they don't see."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from live.overlays.models import Overlay

__all__ = ["OverlayAdmin"]


@admin.register(Overlay)
class OverlayAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "account", "kind", "prefix", "created_at", "last_connected_at")
    list_select_related = ("account",)
    search_fields = ("name", "account__username", "account__tiktok_username")
    fields = ("account", "kind", "name", "options", "prefix", "created_at", "last_connected_at")
    readonly_fields = ("account", "kind", "prefix", "created_at", "last_connected_at")
    actions = ("renew",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An overlay is made by whoever it is for."""
        return False

    @admin.action(description=_("Give the overlays new addresses"), permissions=["change"])
    def renew(self, request: HttpRequest, queryset: QuerySet[Overlay]) -> None:
        for overlay in queryset:
            overlay.renew()
            overlay.save(update_fields=["secret", "digest", "prefix"])
        count = len(queryset)
        text = ngettext(
            "%(count)d overlay has a new address.", "%(count)d overlays have new addresses.", count
        )
        self.message_user(request, text % {"count": count})
