"""The small curve of a LIVE, for lists."""

from __future__ import annotations

from live.history.models import Live, Minute

__all__ = ["PARTS", "curve_of"]

# How many equal parts the time that was heard has at most.
PARTS = 60


def curve_of(live: Live) -> list[list[int | None]]:
    """Viewers on average and diamonds, of each of the equal parts, in their order. Viewers are None
    where TikTok did not tell."""
    rows = list(
        Minute.objects.filter(live=live).values_list(
            "minute", "viewers_told", "viewers_sum", "diamonds"
        )
    )
    if not rows:
        return []
    first = min(rows[0][0], int(live.heard_from.timestamp() // 60))
    last = max(rows[-1][0], int(live.heard_until.timestamp() // 60))
    minutes = last - first + 1
    parts = min(minutes, PARTS)
    told, viewers, diamonds = [0] * parts, [0] * parts, [0] * parts
    for minute, count, total, cost in rows:
        part = (minute - first) * parts // minutes
        told[part] += count
        viewers[part] += total
        diamonds[part] += cost
    return [
        [round(viewers[part] / told[part]) if told[part] else None, diamonds[part]]
        for part in range(parts)
    ]
