"""Node.js, which runs the tests of the scripts and AsyncAPI's parser."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

OLDEST_NODE = 18


def find_node(oldest: int = OLDEST_NODE) -> str:
    """The path of Node. The test that asks is skipped where there is none; in CI it fails.

    Args:
        oldest: the oldest version that the test can use.
    """
    path = shutil.which("node")
    if path is None:
        cannot_run(f"there is no node: install Node.js {oldest} or later")
    version = run_command(path, "--version").stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < oldest:
        cannot_run(f"node is {version}: install Node.js {oldest} or later")
    return path


def cannot_run(why: str) -> NoReturn:
    """Skip the running test, or let it fail in CI, where everything it needs is installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def run_command(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and collect its output. Raises TimeoutExpired after 2 minutes."""
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
