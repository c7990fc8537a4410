"""How pages show a time: written by the server in UTC, turned by the page's script into the time of
the reader's device.

Templates need not load this library: `TEMPLATES` in the settings makes it known to all of them. The
script is `static/shared/page-times.js`, and `templates/base.html` loads it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

__all__ = ["local_time", "times_zone", "to_the_second"]

register = template.Library()

# How a day is written, as `Intl.DateTimeFormat` of the browser does in the page's language. In
# other languages it is as Django has it.
_DAYS = {"en": "M j, Y", "ru": "j E Y г."}
# How a time on that day is written, for each kind of a moment.
_CLOCKS = {"time": "H:i", "moment": "H:i", "exact-time": "H:i:s", "exact-moment": "H:i:s"}
_WITH_DAY = {"day", "moment", "exact-moment"}
_KINDS = {*_WITH_DAY, *_CLOCKS, "relative"}
# How long ago something was: the words for the unit, the unit in seconds, and how many seconds ago
# are too many for it. The script has the same; it gets the words from `times_zone`.
_AGO = (
    ("now", _("just now"), 1, 60),
    ("minutes", _("%(count)s min ago"), 60, 3600),
    ("hours", _("%(count)s h ago"), 3600, 86_400),
    ("days", _("%(count)s d ago"), 86_400, 7 * 86_400),
)


@register.simple_tag
def local_time(moment: datetime | None, kind: str, css: str = "") -> str:
    """A time that the page's script shows as the reader's clock has it, with UTC on hover.

    Args:
        moment: the time; nothing is shown for None.
        kind: "day", "time" (14:02), "moment" (both), "exact-time" and "exact-moment" (with the
            seconds), or "relative" ("3 min ago"; of more than a week ago, the moment).
        css: a class for the element.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in _KINDS:
        raise ValueError(f"there is no kind {kind!r} of a moment")
    if moment is None:
        return ""
    moment = moment.astimezone(UTC)
    return format_html(
        '<time{} datetime="{}" data-shows="{}" title="{} UTC">{}</time>',
        format_html(' class="{}"', css) if css else "",
        moment.isoformat().replace("+00:00", "Z"),
        kind,
        to_the_second(moment),
        _ago(moment) if kind == "relative" else _in_utc(moment, kind),
    )


@register.simple_tag
def times_zone() -> str:
    """Whose times the page shows: UTC, until the script shows those of the reader's device.

    The footer of each page with times says it. A page that says it nearer to its times has this tag
    there; the footer is then silent.
    """
    words: dict[str, Any] = {
        "device": _("Times are those of your device: %(zone)s."),
        **{name: text for name, text, _unit, _end in _AGO},
    }
    data = format_html("".join(f' data-{name}="{{}}"' for name in words), *words.values())
    return format_html('<span data-said="zone"{}>{}</span>', data, gettext("Times are in UTC."))


@register.filter
def to_the_second(moment: datetime) -> str:
    """Date and time in UTC, with the seconds."""
    return _in_utc(moment.astimezone(UTC), "exact-moment")


def _in_utc(moment: datetime, kind: str) -> str:
    parts = []
    if kind in _WITH_DAY:
        parts.append(formats.date_format(moment, _DAYS.get(get_language() or "", "DATE_FORMAT")))
    if kind in _CLOCKS:
        parts.append(formats.date_format(moment, _CLOCKS[kind]))
    return ", ".join(parts)


def _ago(moment: datetime) -> str:
    past = (timezone.now() - moment) // timedelta(seconds=1)
    for _name, words, unit, end in _AGO:
        # The clock of the server that wrote the moment may be a little ahead.
        if -60 < past < end:
            return str(words) % {"count": max(past, 0) // unit}
    return _in_utc(moment, "moment")
