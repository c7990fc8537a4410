"""Template filters of the connection log."""

from datetime import timedelta

from django import template

__all__ = ["clock"]

register = template.Library()


@register.filter
def clock(duration: timedelta | None) -> str:
    """Hours, minutes and seconds, such as 26:03:09; hours may exceed 24. Empty without a value."""
    if duration is None:
        return ""
    # The system's clock may have been set back meanwhile.
    seconds = max(0, int(duration.total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
