"""Overlays over a server's own pages: to make one, and to know its address."""

from __future__ import annotations

import re
from typing import Any

from live.overlays.kinds import KINDS
from tests.support.browsing import post, signed_in
from tests.support.server import Server

__all__ = ["form_values", "make_overlay"]


def form_values(kind: str, /, **options: Any) -> dict[str, Any]:
    """What a browser sends of the form: a box that is not ticked is left out.

    Args:
        options: those that are not to have their default.
    """
    values = {**KINDS[kind].form.defaults(), "name": f"My {kind}", **options}
    return {name: value for name, value in values.items() if value is not False}


async def make_overlay(
    server: Server, account: str, kind: str, /, **options: Any
) -> tuple[int, str]:
    """Make an overlay for somebody who can sign in, as a browser does.

    Args:
        account: its name.
        options: those that are not to have their default.

    Returns:
        Its number and its secret.
    """
    async with signed_in(server, account) as browser:
        answer = await post(browser, f"/overlays/new/{kind}/", **form_values(kind, **options))
        assert answer.status_code == 302, answer.text
        page = await browser.get(answer.headers["Location"])
    found = re.search(r"/overlay/(ov_[\w-]+)/", page.text)
    assert found
    return int(answer.headers["Location"].split("/")[2]), found[1]
