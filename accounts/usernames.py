"""Reads and checks TikTok usernames, and has the fields for them.

A TikTok username has 2 to 24 characters, which are ``a-z``, ``0-9``, ``_`` or ``.``. It does not
end in a dot. Upper and lower case make no difference.
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

# The largest length of a username, in characters.
MAX_LENGTH = 24
_USERNAME = re.compile(r"[a-z0-9_.]{1,23}[a-z0-9_]", re.ASCII)
# Matches the address of a profile or of a LIVE.
_PASTED = re.compile(
    r"(?:https?://)?(?:www\.|m\.)?tiktok\.com/@?(?P<username>[^/?#\s]+)(?:/live)?/?(?:[?#]\S*)?",
    re.IGNORECASE | re.ASCII,
)


def is_tiktok_username(value: str) -> bool:
    """Whether the text can be a TikTok username, without "@" and in lower case."""
    return _USERNAME.fullmatch(value) is not None


def normalise_tiktok_username(value: str) -> str:
    """Return the username in a text that somebody typed or pasted, without "@", in lower case.

    Args:
        value: `name`, `@Name`, or the address of a profile or LIVE. An empty text means that the
            account has no TikTok username, and stays empty.

    Raises:
        ValidationError: if TikTok can't have the username; its message says what TikTok can have.
    """
    username = value.strip()
    if not username:
        return ""
    if pasted := _PASTED.fullmatch(username):
        username = pasted["username"]
    username = username.removeprefix("@")
    # Only if it is ASCII: lower() changes some other characters into Latin letters, such as the
    # Kelvin sign.
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
    """A form field for a TikTok username, which people type or paste."""

    def to_python(self, value: Any) -> str:
        return normalise_tiktok_username(super().to_python(value) or "")


class TikTokUsernameField(models.CharField):  # type: ignore[type-arg]
    """A model field for a TikTok username. It is normalised and checked when Django cleans it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": MAX_LENGTH, **kwargs})

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normalise_tiktok_username(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        # Used by queries and by `save`, which take the value as it is, without a check.
        return models.Field.get_prep_value(self, value)

    def formfield(self, **kwargs: Any) -> Any:
        # No maximal length in the form: a pasted address is longer than the username in it.
        options = {"form_class": TikTokUsernameFormField, "max_length": None, **kwargs}
        return super().formfield(**options)
