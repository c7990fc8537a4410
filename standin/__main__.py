"""A stand-in to run by hand: `python -m standin --live alice --rate 5`.

Streams a generated LIVE (`standin.scenario`), or captured messages again and again, to every live
room until Ctrl-C or SIGTERM. Prints the variables that point a server at it. With a command behind
`--`, it runs that with these variables instead, and ends with it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from standin import Failure, Message, TikTok, messages
from standin.captures import load_captures
from standin.scenario import Scenario

EVERYONE = "*"
"""The name in the option `--fail` that means every room."""

END = "WebcastControlMessage"
"""The method of messages that end the LIVE. They are left out when captures are repeated."""


def generated() -> Iterator[Message]:
    """Return the messages of the generated LIVE, the same ones each time."""
    scenario = Scenario(random.Random(1))  # noqa: S311 -- no secret
    return (step for step in scenario if isinstance(step, Message))


def captured(path: Path) -> Iterator[Message]:
    """Return captured messages again and again, each time with new ids.

    Raises:
        OSError, ValueError: the captures can't be read.
    """
    once = [message for message in load_captures(path) if message.method != END]
    return (message.renumbered() for message in itertools.cycle(once))


async def stream(tiktok: TikTok, source: Iterator[Message], rate: float) -> None:
    """Push to every live room, `rate` messages a second."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    for sent, message in enumerate(source, start=1):
        for room in tiktok.rooms.values():
            if room.is_live:
                await room.push(message)
        await asyncio.sleep(max(0.0, started + sent / rate - loop.time()))


async def serve(options: argparse.Namespace) -> int:
    """Run the stand-in until SIGINT, SIGTERM or SIGHUP comes, or the command has ended.

    Returns:
        The exit code: that of the command, or 0.

    Raises:
        SystemExit: the port can't be listened on.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    source = captured(options.captures) if options.captures else generated()
    tiktok = TikTok(port=options.port)
    try:
        await tiktok.start()
    except OSError as refused:
        reason = os.strerror(refused.errno) if refused.errno else refused
        raise SystemExit(
            f"Can't listen on 127.0.0.1:{options.port}: {reason}. Nothing was started. "
            "Choose another port: --port, or STANDIN_PORT= of make."
        ) from None
    try:
        with messages.pictures_at(tiktok.pictures):
            return await play(tiktok, source, options, stopped)
    finally:
        await tiktok.stop()


async def play(
    tiktok: TikTok, source: Iterator[Message], options: argparse.Namespace, stopped: asyncio.Event
) -> int:
    """Go live, and stream until it is stopped or the command has ended. Returns the exit code."""
    for name in options.live:
        tiktok.go_live(name)
    for name, failure in options.fail:
        (tiktok if name == EVERYONE else tiktok.room(name)).fail(failure)
    environment = {"RELAY_STANDIN": "on", **tiktok.environment()}
    streaming = asyncio.create_task(stream(tiktok, source, options.rate))
    waiting = asyncio.create_task(
        run(options, environment, stopped) if options.command else show(environment, stopped)
    )
    await asyncio.wait({streaming, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (streaming, waiting):
        task.cancel()
    await asyncio.gather(streaming, waiting, return_exceptions=True)
    if not streaming.cancelled():
        streaming.result()
    return 0 if waiting.cancelled() else waiting.result()


async def show(environment: Mapping[str, str], stopped: asyncio.Event) -> int:
    """Print the environment variables, for another terminal. Returns 0 once it is stopped."""
    for variable, value in environment.items():
        print(f"export {variable}={value}", flush=True)
    await stopped.wait()
    return 0


async def run(
    options: argparse.Namespace, environment: Mapping[str, str], stopped: asyncio.Event
) -> int:
    """Run the command until it has ended, or is stopped. Returns the exit code.

    It has a process group of its own, so that Ctrl-C reaches the stand-in alone. The stand-in
    passes it on, and plays until the command has ended.
    """
    names = ", ".join(f"@{name}" for name in options.live) or "nobody"
    print(
        f"The stand-in plays TikTok at {environment['TIKTOK_APP_URL']}. LIVE: {names}", flush=True
    )
    program = await asyncio.create_subprocess_exec(
        *options.command, env={**os.environ, **environment}, start_new_session=True
    )
    ending = asyncio.create_task(program.wait())
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not ending.done():
            with contextlib.suppress(ProcessLookupError):
                program.terminate()
        code = await ending
    if stopped.is_set():
        return 0
    return code if code >= 0 else 128 - code


def parse_failure(text: str) -> tuple[str, Failure]:
    """Read the option `--fail`, which is written `name=failure`."""
    name, _, value = text.partition("=")
    try:
        return name, Failure(value)
    except ValueError:
        known = ", ".join(failure.value for failure in Failure)
        raise argparse.ArgumentTypeError(f"unknown failure {value!r}; known: {known}") from None


def positive(text: str) -> float:
    """Read the option `--rate`, a number above 0."""
    rate = float(text)
    if not rate > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return rate


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line. If it is wrong, prints a usage message and ends the program."""
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=9000, help="on 127.0.0.1 (default 9000; 0 for a free one)"
    )
    parser.add_argument("--live", action="append", default=[], metavar="NAME", help="repeatable")
    parser.add_argument(
        "--captures",
        type=Path,
        metavar="FILE",
        help="{method: [base64, …]}, instead of generated ones",
    )
    parser.add_argument("--rate", type=positive, default=5, help="messages a second (default 5)")
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        type=parse_failure,
        metavar="NAME=FAILURE",
        help=(
            f"repeatable, beside --live; NAME {EVERYONE} is everyone; "
            f"one of {', '.join(failure.value for failure in Failure)}"
        ),
    )
    parser.add_argument(
        "command",
        nargs="*",
        help="behind --: what to run with the variables, instead of printing them",
    )
    options = parser.parse_args(arguments)
    if options.command and shutil.which(options.command[0]) is None:
        parser.error(f"there is no command {options.command[0]}")
    live = {name.lower() for name in options.live}
    for name, failure in options.fail:
        if name != EVERYONE and name.lower() not in live:
            parser.error(f"--fail {name}={failure.value} needs --live {name}: nobody else is live")
    return options


def main() -> None:
    sys.exit(asyncio.run(serve(parse())))


if __name__ == "__main__":
    main()
