"""Every place that says the version says the same."""

from __future__ import annotations

import re
import tomllib
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from live.contract.asyncapi import asyncapi
from relay_project import __version__
from relay_project.api import api

ROOT = Path(settings.BASE_DIR)


def test_it_has_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_project_file_says_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_the_command_prints_it() -> None:
    output = StringIO()
    call_command("relay_version", stdout=output)
    assert output.getvalue() == f"{__version__}\n"


def test_the_descriptions_of_both_interfaces_say_the_same() -> None:
    assert asyncapi()["info"]["version"] == __version__
    written = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
    assert written["info"]["version"] == __version__
    assert api.get_openapi_schema()["info"]["version"] == __version__


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/login/", "/admin/login/", "/nothing"])
def test_the_foot_of_a_page_says_it(client: Client, address: str) -> None:
    assert f"Version {__version__}" in client.get(address).text
