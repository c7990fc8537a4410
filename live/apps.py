"""Django's entry for this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LiveConfig(AppConfig):
    name = "live"
    verbose_name = _("LIVE relay")

    def ready(self) -> None:
        from live.server import redaction

        redaction.install()
