"""The published contract: files, schemas, the AsyncAPI document, and what clients rely on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from live.contract import asyncapi as contract
from live.contract.examples import example
from live.management.commands import export_contract
from live.protocol import frames
from live.protocol import options as clients
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.protocol.frames import DATA, EVENT_TYPES, FrameType
from live.protocol.options import OPTIONS, TEST_OPTIONS, SocketOptions
from tests.live.contract.changes import breaks
from tests.support.contract import check_frame
from tests.support.node import cannot_run, find_node, run_command

ROOT = Path(settings.BASE_DIR)
PARSER = ROOT / "tools" / "asyncapi"
EXPORT = "run `make contract` and commit what it writes"


class TestTheFiles:
    def test_they_are_what_the_code_gives(self) -> None:
        written = export_contract.files()
        differ = [
            str(path)
            for path, text in written.items()
            if not (ROOT / path).exists() or (ROOT / path).read_text() != text
        ]
        assert differ == [], EXPORT

    def test_none_is_left_over(self) -> None:
        expected = {f"{kind}.json" for kind in DATA}
        assert {path.name for path in (ROOT / "docs/schemas").iterdir()} == expected, EXPORT

    def test_the_command_writes_them(self, tmp_path: Path, settings: Any) -> None:
        settings.BASE_DIR = tmp_path
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        stale = tmp_path / "docs/schemas/gone.json"
        stale.parent.mkdir(parents=True)
        stale.write_text("{}")
        call_command("export_contract", verbosity=0)
        written = {p.relative_to(tmp_path) for p in (tmp_path / "docs").rglob("*") if p.is_file()}
        assert written == set(export_contract.files())

    def test_the_command_writes_the_baseline_only_when_told_to(
        self, tmp_path: Path, settings: Any
    ) -> None:
        settings.BASE_DIR = tmp_path
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        call_command("export_contract", verbosity=0)
        assert not (tmp_path / export_contract.BASELINE).exists()
        call_command("export_contract", "--baseline", verbosity=0)
        baseline = json.loads((tmp_path / export_contract.BASELINE).read_text())
        assert baseline == contract.promises()


class TestWhatClientsRelyOn:
    def test_nothing_breaks_them(self) -> None:
        baseline = json.loads((ROOT / export_contract.BASELINE).read_text())
        assert breaks(baseline, contract.promises()) == []

    def test_it_notices_every_field_that_goes(self) -> None:
        promised = contract.promises()
        for kind in DATA:
            changed = json.loads(json.dumps(promised))
            del changed["schemas"][contract.name_of(kind)]["properties"]["ts"]
            lines = breaks(promised, changed)
            assert lines
            assert all(line.endswith(".ts: is gone") for line in lines)

    def test_it_notices_a_streak_without_an_end(self) -> None:
        promised = contract.promises()
        changed = json.loads(json.dumps(promised))
        changed["schemas"]["StreakState"]["enum"].remove("ended")
        assert any("is never 'ended' any more" in line for line in breaks(promised, changed))


@pytest.mark.parametrize("kind", DATA)
class TestAFramesSchema:
    def test_it_is_valid_and_fits_the_example(self, kind: FrameType) -> None:
        schema = contract.frame_schema(kind)
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(example(kind))
        check_frame(example(kind))

    def test_it_needs_no_other(self, kind: FrameType) -> None:
        schema = contract.frame_schema(kind)
        referred = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(schema)))
        assert referred == set(schema["$defs"])

    def test_it_asks_for_what_is_always_there(self, kind: FrameType) -> None:
        schema = contract.frame_schema(kind)
        frame = example(kind)
        assert {"type", "ts", "data"} <= set(schema["required"]) <= set(frame)
        for name in schema["required"]:
            without = {key: value for key, value in frame.items() if key != name}
            assert not Draft202012Validator(schema).is_valid(without)
        if kind in EVENT_TYPES:
            assert "cursor" in schema["required"]

    def test_it_lets_clients_pass_over_what_is_new(self, kind: FrameType) -> None:
        frame = {**example(kind), "new": 1}
        Draft202012Validator(contract.frame_schema(kind)).validate(frame)
        with pytest.raises(AssertionError, match="breaks the contract"):
            check_frame(frame)


class TestTheCheckOfFrames:
    @pytest.mark.parametrize(
        "change",
        [
            {"type": "chat"},
            {"ts": "now"},
            {"cursor": None},
            {"id": 7412000000000000017},
            {"data": {}},
            {"data": {**example(FrameType.COMMENT)["data"], "text": None}},
            {"data": {**example(FrameType.COMMENT)["data"], "extra": 1}},
        ],
    )
    def test_it_fails(self, change: Any) -> None:
        with pytest.raises(AssertionError):
            check_frame({**example(FrameType.COMMENT), **change})

    def test_it_looks_into_batches(self) -> None:
        batch = example(FrameType.BATCH)
        check_frame(batch)
        del batch["data"]["events"][0]["data"]["text"]
        with pytest.raises(AssertionError):
            check_frame(batch)


class TestDescriptions:
    def test_they_are_docstrings_and_comments(self) -> None:
        schemas = contract.schemas()
        assert schemas["GiftFrame"]["description"] == schemas["Gift"]["description"]
        assert "count" in str(frames.Gift.__doc__)
        assert contract.field_comments(frames.Emote) == {
            "index": "Where in the text it stands, in TikTok's count; "
            "absent where there is no text."
        }

    def test_a_class_without_a_docstring_has_none(self) -> None:
        assert frames.Nothing.__doc__ is None
        assert "description" not in contract.schemas()["Nothing"]
        assert contract.schemas()["PongFrame"]["description"] == "A frame of type pong."


class TestAsyncapi:
    def test_asyncapis_own_parser_has_nothing_against_it(self) -> None:
        node = find_node()
        if not (PARSER / "node_modules").exists():
            cannot_run("AsyncAPI's parser is not installed; `make test` does so where there is npm")
        result = run_command(node, "validate.mjs", ROOT / "docs/asyncapi.yaml", cwd=PARSER)
        assert result.returncode == 0, result.stdout + result.stderr

    def test_it_names_every_frame_error_and_option(self) -> None:
        document = yaml.safe_load(contract.asyncapi_yaml())
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
        english = contract.asyncapi()
        settings.LANGUAGE_CODE = "ru"
        assert contract.asyncapi() == english


class TestTheOptions:
    """What the schemas of the options allow is what the server takes."""

    def takes(self, query: str) -> bool:
        try:
            SocketOptions.parse(query, test=True)
        except RelayError:
            return False
        return True

    def test_it_names_all_that_the_server_reads(self) -> None:
        names = {*OPTIONS, *TEST_OPTIONS}
        assert names == {*SocketOptions.__dataclass_fields__, "lang"}
        for name in names:
            assert not self.takes(f"{name}=%00")

    @pytest.mark.parametrize("value", ["rate_limited", "nothing", "", *ErrorCode])
    def test_fail(self, value: str) -> None:
        fits = Draft202012Validator(TEST_OPTIONS["fail"]).is_valid(str(value))
        assert self.takes(f"fail={value}") == fits

    @pytest.mark.parametrize("value", ["anna", "a.b-c_1", "../anna", ".anna", "a/b", "%2e%2e", "ы"])
    def test_replay(self, value: str) -> None:
        fits = Draft202012Validator(TEST_OPTIONS["replay"]).is_valid(value)
        assert self.takes(f"replay={value}") == fits

    def test_those_of_the_test_endpoint_mean_nothing_elsewhere(self) -> None:
        options = SocketOptions.parse("fail=rate_limited&replay=../anna")
        assert (options.fail, options.replay) == (None, "")

    @given(st.one_of(st.integers(-5, 5), st.integers(995, 1005), st.integers()))
    def test_batch(self, value: int) -> None:
        fits = Draft202012Validator(OPTIONS["batch"]).is_valid(value)
        assert self.takes(f"batch={value}") == fits

    @pytest.mark.parametrize("name", ["wait", "lang"])
    @pytest.mark.parametrize("value", ["0", "1", "2", "en", "ru", "de", "EN", ""])
    def test_words(self, name: str, value: str) -> None:
        fits = Draft202012Validator(OPTIONS[name]).is_valid(value)
        assert self.takes(f"{name}={value}") == fits

    @pytest.mark.parametrize("value", [clients.ALL_TYPES, "chat", "", *FrameType])
    def test_types(self, value: str) -> None:
        fits = Draft202012Validator(OPTIONS["types"]).is_valid([str(value)])
        assert self.takes(f"types={value}") == fits
        assert self.takes(f"types=comment,{value}") == fits
