"""What a line of the log looks like. With real servers, see tests/end_to_end/test_logs.py."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from live.server.log_format import JsonFormatter, TextFormatter
from live.streams import operator_log

JSON = JsonFormatter()
TEXT = TextFormatter("{asctime} {levelname} {name}: {message}", style="{")


def record(message: str, *args: Any, error: bool = False, **extra: Any) -> logging.LogRecord:
    exc_info = sys.exc_info() if error else None
    made = logging.getLogger("live.x").makeRecord(
        "live.x", logging.WARNING, __file__, 1, message, args, exc_info, extra=extra
    )
    made.created, made.msecs = 1_795_000_000.25, 250.0
    return made


def read(line: str) -> dict[str, Any]:
    assert len(line.splitlines()) == 1
    fields: dict[str, Any] = json.loads(line)
    return fields


class TestJson:
    def test_a_line_has_time_level_logger_and_message(self) -> None:
        assert read(JSON.format(record("Подключение к %s", "anna"))) == {
            "time": "2026-11-18T11:06:40.250Z",
            "level": "WARNING",
            "logger": "live.x",
            "message": "Подключение к anna",
        }

    def test_it_says_whom_it_is_about(self) -> None:
        fields = read(JSON.format(record("x", socket=7, stream="anna", account=3, other="y")))
        assert (fields["socket"], fields["stream"], fields["account"]) == (7, "anna", 3)
        assert "other" not in fields

    @pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\u2028b\u0085c", "\x1b[31m", '"}\n{"'])
    def test_a_message_can_begin_no_line_of_its_own(self, text: str) -> None:
        assert read(JSON.format(record("%s", text)))["message"] == text

    def test_an_exception_is_in_the_same_line(self) -> None:
        try:
            raise ValueError("no\nmore")
        except ValueError:
            fields = read(JSON.format(record("it failed", error=True)))
        assert fields["message"] == "it failed"
        assert fields["exception"].startswith("Traceback (most recent call last)")
        assert fields["exception"].endswith("ValueError: no\nmore")

    def test_a_redacted_traceback_stays_so(self) -> None:
        made = record("x")
        made.exc_text = "…"
        assert read(JSON.format(made))["exception"] == "…"

    def test_what_is_no_unicode_can_be_written(self) -> None:
        line = JSON.format(record("%s", "x\udcff"))
        assert read(line.encode().decode())["message"] == "x\udcff"

    def test_arguments_that_do_not_fit_leave_the_message(self) -> None:
        assert read(JSON.format(record("%d of %d", 1)))["message"] == "%d of %d"


class TestText:
    def test_it_is_a_line_for_people(self) -> None:
        assert TEXT.format(record("✅ @%s", "anna")).endswith(",250 WARNING live.x: ✅ @anna")

    def test_a_message_can_begin_no_line_of_its_own(self) -> None:
        line = TEXT.format(record("%s", "a\r\n2026 INFO live: all is well\u2028x"))
        assert len(line.splitlines()) == 1

    def test_a_traceback_follows(self) -> None:
        try:
            raise ValueError("no")
        except ValueError:
            lines = TEXT.format(record("it failed", error=True)).splitlines()
        assert lines[0].endswith("it failed")
        assert lines[-1] == "ValueError: no"


def test_operators_lines_say_whom_they_are_about(caplog: pytest.LogCaptureFixture) -> None:
    operator_log.connecting("anna")
    operator_log.username_missing(17)
    about = [read(JSON.format(made)) for made in caplog.records]
    assert about[0]["stream"] == "anna"
    assert about[1]["account"] == 17
