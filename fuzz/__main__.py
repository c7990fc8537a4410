"""`python -m fuzz [targets…] [--inputs N] [--seed N]`: give each target so many spoilt inputs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bench.results import ROOT
from fuzz.running import Report, Target, run

# By name: the module, which is imported once Django is set up, and its function.
TARGETS = {
    "messages": "texts",
    "cursors": "texts",
    "options": "texts",
    "usernames": "texts",
    "decoder": "tiktok",
    "feeds": "feeds",
    "state_file": "feeds",
    "entries": "cluster",
}
_INPUTS = 1_000_000


def main() -> None:
    arguments = _parse()
    set_up()
    # `timeout` sends it: what was seen until then is told.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = []
    for name in arguments.targets or TARGETS:
        print(f"{name} …", file=sys.stderr, flush=True)
        target = target_named(name)
        try:
            report = run(target, arguments.inputs, arguments.seed, arguments.first)
        finally:
            target.close()
        print(summary(name, report), flush=True)
        if report.findings:
            failed.append(name)
            _write(arguments.found, name, arguments.seed, report)
        if report.was_stopped:
            sys.exit("stopped before the end")
    if failed:
        sys.exit(f"something was found in: {', '.join(failed)}")


def set_up() -> None:
    """Have Django ready for the code under test."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    os.environ.setdefault("SECRET_KEY", "of the fuzzing")
    django.setup()


def target_named(name: str) -> Target:
    make: Callable[[], Target] = getattr(import_module(f"fuzz.{TARGETS[name]}"), name)
    return make()


def summary(name: str, report: Report) -> str:
    """What came of a run, for a person."""
    slowest, number = report.slowest
    rate = report.inputs / report.seconds if report.seconds else 0
    memory = f"memory {report.blocks:+,} blocks, {report.bytes / 2**20:+.1f} MiB"
    if not report.memory_known:
        memory = "memory not judged"
    lines = [
        f"{name}: {report.inputs:,} inputs, {rate:,.0f} a second, {report.found:,} findings; "
        f"slowest {slowest * 1e3:.1f} ms (number {number}); {memory}",
        *(f"  {count:>9,}  {kind}" for kind, count in report.kinds.most_common()),
    ]
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--inputs", type=int, default=_INPUTS, help=f"for each ({_INPUTS:,})")
    parser.add_argument("--seed", type=int, default=1, help="other inputs for another one (1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (0)")
    parser.add_argument(
        "--found", type=Path, default=ROOT / "fuzz" / "found", help="folder for findings"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    return arguments


def _write(folder: Path, name: str, seed: int, report: Report) -> None:
    """Write each sort of finding into a file, and show its end here."""
    folder.mkdir(parents=True, exist_ok=True)
    for finding in report.findings:
        file = folder / f"{name}-{seed}-{finding.number}.txt"
        again = f"python -m fuzz {name} --seed {seed} --first {finding.number} --inputs 1"
        file.write_text(f"{finding.what}\n{again}\n\n{finding.text}", errors="backslashreplace")
        print(f"\n{finding.what}: {file}\n  {again}\n{finding.text[-3000:]}")


if __name__ == "__main__":
    main()
