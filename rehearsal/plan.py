"""Decides what the test endpoint plays to a socket, from the options in the socket's address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop as _

from live.protocol.errors import UPSTREAM_CODES, ErrorCode, RelayError
from live.protocol.options import SocketOptions

__all__ = ["Plan", "check", "rehearsed"]

# Seconds that a client is asked to wait before it connects again. The time is short, so that a
# developer can watch the app connect again.
_RETRY_AFTER = 15
# The errors that tell a client how long to wait.
_RETRIED = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.SERVER_SHUTDOWN})


@dataclass(frozen=True)
class Plan:
    """What is played to sockets. Sockets with the same plan share streams.

    Attributes:
        fail: the error that the upstream fails with; None for no error.
        recording: the recording that is played; None for a generated LIVE.
        waits: whether the sockets wait for the streamer, who is offline at the first attempt
            (`fail` is `user_offline`) and live at the second.
    """

    fail: ErrorCode | None = None
    recording: Path | None = None
    waits: bool = False

    @classmethod
    def of(cls, options: SocketOptions) -> Plan:
        """Make the plan for a socket with these options."""
        return cls(
            options.fail,
            settings.RELAY_RECORDINGS / options.replay if options.replay else None,
            options.wait and options.fail is ErrorCode.USER_OFFLINE,
        )


def check(plan: Plan) -> None:
    """Check that the plan can be played.

    Raises:
        RelayError: `plan.fail`, if it is an error that the relay sends before it connects to
            TikTok; or `bad_request`, if there is no such recording.
    """
    if plan.fail is not None and plan.fail not in UPSTREAM_CODES:
        raise rehearsed(plan.fail)
    if plan.recording is not None and not plan.recording.is_file():
        raise RelayError(ErrorCode.BAD_REQUEST, reason=_("There is no such recording here."))


def rehearsed(code: ErrorCode, username: str = "") -> RelayError:
    """Make an error like the relay's own, whose reason says that this is only a rehearsal."""
    return RelayError(
        code,
        username=username,
        reason=_("This is only a rehearsal."),
        retry_after=_RETRY_AFTER if code in _RETRIED else None,
    )
