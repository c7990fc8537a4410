"""`python -m bench [names…] [--quick] [--json FILE]`: measure, print the table, write JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.results import ROOT, Options, Row, circumstances, table

NAMES = (
    *("pipeline", "stages", "fanout", "batching"),
    *("one_upstream", "memory", "connecting", "latency", "slow_client", "guessing", "pages"),
    "live_pages",
    *("streams", "cluster", "waiting", "routes", "socket_libraries"),
    *("sign_budget", "frames", "history", "webhooks", "overlays", "first_paint"),
)


def main() -> None:
    arguments = _parse()
    # Children are ended when a signal ends us, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    os.environ.setdefault("SECRET_KEY", "of the benchmark")
    options = Options(
        quick=arguments.quick,
        slow_seconds=arguments.slow_seconds or (5 if arguments.quick else 60),
        givers=arguments.givers,
        kinds=arguments.kinds,
        minutes=arguments.minutes,
    )
    report = circumstances()
    rows: list[Row] = []
    failed = []
    for name in arguments.names or NAMES:
        began = time.monotonic()
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        try:
            of_one = import_module(f"bench.{name}").run(options)
        except Exception:  # the other benchmarks' results are worth having
            traceback.print_exc()
            failed.append(name)
            continue
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        for row in of_one:
            print("  " + " | ".join(row.cells()), file=sys.stderr)
        rows += of_one
    print(table(rows))
    _write(arguments.json, report, options, rows)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--quick", action="store_true", help="shorter, and less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: in bench/results/")
    parser.add_argument(
        "--slow-seconds", type=float, help="how long slow_client's client does not read (60)"
    )
    parser.add_argument(
        "--givers", type=int, default=1_000, help="of each LIVE in live_pages (1,000)"
    )
    parser.add_argument("--kinds", nargs="+", default=(), metavar="KIND", help="of overlays (all)")
    parser.add_argument(
        "--minutes", type=float, default=0, help="how long each of the overlays is open (1)"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return arguments


def _write(file: Path | None, report: dict[str, Any], options: Options, rows: list[Row]) -> None:
    if file is None:
        stamp = report["date"].replace(":", "").partition("+")[0]
        file = ROOT / "bench" / "results" / f"{stamp}.json"
        file.parent.mkdir(exist_ok=True)
    report |= {
        "quick": options.quick,
        "rows": [
            {
                **dict(
                    zip(
                        ("what", "relay", "reference", "ratio", "goal"),
                        row.cells()[:5],
                        strict=True,
                    )
                ),
                "met": row.met,
                "figures": row.figures,
            }
            for row in rows
        ],
    }
    file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {file}", file=sys.stderr)


if __name__ == "__main__":
    main()
