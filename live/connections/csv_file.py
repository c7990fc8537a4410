"""CSV for spreadsheets: cells that strangers wrote can't become formulas there."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

__all__ = ["BYTE_ORDER_MARK", "lines"]

# Tells spreadsheets that the file is UTF-8; it is the file's beginning.
BYTE_ORDER_MARK = "\ufeff"
# The first characters that make a spreadsheet treat a cell as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(rows: Iterable[Iterable[Any]]) -> str:
    """Write rows as lines of CSV.

    Args:
        rows: the values of the cells. Times are written in UTC as ISO 8601, to the millisecond;
            None is an empty cell; a text that would be a formula gets an apostrophe before it.
    """
    text = StringIO()
    csv.writer(text).writerows(map(_cells, rows))
    return text.getvalue()


def _cells(row: Iterable[Any]) -> Iterator[Any]:
    for value in row:
        if isinstance(value, datetime):
            yield value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        elif isinstance(value, int | None):
            yield value
        else:
            text = str(value)
            yield f"'{text}" if text.startswith(_FORMULA) else text
