"""The admin's pages of webhooks: whose they are and how they do.

Addresses and secrets are not shown. Only the account itself changes its webhooks; staff may switch
them off or delete them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from live.webhooks.models import Webhook

__all__ = ["WebhookAdmin"]


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("account", "host", "is_enabled", "failing_since", "switched_off_at", "due_at")
    list_display_links = ("host",)
    list_filter = ("is_enabled",)
    list_select_related = ("account",)
    search_fields = ("account__username",)
    fields = (
        "account",
        "host",
        "name",
        "event_list",
        "least_diamonds",
        "is_enabled",
        "created_at",
        "failing_since",
        "switched_off_at",
        "due_at",
    )
    readonly_fields = tuple(field for field in fields if field != "is_enabled")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=_("address"))
    def host(self, hook: Webhook) -> str:
        return hook.shown_address

    @admin.display(description=_("events"))
    def event_list(self, hook: Webhook) -> str:
        return ", ".join(hook.event_names)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save(update_fields=["is_enabled"])
