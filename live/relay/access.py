"""Whether a token may be used."""

from __future__ import annotations

from accounts.models import AccessToken
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["check_access"]


def check_access(token: AccessToken) -> None:
    """Raises RelayError: the token is revoked or has expired, or its account is disabled."""
    if not token.is_usable():
        raise RelayError(ErrorCode.TOKEN_REVOKED)
    if not token.user.is_active:
        raise RelayError(ErrorCode.ACCOUNT_DISABLED)
