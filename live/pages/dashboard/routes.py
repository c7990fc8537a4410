"""Prepares the numbers of the routes to TikTok for the staff's dashboard."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from live.clock import from_ms
from live.pages.labels import route_in_words
from live.relay.number_shapes import Numbers

__all__ = ["ShownHour", "ShownRoute", "hours_of_routes", "shown_routes"]


class Part(NamedTuple):
    """How many of some connections a route has opened.

    Attributes:
        name: the route's name, as in the setting.
        number: how many.
        share: which part of all, from 0 to 1; None if there are none.
    """

    name: str
    number: int
    share: float | None


class ShownRoute(NamedTuple):
    """A route in the last hours.

    Attributes:
        name: its name, as in the setting.
        word: the route in words.
        closed_until: when it is tried again, in milliseconds since the Unix epoch; None if it may
            be tried now.
        opened: the connections that it has opened.
        refused: the error codes of attempts that have failed on it, each with its count.
    """

    name: str
    word: Any
    closed_until: int | None
    opened: Part
    refused: list[tuple[str, int]]


class ShownHour(NamedTuple):
    """The connections that were opened in one hour, by route."""

    start: datetime
    opened: list[Part]


def shown_routes(numbers: Numbers) -> list[ShownRoute]:
    """Return the routes, in the order in which they are tried."""
    routes = numbers["routes"]
    opened = _parts(numbers, [sum(route["opened"]) for route in routes])
    return [
        ShownRoute(
            name=route["name"],
            word=route_in_words(route["name"]),
            closed_until=route["closed_until"],
            opened=part,
            refused=list(route["refused"].items()),
        )
        for route, part in zip(routes, opened, strict=True)
    ]


def hours_of_routes(numbers: Numbers) -> list[ShownHour]:
    """Return the hours, the oldest first."""
    first = from_ms(numbers["first_hour"])
    counts = zip(*(route["opened"] for route in numbers["routes"]), strict=True)
    return [
        ShownHour(first + timedelta(hours=number), _parts(numbers, list(in_hour)))
        for number, in_hour in enumerate(counts)
    ]


def _parts(numbers: Numbers, counts: list[int]) -> list[Part]:
    total = sum(counts)
    return [
        Part(route["name"], count, count / total if total else None)
        for route, count in zip(numbers["routes"], counts, strict=True)
    ]
