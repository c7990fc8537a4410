"""Serves the relay with Uvicorn, with the options that it needs: `python -m relay_project.serve`.

All other options of Uvicorn are passed on, such as `--host`, `--port` and `--uds`.
"""

from __future__ import annotations

import sys

import uvicorn

__all__ = ["OPTIONS", "main"]

OPTIONS = (
    # The implementation with backpressure.
    *("--ws", "websockets-sansio"),
    # Frames are small, and compressing each for each socket costs more than the frames.
    *("--ws-per-message-deflate", "false"),
    # Whom to believe is a setting, TRUSTED_PROXIES.
    "--no-proxy-headers",
    # A client that sends more in one message is cut off, before it fills the memory.
    *("--ws-max-size", "2097152"),
    # A stop takes five seconds at most.
    *("--timeout-graceful-shutdown", "10"),
)


def main() -> None:
    uvicorn.main(["relay_project.asgi:application", *OPTIONS, *sys.argv[1:]])


if __name__ == "__main__":
    main()
