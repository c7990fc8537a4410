"""`manage.py record_stream`: keep what TikTok sends of a LIVE, to play it again later."""

import asyncio
import functools
import json
import math
import signal
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.usernames import normalise_tiktok_username
from live.protocol.errors import RelayError
from live.recordings.format import RecordingWriter
from live.recordings.recorder import Recorder, Result
from live.recordings.scrubbing import Scrubber
from live.tasks import cancel_and_wait
from live.tiktok.access import Access
from live.tiktok.connection import TikTokUpstreams
from live.tiktok.network import Networks
from live.tiktok.signgate import SignGates

# Seconds between two lines of progress.
_TERMINAL_INTERVAL = 1.0
_LOG_INTERVAL = 30.0


class Command(BaseCommand):
    help = (
        "Record a LIVE's messages, as TikTok sends them, until the time is up, the LIVE ends, or "
        "Ctrl-C. Shows on stderr how far it is. Prints one JSON object with messages, seconds, "
        "dropped (what could not be read) and file. replay_stream plays the file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="name, @name, or the address of the profile or LIVE")
        parser.add_argument(
            "--minutes", type=_minutes, required=True, metavar="N", help="for how long; 0.5 will do"
        )
        parser.add_argument(
            "--out", type=Path, required=True, metavar="FILE", help="zipped if it ends in .gz"
        )
        parser.add_argument(
            "--scrub",
            action="store_true",
            help="replace people: ids, names, pictures and whatever they wrote",
        )
        parser.add_argument("--force", action="store_true", help="overwrite FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        username, file = _username(options["username"]), options["out"]
        if file.exists() and not options["force"]:
            raise CommandError(f"{file} exists; --force overwrites it.")
        if not file.parent.is_dir():
            raise CommandError(f"There is no folder {file.parent}.")
        recorder = Recorder(
            username,
            functools.partial(RecordingWriter, file, overwrite=options["force"]),
            Scrubber() if options["scrub"] else None,
        )
        result = asyncio.run(self._record(recorder, options["minutes"] * 60))
        if result.started:
            printed = {
                "messages": result.messages,
                "seconds": result.seconds,
                "dropped": result.dropped,
                "file": str(file),
            }
            self.stdout.write(json.dumps(printed))
        if result.error is not None:
            raise CommandError(_said(result.error))
        if not result.started:
            raise CommandError("Stopped before the LIVE was reached; nothing is recorded.")

    async def _record(self, recorder: Recorder, seconds: float) -> Result:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, recorder.stop)
        networks = Networks(settings.TIKTOK_PROXY)
        make_upstream = TikTokUpstreams(networks, routes=settings.TIKTOK_ROUTES)
        access = Access(SignGates(settings.SIGN_API_KEY).of(""))
        showing = asyncio.create_task(self._show_progress(recorder), name="progress")
        try:
            return await recorder.record(make_upstream, access, seconds)
        finally:
            await cancel_and_wait(showing)
            await networks.close()

    async def _show_progress(self, recorder: Recorder) -> None:
        """Write to stderr how far it is, until cancelled: on a terminal each second, over the line
        before; else every 30 s, a line each."""
        began = asyncio.get_running_loop().time()
        terminal = self.stderr.isatty()
        try:
            while True:
                await asyncio.sleep(_TERMINAL_INTERVAL if terminal else _LOG_INTERVAL)
                minutes, seconds = divmod(int(asyncio.get_running_loop().time() - began), 60)
                so_far = recorder.messages
                state = "connecting" if so_far is None else f"{so_far:,} messages recorded"
                self._write_progress(f"{minutes}:{seconds:02} {state}", "\r" if terminal else "\n")
        finally:
            if terminal:  # so that what comes next has a line of its own
                self._write_progress("", "\n")

    def _write_progress(self, text: str, ending: str) -> None:
        self.stderr.write(text, style_func=str, ending=ending)
        self.stderr.flush()


def _said(error: RelayError | OSError) -> str:
    if isinstance(error, OSError):
        return str(error)
    explained = error.explain(settings.LANGUAGE_CODE)
    texts = [explained.title, explained.detail, explained.hint or "", error.said]
    return "\n".join(filter(None, texts))


def _username(given: str) -> str:
    try:
        username = normalise_tiktok_username(given)
    except ValidationError as refused:
        raise CommandError(" ".join(refused.messages)) from None
    if not username:
        raise CommandError("Whose LIVE?")
    return username


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not (minutes > 0 and math.isfinite(minutes)):
        raise ArgumentTypeError("takes a number above 0")
    return minutes
