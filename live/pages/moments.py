"""The moments of a stream or of a connection, as the staff's pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import get_language, gettext

from live.pages.labels import Said, said_in_words, tone_of, word_for
from live.protocol import frames
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError
from live.streams.timeline import Moment

__all__ = ["ShownMoment", "close_code_words", "explain", "ms_since_epoch", "shown", "time_of"]


@dataclass(frozen=True)
class ShownMoment:
    """One moment, in the viewer's language.

    Attributes:
        word: what happened.
        tone: "good", "bad" or "calm".
        detail: as the timeline has it.
        explained: what apps were told of its error; None where there is none, or one that this
            version of the relay does not know.
        reason: why the relay did it by itself; empty where it has no reason.
        said: what TikTok or the sign server said; None where they said nothing.
        asked_for: who of the staff asked for it, in a sentence; empty where nobody did.
        close_code_words: what its close code means; empty where it has none that is known.
    """

    at: datetime
    word: Any
    tone: str
    detail: dict[str, Any]
    explained: frames.Error | None
    reason: str
    said: Said | None
    asked_for: str
    close_code_words: Any

    @property
    def summary(self) -> str:
        """Its error, the relay's reason and who asked for it, in one line."""
        parts = (self.detail.get("error"), self.reason, self.asked_for)
        return " · ".join(filter(None, parts))


def shown(moments: Iterable[Moment], username: str) -> list[ShownMoment]:
    """The moments in their order.

    Args:
        username: of the LIVE, which texts of errors name.
    """
    return [_shown(moment, username) for moment in moments]


def _shown(moment: Moment, username: str) -> ShownMoment:
    detail = moment.detail
    reason, by = detail.get("reason"), detail.get("by")
    return ShownMoment(
        at=time_of(moment.at),
        word=word_for(moment.what),
        tone=_tone(moment),
        detail=detail,
        explained=explain(detail.get("error", ""), username),
        reason=gettext(reason) if reason else "",
        said=said_in_words(detail.get("said", "")),
        asked_for=gettext("asked for by %(name)s") % {"name": by} if by else "",
        close_code_words=close_code_words(detail.get("code")),
    )


def _tone(moment: Moment) -> str:
    if moment.detail.get("by"):
        return "calm"  # the staff wanted it
    return "bad" if moment.detail.get("error") else tone_of(moment.what)


def explain(error_code: str, username: str) -> frames.Error | None:
    """What apps were told of the error, in the viewer's language; None if it is not known."""
    if error_code not in set(ErrorCode):
        return None
    return RelayError(ErrorCode(error_code), username=username).explain(get_language())


def close_code_words(code: int | None) -> Any:
    """What a close code means; empty for one that the relay does not know."""
    return CLOSE_CODE_WORDS[CloseCode(code)] if code in set(CloseCode) else ""


def time_of(ms: int) -> datetime:
    """Of ms since the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms_since_epoch(time: datetime) -> int:
    """A time as moments have it."""
    return round(time.timestamp() * 1000)
