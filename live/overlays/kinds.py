"""The kinds of overlays. A kind has one entry here, and one in the pages' script
`live/static/live/overlays/kinds.js`, where it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from live.overlays.options import (
    AlertOptions,
    AloudOptions,
    ChatOptions,
    CounterOptions,
    GoalOptions,
    LastOptions,
    OptionsForm,
    TickerOptions,
    TopOptions,
    cleaned,
)
from live.protocol.frames import FrameType

__all__ = ["KINDS", "Kind"]

_GIFT, _LIKE, _FOLLOW = FrameType.GIFT, FrameType.LIKE, FrameType.FOLLOW
_SHARE, _SUBSCRIBE, _COMMENT = FrameType.SHARE, FrameType.SUBSCRIBE, FrameType.COMMENT


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What sort of overlay it is.

    Attributes:
        label: what people call it.
        summary: what it shows, in a sentence.
        form: its options.
        types: the events that its socket gets, and no others.
        size: width and height that suit it, in pixels, to be entered in OBS.
        needs_texts: whether its script has texts of its own, which Django's catalogue translates.
        needs_sums: whether it shows what the LIVE has come to, also before it was opened.
    """

    label: Promise
    summary: Promise
    form: type[OptionsForm]
    types: frozenset[FrameType]
    size: tuple[int, int]
    needs_texts: bool = False
    needs_sums: bool = False

    def clean(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as they are stored, see `live.overlays.options.cleaned`.

        Raises:
            ValidationError: one of them has a value that it can't have.
        """
        return cleaned(self.form, options)


# By the name that is stored and that scripts know, in the order of the page.
KINDS: Mapping[str, Kind] = {
    "alerts": Kind(
        label=_("Alerts"),
        summary=_("Gifts, follows, subscriptions and shares, one after the other."),
        form=AlertOptions,
        types=frozenset({_GIFT, _FOLLOW, _SUBSCRIBE, _SHARE}),
        size=(800, 400),
    ),
    "chat": Kind(
        label=_("Chat"),
        summary=_("The newest comments, with pictures and badges."),
        form=ChatOptions,
        types=frozenset({_COMMENT, FrameType.DELETE}),
        size=(480, 800),
    ),
    "goal": Kind(
        label=_("Goal"),
        summary=_("How far the LIVE has come: diamonds, likes or followers."),
        form=GoalOptions,
        types=frozenset({_GIFT, _LIKE, _FOLLOW, _SHARE}),
        size=(720, 260),
        needs_sums=True,
    ),
    "top": Kind(
        label=_("Top gifters"),
        summary=_("Who has given most in this LIVE."),
        form=TopOptions,
        types=frozenset({_GIFT}),
        size=(500, 520),
        needs_sums=True,
    ),
    "counters": Kind(
        label=_("Counters"),
        summary=_("Viewers, likes, diamonds and more, as numbers."),
        form=CounterOptions,
        types=frozenset({_GIFT, _LIKE, _FOLLOW, _SHARE, _COMMENT, FrameType.VIEWERS}),
        size=(800, 120),
        needs_sums=True,
    ),
    "ticker": Kind(
        label=_("Gift ticker"),
        summary=_("The latest gifts, side by side."),
        form=TickerOptions,
        types=frozenset({_GIFT}),
        size=(1080, 120),
    ),
    "last": Kind(
        label=_("Last event"),
        summary=_("Labels: the last gift, the last follower and so on."),
        form=LastOptions,
        types=frozenset({_GIFT, _FOLLOW, _SUBSCRIBE, _SHARE}),
        size=(480, 240),
    ),
    "aloud": Kind(
        label=_("Read aloud"),
        summary=_("Gifts, follows and comments are read out, with sounds."),
        form=AloudOptions,
        types=frozenset({_GIFT, _FOLLOW, _SUBSCRIBE, _SHARE, _COMMENT, FrameType.DELETE}),
        size=(640, 120),
        needs_texts=True,
    ),
}
