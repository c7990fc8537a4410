"""`python -m soak [--minutes N] [--streams N] [--phones N] [--seed N]`: run it, print the table."""

from __future__ import annotations

import argparse
import signal
import sys

from bench.results import table
from soak.running import Settings, run


def main() -> None:
    settings = _parse()
    # Children are ended when a signal ends us, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    result = run(settings, print_to=sys.stderr)
    print(table(result.rows))
    for violation in result.violations:
        print(f"VIOLATION {violation}")
    if not result.is_good:
        sys.exit(1)


def _parse() -> Settings:
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=usual.minutes, help="(%(default)g)")
    parser.add_argument("--streams", type=int, default=usual.streams, help="(%(default)d)")
    parser.add_argument("--phones", type=int, default=usual.phones, help="(%(default)d)")
    parser.add_argument("--seed", type=int, default=usual.seed, help="of all chance (%(default)d)")
    parser.add_argument(
        "--rate", type=float, default=usual.rate, help="comments a second and LIVE (%(default)g)"
    )
    return Settings(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
