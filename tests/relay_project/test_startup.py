"""The time limits of connections to the database, with the settings as a server reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
import django
django.setup()
from django.db import connection
from live.connections.database import own_connection
from relay_project.startup import limit_statements
if sys.argv[1] == "server":
    limit_statements()
shown = connection if sys.argv[2] == "shared" else own_connection(3, 0.5)
print(json.dumps(shown.settings_dict["OPTIONS"]))
"""


def options(database: str, process: str, connection: str = "shared") -> dict[str, Any]:
    """What the driver gets, in a server or in a command."""
    printed = subprocess.check_output(
        [sys.executable, "-c", PROGRAM, process, connection],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "relay_project.settings",
            "SECRET_KEY": "of the tests",
            "DATABASE_URL": database,
        },
    )
    found: dict[str, Any] = json.loads(printed)
    return found


def test_a_server_limits_statements_and_a_command_does_not() -> None:
    assert options("postgres://a@b/c", "server")["options"] == "-c statement_timeout=30000"
    command = options("postgres://a@b/c", "command")
    assert "options" not in command
    assert (command["connect_timeout"], command["tcp_user_timeout"]) == (10, 30_000)


def test_what_the_address_says_counts() -> None:
    address = "postgres://a@b/c?connect_timeout=3&options=-c%20statement_timeout%3D7"
    found = options(address, "server")
    assert (found["connect_timeout"], found["options"]) == (3, "-c statement_timeout=7")


@pytest.mark.parametrize(("given", "expected"), [("", 5), ("?timeout=20", 20)])
def test_sqlite_waits_for_whoever_writes(given: str, expected: int) -> None:
    assert options(f"sqlite:///x.sqlite3{given}", "server")["timeout"] == expected


def test_a_connection_of_its_own_has_stricter_limits() -> None:
    found = options("postgres://a@b/c?options=-c%20x.y%3D1", "server", "own")
    assert found["options"] == "-c x.y=1 -c statement_timeout=500"
    assert (found["connect_timeout"], found["tcp_user_timeout"]) == (3, 500)
    assert options("sqlite:///x.sqlite3", "server", "own")["timeout"] == 0.5
