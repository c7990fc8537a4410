"""The tests that read captured messages hold with other captures than those at hand."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from standin.captures import ROOT, load_captures
from tests.support.captures import write_other_captures

TESTS = ROOT / "tests"


def readers_of_captures() -> list[str]:
    """The tests, as pytest has their names, that read captures in their own process, be it through
    functions, fixtures and constants of their file."""
    files = sorted([*TESTS.glob("live/**/test_*.py"), *TESTS.glob("standin/test_*.py")])
    return [f"{file}::{name}" for file in files for name in _readers(ast.parse(file.read_text()))]


def _readers(module: ast.Module) -> list[str]:
    definitions = {
        _name(node, inside): _words(node) | (_words(*inside.decorator_list) if inside else set())
        for inside, nodes in (
            (None, module.body),
            *((node, node.body) for node in module.body if isinstance(node, ast.ClassDef)),
        )
        for node in nodes
        if not isinstance(node, ast.ClassDef | ast.Import | ast.ImportFrom)
    }
    reading = {"load_captures"}
    before = 0
    while before < len(reading):
        before = len(reading)
        reading |= {name.split("::")[-1] for name, words in definitions.items() if words & reading}
    return [
        name
        for name, words in definitions.items()
        if name.split("::")[-1].startswith("test_") and words & reading
    ]


def _name(node: ast.stmt, inside: ast.ClassDef | None) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        name = node.name
    else:  # what is assigned to; nothing, for any other statement
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        name = getattr(targets[0], "id", "")
    return f"{inside.name}::{name}" if inside else name


def _words(*nodes: ast.AST) -> set[str]:
    """All names in it, with those of attributes and of arguments, which may be fixtures."""
    return {
        word
        for node in nodes
        for part in ast.walk(node)
        for word in (getattr(part, field, None) for field in ("id", "attr", "arg"))
        if isinstance(word, str)
    }


def test_tests_pass_with_other_captures(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write_other_captures(other)
    numbers = [message.msg_id for message in load_captures(other)]
    assert len(numbers) > 2000
    assert 0 in numbers, "some lack an id"
    assert len(set(numbers)) < len(numbers) - 100, "some come twice"
    readers = readers_of_captures()
    assert len({reader.partition("::")[0] for reader in readers}) > 5
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *readers],
        cwd=ROOT,
        env={**os.environ, "TIKTOK_CAPTURES": str(other)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
