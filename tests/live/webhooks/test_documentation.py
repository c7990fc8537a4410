"""What docs/app/webhooks.md shows: its programs verify, and its examples have the fields."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from live.protocol.frames import FrameType
from live.webhooks.events import happenings
from live.webhooks.models import EventType, new_secret
from live.webhooks.signing import signed_headers
from tests.support.heard import entry, make_live, piece
from tests.support.node import find_node, run_command

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/app/webhooks.md"
SECRET = new_secret()
BODY = json.dumps({"type": "test", "data": {"text": "привет"}}, ensure_ascii=False)


def blocks(language: str) -> list[str]:
    text = DOCUMENT.read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def headers(age: timedelta = timedelta(), secret: str = SECRET) -> dict[str, str]:
    return signed_headers([secret], "msg_1", datetime.now(UTC) - age, BODY)


def cases() -> dict[str, tuple[dict[str, str], str, bool]]:
    """What a program is given, and whether it is genuine. Made when it is tried: it grows old."""
    two = signed_headers([new_secret(), SECRET], "msg_1", datetime.now(UTC), BODY)
    return {
        "genuine": (headers(), BODY, True),
        "of another secret": (headers(secret=new_secret()), BODY, False),
        "of two secrets": (two, BODY, True),
        "changed": (headers(), BODY.replace("test", "gift"), False),
        "old": (headers(timedelta(minutes=6)), BODY, False),
    }


@pytest.mark.parametrize("case", cases())
def test_the_python_program_verifies(case: str) -> None:
    given, body, is_genuine = cases()[case]
    [program] = blocks("python")
    names: dict[str, Any] = {}
    exec(program, names)
    if is_genuine:
        assert names["read_event"](SECRET, given, body.encode()) == json.loads(BODY)
    else:
        with pytest.raises(WebhookVerificationError):
            names["read_event"](SECRET, given, body.encode())


def test_the_javascript_program_verifies(tmp_path: Path) -> None:
    [program] = blocks("js")
    (tmp_path / "read.mjs").write_text(program)
    tried = cases().values()
    (tmp_path / "cases.json").write_text(json.dumps([case[:2] for case in tried]))
    (tmp_path / "main.mjs").write_text(
        'import { readFileSync } from "node:fs";\n'
        'import { readEvent } from "./read.mjs";\n'
        'const cases = JSON.parse(readFileSync("cases.json", "utf8"));\n'
        "const results = cases.map(([headers, body]) => {\n"
        f"  try {{ return readEvent({json.dumps(SECRET)}, headers, body).type === 'test'; }}\n"
        "  catch { return false; }\n"
        "});\n"
        "console.log(JSON.stringify(results));\n"
    )
    run = run_command(find_node(), "main.mjs", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [is_genuine for *_, is_genuine in tried]


@pytest.mark.django_db
def test_the_examples_have_the_fields_that_are_sent() -> None:
    live = make_live()
    gift = entry(FrameType.GIFT, streak="ended")
    told = happenings(piece(gift, live=live, has_ended=True), 0, frozenset(EventType))
    sent = {happening.type: happening.data for happening in told}
    shown = {example["type"]: example["data"] for example in map(json.loads, blocks("json"))}
    assert shown.keys() == {"gift", "live.ended"}
    for name, data in shown.items():
        optional = {"to_user"}
        assert data.keys() == sent[EventType(name)].keys() - optional
    recap = sent[EventType.LIVE_ENDED]["recap"]
    assert shown["live.ended"]["recap"].keys() == recap.keys()
