"""The scripts' own tests, by Node's test runner. `make lint` checks their types."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from live.protocol.errors import ErrorCode
from tests.support.node import find_node, run_command

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "live" / "static" / "live" / "relay-client.js"
TESTS = sorted(Path(__file__).parent.glob("*.test.js"))


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node. Without it, these tests are skipped; in CI they fail."""
    return find_node()


def test_the_scripts_pass_their_tests(node: str) -> None:
    ran = run_command(node, "--test", "--test-reporter=tap", *TESTS)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counted = re.search(r"^# pass (\d+)$", ran.stdout, re.MULTILINE)
    assert counted is not None
    assert int(counted[1]) > 100


def test_the_client_knows_what_to_do_after_each_error_of_the_relay(node: str) -> None:
    code = f"import {{ POLICIES }} from {CLIENT.as_uri()!r}; " + (
        "console.log(JSON.stringify(Object.keys(POLICIES)))"
    )
    printed = run_command(node, "--input-type=module", "--eval", code)
    assert set(json.loads(printed.stdout)) == set(ErrorCode)


def test_missing_node_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="there is no node"):
        find_node()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="there is no node"):
        find_node()
