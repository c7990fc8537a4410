"""The connection log: a table with one row for each socket, to find out why one did not connect;
and one with a row for each account, to find out whose do not connect now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from live.protocol.errors import CloseCode

__all__ = ["ConnectionLog", "LastOutcome"]

# The number of rows that pruning deletes in one transaction.
_BIT = 1000
# Seconds between two of these transactions, in which other processes can write.
_PAUSE = 0.01


class ConnectionLogManager(models.Manager["ConnectionLog"]):
    def close_orphans(self, is_running: Callable[[int], bool]) -> int:
        """Close the rows that a server process left open when it ended.

        Args:
            is_running: tells whether the server process with a given id still runs.

        Returns:
            How many rows were closed.
        """
        still_open = self.filter(closed_at=None)
        owners = still_open.exclude(process=None).order_by().values_list("process", flat=True)
        gone = [owner for owner in owners.distinct() if owner is not None and not is_running(owner)]
        return still_open.filter(models.Q(process=None) | models.Q(process__in=gone)).update(
            closed_at=timezone.now(), close_code=CloseCode.ABNORMAL
        )

    def prune(self, days: int) -> int:
        """Delete the rows of closed sockets that were opened more than `days` ago.

        They are deleted in many small transactions with pauses. So others who write to the database
        wait for one of these transactions only, not for all.

        Returns:
            How many rows were deleted.
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
    """One socket: who opened it, when, and how it ended.

    A row is written when the socket opens and when it closes, and not in between.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="connections",
        verbose_name=_("account"),
        db_index=False,  # the index connection_by_account below is used instead
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
    # How many refused sockets of one client the row stands for, see live.relay.refusals.
    attempts = models.PositiveIntegerField(_("attempts"), default=1, db_default=1)
    # A list of moments. Each is a list of the fields of `live.streams.timeline.Moment`.
    timeline = models.JSONField(_("timeline"), default=list)
    # The id of the server process that writes the row, see live.connections.process. None in rows
    # that are older than this column.
    process = models.BigIntegerField(null=True, editable=False)

    objects = ConnectionLogManager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ("-opened_at", "-pk")
        # An index for each filter of the staff's pages, in the order of time, which works in both
        # directions. With it a page reads about as many rows as it shows: see
        # live.connections.search. Each index makes writing a row slower, but sockets do not wait
        # for that. `make bench ARGS=pages` measures both.
        indexes = [
            # For the list without a filter, for a range of time, and for pruning. Also for the
            # dashboard's last hours: they count many rows by error, from this index alone.
            models.Index(
                fields=["opened_at", "id", "error_code", "is_test"], name="connection_by_time"
            ),
            # For the connections of one account, on the staff's pages and on the account's own
            # page. It is also the index of the foreign key.
            models.Index(fields=["account", "opened_at", "id"], name="connection_by_account"),
            # For the connections to one streamer's LIVE, of all accounts.
            models.Index(
                fields=["tiktok_username", "opened_at", "id"], name="connection_by_username"
            ),
            # For the connections that ended with one error or with one close code.
            models.Index(fields=["error_code", "opened_at", "id"], name="connection_by_error"),
            models.Index(fields=["close_code", "opened_at", "id"], name="connection_by_close_code"),
            # For the connections from one IP address. A phone with an unknown token can be found
            # by nothing else.
            models.Index(fields=["address", "opened_at", "id"], name="connection_by_address"),
            # For the open connections. There are few, so this index is small.
            models.Index(
                fields=["opened_at", "id"],
                name="connection_open",
                condition=models.Q(closed_at=None),
            ),
            # For the page of the accounts: those that are connected now.
            models.Index(
                fields=["account"],
                name="connection_open_account",
                condition=models.Q(closed_at=None),
            ),
            # For the dashboard's counts: the rows that stand for several sockets. There are few.
            models.Index(
                fields=["opened_at"],
                name="connection_summed",
                condition=models.Q(attempts__gt=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opened_at:%Y-%m-%d %H:%M:%S} {self.token_prefix}"

    @property
    def duration(self) -> timedelta | None:
        """How long the socket was open; None while it is still open."""
        return self.closed_at - self.opened_at if self.closed_at else None


class LastOutcomeManager(models.Manager["LastOutcome"]):
    def prune(self, days: int) -> None:
        """Delete what became of accounts' connections that ended more than `days` ago."""
        limit = timezone.now() - timedelta(days=days)
        self.exclude(succeeded_at__gte=limit).exclude(failed_at__gte=limit).delete()


class LastOutcome(models.Model):
    """What became of an account's connections last. `live.connections.outcomes` writes it, and
    `live.connections.failures` says what a failure is. The test endpoint does not count."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="last_outcome",
        verbose_name=_("account"),
        # Of an account that is deleted while its sockets close, the log must still be written.
        db_constraint=False,
    )
    # The last connection that worked: when it was closed.
    succeeded_at = models.DateTimeField(null=True)
    # The last connection that failed: when it was closed, its error and its row.
    failed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=32, blank=True)
    failed_connection = models.BigIntegerField(null=True)
    # The failures since a connection has worked: when the first one was, and how many.
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)

    objects = LastOutcomeManager()

    def __str__(self) -> str:
        return f"{self.account_id}: {self.error_code}"
