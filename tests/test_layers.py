"""Who may import whom; `tool.importlinter` in pyproject.toml says most of it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live import urls as live_urls

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_A_DATABASE = ("protocol", "tiktok", "streams", "cluster")
APPS = ("live", "accounts", "relay_project", "rehearsal")


def imported(file: Path) -> Iterator[str]:
    """What a module imports, wherever it does: modules, and the names taken out of them."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


def test_imports_keep_to_the_contracts_of_pyproject() -> None:
    ended = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


# import-linter knows packages from outside by their first name only.
@pytest.mark.parametrize("package", WITHOUT_A_DATABASE)
def test_lower_layers_know_no_database(package: str) -> None:
    files = list((ROOT / "live" / package).rglob("*.py"))
    assert len(files) > 3
    found = [(file.name, name) for file in files for name in imported(file)]
    assert not [each for each in found if re.match(r"django\.db\b", each[1])]


IN_INIT_MODULES = {
    # The one place that says the version, as Python's packages mostly have it.
    "relay_project": ["__version__"],
    # It imports TikTokLive before any of its modules does.
    "tiktok": ["import warnings", "with warnings.catch_warnings():"],
}


@pytest.mark.parametrize("app", APPS)
def test_an_init_module_holds_a_docstring_and_little_else(app: str) -> None:
    files = sorted((ROOT / app).rglob("__init__.py"))
    assert files
    for file in files:
        tree = ast.parse(file.read_text())
        assert ast.get_docstring(tree), file
        lines = [ast.unparse(statement).splitlines()[0] for statement in tree.body[1:]]
        others = [line.partition(" = ")[0] for line in lines]
        assert others == IN_INIT_MODULES.get(file.parent.name, []), file


def test_templates_and_static_files_of_accounts_name_nothing_of_live() -> None:
    """The project's own templates, `admin/` among them, put the apps together and may."""
    tags = [file.stem for file in (ROOT / "live/templatetags").glob("[!_]*.py")]
    addresses = [pattern.name for pattern in _named(live_urls.urlpatterns)]
    named = re.compile(
        r"\blive/|\bis[-_]?live\b"
        rf"|{{% load [^%]*\b({'|'.join(tags)})\b"
        rf"|{{% url ['\"]({'|'.join(map(re.escape, addresses))})['\"]",
        re.IGNORECASE,
    )
    folders = ("templates/accounts", "templates/registration", "accounts/static")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]
    assert len(files) > 10
    assert not [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if named.search(line)
    ]


def _named(patterns: list[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _named(pattern.url_patterns)
        else:
            yield pattern


def test_a_command_does_not_load_tiktoklive() -> None:
    """It costs two and a half seconds at each start of a command, and few commands need it."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "manage.py", "prune_connections", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "live.templatetags.connections" in loaded
    assert not {"TikTokLive", "live.tiktok.decoding"} & loaded


def test_a_server_does_not_carry_the_stand_in_along() -> None:
    modules = carried_along()
    assert not modules & {"aiohttp", "standin.server", "standin.messages"}
    assert "rehearsal" not in modules


def test_a_server_that_rehearses_carries_the_stand_in_s_messages_only() -> None:
    modules = carried_along(RELAY_TEST_ENDPOINT="always")
    assert {"rehearsal.relay", "standin.messages"} <= modules
    assert not modules & {"aiohttp", "standin.server", "standin.room"}
