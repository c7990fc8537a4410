"""How a LIVE compares with those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from live.history.models import Live
from live.history.reading import Averages, averages

__all__ = ["Change", "Compared", "comparison"]


class Change(NamedTuple):
    """How a sum compares with another LIVE's.

    Attributes:
        value: the other's.
        percent: how much more, or less if negative, this LIVE has; None if the other has nothing.
        has_holes: the other's may be more.
    """

    value: float
    percent: int | None
    has_holes: bool


@dataclass(frozen=True)
class Compared:
    """One line of the comparison.

    Attributes:
        label: what is compared, in the viewer's language.
        kind: "seconds", or empty for a number.
        value: this LIVE's; None if it is not known.
        has_holes: it may be more.
        before: the LIVE before.
        average: the average of the last ones.
    """

    label: Any
    kind: str
    value: float | None
    has_holes: bool
    before: Change | None
    average: Change | None


# What is compared: a name in `Averages`, and there the one that says whether it may be more; None
# for what can't be.
_COMPARED = (
    ("seconds", _("Duration"), None),
    ("viewers_peak", _("Most viewers"), "has_holes"),
    ("viewers_average", _("Viewers on average"), None),
    ("likes", _("Likes"), "likes_are_at_least"),
    ("comments", _("Comments"), "has_holes"),
    ("follows", _("New followers"), "has_holes"),
    ("gifters", _("Gifters"), "has_holes"),
    ("diamonds", _("Diamonds"), "has_holes"),
)


def comparison(live: Live, earlier: Sequence[Live]) -> list[Compared]:
    """Compare a LIVE with the one before it, and with the average of several.

    Args:
        live: the LIVE.
        earlier: those before it, newest first.
    """
    this, before, average = averages([live]), averages(earlier[:1]), averages(earlier)
    assert this is not None
    return [
        Compared(
            label,
            "seconds" if name == "seconds" else "",
            value := getattr(this, name),
            holes is not None and getattr(this, holes),
            _change(value, before, name, holes),
            _change(value, average, name, holes),
        )
        for name, label, holes in _COMPARED
    ]


def _change(
    value: float | None, other: Averages | None, name: str, holes: str | None
) -> Change | None:
    others: float | None = getattr(other, name, None)
    if value is None or other is None or others is None:
        return None
    percent = round((value - others) / others * 100) if others else None
    return Change(others, percent, holes is not None and getattr(other, holes))
