"""What a benchmark reports, and how it is printed and kept."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["Options", "Row", "circumstances", "table"]

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = (
    *("TikTokLive", "betterproto2", "protobuf", "msgspec", "Django", "channels"),
    *("uvicorn", "uvloop", "websockets", "daphne", "Twisted", "aiohttp"),
)
_HEADINGS = ("what", "relay", "reference", "ratio", "goal", "met")


@dataclass(frozen=True)
class Options:
    """How thorough a run is. `slow_seconds` is how long a client does not read in `slow_client`;
    `givers`, how many people gave in each LIVE of `live_pages`; `kinds`, which `overlays` are open
    (none named: all), and `minutes`, for how long each (0: as thorough as the rest)."""

    quick: bool = False
    slow_seconds: float = 60
    givers: int = 1_000
    kinds: Sequence[str] = ()
    minutes: float = 0

    def of(self, thorough: int, quick: int) -> int:
        return quick if self.quick else thorough


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        met: whether the goal is; None where there is none.
        figures: what was measured, for the JSON file.
        notes: printed below the table.
    """

    what: str
    relay: str
    reference: str = "–"
    ratio: str = "–"
    goal: str = "–"
    met: bool | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def cells(self) -> tuple[str, ...]:
        met = {True: "yes", False: "NO", None: "–"}[self.met]
        return (self.what, self.relay, self.reference, self.ratio, self.goal, met)


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, and their notes below it."""
    rows = list(rows)
    lines = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"- {row.what}: {note}" for row in rows for note in row.notes]
    return "\n".join([*padded, "", *notes])


def circumstances() -> dict[str, Any]:
    """Machine, versions, date: without them figures mean little."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "load": os.getloadavg(),
        },
        "versions": {"Python": platform.python_version()}
        | {package: version(package) for package in _PACKAGES},
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
