"""The scripts' own tests, by Node's test runner, and their types, by TypeScript."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from live.protocol.errors import ErrorCode

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "live" / "static" / "live" / "relay-client.js"
CONSOLE = CLIENT.parent / "console" / "console.js"
TESTS = sorted(Path(__file__).parent.glob("*.test.js"))
TYPESCRIPT = "typescript@7.0.2"
OLDEST_NODE = 20


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node. Without it, these tests are skipped."""
    path = shutil.which("node")
    if path is None:
        pytest.skip(f"there is no node: install Node.js {OLDEST_NODE} or later")
    version = _run(path, "--version").stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version.strip()}: install Node.js {OLDEST_NODE} or later")
    return path


@pytest.fixture(scope="module")
def tsc(node: str, request: pytest.FixtureRequest) -> str:
    """The path of the TypeScript compiler, installed once into pytest's cache."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"there is no npm, which installs {TYPESCRIPT}")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir(TYPESCRIPT)
    compiler = folder / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        installed = _run(npm, "install", *options, TYPESCRIPT)
        if installed.returncode:
            pytest.skip(f"npm can't install {TYPESCRIPT}: {installed.stderr.strip()}")
    return str(compiler)


class TestTheClient:
    def test_it_passes_its_tests(self, node: str) -> None:
        ran = _run(node, "--test", "--test-reporter=tap", *map(str, TESTS))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        counted = re.search(r"^# pass (\d+)$", ran.stdout, re.MULTILINE)
        assert counted is not None
        assert int(counted[1]) > 100

    def test_it_knows_what_to_do_after_each_error_of_the_relay(self, node: str) -> None:
        code = f"import {{ POLICIES }} from {CLIENT.as_uri()!r}; " + (
            "console.log(JSON.stringify(Object.keys(POLICIES)))"
        )
        printed = _run(node, "--input-type=module", "--eval", code)
        assert set(json.loads(printed.stdout)) == set(ErrorCode)

    @pytest.mark.parametrize("script", [CLIENT, CONSOLE], ids=["client", "console"])
    def test_its_types_are_sound(self, tsc: str, script: Path) -> None:
        options = "--allowJs --checkJs --strict --noEmit --target es2022 --module esnext"
        checked = _run(tsc, *options.split(), "--lib", "es2022,dom,dom.iterable", str(script))
        assert checked.returncode == 0, checked.stdout


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
