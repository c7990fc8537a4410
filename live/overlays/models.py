"""Overlays: what is shown in OBS and the like, and the secrets that open their pages."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from encrypted_fields.fields import EncryptedTextField

from accounts.models import User, is_readable
from live.overlays.kinds import KINDS, Kind

__all__ = ["Overlay", "find_open_overlay", "find_overlay", "kind_choices", "usable_overlays"]

# The number of random bytes in a secret, and what comes before them: so the staff see at the first
# characters, which the connection log has, that a socket is an overlay's.
_SECRET_BYTES = 32
_MARK = "ov_"
# As many characters of a secret are stored unencrypted as of a token.
_PREFIX_LENGTH = 8
# The lengths of columns, in characters.
_NAME_LENGTH = 100
_KIND_LENGTH = 20


def kind_choices() -> list[tuple[str, Any]]:
    """The kinds, for forms. A function, so that a new kind needs no migration."""
    return [(name, kind.label) for name, kind in KINDS.items()]


class Overlay(models.Model):
    """One overlay of an account.

    Whoever knows its secret sees the page, and may read what that is made of: the events of its
    kind, and, if it reads aloud, the account's settings for that. It is not a token. A streamer
    copies the address again on every new computer, so the secret is kept encrypted; it is looked up
    by its digest.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="overlays", verbose_name=_("account")
    )
    kind = models.CharField(
        _("kind"),
        max_length=_KIND_LENGTH,
        choices=kind_choices,
    )
    name = models.CharField(_("name"), max_length=_NAME_LENGTH)
    options = models.JSONField(_("options"), default=dict, blank=True)
    secret = EncryptedTextField(editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(_("secret"), max_length=_PREFIX_LENGTH, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_connected_at = models.DateTimeField(_("last connected"), null=True, editable=False)

    class Meta:
        verbose_name = _("overlay")
        verbose_name_plural = _("overlays")
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def user(self) -> User:
        """The account, as `accounts.models.AccessToken` calls it."""
        return self.account

    @property
    def sort(self) -> Kind:
        """Its kind.

        Raises:
            KeyError: this version of the server has no such kind.
        """
        return KINDS[self.kind]

    @property
    def readable_secret(self) -> str:
        """The secret; empty if it can't be decrypted, because SECRET_KEY has changed."""
        return self.secret if is_readable(self.secret) else ""

    def is_usable(self) -> bool:
        """Whether its secret opens it, as far as that is the overlay's own business."""
        return self.kind in KINDS

    def clean(self) -> None:
        """Raises ValidationError: the options are not those of the kind."""
        if self.kind not in KINDS:
            return  # which is an error of that field
        if not isinstance(self.options, dict):
            raise ValidationError({"options": _("Options are a JSON object.")})
        try:
            self.options = self.sort.clean(self.options)
        except ValidationError as refusal:
            texts = [
                f"{name}: {' '.join(reasons)}" for name, reasons in refusal.message_dict.items()
            ]
            raise ValidationError({"options": texts}) from None

    def current_options(self) -> dict[str, Any]:
        """The options, with defaults for those that are newer than what is stored."""
        return {**self.sort.form.defaults(), **self.options}

    def renew(self) -> None:
        """Give it a new secret, without saving it. The old one opens nothing any more then."""
        self.secret = _MARK + secrets.token_urlsafe(_SECRET_BYTES)
        self.digest = self.digest_of(self.secret)
        self.prefix = self.secret[:_PREFIX_LENGTH]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.digest:
            self.renew()
        super().save(*args, **kwargs)

    @staticmethod
    def digest_of(secret: str) -> str:
        """The SHA-256 of a text, as it is stored."""
        return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def find_overlay(secret: str) -> Overlay | None:
    """Find the overlay with this secret, with its account; None if there is none that is usable."""
    overlays = Overlay.objects.select_related("account")
    overlay = overlays.filter(digest=Overlay.digest_of(secret)).first()
    return overlay if overlay is not None and overlay.is_usable() else None


def find_open_overlay(secret: str) -> Overlay | None:
    """The same, for the overlay's pages: they are closed while its account is disabled, and have
    nobody to tell why."""
    overlay = find_overlay(secret)
    return overlay if overlay is not None and overlay.account.is_active else None


def usable_overlays(account_ids: Collection[int]) -> dict[str, Overlay]:
    """Find the overlays of these accounts.

    Returns:
        The overlays by their digests. Each has its account loaded.
    """
    overlays = Overlay.objects.filter(account__in=account_ids).select_related("account")
    return {overlay.digest: overlay for overlay in overlays if overlay.is_usable()}
