"""Write the published contract into the repository."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from live.contract.asyncapi import asyncapi_yaml
from live.contract.promises import promises
from live.contract.schemas import frame_schema_json
from live.protocol.frames import DATA

__all__ = ["BASELINE", "Command", "files"]

BASELINE = Path("tests/live/contract/baseline.json")


def files() -> dict[Path, str]:
    """The contract's files by their paths in the repository."""
    schemas = {Path(f"docs/schemas/{kind}.json"): frame_schema_json(kind) for kind in DATA}
    return {Path("docs/asyncapi.yaml"): asyncapi_yaml(), **schemas}


class Command(BaseCommand):
    help = (
        "Writes docs/asyncapi.yaml and docs/schemas/, which are generated from the code. "
        "Schemas of frames that exist no more are deleted."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--baseline",
            action="store_true",
            help=(
                f"also write {BASELINE}: what clients may rely on from now on. "
                "Only for a release that is meant to break what does not fit it."
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        written = files()
        if options["baseline"]:
            written[BASELINE] = json.dumps(promises(), indent=1, sort_keys=True) + "\n"
        root = Path(settings.BASE_DIR)
        for stale in (root / "docs/schemas").glob("*.json"):
            if stale.relative_to(root) not in written:
                stale.unlink()
        for path, text in written.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        self.stdout.write(f"{len(written)} files written")
