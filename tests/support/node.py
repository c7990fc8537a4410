"""Node.js, which runs the tests of the scripts and AsyncAPI's parser."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

OLDEST_NODE = 18


def find_node() -> str:
    """The path of Node. The test that asks is skipped where there is none; in CI it fails."""
    path = shutil.which("node")
    if path is None:
        cannot_run(f"there is no node: install Node.js {OLDEST_NODE} or later")
    version = run_command(path, "--version").stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        cannot_run(f"node is {version}: install Node.js {OLDEST_NODE} or later")
    return path


def cannot_run(why: str) -> NoReturn:
    """Skip the running test, or let it fail in CI, where everything it needs is installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def run_command(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and collect what it prints.

    Raises:
        subprocess.TimeoutExpired: after two minutes.
    """
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
