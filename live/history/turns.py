"""Lets other threads go on, while one counts and writes LIVEs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["give_way", "in_turns"]

T = TypeVar("T")

# Seconds: enough that the event loop, if it waits for Python's lock, gets it.
_PAUSE = 0.0001


def give_way() -> None:
    """Let another thread have Python's lock. Otherwise Python does so after five milliseconds
    only, which an event would wait."""
    time.sleep(_PAUSE)


def in_turns(items: Iterable[T], size: int) -> Iterator[T]:
    """Yield the items, and give way after each `size` of them."""
    for number, item in enumerate(items, 1):
        yield item
        if number % size == 0:
            give_way()
