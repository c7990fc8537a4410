"""The tests that read captured messages hold with other captures than those at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from standin.captures import ROOT, load_captures
from tests.support.captures import write_other_captures

TESTS = ROOT / "tests"


def readers_of_captures() -> list[str]:
    """The files of tests that read captures in their own process."""
    files = [*TESTS.glob("live/**/test_*.py"), *TESTS.glob("standin/test_*.py")]
    return sorted(str(file) for file in files if "load_captures" in file.read_text())


def test_tests_pass_with_other_captures(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write_other_captures(other)
    numbers = [message.msg_id for message in load_captures(other)]
    assert len(numbers) > 2000
    assert 0 in numbers, "some lack an id"
    assert len(set(numbers)) < len(numbers) - 100, "some come twice"
    files = readers_of_captures()
    assert len(files) > 5
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={**os.environ, "TIKTOK_CAPTURES": str(other)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
