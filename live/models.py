"""The connection log: one row a socket, to answer "why did it not connect?"."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from live.errors import CloseCode

__all__ = ["ConnectionLog"]


class ConnectionLogManager(models.Manager["ConnectionLog"]):
    def close_orphans(self) -> int:
        """Close the rows of sockets that a crash left open. For the start of the one server."""
        return self.filter(closed_at=None).update(
            closed_at=timezone.now(), close_code=CloseCode.ABNORMAL
        )

    def prune(self, days: int) -> int:
        """Delete what was opened more than `days` ago and is closed. Returns how many rows."""
        old = self.filter(
            opened_at__lt=timezone.now() - timedelta(days=days), closed_at__isnull=False
        )
        return old.delete()[0]


class ConnectionLog(models.Model):
    """What became of one socket. Written when it opens and when it closes, never in between."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="connections",
        verbose_name=_("account"),
    )
    tiktok_username = models.CharField(_("TikTok username"), max_length=150, blank=True)
    token_prefix = models.CharField(_("token"), max_length=8, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=300, blank=True)
    opened_at = models.DateTimeField(_("opened"), db_index=True)
    closed_at = models.DateTimeField(_("closed"), null=True)
    close_code = models.PositiveSmallIntegerField(_("close code"), null=True)
    error_code = models.CharField(_("error"), max_length=32, blank=True)
    frames_sent = models.PositiveIntegerField(_("frames sent"), default=0)
    said = models.CharField(_("what TikTok said"), max_length=500, blank=True)

    objects = ConnectionLogManager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ("-opened_at", "-pk")
        indexes = [
            models.Index(fields=["account", "-opened_at"], name="connection_by_account"),
            models.Index(fields=["close_code", "-opened_at"], name="connection_by_close_code"),
            models.Index(
                fields=["closed_at"],
                name="connection_open",
                condition=models.Q(closed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opened_at:%Y-%m-%d %H:%M:%S} {self.token_prefix}"

    @property
    def duration(self) -> timedelta | None:
        """How long it was open; None while it still is."""
        return self.closed_at - self.opened_at if self.closed_at else None
