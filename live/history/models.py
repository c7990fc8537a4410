"""LIVEs as they are kept: their sums, their course, and who has heard them.

`live.history` counts them from the frames that clients get. Whatever could not be heard is kept as
a `Hole`: a sum of a LIVE with holes says "at least".
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = [
    "Battle",
    "EndReason",
    "GiftKind",
    "Gifter",
    "GivenGift",
    "Hole",
    "HoleKind",
    "Live",
    "LiveListener",
    "Minute",
    "TranscriptLine",
]

# The lengths of columns, in characters.
ID_LENGTH = 32
NAME_LENGTH = 150
ADDRESS_LENGTH = 1000
TITLE_LENGTH = 500
TEXT_LENGTH = 2000


class EndReason(models.TextChoices):
    """Why nothing more of a LIVE is heard. A LIVE that failed has the error's code instead."""

    ENDED = "ended", _("The LIVE ended")
    UNHEARD = "unheard", _("Nobody listened any more")


class Counts(models.Model):
    """What is counted of a LIVE, or of a part of it."""

    likes = models.PositiveBigIntegerField(_("likes"), default=0)
    comments = models.PositiveIntegerField(_("comments"), default=0)
    shares = models.PositiveIntegerField(_("shares"), default=0)
    follows = models.PositiveIntegerField(_("follows"), default=0)
    joins = models.PositiveIntegerField(_("joins"), default=0)
    subscriptions = models.PositiveIntegerField(_("subscriptions"), default=0)
    gifts = models.PositiveIntegerField(_("gifts"), default=0)
    diamonds = models.PositiveBigIntegerField(_("diamonds"), default=0)
    # Of the frames that tell how many watch: how many frames, their sum, the highest.
    viewers_told = models.PositiveIntegerField(default=0)
    viewers_sum = models.PositiveBigIntegerField(default=0)
    viewers_peak = models.PositiveIntegerField(_("most viewers"), default=0)

    class Meta:
        abstract = True

    @property
    def viewers_average(self) -> int | None:
        """How many watched on average; None if TikTok did not tell."""
        return round(self.viewers_sum / self.viewers_told) if self.viewers_told else None


