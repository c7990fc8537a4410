"""What is known of one open socket, from its handshake to its close."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from live.clock import to_ms
from live.protocol.errors import CloseCode, ErrorCode
from live.streams.timeline import Moment, What

if TYPE_CHECKING:
    from live.streams.stream import LiveStream

__all__ = ["Connection"]


@dataclass(slots=True)
class Connection:
    """What is known of one open socket, for its row. The socket's session fills it in as it learns
    more.

    Attributes:
        overlay_id: the overlay whose page opened it, once it is admitted; None for others.
        overlay_digest: of the secret that admitted it, as it is stored; empty for others.
        is_summed: it has no row of its own, since another one counts it.
        attempts: how many refused sockets of one client its row stands for.
    """

    address: str | None
    user_agent: str
    is_test: bool = False
    account_id: int | None = None
    tiktok_username: str = ""
    token_id: int | None = None
    token_prefix: str = ""
    overlay_id: int | None = None
    overlay_digest: str = ""
    frames_sent: int = 0
    close_code: CloseCode | int = CloseCode.ABNORMAL
    error_code: ErrorCode | None = None
    reason: str = ""
    said: str = ""
    retry_after: int | None = None
    is_summed: bool = False
    attempts: int = 1
    opened_at: datetime = field(default_factory=timezone.now)
    row_id: int | None = field(default=None, init=False)
    _moments: list[Moment] = field(default_factory=list, init=False)
    _seen: int = field(default=0, init=False)  # length of the stream's timeline when it was joined

    def joined(self, stream: LiveStream) -> None:
        """It listens to the stream from now on. The stream may be older than the socket."""
        self._seen = stream.timeline.total
        if self._seen and not stream.over:
            self._moments.append(Moment(to_ms(timezone.now()), str(stream.status.state), {}))

    def moved(self, username: str) -> None:
        """It listens to another LIVE from now on."""
        self.tiktok_username = username
        self._moments.append(Moment(to_ms(timezone.now()), What.MOVED, {"username": username}))

    def left(self, stream: LiveStream) -> None:
        """It does not listen to the stream any more."""
        self._moments += stream.timeline.since(self._seen)

    def timeline_so_far(self, stream: LiveStream | None) -> list[Moment]:
        """What has happened until now.

        Args:
            stream: what it listens to.
        """
        opened = Moment(to_ms(self.opened_at), What.OPENED, {})
        going_on = stream.timeline.since(self._seen) if stream is not None else []
        return [opened, *self._moments, *going_on]

    def whole_timeline(self, closed_at: datetime) -> list[Moment]:
        """What has happened from beginning to end."""
        end = {
            "code": self.close_code,
            "error": self.error_code,
            "reason": self.reason,
            "said": self.said,
            "frames": self.frames_sent,
        }
        end = {name: value for name, value in end.items() if value not in {None, ""}}
        return [*self.timeline_so_far(None), Moment(to_ms(closed_at), What.CLOSED, end)]
