"""Django's entry for this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AloudConfig(AppConfig):
    name = "live.aloud"
    verbose_name = _("Read aloud")
