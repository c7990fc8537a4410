"""Reads captures: files with real messages of TikTok, which are not part of the repository.

`TIKTOK_CAPTURES` names one file, or a folder of `.json` files. If it is not set, the folder is
`shared/captures` beside the project's own folder.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from standin.messages import Message, read_msg_id

ROOT = Path(__file__).resolve().parents[1]


def captures_path() -> Path:
    """Return the file or folder where captures are expected."""
    default = ROOT.parent / "shared" / "captures"
    return Path(os.environ.get("TIKTOK_CAPTURES") or default)


def captures_available() -> bool:
    """Return whether there are any captures."""
    return bool(_files(captures_path()))


def captures_reason() -> str:
    """Return why a test that needs captures is skipped, for `pytest.mark.skipif`."""
    return f"no captured messages at {captures_path()} (TIKTOK_CAPTURES names another place)"


def load_captures(path: Path | None = None) -> list[Message]:
    """Read captured messages from files with the content `{method: [base64 payload, …]}`.

    The id of a message is read from its field `common.msg_id`.

    Args:
        path: a file, or a folder, whose files are read in the order of their names; None for
            `captures_path()`.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file has other content.
    """
    return [message for file in _files(path or captures_path()) for message in _read(file)]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.json"))
    return [path] if path.exists() else []


def _read(file: Path) -> list[Message]:
    content: dict[str, list[str]] = json.loads(file.read_bytes())
    payloads = [
        (method, base64.b64decode(encoded))
        for method, encoded_payloads in content.items()
        for encoded in encoded_payloads
    ]
    return [Message(method, payload, read_msg_id(payload)) for method, payload in payloads]
