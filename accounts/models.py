"""Accounts and their access tokens: who may connect, and to whose LIVE."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from encrypted_fields.fields import EncryptedTextField

from accounts.usernames import TikTokUsernameField

__all__ = ["AccessToken", "AccessTokenQuerySet", "User"]

TOKEN_BYTES = 32
# The part of a token that is kept in clear; the 208 bits behind it stay unknown.
PREFIX_LENGTH = 8
LABEL_LENGTH = 100
FORM_ID_LENGTH = 32
LANGUAGE_LENGTH = 10
MAX_DAYS = 36_500
_UNUSABLE_SHOWN = 10
# What a value encrypted by Fernet begins with: the key it was encrypted with is gone.
_UNDECIPHERED = "gAAAAA"


# It travels in an HTTP header.
sign_api_key_validator = RegexValidator(
    r"\A[\x21-\x7e]+\Z", _("An EulerStream API key has printable ASCII characters only.")
)


class User(AbstractUser):
    """An account: somebody who signs in, and whose tokens open sockets to one TikTok LIVE."""

    tiktok_username = TikTokUsernameField(
        _("TikTok username"),
        blank=True,
        db_index=True,
        help_text=_("Whose LIVE the account receives: name, @name, or the address of the profile."),
    )
    own_sign_api_key = EncryptedTextField(
        _("own EulerStream API key"),
        validators=[sign_api_key_validator],
        blank=True,
        null=True,
        help_text=_("Stored encrypted. Connections of this account then use its own limit."),
    )
    language = models.CharField(
        _("language"),
        max_length=LANGUAGE_LENGTH,
        choices=settings.LANGUAGES,
        blank=True,
        help_text=_(
            "Of the account's pages, of emails to it, and of what its app is told; empty: as the "
            "browser or the app asks."
        ),
    )

    class Meta(AbstractUser.Meta):
        verbose_name = _("account")  # type: ignore[assignment]
        verbose_name_plural = _("accounts")  # type: ignore[assignment]

    def sign_api_key(self) -> str:
        """The account's own EulerStream API key, or an empty text.

        A key that can't be read any more, because SECRET_KEY changed, counts as none.
        """
        key = self.own_sign_api_key or ""
        return "" if key.startswith(_UNDECIPHERED) else key


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def usable(self, at: datetime | None = None) -> AccessTokenQuerySet:
        """Those that are neither revoked nor expired at that time, or now."""
        return self.filter(_is_usable(at))

    def unusable(self) -> AccessTokenQuerySet:
        """Those that are revoked or expired."""
        return self.exclude(_is_usable(None))


def _is_usable(at: datetime | None) -> models.Q:
    lasts = models.Q(expires_at=None) | models.Q(expires_at__gt=at or timezone.now())
    return lasts & models.Q(revoked_at=None)


_AccessTokenManager = models.Manager.from_queryset(AccessTokenQuerySet)


class AccessTokenManager(_AccessTokenManager["AccessToken"]):
    def issue(
        self,
        user: User,
        label: str = "",
        expires_in: timedelta | None = None,
        form_id: str | None = None,
        *,
        session: str = "",
    ) -> tuple[AccessToken, str]:
        """Make a token. The text returned is the only copy there will ever be.

        Args:
            form_id: of the form that asks for it, which gets one for each account.
            session: the key of the session that it is for, and which it does not outlive.

        Raises:
            IntegrityError: the form has had its token for this account.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        issued = self.create(
            user=user,
            label=label,
            prefix=token[:PREFIX_LENGTH],
            digest=AccessToken.digest_of(token),
            expires_at=None if expires_in is None else timezone.now() + expires_in,
            form_id=form_id,
            session_digest=AccessToken.digest_of(session) if session else "",
        )
        return issued, token

    def find(self, token: str) -> AccessToken | None:
        """The token with its account, whatever state it is in; None when there is no such one."""
        return self.select_related("user").filter(digest=AccessToken.digest_of(token)).first()

    def worth_showing(self) -> list[AccessToken]:
        """Those that open sockets, then the newest of those that do not, which pile up."""
        return [*self.usable(), *self.unusable()[:_UNUSABLE_SHOWN]]


class AccessToken(models.Model):
    """Opens sockets for its account. Only the SHA-256 is stored; the prefix tells tokens apart."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="access_tokens", verbose_name=_("account")
    )
    label = models.CharField(_("label"), max_length=LABEL_LENGTH, blank=True)
    prefix = models.CharField(_("token"), max_length=PREFIX_LENGTH, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    form_id = models.CharField(max_length=FORM_ID_LENGTH, null=True, editable=False)
    # Of the key of the session that a live console runs in; empty for tokens of apps.
    session_digest = models.CharField(max_length=64, blank=True, default="", editable=False)

    objects = AccessTokenManager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering = ("-created_at",)
        constraints = (
            # However often, and however fast, a form is sent.
            models.UniqueConstraint(fields=("user", "form_id"), name="one_token_for_each_form"),
        )

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def shown_label(self) -> str:
        """The label; of a live console's token, which has none, what it is, in the reader's
        language."""
        return self.label or (gettext("Live console") if self.session_digest else "")

    @staticmethod
    def digest_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    def is_usable(self, at: datetime | None = None) -> bool:
        """Neither revoked nor expired."""
        expired = self.expires_at is not None and self.expires_at <= (at or timezone.now())
        return self.revoked_at is None and not expired

    def revoke(self) -> None:
        """Refuse the token from now on. Revoking twice keeps the first time."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at"])


@receiver(pre_save, sender=User)
def _revoke_tokens_of_sessions(
    instance: User, update_fields: Collection[str] | None, **kwargs: Any
) -> None:
    """Another password ends the account's sessions, so it ends what they were issued, too.

    Here, where no way to change a password misses it: the pages, the admin, `changepassword`.
    """
    if update_fields is not None and "password" not in update_fields:
        return
    tokens = AccessToken.objects.filter(user_id=instance.pk, revoked_at=None)
    for token in tokens.exclude(session_digest="").exclude(user__password=instance.password):
        token.revoke()
