"""Debian's nginx with the project's own configuration, of which only names, paths and times are
replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.support.server import ROOT, free_port
from tools.services import find_nginx, nginx_main

__all__ = ["HOST", "Nginx", "running_nginx"]

HOST = "relay.example"  # as the configuration has it
_WITHIN = 20.0


class Nginx:
    """Attributes:
    http, https: its ports on 127.0.0.1.
    """

    def __init__(self, program: str, folder: Path, replaced: Mapping[str, str]) -> None:
        self.http, self.https = free_port(), free_port()
        self._command = [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        ports = {
            "listen 80;": f"listen 127.0.0.1:{self.http};",
            "listen 443 ssl": f"listen 127.0.0.1:{self.https} ssl",
            # A machine of tests may have no IPv6.
            "listen [::]:80;": f"listen 127.0.0.2:{self.http};",
            "listen [::]:443 ssl": f"listen 127.0.0.2:{self.https} ssl",
            "/var/log/nginx/relay.log": f"{folder}/relay.log",
        }
        for old, new in {**ports, **replaced}.items():
            assert site.count(old) == 1, f"deploy/nginx.conf has not once {old}"
            site = site.replace(old, new)
        (folder / "site.conf").write_text(site)
        main = nginx_main(folder, f"{folder}/error.log notice", connections=256)
        (folder / "nginx.conf").write_text(main)

    def logs(self) -> str:
        """All that nginx has written."""
        return "".join(file.read_text() for file in sorted(self._folder.glob("*.log")))

    async def start(self) -> None:
        """Returns when connections are accepted."""
        self._process = await asyncio.create_subprocess_exec(*self._command)
        async with asyncio.timeout(_WITHIN):
            while True:
                assert self._process.returncode is None, self.logs()
                with contextlib.suppress(OSError):
                    _reader, writer = await asyncio.open_connection("127.0.0.1", self.https)
                    writer.close()
                    await writer.wait_closed()
                    return
                await asyncio.sleep(0.05)

    async def reload(self) -> None:
        """As `systemctl reload nginx`; returns when the workers of before take no more clients."""
        before = self.logs().count("gracefully shutting down")
        process = await asyncio.create_subprocess_exec(*self._command, "-s", "reload")
        assert await process.wait() == 0
        async with asyncio.timeout(_WITHIN):
            while self.logs().count("gracefully shutting down") == before:
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()


@contextlib.asynccontextmanager
async def running_nginx(folder: Path, replaced: Mapping[str, str]) -> AsyncIterator[Nginx]:
    """Skips the test where nginx is not installed.

    Args:
        folder: an empty one, for all that nginx writes.
        replaced: texts that stand once in deploy/nginx.conf, and what comes in their place.
    """
    program = find_nginx()
    if program is None:
        assert "CI" not in os.environ, "CI needs nginx"
        pytest.skip("no nginx: apt-get install --no-install-recommends nginx")
    nginx = Nginx(program, folder, replaced)
    try:
        await nginx.start()
        yield nginx
    finally:
        await nginx.stop()
