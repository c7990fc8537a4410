"""The AsyncAPI document."""

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from live.contract.asyncapi import asyncapi, asyncapi_yaml
from live.protocol.errors import CloseCode, ErrorCode
from live.protocol.frames import DATA
from live.protocol.options import OPTIONS, TEST_OPTIONS
from tests.support.node import cannot_run, find_node, run_command

ROOT = Path(settings.BASE_DIR)
PARSER = ROOT / "tools" / "asyncapi"


class TestAsyncapi:
    def test_asyncapis_own_parser_has_nothing_against_it(self) -> None:
        node = find_node()
        if not (PARSER / "node_modules").exists():
            cannot_run("AsyncAPI's parser is not installed; `make test` does so where there is npm")
        result = run_command(node, "validate.mjs", ROOT / "docs/asyncapi.yaml", cwd=PARSER)
        assert result.returncode == 0, result.stdout + result.stderr

    def test_it_names_every_frame_error_and_option(self) -> None:
        document = yaml.safe_load(asyncapi_yaml())
        assert set(document["components"]["messages"]) == {*map(str, DATA), "ping"}
        for name, channel in document["channels"].items():
            assert set(channel["messages"]) == {*map(str, DATA), "ping"}
            options = {**OPTIONS, **TEST_OPTIONS} if name.startswith("test") else OPTIONS
            assert set(channel["bindings"]["ws"]["query"]["properties"]) == set(options)
        assert [error["code"] for error in document["x-errors"]] == list(ErrorCode)
        assert {error["close_code"] for error in document["x-errors"]} <= set(
            map(int, document["x-close-codes"])
        )
        assert CloseCode.ABNORMAL not in map(int, document["x-close-codes"])

    def test_it_is_the_same_in_every_language(self, settings: Any) -> None:
        english = asyncapi()
        settings.LANGUAGE_CODE = "ru"
        assert asyncapi() == english
