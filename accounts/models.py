"""Accounts and their access tokens: who may connect, and to whose LIVE."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from encrypted_fields.fields import EncryptedTextField

from accounts.proxies import is_proxy
from accounts.usernames import TikTokUsernameField

__all__ = [
    "OWN_SECRETS",
    "AccessToken",
    "AccessTokenQuerySet",
    "Scope",
    "ScopeError",
    "User",
    "deciphered",
    "is_readable",
    "proxy_validator",
    "sign_api_key_validator",
]

# The fields of an account that are stored encrypted, and not shown.
OWN_SECRETS = ("own_sign_api_key", "own_proxy")

# The number of random bytes in a token.
TOKEN_BYTES = 32
# The number of characters at the beginning of a token that are stored unencrypted. The rest, which
# has 208 bits, is stored only as part of a hash.
PREFIX_LENGTH = 8
# The lengths of columns, in characters.
LABEL_LENGTH = 100
FORM_ID_LENGTH = 32
LANGUAGE_LENGTH = 10
SCOPE_LENGTH = 10
# The largest number of days for which a token can be issued.
MAX_DAYS = 36_500
# How many tokens that are revoked or expired are shown: the newest.
UNUSABLE_SHOWN = 10
# The beginning of a value that Fernet encrypted. A value that still begins with it after decryption
# could not be decrypted, because SECRET_KEY is another one now.
_UNDECIPHERED = "gAAAAA"


# The key is sent in an HTTP header, so it must not have other characters.
sign_api_key_validator = RegexValidator(
    r"\A[\x21-\x7e]+\Z", _("An EulerStream API key has printable ASCII characters only.")
)


def proxy_validator(address: str) -> None:
    """Check that it is the address of a proxy. The error does not repeat it.

    Raises:
        ValidationError: it is none.
    """
    if not is_proxy(address):
        raise ValidationError(
            _(
                "A proxy's address is http://user:password@host:port, https://… or socks5://…; "
                "user and password only if it needs them."
            ),
            code="no_proxy",
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
    own_proxy = EncryptedTextField(
        _("own proxy"),
        validators=[proxy_validator],
        blank=True,
        null=True,
        help_text=_("Stored encrypted. Connections of this account to TikTok then go through it."),
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
    is_watched = models.BooleanField(
        _("watched"),
        default=False,
        help_text=_("The relay waits for its LIVEs and hears them, though no app is connected."),
    )
    keeps_transcripts = models.BooleanField(
        _("keeps transcripts"),
        default=False,
        help_text=_("What viewers say in its LIVEs is kept for some days."),
    )

    class Meta(AbstractUser.Meta):
        verbose_name = _("account")  # type: ignore[assignment]
        verbose_name_plural = _("accounts")  # type: ignore[assignment]

    def sign_api_key(self) -> str:
        """Return the account's own EulerStream API key, or an empty text if it has none.

        A key that can't be decrypted any more, because SECRET_KEY has changed, counts as none.
        """
        return deciphered(self.own_sign_api_key)

    def proxy(self) -> str:
        """Return the address of the account's own proxy, or an empty text if it has none.

        An address that can't be decrypted any more, because SECRET_KEY has changed, counts as none.
        """
        return deciphered(self.own_proxy)


def is_readable(text: str) -> bool:
    """Whether an encrypted field could be decrypted, by what it gives."""
    return not text.startswith(_UNDECIPHERED)


def deciphered(stored: str | None) -> str:
    """What an encrypted field gives; an empty text if it could not be decrypted, or has nothing."""
    text = stored or ""
    return text if is_readable(text) else ""


class Scope(models.TextChoices):
    """What a token allows. Each allows what those before it do.

    Tokens are on phones, which get lost. So one that may only listen does nothing that its account
    alone may, and one of staff does not read what other accounts have.
    """

    LISTEN = "listen", _("listen")  # open sockets, and read over REST
    MANAGE = "manage", _("listen and change the account")  # also what only staff may read


class ScopeError(Exception):
    """The scope of a token does not allow what was asked for."""


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def usable(self, at: datetime | None = None) -> AccessTokenQuerySet:
        """Select the tokens that are not revoked, and not expired at the time `at`.

        Args:
            at: a time; None for now.
        """
        return self.filter(_is_usable(at))

    def unusable(self) -> AccessTokenQuerySet:
        """Select the tokens that are revoked or expired."""
        return self.exclude(_is_usable(None))

    def of_apps(self) -> AccessTokenQuerySet:
        """Select the tokens that are not of a session: those of phones and programs."""
        return self.filter(session_digest="")


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
        scope: Scope = Scope.LISTEN,
    ) -> tuple[AccessToken, str]:
        """Make a new token. Its text is returned only here, and is not stored.

        Args:
            user: the account.
            label: what the token is for, in the owner's words.
            expires_in: how long the token is valid; None for ever.
            form_id: the id of the form that asks for the token. A form gets only one token for each
                account, also if it is sent twice.
            session: the key of the session that the token is for; the token is revoked when the
                session signs out. Empty for tokens of apps.
            scope: what the token allows.

        Returns:
            The token as stored, and its text.

        Raises:
            IntegrityError: if this form already got a token for this account.
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
            scope=scope,
        )
        return issued, token

    def find(self, token: str) -> AccessToken | None:
        """Find a token by its text, with its account; None if there is no such token.

        The token may be revoked or expired.
        """
        return self.select_related("user").filter(digest=AccessToken.digest_of(token)).first()

    def worth_showing(self) -> list[AccessToken]:
        """Return the tokens to show on a page: all that are usable, then the newest of the others.

        The others are limited because their number grows all the time.
        """
        return [*self.usable(), *self.unusable()[:UNUSABLE_SHOWN]]


