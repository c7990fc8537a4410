"""`manage.py replay_stream`: play TikTok with a recording of record_stream."""

import argparse
import asyncio
import contextlib
import math
import signal
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.usernames import is_tiktok_username, normalise_tiktok_username
from live.recordings.format import RecordingError, open_recording
from standin.replay import play
from standin.room import Room
from standin.server import TikTok

# Seconds that clients get to hear of the LIVE's end and go.
_GOODBYE = 10


class Command(BaseCommand):
    help = (
        "Play TikTok on this machine with one LIVE, which says what was recorded. Prints the "
        "variables that point a relay at it, starts when the first client has connected, and ends "
        "with the recording, or on Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="of record_stream; or its .gz")
        parser.add_argument("--port", type=int, default=9000, help="on 127.0.0.1 (default 9000)")
        parser.add_argument(
            "--live", metavar="USERNAME", help="who is live; the recorded one by default"
        )
        parser.add_argument(
            "--speed", type=_speed, default=1, help="times as fast (default 1); 0: no waiting"
        )
        parser.add_argument(
            "--loop", action="store_true", help="again and again, under fresh message ids"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(self._replay(options))
        except RecordingError as refused:
            raise CommandError(f"{options['file']}: {refused}") from None
        except OSError as refused:
            raise CommandError(str(refused)) from None

    async def _replay(self, options: dict[str, Any]) -> None:
        recorded_username, messages, seconds = _examine(options["file"])
        name = _username(options["live"] or recorded_username)
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with TikTok(port=options["port"]) as tiktok:
            room = tiktok.go_live(name)
            for variable, value in tiktok.environment().items():
                self.stdout.write(f"export {variable}={value}")
            self.stdout.flush()
            self.stderr.write(f"@{name} is live: {messages} messages of {seconds:.0f} s")
            playing = asyncio.create_task(_play(room, options))
            stopping = asyncio.create_task(stopped.wait())
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, stopping):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing


async def _play(room: Room, options: dict[str, Any]) -> None:
    await room.wait_for_socket(within=None)
    while True:
        with open_recording(options["file"]) as (_header, messages):
            ended = await play(room, messages, options["speed"], fresh_ids=options["loop"])
        if not options["loop"]:
            break
    if not ended:
        await room.end()
    with contextlib.suppress(TimeoutError):
        await room.wait_until_left(_GOODBYE)


def _examine(file: Path) -> tuple[str, int, float]:
    """Whose LIVE it is, how many messages and how many seconds; the whole file is read, so that a
    bad one is known before anything starts."""
    count, at = 0, 0
    with open_recording(file) as (header, messages):
        for message in messages:
            count, at = count + 1, message.at
    if not count:
        raise RecordingError("holds no messages")
    return header.username, count, at / 1000


def _username(given: str) -> str:
    with contextlib.suppress(ValidationError):
        given = normalise_tiktok_username(given)
    if not is_tiktok_username(given):
        raise CommandError("TikTok has no such username; name another with --live.")
    return given


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1
    if not (speed >= 0 and math.isfinite(speed)):
        raise argparse.ArgumentTypeError("takes 0 or more")
    return speed
