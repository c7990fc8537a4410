"""PostgreSQL, Redis and nginx as they are installed on this machine, for private servers of them:
those of `make run-cluster`, and those of the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

__all__ = ["PostgreSQLPrograms", "find_nginx", "find_redis", "nginx_main"]

_WITHIN = 60
_NGINX_MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {errors};
events {{ worker_connections {connections}; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class PostgreSQLPrograms:
    """Attributes:
    folder: of the programs.
    user: who they have to run as; None for whoever runs this process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # PostgreSQL does not run as root.
        self.user = "postgres" if os.getuid() == 0 else None

    @classmethod
    def find(cls, version: str = "") -> PostgreSQLPrograms | None:
        """The newest that is installed; or those of a major version. None if there are none."""
        # Debian has a folder for each version, which is not in PATH.
        debian = {path.parent.name: path for path in Path("/usr/lib/postgresql").glob("*/bin")}
        if version in debian:
            return cls(debian[version])
        if debian:
            return cls(debian[max(debian, key=lambda name: [int(n) for n in name.split(".")])])
        initdb = shutil.which("initdb")
        return cls(Path(initdb).resolve().parent) if initdb else None

    def make_folder(self, folder: Path) -> None:
        """Make a folder that is PostgreSQL's alone, if there is none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is not None:
            os.chown(folder, pwd.getpwnam(self.user).pw_uid, -1)

    def make_database(self, data: Path) -> None:
        """Make the files of a server with the user `relay`, whom it asks for no password.

        Raises:
            subprocess.CalledProcessError: `initdb` failed; `stderr` says why.
        """
        self.run("initdb", "--pgdata", data, "--auth", "trust", "--username", "relay")

    def run(self, program: str, *arguments: str | Path) -> None:
        """Raises:
        subprocess.CalledProcessError: it failed.
        """
        subprocess.run(  # noqa: S603 -- PostgreSQL's programs
            [self.folder / program, *arguments],
            cwd="/",
            user=self.user,
            stdout=subprocess.DEVNULL,
            # Not a pipe: what it leaves running would keep that open.
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            check=True,
            text=True,
            timeout=_WITHIN,
        )


def find_redis() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def find_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def nginx_main(folder: Path, errors: str, connections: int) -> str:
    """nginx's main configuration, which includes `site.conf`. nginx stays in the foreground.

    Args:
        folder: for all that nginx writes, and of `site.conf`.
        errors: what `error_log` shall have: a place and a level.
        connections: of each of its processes; a socket takes two.
    """
    user = "user root;" if os.getuid() == 0 else ""
    return _NGINX_MAIN.format(user=user, folder=folder, errors=errors, connections=connections)
