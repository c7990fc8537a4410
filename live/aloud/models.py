"""What an account wants read aloud, and how; and the sounds that it has uploaded.

Both are in the database, so that the console, overlays and all processes know them.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from live.aloud.sniffing import KINDS, sniff

__all__ = [
    "BUILT_IN",
    "EVENTS",
    "MOST_SOUNDS",
    "MOST_SOUND_BYTES",
    "AloudSettings",
    "Sound",
    "words_of",
]

# The names of the sounds that come with the project, in live/static/live/aloud/sounds/.
BUILT_IN = {
    "chime": _("Chime"),
    "bell": _("Bell"),
    "coins": _("Coins"),
    "fanfare": _("Fanfare"),
    "pop": _("Pop"),
}
# The events that can have a sound. Each has a field `sound_…`.
EVENTS = ("gift", "follow", "subscribe", "share", "comment")
# How many sounds an account may upload, and how large each may be, in bytes.
MOST_SOUNDS = 20
MOST_SOUND_BYTES = 512 * 1024
# The lengths of columns, in characters.
SOUND_NAME_LENGTH = 60
_CHOICE_LENGTH = 32
_VOICE_LENGTH = 200
_WORDS_LENGTH = 4000
# What stands before the number of an uploaded sound, where a sound is chosen.
_UPLOADED = "own-"


def _from_to(lowest: int, highest: int) -> list[Any]:
    return [MinValueValidator(lowest), MaxValueValidator(highest)]


def _sound_field(label: Any, default: str) -> models.CharField[str, str]:
    """A key of `BUILT_IN`, the `choice` of an uploaded sound, or nothing for silence."""
    return models.CharField(label, max_length=_CHOICE_LENGTH, blank=True, default=default)


class AloudSettingsManager(models.Manager["AloudSettings"]):
    def of(self, account_id: int) -> AloudSettings:
        """Return the account's settings: those that are stored, or else the defaults, unsaved."""
        return self.filter(account_id=account_id).first() or AloudSettings(account_id=account_id)


class AloudSettings(models.Model):
    """What is read aloud of an account's LIVEs, wherever that is switched on."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="aloud_settings",
        verbose_name=_("account"),
    )

    # --- The voice ---
    voice = models.CharField(
        _("Voice"),
        max_length=_VOICE_LENGTH,
        blank=True,
        help_text=_("Voices are the browser's own. One that lacks this voice takes another."),
    )
    rate = models.PositiveSmallIntegerField(
        _("Speed, in percent"), default=100, validators=_from_to(50, 200)
    )
    volume = models.PositiveSmallIntegerField(
        _("Volume of the voice, in percent"), default=100, validators=_from_to(0, 100)
    )
    sound_volume = models.PositiveSmallIntegerField(
        _("Volume of sounds, in percent"), default=60, validators=_from_to(0, 100)
    )
    own_language = models.BooleanField(
        _("Read comments in their own language"),
        default=True,
        help_text=_("As far as TikTok tells the language and the browser has a voice for it."),
    )

    # --- What is read ---
    reads_comments = models.BooleanField(_("Comments"), default=True)
    reads_gifts = models.BooleanField(_("Gifts"), default=True)
    reads_follows = models.BooleanField(_("New followers"), default=True)
    reads_subscriptions = models.BooleanField(_("Subscriptions"), default=True)
    says_names = models.BooleanField(_("Say who wrote a comment"), default=True)
    gift_diamonds = models.PositiveIntegerField(
        _("Gifts from so many diamonds on"),
        default=0,
        validators=_from_to(0, 1_000_000),
        help_text=_("A streak counts as a whole. 0: all gifts."),
    )

    # --- Whose comments; everybody's, if none of these is chosen ---
    of_followers = models.BooleanField(_("Followers"), default=False)
    of_subscribers = models.BooleanField(_("Subscribers"), default=False)
    of_moderators = models.BooleanField(_("Moderators"), default=False)

    # --- Which comments ---
    never_words = models.TextField(
        _("Never read"),
        blank=True,
        max_length=_WORDS_LENGTH,
        help_text=_(
            "Words or phrases, each on a line of its own. A comment that has one is not read, and "
            "a name that has one is not said."
        ),
    )
    reads_addresses = models.BooleanField(_("Read web addresses"), default=False)
    longest_text = models.PositiveSmallIntegerField(
        _("Longest text, in characters"),
        default=200,
        validators=_from_to(10, 500),
        help_text=_("The rest of a longer comment is not read."),
    )
    repeat_seconds = models.PositiveSmallIntegerField(
        _("Seconds until the same text is read again"),
        default=60,
        validators=_from_to(0, 3600),
    )
    person_seconds = models.PositiveSmallIntegerField(
        _("Seconds until the same person is read again"),
        default=0,
        validators=_from_to(0, 3600),
        help_text=_("Comments only. 0: everything that somebody writes."),
    )

    # --- Sounds ---
    sound_gift = _sound_field(_("Sound of a gift"), "coins")
    sound_follow = _sound_field(_("Sound of a new follower"), "chime")
    sound_subscribe = _sound_field(_("Sound of a subscription"), "fanfare")
    sound_share = _sound_field(_("Sound when the LIVE is shared"), "")
    sound_comment = _sound_field(_("Sound of a comment"), "")

    objects = AloudSettingsManager()

    class Meta:
        verbose_name = verbose_name_plural = _("settings of reading aloud")

    def __str__(self) -> str:
        return str(self.account)

    def sounds(self) -> dict[str, str]:
        """Return what is chosen for each event: a key of `BUILT_IN`, a sound's `choice`, or ""."""
        return {event: getattr(self, f"sound_{event}") for event in EVENTS}


