"""Debian's Chromium, and how it is started where there is no screen and no network.

Nearly all tests open pages in the headless shell: it is the same engine without a browser around
it, and opens a page in a third of the processor time. What the browser itself does, and what is
measured, has the whole browser.
"""

from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
HEADLESS_SHELL = Path("/usr/bin/chromium-headless-shell")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # which root can't have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed(program: Path) -> Path:
    """The program, of Debian's package of that name. Without it the test is skipped."""
    if not program.exists():
        pytest.skip(f"no {program}: apt-get install --no-install-recommends {program.name}")
    return program
