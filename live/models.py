"""The connection log: one row a socket, to answer "why did it not connect?"."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from live.protocol.errors import CloseCode

__all__ = ["ConnectionLog"]

# Rows that pruning deletes at once, and the seconds it leaves to others then.
_BIT = 1000
_PAUSE = 0.01


class ConnectionLogManager(models.Manager["ConnectionLog"]):
    def close_orphans(self, is_running: Callable[[int], bool]) -> int:
        """Close the rows that a process left open which is gone. Returns how many rows.

        Args:
            is_running: whether the server process with that id still runs.
        """
        still_open = self.filter(closed_at=None)
        owners = still_open.exclude(process=None).order_by().values_list("process", flat=True)
        gone = [owner for owner in owners.distinct() if owner is not None and not is_running(owner)]
        return still_open.filter(models.Q(process=None) | models.Q(process__in=gone)).update(
            closed_at=timezone.now(), close_code=CloseCode.ABNORMAL
        )

    def prune(self, days: int) -> int:
        """Delete what was opened more than `days` ago and is closed. Returns how many rows.

        Bit by bit, with pauses: those who write meanwhile wait for one bit, not for all.
        """
        old = self.filter(
            opened_at__lt=timezone.now() - timedelta(days=days), closed_at__isnull=False
        ).order_by("opened_at", "pk")
        deleted = 0
        while some := self.filter(pk__in=old.values("pk")[:_BIT]).delete()[0]:
            deleted += some
            time.sleep(_PAUSE)
        return deleted


class ConnectionLog(models.Model):
    """What became of one socket. Written when it opens and when it closes, never in between."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="connections",
        verbose_name=_("account"),
        db_index=False,  # the index with the time serves it
    )
    tiktok_username = models.CharField(_("TikTok username"), max_length=150, blank=True)
    token_prefix = models.CharField(_("token"), max_length=8, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=300, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True)
    close_code = models.PositiveSmallIntegerField(_("close code"), null=True)
    error_code = models.CharField(_("error"), max_length=32, blank=True)
    frames_sent = models.PositiveIntegerField(_("frames sent"), default=0)
    said = models.CharField(_("what TikTok said"), max_length=500, blank=True)
    retry_at = models.DateTimeField(_("may try again at"), null=True)
    is_test = models.BooleanField(_("test endpoint"), default=False)
    # The fields of `live.streams.timeline.Moment`, for each of them.
    timeline = models.JSONField(_("timeline"), default=list)
    # The server process that writes it, see live.connections.process; None in rows of before.
    process = models.BigIntegerField(null=True, editable=False)

    objects = ConnectionLogManager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ("-opened_at", "-pk")
        # What the staff's pages look up, each in the order of time, in either direction: a page
        # then reads about as many rows as it shows (see live.connections.search). Each costs time
        # when a row is written, which sockets do not wait for; `make bench ARGS=pages` measures it.
        indexes = [
            # The list without a filter, a time range, pruning; and the dashboard's last hours,
            # which count tens of thousands of rows by error without reading one.
            models.Index(
                fields=["opened_at", "id", "error_code", "is_test"], name="connection_by_time"
            ),
            # One account's history: of the staff, of the account itself. Serves the foreign key.
            models.Index(fields=["account", "opened_at", "id"], name="connection_by_account"),
            # All that happened about one streamer, whatever account it was.
            models.Index(
                fields=["tiktok_username", "opened_at", "id"], name="connection_by_username"
            ),
            # How they ended: which of them, and how many lately.
            models.Index(fields=["error_code", "opened_at", "id"], name="connection_by_error"),
            models.Index(fields=["close_code", "opened_at", "id"], name="connection_by_close_code"),
            # Who else came from there: the one clue to a phone whose token is unknown.
            models.Index(fields=["address", "opened_at", "id"], name="connection_by_address"),
            # Those still open, which are few: an index of a few rows.
            models.Index(
                fields=["opened_at", "id"],
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
