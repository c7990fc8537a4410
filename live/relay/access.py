"""May this token do that, and for which LIVE? Sockets, the REST API and control all ask here.

In three steps, since a socket's row in the connection log tells how far it came: which token is it
(`find_token`), may it be used (`check_token`), and whose LIVE does its account get (`account_of`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from accounts.models import AccessToken, User
from accounts.usernames import is_tiktok_username
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["Account", "account_of", "check_token", "find_token", "usable_tokens"]


class Account(NamedTuple):
    """What a socket keeps of its account: the model's object would weigh more than the socket.

    Attributes:
        sign_api_key: its own; empty for the server's.
    """

    id: int
    tiktok_username: str
    sign_api_key: str


def find_token(text: str) -> AccessToken:
    """The token with that text, whatever state it is in, and its account. Asks the database.

    Raises:
        RelayError: `invalid_token`, there is none.
    """
    token: AccessToken | None = AccessToken.objects.find(text)
    if token is None:
        raise RelayError(ErrorCode.INVALID_TOKEN)
    return token


def check_token(token: AccessToken | None) -> AccessToken:
    """The token, if it may be used now.

    Args:
        token: None for one that is not in the database any more.

    Raises:
        RelayError: `token_revoked`, also for one that has expired; `account_disabled`.
    """
    if token is None or not token.is_usable():
        raise RelayError(ErrorCode.TOKEN_REVOKED)
    if not token.user.is_active:
        raise RelayError(ErrorCode.ACCOUNT_DISABLED)
    return token


def account_of(user: User) -> Account:
    """The account, with the TikTok username whose LIVE it gets.

    Raises:
        RelayError: `username_missing`, `username_invalid`.
    """
    if not user.tiktok_username:
        raise RelayError(ErrorCode.USERNAME_MISSING)
    if not is_tiktok_username(user.tiktok_username):
        raise RelayError(ErrorCode.USERNAME_INVALID)
    return Account(user.pk, user.tiktok_username, user.sign_api_key())


def usable_tokens(account_ids: Collection[int | None]) -> dict[int, AccessToken]:
    """The accounts' usable tokens, each with its account, by their ids. Asks the database."""
    tokens = AccessToken.objects.usable().filter(user__in=account_ids).select_related("user")
    return {token.pk: token for token in tokens}
