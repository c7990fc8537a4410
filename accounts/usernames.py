"""TikTok usernames: what people paste, what TikTok can have, and the fields for it.

TikTok's usernames have 2 to 24 of ``a-z 0-9 _ .``, do not end in a dot, and know no case.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = [
    "TikTokUsernameField",
    "TikTokUsernameFormField",
    "is_tiktok_username",
    "normalise_tiktok_username",
]

MAX_LENGTH = 24
_USERNAME = re.compile(r"[a-z0-9_.]{1,23}[a-z0-9_]", re.ASCII)
_PASTED = re.compile(
    r"(?:https?://)?(?:www\.|m\.)?tiktok\.com/@?(?P<username>[^/?#\s]+)(?:/live)?/?(?:[?#]\S*)?",
    re.IGNORECASE | re.ASCII,
)


def is_tiktok_username(value: str) -> bool:
    """Whether TikTok could have this username, bare and in lower case."""
    return _USERNAME.fullmatch(value) is not None


def normalise_tiktok_username(value: str) -> str:
    """The bare, lower-case username in `name`, `@Name`, or the address of a profile or LIVE.

    An empty text stays empty: the account has no TikTok username.

    Raises:
        ValidationError: TikTok can't have it; the message says what it can have.
    """
    username = value.strip()
    if not username:
        return ""
    if pasted := _PASTED.fullmatch(username):
        username = pasted["username"]
    username = username.removeprefix("@")
    # Before case is dropped: lower() makes Latin letters of some others, such as the Kelvin sign.
    if username.isascii():
        username = username.lower()
    if not is_tiktok_username(username):
        raise ValidationError(
            _(
                "TikTok has no such username: it takes 2 to 24 Latin letters, digits, "
                "underscores and dots, and does not end in a dot."
            ),
            code="invalid_tiktok_username",
        )
    return username


class TikTokUsernameFormField(forms.CharField):
    """Where people type or paste a TikTok username."""

    def to_python(self, value: Any) -> str:
        return normalise_tiktok_username(super().to_python(value) or "")


class TikTokUsernameField(models.CharField):  # type: ignore[type-arg]
    """The column for a TikTok username, normalised and checked wherever Django cleans it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": MAX_LENGTH, **kwargs})

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normalise_tiktok_username(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        # Queries and `save` are no forms: what they are given is taken as it is.
        return models.Field.get_prep_value(self, value)

    def formfield(self, **kwargs: Any) -> Any:
        # A pasted address is longer than the username in it, so the form sets no length.
        options = {"form_class": TikTokUsernameFormField, "max_length": None, **kwargs}
        return super().formfield(**options)
