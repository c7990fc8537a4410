"""Which ends of connections are failures: the one definition of it.

The dashboard's numbers and charts, the page of the accounts and the last problem of an account all
use it. What is left out:

- what the server or its staff did on purpose: it stopped, somebody disconnected an app, revoked a
  token or disabled an account;
- what was never set up: the account has no TikTok username yet (the console of somebody who has
  just signed in connects without one), or the app sent something that the relay does not know.
"""

from __future__ import annotations

from live.protocol.errors import ErrorCode

__all__ = ["FAILURES", "NO_FAILURES", "is_failure"]

NO_FAILURES = frozenset(
    {
        ErrorCode.SERVER_SHUTDOWN,
        ErrorCode.DISCONNECTED,
        ErrorCode.TOKEN_REVOKED,
        ErrorCode.ACCOUNT_DISABLED,
        ErrorCode.USERNAME_MISSING,
        ErrorCode.BAD_REQUEST,
    }
)
# In the order of the table of errors.
FAILURES = tuple(code for code in ErrorCode if code not in NO_FAILURES)


def is_failure(error_code: str) -> bool:
    """Whether a connection that ended with this error has failed.

    Args:
        error_code: of the connection's row; empty for none. An error that this version does not
            know is a failure.
    """
    return bool(error_code) and error_code not in NO_FAILURES
