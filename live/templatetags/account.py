"""What the account page and the page of a new token show of LIVEs."""

from collections.abc import Iterator
from typing import Any

from django import template
from django.conf import settings

from accounts.models import User
from live.pages import first_lines as lines
from live.pages.lives.lists import newest_lives

__all__ = ["first_lines", "newest_lives_of", "test_line", "websockets_line"]

register = template.Library()

# How many LIVEs the account page shows.
_LIVES = 4


@register.inclusion_tag("live/account/lives.html")
def newest_lives_of(account: User) -> dict[str, Any]:
    """The account's newest LIVEs, each with its small curve."""
    return {"lives": newest_lives(account, _LIVES), "account": account}


@register.simple_tag
def first_lines(socket_url: str, token: str) -> Iterator[lines.FirstLines]:
    """The programs that hear a LIVE, one for each language."""
    return lines.first_lines(socket_url, token)


@register.simple_tag
def websockets_line(socket_url: str) -> str:
    """The command that prints all that comes at this address."""
    return lines.websockets_line(socket_url)


@register.simple_tag
def test_line(socket_url: str) -> str:
    """The command that prints invented events; empty where the test endpoint is off."""
    if not settings.RELAY_TEST_ENDPOINT:
        return ""
    return lines.websockets_line(socket_url.replace("/ws/", "/ws/test/", 1))
