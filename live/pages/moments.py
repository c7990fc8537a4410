"""Prepares the moments of a stream or of a connection for the staff's pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, gettext

from live.clock import from_ms
from live.pages.labels import Said, route_in_words, said_in_words, tone_of, word_for
from live.protocol import frames
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError
from live.streams.timeline import Moment

__all__ = ["ShownMoment", "close_code_words", "explain", "shown"]


@dataclass(frozen=True)
class ShownMoment:
    """One moment, with texts in the viewer's language.

    Attributes:
        at: when it was.
        word: what happened.
        tone: how good or bad that is: "good", "bad" or "calm".
        detail: the details, as the timeline has them.
        route: the route to TikTok that the connection took; empty if none is noted.
        explained: what apps were told of its error; None if there was no error, or one that this
            version of the relay does not know.
        reason: why the relay did it; empty if no reason is noted.
        said: what TikTok or the sign server answered; None if they answered nothing.
        asked_for: which staff member asked for it, as a sentence; empty if nobody did.
        close_code_words: what its close code means; empty if it has no code that is known.
        is_problem: something went wrong that nobody of the staff had asked for.
    """

    at: datetime
    word: Any
    tone: str
    detail: dict[str, Any]
    route: str
    explained: frames.Error | None
    reason: str
    said: Said | None
    asked_for: str
    close_code_words: Any
    is_problem: bool

    @property
    def summary(self) -> str:
        """The route, the error code, the reason and who asked for it, in one line."""
        parts = (self.route, self.detail.get("error"), self.reason, self.asked_for)
        return " · ".join(filter(None, parts))


def shown(moments: Iterable[Moment], username: str) -> list[ShownMoment]:
    """Prepare the moments for a page, in the same order.

    Args:
        moments: the moments of a stream or of a connection.
        username: the TikTok username of the streamer, for the texts of errors.
    """
    return [_shown(moment, username) for moment in moments]


def _shown(moment: Moment, username: str) -> ShownMoment:
    detail = moment.detail
    reason, by = detail.get("reason"), detail.get("by")
    return ShownMoment(
        at=from_ms(moment.at),
        word=word_for(moment.what),
        tone=_tone(moment),
        detail=detail,
        route=str(route_in_words(detail.get("route", ""))),
        explained=explain(detail.get("error", ""), username),
        reason=gettext(reason) if reason else "",
        said=said_in_words(detail.get("said", "")),
        asked_for=gettext("asked for by %(name)s") % {"name": by} if by else "",
        close_code_words=close_code_words(detail.get("code")),
        is_problem=moment.is_problem,
    )


def _tone(moment: Moment) -> str:
    if moment.is_problem:
        return "bad"
    # What staff asked for is not bad.
    return "calm" if moment.detail.get("by") else tone_of(moment.what)


def explain(error_code: str, username: str) -> frames.Error | None:
    """Return what apps are told of an error, in the viewer's language; None if it is unknown.

    Args:
        error_code: the code of the error; empty for none.
        username: the TikTok username of the streamer, for the texts.
    """
    if error_code not in set(ErrorCode):
        return None
    return RelayError(ErrorCode(error_code), username=username).explain(get_language())


def close_code_words(code: int | None) -> Any:
    """Return what a close code means; empty for a code that the relay does not use."""
    return CLOSE_CODE_WORDS[CloseCode(code)] if code in set(CloseCode) else ""
