"""Print the comments and gifts of a LIVE, whatever the network does.

pip install websockets
python watch.py 'ws://127.0.0.1:8000/ws/<token>'
"""

import asyncio
import json
import os
import random
import sys
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

# Errors that another attempt would only meet again; docs/app/mobile.md says what to do about each.
FINAL = {
    *("invalid_token", "token_revoked", "account_disabled", "username_missing"),
    *("username_invalid", "bad_request", "user_not_found", "age_restricted", "sign_forbidden"),
}
# Seconds to wait at least, where the error does not say how long.
AT_LEAST = {
    "rate_limited": 60,
    "tiktok_blocked": 60,
    "too_many_connections": 30,
    "sign_unavailable": 30,
    "tiktok_timeout": 10,
    "internal_error": 10,
    "connection_lost": 5,
}


def say(line: str) -> None:
    """Print a line. The program ends when nobody reads it any more, as behind `| head -1`."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Otherwise Python tries again to write it at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit()


async def watch(address: str) -> int:
    """Returns 0 when the LIVE has ended, 1 after an error that a retry can't cure."""
    cursor, attempt = "", 0
    while True:
        error: dict[str, Any] = {}
        query = "?types=comment,gift&wait=1" + (f"&since={cursor}" if cursor else "")
        try:
            async with connect(address + query, max_size=None) as socket:
                async for text in socket:
                    frame = json.loads(text)
                    data = frame["data"]
                    cursor = frame.get("cursor") or data.get("cursor") or cursor
                    match frame["type"]:
                        case "connected":
                            attempt = 0
                            say(f"@{data['username']} is live")
                        case "comment":
                            say(f"{data['user']['nickname']}: {data['text']}")
                        case "gift" if data["streak"] != "ongoing":  # counts every gift once
                            gift = f"{data['count']} × {data['gift']['name']}"
                            say(f"{data['user']['nickname']} sends {gift}")
                        case "gap":
                            say(f"(missed: {data['missed'] or 'unknown'})")
                        case "error":
                            error = data
                            say(f"{data['title']}. {data['detail']}")
            if socket.close_code == 1000:
                return 0
        except (OSError, ConnectionClosed, InvalidHandshake):
            pass  # the network, or the close that the error announced
        if error.get("code") in FINAL:
            return 1
        backoff = random.uniform(0.5, 1) * min(30, 2**attempt)
        at_least = AT_LEAST.get(error.get("code", ""), 0)
        await asyncio.sleep(error.get("retry_after", at_least) + backoff)
        attempt += 1


if __name__ == "__main__":
    sys.exit(asyncio.run(watch(sys.argv[1])))
