"""Notices when TikTok no longer fills a field that apps need. It changes its schema without notice.

For each such field, the newest messages that should have it are watched. When clearly more of them
lack it than is normal, that is drift. One line of the server's log tells of it, another one when it
is over; staff see it on their pages as long as it lasts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from msgspec import Struct

from live.protocol.frames import Comment, Gift, Join, Like, StreakState
from live.streams import operator_log

__all__ = ["Drift", "Finding"]

_WINDOW = 200  # messages
_ENOUGH = 30  # fewer say nothing
# Drift begins when the share of missing values exceeds the normal one by this much. It ends at
# half of that.
_MARGIN = 0.2
_ONGOING = StreakState.ONGOING


@dataclass(frozen=True)
class _Field:
    """Args:
    what: for people, as in "Comments without text"; translated where it is shown.
    normal: the share of messages that lack it while all is well.
    """

    what: str
    is_missing: Callable[[Any], bool]
    normal: float


# By class of frame data. Comments of nothing but emotes have no text; some gifts cost nothing.
_FIELDS: Mapping[type[Struct], tuple[_Field, ...]] = {
    Comment: (
        _Field(_("Comments without text"), lambda comment: not comment.text, 0.1),
        _Field(_("Comments without a user id"), lambda comment: not comment.user.id, 0.01),
    ),
    Gift: (
        _Field(_("Gifts without an id"), lambda gift: gift.gift.id == "0", 0.01),
        _Field(_("Gifts without diamonds"), lambda gift: not gift.gift.diamonds, 0.05),
        _Field(_("Gifts without a user id"), lambda gift: not gift.user.id, 0.01),
    ),
    Like: (_Field(_("Likes without a user id"), lambda like: not like.user.id, 0.01),),
    Join: (_Field(_("Joins without a user id"), lambda join: not join.user.id, 0.01),),
}


@dataclass(frozen=True)
class Finding:
    """`missing` of the last `seen` messages lack a field; `normal` is the usual share."""

    what: str
    missing: int
    seen: int
    normal: float

    def __str__(self) -> str:
        return gettext("%(what)s: %(missing)d of the last %(seen)d (normal: %(normal)d %%)") % {
            "what": gettext(self.what),
            "missing": self.missing,
            "seen": self.seen,
            "normal": round(self.normal * 100),
        }


class _Window:
    def __init__(self, field: _Field) -> None:
        self._field = field
        self._is_missing = field.is_missing
        self._missing: deque[bool] = deque(maxlen=_WINDOW)
        self.count = 0
        self.drifts = False

    def add(self, data: Struct) -> bool:
        """Returns whether this message begins or ends a drift."""
        window = self._missing
        if len(window) == _WINDOW:
            self.count -= window[0]
        missing = self._is_missing(data)
        window.append(missing)
        self.count += missing
        if not (self.count or self.drifts) or len(window) < _ENOUGH:
            return False
        excess = self.count / len(self._missing) - self._field.normal
        drifts = excess > (_MARGIN / 2 if self.drifts else _MARGIN)
        changed, self.drifts = drifts is not self.drifts, drifts
        return changed

    @property
    def finding(self) -> Finding:
        return Finding(self._field.what, self.count, len(self._missing), self._field.normal)


class Drift:
    """Watches the events of one stream.

    Args:
        username: the streamer's, for the log.
    """

    def __init__(self, username: str) -> None:
        self._username = username
        self._windows = {cls: tuple(map(_Window, fields)) for cls, fields in _FIELDS.items()}

    @property
    def findings(self) -> list[Finding]:
        """What drifts now."""
        windows = (window for windows in self._windows.values() for window in windows)
        return [window.finding for window in windows if window.drifts]

    def watch(self, data: Struct) -> None:
        """Look at an event's data, once."""
        if type(data) is Gift and data.streak is _ONGOING:
            return  # one long streak would be all that is seen
        for window in self._windows.get(type(data), ()):
            if not window.add(data):
                continue
            if window.drifts:
                operator_log.drift(self._username, window.finding)
            else:
                operator_log.drift_over(self._username, window.finding)
