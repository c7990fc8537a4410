"""What the test endpoint plays to a socket, by the options that the socket was opened with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop as _

from live.protocol.errors import UPSTREAM_CODES, ErrorCode, RelayError
from live.protocol.options import SocketOptions

__all__ = ["Plan", "check", "rehearsed"]

# Seconds that a client is asked to wait: a developer should see it come back.
_RETRY_AFTER = 15
_RETRIED = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.SERVER_SHUTDOWN})


@dataclass(frozen=True)
class Plan:
    """What is played to the sockets that ask for the same.

    Attributes:
        fail: what happens on the way to TikTok; None for nothing.
        recording: played instead of a generated LIVE.
        waits: a streamer who is offline (`fail`) is waited for, and comes.
    """

    fail: ErrorCode | None = None
    recording: Path | None = None
    waits: bool = False

    @classmethod
    def of(cls, options: SocketOptions) -> Plan:
        """The plan for a socket with these options."""
        return cls(
            options.fail,
            settings.RELAY_RECORDINGS / options.replay if options.replay else None,
            options.wait and options.fail is ErrorCode.USER_OFFLINE,
        )


def check(plan: Plan) -> None:
    """Check that the plan can be played.

    Raises:
        RelayError: the plan is an error that the relay answers before it asks TikTok, which is this
            error then; or there is no such recording.
    """
    if plan.fail is not None and plan.fail not in UPSTREAM_CODES:
        raise rehearsed(plan.fail)
    if plan.recording is not None and not plan.recording.is_file():
        raise RelayError(ErrorCode.BAD_REQUEST, reason=_("There is no such recording here."))


def rehearsed(code: ErrorCode, username: str = "") -> RelayError:
    """The error as the relay itself would raise it, with a reason that says that it is a test."""
    return RelayError(
        code,
        username=username,
        reason=_("This is only a rehearsal."),
        retry_after=_RETRY_AFTER if code in _RETRIED else None,
    )
