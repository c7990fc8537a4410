"""Keeps all streams from asking TikTok on and on while it takes this server for a robot.

TikTok blocks an address: it answers with a captcha, or refuses the socket's handshake. All streams
of a process have one address, so they share one gate, and each attempt to connect goes through it.

- After a block, the user's LIVE is not tried again for some seconds. This might still be the fault
  of that one LIVE. When a second user's attempt is blocked, and none has come through in between,
  nobody's is tried for that time. (So two LIVEs that TikTok refuses by themselves hold up all the
  others for some seconds, if no other attempt comes through in between. A block looks the same.)
- An attempt in the meantime fails with `tiktok_blocked` and the seconds to wait, and TikTok is not
  asked.
- After that time, one attempt is let through, while the others are still refused. If it is blocked,
  the next pause is twice as long, up to five minutes. If TikTok answers it, everything goes on.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator

from django.utils.translation import gettext_noop as _

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["BlockGate"]

# Each pause is so much shorter or longer, as a share of it, so that TikTok does not see a rhythm.
_JITTER = 0.2
# The next pause is the shortest again when no block came for so many times the longest pause.
_FORGIVEN_AFTER = 3
# Seconds after which those who are refused during the one attempt may try again.
_RETRY_WHILE_PROBING = 5
# These errors are TikTok's answers about the LIVE: it does not block this address.
_ANSWERS = frozenset({ErrorCode.USER_OFFLINE, ErrorCode.USER_NOT_FOUND, ErrorCode.AGE_RESTRICTED})


class BlockGate:
    """Decides whether TikTok may be asked now. One for all streams of a process and its event loop.

    Args:
        rng: where the jitter of the pauses comes from.
        pause: seconds of the first pause; 0 for no pauses at all.
        longest: seconds of the longest pause.
        users: of how many users attempts must be blocked until nobody's is let through. 1 where a
            block can't be the fault of one LIVE.
    """

    def __init__(
        self,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        pause: float = 15,
        longest: float = 300,
        users: int = 2,
    ) -> None:
        self._shortest_pause = pause
        self._longest_pause = longest
        self._users = users
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
        # Whose attempts were blocked since one has come through: the first `users` of them.
        self._blocked: set[str] = set()
        self._blocked_at = -math.inf  # monotonic seconds, as the next
        self._closed_until: float | None = None
        self._pause = 0.0
        self._probing = False

    @property
    def seconds_closed(self) -> float:
        """Seconds until TikTok may be asked for everybody; 0 when it may be."""
        return self._seconds_left() if self._is_for_all else 0.0

    @property
    def is_blocked(self) -> bool:
        """TikTok has refused everybody, and has answered nobody since; also between two pauses, but
        not when nobody has asked for long."""
        if not self._is_for_all:
            return False
        ago = self._clock.monotonic() - self._blocked_at
        return ago < _FORGIVEN_AFTER * self._longest_pause

    def check(self, username: str = "") -> None:
        """Check that TikTok may be asked.

        Args:
            username: about whom; empty for what is about nobody.

        Raises:
            RelayError: `tiktok_blocked`, with the seconds to wait.
        """
        if not (self._is_for_all or username in self._blocked):
            return
        left = self._seconds_left()
        if left or self._probing:
            raise RelayError(
                ErrorCode.TIKTOK_BLOCKED,
                username=username,
                retry_after=math.ceil(left) or _RETRY_WHILE_PROBING,
                reason=_("TikTok was not asked, since it has refused this server just now."),
            )

    @contextlib.contextmanager
    def attempt(self, username: str) -> Iterator[None]:
        """Use as a context manager around one attempt to connect.

        The gate learns from the body: it ends without an exception when the connection is open, and
        raises TikTok's answer otherwise. A block is told by `on_blocked`, since the code
        `tiktok_blocked` may have a reason that is of one LIVE only.

        Raises:
            RelayError: `tiktok_blocked`, with the seconds to wait; the body is not run.
        """
        self.check(username)
        probes = self._is_for_all or username in self._blocked
        if probes:
            self._probing = True
        try:
            yield
        except RelayError as error:
            if error.code in _ANSWERS:
                self.on_answer()
            raise
        else:
            self._pause = 0.0
            self.on_answer()
        finally:
            if probes:
                self._probing = False

    def on_blocked(self, username: str) -> None:
        """TikTok has blocked an attempt to connect to that user's LIVE."""
        if not self._shortest_pause:
            return
        now = self._clock.monotonic()
        is_for_all = self._is_for_all
        if not is_for_all:
            self._blocked.add(username)
        becomes_for_all = self._is_for_all and not is_for_all
        if self._seconds_left() and not becomes_for_all:
            return  # the request was sent before the pause
        forgiven = now - self._blocked_at >= _FORGIVEN_AFTER * self._longest_pause
        if forgiven or (becomes_for_all and self._users > 1):
            self._pause = 0.0
        self._blocked_at = now
        self._pause = min(max(2 * self._pause, self._shortest_pause), self._longest_pause)
        self._closed_until = now + self._pause * self._rng.uniform(1 - _JITTER, 1 + _JITTER)

    def on_answer(self) -> None:
        """TikTok has answered a request: it does not block this server."""
        self._blocked.clear()
        self._closed_until = None

    @property
    def _is_for_all(self) -> bool:
        return len(self._blocked) >= self._users

    def _seconds_left(self) -> float:
        if self._closed_until is None:
            return 0.0
        return max(0.0, self._closed_until - self._clock.monotonic())
