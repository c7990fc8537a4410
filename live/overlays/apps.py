"""Django's entry for this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OverlaysConfig(AppConfig):
    name = "live.overlays"
    verbose_name = _("Overlays")

    def ready(self) -> None:
        from live.overlays import changes

        changes.connect_signals()