class Live(Counts):
    """One LIVE of one streamer: a room of TikTok's, as far as it was heard."""

    tiktok_username = models.CharField(_("TikTok username"), max_length=NAME_LENGTH)
    room_id = models.CharField(_("room"), max_length=ID_LENGTH)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    # As TikTok tells it; when it was heard first, if TikTok does not.
    began_at = models.DateTimeField(_("began"))
    heard_from = models.DateTimeField(_("heard from"))
    # When it ended, or was heard last. It moves on while the LIVE is heard.
    heard_until = models.DateTimeField(_("heard until"))
    # An EndReason, or the code of the error that ended it; empty while it is heard.
    end_reason = models.CharField(_("why it ended"), max_length=32, blank=True)
    viewers_peak_at = models.DateTimeField(null=True)
    # How many have watched since the LIVE began, by TikTok's own count; None if it did not tell.
    viewers_total = models.PositiveBigIntegerField(_("viewers in all"), null=True)
    # TikTok's own count of likes, which knows those that were not heard, too.
    likes_total = models.PositiveBigIntegerField(_("likes by TikTok's count"), null=True)
    gifter_count = models.PositiveIntegerField(_("gifters"), default=0)
    hole_count = models.PositiveIntegerField(_("holes"), default=0)
    # The biggest single gifts, biggest first: objects with at (ms), user_id, nickname, avatar,
    # gift, image, count, diamonds.
    biggest_gifts = models.JSONField(default=list)
    # For lists: viewers and diamonds of up to 60 equal parts of the time that was heard.
    curve = models.JSONField(default=list)
    # What was said before that is about to be deleted: nobody wants it any more.
    transcript_from = models.DateTimeField(null=True, editable=False)
    # How far the stream's log is counted: its epoch, the offset there, and the time of the newest
    # event, in ms. A process that goes on with the LIVE goes on behind it.
    epoch = models.CharField(max_length=16, blank=True, editable=False)
    offset = models.PositiveBigIntegerField(default=0, editable=False)
    counted_until = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("LIVE")
        verbose_name_plural = _("LIVEs")
        ordering = ("-began_at", "-pk")
        constraints = [
            models.UniqueConstraint(fields=["tiktok_username", "room_id"], name="live_of_a_room"),
        ]
        indexes = [
            models.Index(fields=["began_at", "id"], name="live_by_time"),
            models.Index(fields=["tiktok_username", "began_at", "id"], name="live_by_username"),
            # For pruning.
            models.Index(fields=["heard_until"], name="live_by_end"),
            models.Index(
                fields=["transcript_from"],
                name="live_given_up",
                condition=models.Q(transcript_from__isnull=False),
            ),
            # Those that go on. There are few.
            models.Index(
                fields=["tiktok_username"], name="live_open", condition=models.Q(end_reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"@{self.tiktok_username} {self.began_at:%Y-%m-%d %H:%M}"

    @property
    def is_heard(self) -> bool:
        """It goes on, and is heard now."""
        return not self.end_reason

    @property
    def transcript(self) -> models.QuerySet[TranscriptLine]:
        """Its lines that may be read, by whoever may read them, in the order of time."""
        lines = TranscriptLine.objects.filter(live=self).order_by("at", "pk")
        if self.transcript_from is not None:
            lines = lines.filter(at__gte=self.transcript_from)
        return lines


class LiveListener(models.Model):
    """An account that has heard a LIVE. It may see it, and its LIVEs go with it."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="listeners", db_index=False)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="heard_lives", db_index=False
    )
    # The same as the LIVE's: an account's LIVEs are listed by it, from one index.
    began_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["live", "account"], name="listener_once"),
        ]
        indexes = [
            models.Index(fields=["account", "began_at", "live"], name="listener_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.live_id}"


class Minute(Counts):
    """What happened in one minute of a LIVE. Minutes without anything have no row."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="minutes", db_index=False)
    # Its beginning, in whole minutes since the Unix epoch.
    minute = models.PositiveIntegerField()

    class Meta:
        ordering = ("minute",)
        constraints = [
            models.UniqueConstraint(fields=["live", "minute"], name="minute_once"),
        ]

    def __str__(self) -> str:
        return f"{self.live_id} {self.minute}"


class Gifter(models.Model):
    """Somebody who gave gifts in a LIVE, with the names of the last gift."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="gifters", db_index=False)
    user_id = models.CharField(max_length=ID_LENGTH)
    username = models.CharField(max_length=NAME_LENGTH, blank=True)
    nickname = models.CharField(max_length=NAME_LENGTH, blank=True)
    avatar = models.CharField(max_length=ADDRESS_LENGTH, blank=True)
    gifts = models.PositiveIntegerField(default=0)
    diamonds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["live", "user_id"], name="gifter_once"),
        ]
        indexes = [
            models.Index(fields=["live", "-diamonds", "id"], name="gifter_by_diamonds"),
            # For `forget_viewer`.
            models.Index(fields=["user_id"], name="gifter_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.live_id} {self.user_id}"


class GiftKind(models.Model):
    """A kind of gift that was given in a LIVE."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="gift_kinds", db_index=False)
    gift_id = models.CharField(max_length=ID_LENGTH)
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    image = models.CharField(max_length=ADDRESS_LENGTH, blank=True)
    diamonds_each = models.PositiveIntegerField(default=0)
    gifts = models.PositiveIntegerField(default=0)
    diamonds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["live", "gift_id"], name="gift_kind_once"),
        ]

    def __str__(self) -> str:
        return f"{self.live_id} {self.name}"


class GivenGift(models.Model):
    """How often one viewer gave one kind of gift in a LIVE."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="given_gifts", db_index=False)
    user_id = models.CharField(max_length=ID_LENGTH)
    gift_id = models.CharField(max_length=ID_LENGTH)
    gifts = models.PositiveIntegerField(default=0)
    diamonds = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["live", "user_id", "gift_id"], name="given_gift_once"),
        ]
        indexes = [models.Index(fields=["user_id"], name="given_gift_by_user")]

    def __str__(self) -> str:
        return f"{self.live_id} {self.user_id} {self.gift_id}"


class Battle(models.Model):
    """A battle in a LIVE, as the newest frame of it tells it."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="battles", db_index=False)
    battle_id = models.CharField(max_length=ID_LENGTH)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # A BattleState and, when it has ended, the streamer's own BattleResult (see
    # live.protocol.frames).
    state = models.CharField(max_length=20)
    result = models.CharField(max_length=10, blank=True)
    # Objects with id, hosts (names), score, result.
    teams = models.JSONField(default=list)

    class Meta:
        ordering = ("began_at", "pk")
        constraints = [
            models.UniqueConstraint(fields=["live", "battle_id"], name="battle_once"),
        ]

    def __str__(self) -> str:
        return f"{self.live_id} {self.battle_id}"


class HoleKind(models.TextChoices):
    """Why a part of a LIVE was not heard."""

    LATE = "late", _("Nobody listened yet")
    UPSTREAM = "upstream", _("TikTok could not be heard")
    UNHEARD = "unheard", _("Nobody listened")
    OVERRUN = "overrun", _("More came than could be counted")
    STOPPED = "stopped", _("The server was down")


class Hole(models.Model):
    """A time within a LIVE of which something is missing in its sums."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="holes", db_index=False)
    kind = models.CharField(max_length=10, choices=HoleKind)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        ordering = ("began_at", "pk")
        indexes = [models.Index(fields=["live", "began_at"], name="hole_by_live")]

    def __str__(self) -> str:
        return f"{self.live_id} {self.kind}"


class TranscriptLine(models.Model):
    """A comment or a settled gift of a LIVE, word by word. Only where an account that hears it
    wants transcripts; accounts that don't never see it."""

    live = models.ForeignKey(Live, models.CASCADE, related_name="lines", db_index=False)
    # The offset of the frame in the stream's log, and its time: lines stand in this order.
    offset = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    type = models.CharField(max_length=10)  # "comment" or "gift"
    user_id = models.CharField(max_length=ID_LENGTH)
    username = models.CharField(max_length=NAME_LENGTH, blank=True)
    nickname = models.CharField(max_length=NAME_LENGTH, blank=True)
    # What was said; for a gift, its name and how many.
    text = models.CharField(max_length=TEXT_LENGTH, blank=True)
    diamonds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("at", "pk")
        indexes = [
            models.Index(fields=["live", "at", "id"], name="line_by_live"),
            models.Index(fields=["at"], name="line_by_time"),
            models.Index(fields=["user_id"], name="line_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.live_id} {self.type}"
