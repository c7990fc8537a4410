"""Django's entry for this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HistoryConfig(AppConfig):
    name = "live.history"
    verbose_name = _("LIVEs afterwards")

    def ready(self) -> None:
        from live.history import deletion  # models can be imported only now

        deletion.connect()
