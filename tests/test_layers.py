"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def imported(file: Path) -> set[str]:
    """Top-level packages that a module imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def carried_along(**settings: str) -> set[str]:
    """The modules of a server process with these settings."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "relay_project.settings",
        "SECRET_KEY": "of the tests",
        "DATABASE_URL": "sqlite://:memory:",
        **settings,
    }
    ended = subprocess.run(
        [sys.executable, "-c", "import sys, relay_project.asgi; print(*sys.modules)"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    modules = set(ended.stdout.split())
    assert "live.sockets.phone" in modules
    return modules


class TestTheStandIn:
    def test_the_relay_does_not_import_it(self) -> None:
        files = [file for app in ("live", "accounts") for file in (ROOT / app).rglob("*.py")]
        assert len(files) > 40
        assert not [file for file in files if imported(file) & {"standin", "rehearsal", "tests"}]

    def test_it_does_not_import_the_rehearsal(self) -> None:
        files = list((ROOT / "standin").rglob("*.py"))
        assert len(files) > 10
        assert not [file for file in files if imported(file) & {"rehearsal", "tests"}]

    def test_a_server_does_not_carry_it_along(self) -> None:
        modules = carried_along()
        assert not modules & {"aiohttp", "standin.server", "standin.messages"}
        assert "rehearsal" not in modules

    def test_a_server_that_rehearses_carries_its_messages_only(self) -> None:
        modules = carried_along(RELAY_TEST_ENDPOINT="always")
        assert {"rehearsal.relay", "standin.messages"} <= modules
        assert not modules & {"aiohttp", "standin.server", "standin.room"}