def words_of(text: str) -> list[str]:
    """Return the words and phrases of `never_words`, each once."""
    return list(dict.fromkeys(line for each in text.splitlines() if (line := each.strip())))


class SoundQuerySet(models.QuerySet["Sound"]):
    def described(self) -> SoundQuerySet:
        """Without their content, which only whoever plays a sound needs."""
        return self.defer("content")


class SoundManager(models.Manager.from_queryset(SoundQuerySet)):  # type: ignore[misc]
    def add(self, account_id: int, name: str, content: bytes) -> Sound:
        """Store a sound.

        Args:
            account_id: the account that it belongs to.
            name: what its owner calls it; what is too long of it is left out.
            content: the file.

        Raises:
            ValidationError: it is too large or no sound, or the account has too many.
        """
        if len(content) > MOST_SOUND_BYTES:
            raise ValidationError(
                _("The file is too large: a sound may have %(kib)d KiB."),
                code="too_large",
                params={"kib": MOST_SOUND_BYTES // 1024},
            )
        kind = sniff(content)
        if kind is None:
            raise ValidationError(_("This file is no WAV, MP3 or Ogg sound."), code="no_sound")
        with transaction.atomic():
            # Two uploads at a time would both find a place that is free: the first locks this row.
            AloudSettings.objects.get_or_create(account_id=account_id)
            AloudSettings.objects.select_for_update().get(account_id=account_id)
            if self.filter(account_id=account_id).count() >= MOST_SOUNDS:
                raise ValidationError(
                    _("There is room for %(count)d sounds. Delete one first."),
                    code="too_many",
                    params={"count": MOST_SOUNDS},
                )
            sound: Sound = self.create(
                account_id=account_id, name=_cleaned(name) or kind, kind=kind, content=content
            )
        return sound


def _cleaned(name: str) -> str:
    """A name on one line, without what can't be seen."""
    return " ".join("".join(filter(_is_visible, name)).split())[:SOUND_NAME_LENGTH].strip()


def _is_visible(character: str) -> bool:
    return character.isprintable() or character.isspace()


class Sound(models.Model):
    """A short sound of a streamer's own."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="sounds",
        verbose_name=_("account"),
    )
    name = models.CharField(_("name"), max_length=SOUND_NAME_LENGTH)
    kind = models.CharField(
        max_length=3, choices=[(kind, kind.upper()) for kind in KINDS], editable=False
    )
    content = models.BinaryField(max_length=MOST_SOUND_BYTES)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SoundManager()

    class Meta:
        verbose_name = _("sound")
        verbose_name_plural = _("sounds")
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def choice(self) -> str:
        """What stands in the settings where this sound is chosen."""
        return f"{_UPLOADED}{self.pk}"

    @property
    def content_type(self) -> str:
        return KINDS[self.kind]

    def remove(self) -> None:
        """Delete it, and choose silence wherever it is chosen."""
        with transaction.atomic():
            for event in EVENTS:
                chosen = {"account_id": self.account_id, f"sound_{event}": self.choice}
                AloudSettings.objects.filter(**chosen).update(**{f"sound_{event}": ""})
            self.delete()