class AccessToken(models.Model):
    """A secret text that opens sockets for its account, and may change it if its scope says so.

    The text itself is not stored, only its SHA-256, and its first characters to tell tokens apart.
    """

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
    # The SHA-256 of the key of the session that a live console runs in; empty for tokens of apps.
    session_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    scope = models.CharField(
        _("scope"),
        max_length=SCOPE_LENGTH,
        choices=Scope.choices,
        default=Scope.LISTEN,
        editable=False,
    )

    objects = AccessTokenManager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering = ("-created_at",)
        constraints = (
            # In the database, so that it also holds for a form that is sent twice at the same time.
            models.UniqueConstraint(fields=("user", "form_id"), name="one_token_for_each_form"),
        )

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def shown_label(self) -> str:
        """The label; for a live console's token, which has none, words that say what it is."""
        return self.label or (gettext("Live console") if self.session_digest else "")

    @staticmethod
    def digest_of(token: str) -> str:
        """Return the SHA-256 of a text, as it is stored."""
        return hashlib.sha256(token.encode()).hexdigest()

    def is_usable(self, at: datetime | None = None) -> bool:
        """Whether the token is not revoked, and not expired at the time `at` (None for now)."""
        expired = self.expires_at is not None and self.expires_at <= (at or timezone.now())
        return self.revoked_at is None and not expired

    def demand(self, scope: Scope) -> None:
        """Check that the token allows what this scope does.

        Raises:
            ScopeError: it does not.
        """
        if scope not in {Scope.LISTEN, self.scope}:
            raise ScopeError

    def revoke(self) -> None:
        """Revoke the token: it opens no sockets any more. A second call changes nothing."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at"])


@receiver(pre_save, sender=User)
def _revoke_tokens_of_sessions(
    instance: User, update_fields: Collection[str] | None, **kwargs: Any
) -> None:
    """Revoke the tokens of an account's sessions when its password changes.

    A new password ends the sessions, and the tokens must end with them. This is a signal's receiver
    so that it works for every way to change a password: the pages, the admin, `changepassword`.
    """
    if update_fields is not None and "password" not in update_fields:
        return
    tokens = AccessToken.objects.filter(user_id=instance.pk, revoked_at=None)
    for token in tokens.exclude(session_digest="").exclude(user__password=instance.password):
        token.revoke()
