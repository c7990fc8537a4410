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


class TestTheStandIn:
    def test_the_relay_does_not_import_it(self) -> None:
        files = [file for app in ("live", "accounts") for file in (ROOT / app).rglob("*.py")]
        assert len(files) > 40
        assert not [file for file in files if imported(file) & {"standin", "tests"}]

    def test_a_server_does_not_carry_it_along(self) -> None:
        program = (
            "import sys, relay_project.asgi; "
            "assert 'live.consumers' in sys.modules; "
            "sys.exit(' '.join({'aiohttp', 'standin.server'} & sys.modules.keys()) or 0)"
        )
        environment = {
            "DJANGO_SETTINGS_MODULE": "relay_project.settings",
            "SECRET_KEY": "of the tests",
            "DATABASE_URL": "sqlite://:memory:",
        }
        ended = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stderr
