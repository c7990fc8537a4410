"""Decides whether a token gives access, and to whose LIVE. Sockets, the REST API and the handling
of control messages all use it.

There are three steps. They are separate functions because the connection log shows how many of
them a socket has passed:

1. `find_token` finds the token in the database; sockets ask `live.relay.token_lookup`.
2. `check_token` checks that the token and its account may be used.
3. `account_of` tells which streamer's LIVE the account gets.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, TypeVar

from accounts.models import AccessToken, User
from accounts.usernames import is_tiktok_username
from live.overlays.models import Overlay
from live.protocol.errors import ErrorCode, RelayError
from live.streams.registry import Streams
from live.tiktok.access import Access

__all__ = [
    "Account",
    "account_of",
    "check_token",
    "find_token",
    "find_tokens",
    "usable_tokens",
    "watched_accounts",
]

# What opens a socket: a token, or an overlay by its secret.
S = TypeVar("S", bound=AccessToken | Overlay)


class Account(NamedTuple):
    """The few facts about its account that a socket keeps in memory while it is open.

    A `User` object would take more memory than the socket itself.

    Attributes:
        id: the primary key of the account.
        tiktok_username: the streamer whose LIVE the account gets.
        sign_api_key: the account's own key for the sign server; empty if it uses the server's key.
        proxy: the address of the account's own proxy; empty if it has none.
    """

    id: int
    tiktok_username: str
    sign_api_key: str
    proxy: str = ""

    def access(self, streams: Streams) -> Access:
        """What it connects with, among these streams."""
        return streams.access(self.sign_api_key, self.proxy)


def find_token(text: str) -> AccessToken:
    """Find the token with this text in the database, with its account.

    The token may be revoked or expired: `check_token` looks at that.

    Raises:
        RelayError: `invalid_token`, if there is no such token.
    """
    token: AccessToken | None = AccessToken.objects.find(text)
    if token is None:
        raise RelayError(ErrorCode.INVALID_TOKEN)
    return token


def find_tokens(digests: Collection[str]) -> dict[str, AccessToken]:
    """Find all tokens with these digests in the database, in one query.

    Returns:
        The tokens by their digests. Each token has its account loaded.
    """
    tokens = AccessToken.objects.filter(digest__in=digests).select_related("user").order_by()
    return {token.digest: token for token in tokens}


def check_token(token: S | None) -> S:
    """Return the token, or the overlay, if it may be used now.

    Args:
        token: the token or overlay, with its account; None if it is no longer in the database.

    Raises:
        RelayError: `token_revoked`, if the token is revoked, expired or deleted, or the overlay is
            deleted or has another secret; `account_disabled`.
    """
    if token is None or not token.is_usable():
        raise RelayError(ErrorCode.TOKEN_REVOKED)
    if not token.user.is_active:
        raise RelayError(ErrorCode.ACCOUNT_DISABLED)
    return token


def account_of(user: User) -> Account:
    """Return what a socket needs to know of the account, if the account can get a LIVE.

    Raises:
        RelayError: `username_missing` or `username_invalid`, if the account has no TikTok
            username, or one that TikTok can't have.
    """
    if not user.tiktok_username:
        raise RelayError(ErrorCode.USERNAME_MISSING)
    if not is_tiktok_username(user.tiktok_username):
        raise RelayError(ErrorCode.USERNAME_INVALID)
    return Account(user.pk, user.tiktok_username, user.sign_api_key(), user.proxy())


def watched_accounts(
    account_ids: Collection[int] | None = None,
) -> dict[int, Account | ErrorCode]:
    """Find the accounts that are watched and not disabled, in the database, in one query.

    Args:
        account_ids: only among these; None for all.

    Returns:
        By their primary keys, what is needed to hear their LIVEs; or `username_missing` or
        `username_invalid`.
    """
    users = User.objects.filter(is_watched=True, is_active=True)
    if account_ids is not None:
        users = users.filter(pk__in=account_ids)
    found: dict[int, Account | ErrorCode] = {}
    for user in users.only("tiktok_username", "own_sign_api_key", "own_proxy").order_by():
        try:
            found[user.pk] = account_of(user)
        except RelayError as error:
            found[user.pk] = error.code
    return found


def usable_tokens(account_ids: Collection[int]) -> dict[int, AccessToken]:
    """Find all tokens of these accounts that may be used now, in the database.

    Returns:
        The tokens by their primary keys. Each token has its account loaded.
    """
    tokens = AccessToken.objects.usable().filter(user__in=account_ids).select_related("user")
    return {token.pk: token for token in tokens}
