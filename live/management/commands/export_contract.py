"""Write the published contract into the repository."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from live.contract.asyncapi import asyncapi_yaml
from live.contract.promises import promises
from live.contract.schemas import frame_schema_json, schemas
from live.contract.translations import ENGLISH, TEXTS, paragraphs_in
from live.pages.docs.operations import published
from live.protocol.frames import DATA
from live.protocol.options import OPTIONS, TEST_OPTIONS

__all__ = ["BASELINE", "Command", "descriptions", "files"]

BASELINE = Path("tests/live/contract/baseline.json")


def files() -> dict[Path, str]:
    """The contract's files by their paths in the repository."""
    schemas = {Path(f"docs/schemas/{kind}.json"): frame_schema_json(kind) for kind in DATA}
    texts = {
        TEXTS / f"{language}.json": _texts(TEXTS / f"{language}.json")
        for language in settings.LANGUAGE_CODES
        if language != ENGLISH
    }
    return {Path("docs/asyncapi.yaml"): asyncapi_yaml(), **schemas, **texts}


@cache
def descriptions() -> list[str]:
    """Every paragraph that describes the contract or the REST API, once, in English."""
    described = [schemas(), OPTIONS, TEST_OPTIONS, published()]
    return list(dict.fromkeys(text for part in described for text in paragraphs_in(part)))


def _texts(path: Path) -> str:
    """The file of translations, with a place for each description and for nothing else."""
    file = Path(settings.BASE_DIR) / path
    known = json.loads(file.read_text()) if file.exists() else {}
    texts = {text: known.get(text, "") for text in descriptions()}
    return json.dumps(texts, indent=1, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    help = (
        "Writes docs/asyncapi.yaml, docs/schemas/ and the places for translations in "
        "live/contract/texts/, which are generated from the code. "
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
        root = Path(settings.BASE_DIR)
        written = files()
        if options["baseline"]:
            written[BASELINE] = json.dumps(promises(), indent=1, sort_keys=True) + "\n"
        for stale in (root / "docs/schemas").glob("*.json"):
            if stale.relative_to(root) not in written:
                stale.unlink()
        for path, text in written.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        self.stdout.write(f"{len(written)} files written")
