"""Messages as TikTok sent them, from a file that lies outside the project.

`TIKTOK_CAPTURES` names it; without that, it is `../shared/captures/webcast-2023-10.json` beside
the project's root.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from standin.messages import Message, read_msg_id

ROOT = Path(__file__).resolve().parents[1]


def captures_path() -> Path:
    """Return where the file is expected."""
    default = ROOT.parent / "shared" / "captures" / "webcast-2023-10.json"
    return Path(os.environ.get("TIKTOK_CAPTURES") or default)


def captures_available() -> bool:
    """Return whether it is there."""
    return captures_path().is_file()


def captures_reason() -> str:
    """Return why a test that needs the file is skipped, for `pytest.mark.skipif`."""
    return f"no captured messages at {captures_path()} (TIKTOK_CAPTURES names another place)"


def load_captures(path: Path | None = None) -> list[Message]:
    """Read `{method: [base64 payload, …]}`; a message's id is its `common.msg_id`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    content: dict[str, list[str]] = json.loads((path or captures_path()).read_bytes())
    payloads = [
        (method, base64.b64decode(encoded))
        for method, encoded_payloads in content.items()
        for encoded in encoded_payloads
    ]
    return [Message(method, payload, read_msg_id(payload)) for method, payload in payloads]
