"""The benchmarks can still be run: what they take from the project is there."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

from bench import pipeline, socket_libraries
from bench.__main__ import NAMES
from bench.standin import StandIn

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "bench").glob("*.py"))
OURS = ("accounts", "bench", "live", "rehearsal", "standin", "tests")
# Configures Django for itself, so that it can't be imported beside the project's settings.
ALONE = {"channels_reference"}


def test_there_are_benchmarks() -> None:
    assert len(FILES) > 15


@pytest.mark.parametrize("name", [file.stem for file in FILES if file.stem not in ALONE])
def test_a_module_can_be_imported(name: str) -> None:
    import_module(f"bench.{name}")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_what_a_module_imports_is_there(file: Path) -> None:
    """Wherever it imports it: most do so in functions, once Django is set up."""
    missing = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OURS):
            module = import_module(node.module or "")
            missing += [
                f"{node.module}.{alias.name}"
                for alias in node.names
                if not hasattr(module, alias.name) and not _is_module(f"{node.module}.{alias.name}")
            ]
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_named(name: str) -> None:
    assert callable(import_module(f"bench.{name}").run)


def test_the_reference_on_node_is_left_out_aloud_where_node_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    row = pipeline._against_node(relay=1e-6, events=200)
    assert row.reference == "not measured: node is missing"
    assert row.met is None


def test_a_socket_library_takes_frames_and_acknowledges_them() -> None:
    assert socket_libraries._measure("picows", "asyncio", frames=20) > 0


def test_many_streamers_are_live_and_nobody_is_connected_to_them_at_first() -> None:
    with StandIn() as tiktok:
        tiktok.go_live(3)
        assert tiktok.ask("all_sockets") == 0
        tiktok.prepare(200, 2)
        tiktok.push_each(3, rate=10_000, within=20)


def _is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True
