"""The benchmarks can still be run: what they take from the project is there."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

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


def _is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True
