"""`manage.py ensure_demo`: the accounts of `make demo`, and what to do with them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.models import AccessToken, User
from live.protocol.addresses import TEST_ADDRESSES

ADMIN, STREAMER = "admin", "demo"
# Where the passwords and the token are kept, so that a browser and an app go on at the next start.
FILE = "accounts.json"

TEXT = """\
This is a demo. A stand-in plays TikTok: the LIVE of @{tiktok_username} is invented.
When you read "Uvicorn running" below:

  1. Open {address}/ and sign in.
     streamer        name: {streamer:<6} password: {streamer_password}
     administrator   name: {admin:<6} password: {admin_password}
  2. See the events as an app gets them. In a second terminal (Ctrl-D ends it):
     {python} -m websockets '{socket}'

The passwords and the token {stay} at the next start. To begin anew, delete the folder {folder}.
For your own LIVE, there is: make run
"""


class Command(BaseCommand):
    help = (
        "Make the accounts of `make demo` unless they are there, and print how to use them. "
        "Not for a server that others use: the passwords are kept in a file."
    )
    # They would load all of the server, TikTokLive's schema too: seconds, for two rows.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the server")
        parser.add_argument("--folder", type=Path, required=True, help="for the passwords")
        parser.add_argument("--tiktok-username", required=True, help="who is live")
        parser.add_argument("--python", default="python", help="to name in the printed command")

    def handle(self, *args: Any, **options: Any) -> None:
        # Servers listen on 0.0.0.0, but nobody can go there.
        address = options["address"].rstrip("/").replace("//0.0.0.0", "//127.0.0.1")
        file: Path = options["folder"] / FILE
        kept = _read(file)
        admin_password = _ensure(ADMIN, kept, is_staff=True, is_superuser=True)
        # Its LIVE is heard from the start, so that all pages have something to show.
        tiktok_username = options["tiktok_username"]
        watched = {"tiktok_username": tiktok_username, "is_watched": True}
        streamer_password = _ensure(STREAMER, kept, **watched)
        token = _ensure_token(kept)
        is_kept = _write(file, {ADMIN: admin_password, STREAMER: streamer_password, "token": token})
        socket = address.replace("http", "ws", 1) + TEST_ADDRESSES[1].format(token=token)
        self.stdout.write(
            TEXT.format(
                address=address,
                admin=ADMIN,
                admin_password=admin_password,
                streamer=STREAMER,
                streamer_password=streamer_password,
                tiktok_username=tiktok_username,
                python=options["python"],
                socket=socket,
                stay="stay the same" if is_kept else "will be others",
                folder=options["folder"],
            )
        )


def _ensure(name: str, kept: dict[str, str], **fields: Any) -> str:
    """Make the account, or set it right. Returns its password: the one that was kept, if any."""
    user, is_new = User.objects.get_or_create(username=name)
    for field, value in fields.items():
        setattr(user, field, value)
    password = kept.get(name) or secrets.token_urlsafe(9)
    # A new hash of the same password would sign out the browsers of the last start.
    if is_new or not user.check_password(password):
        user.set_password(password)
    user.is_active = True
    user.save()
    return password


def _ensure_token(kept: dict[str, str]) -> str:
    """Return a token of the streamer that can be used: the one that was kept, if any."""
    text = kept.get("token", "")
    token = AccessToken.objects.find(text)
    if token is None or not token.is_usable():
        _token, text = AccessToken.objects.issue(
            User.objects.get(username=STREAMER), label="make demo"
        )
    return text


def _read(file: Path) -> dict[str, str]:
    """What was kept of the last start; nothing if it can't be read."""
    with contextlib.suppress(OSError, ValueError):
        read = json.loads(file.read_text())
        if isinstance(read, dict):
            return {key: value for key, value in read.items() if isinstance(value, str)}
    return {}


def _write(file: Path, kept: dict[str, str]) -> bool:
    """Keep that, readable for this user only. Returns whether it could be written."""
    with contextlib.suppress(OSError):
        with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as written:
            json.dump(kept, written)
        return True
    return False
