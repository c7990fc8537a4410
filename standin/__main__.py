"""A stand-in to run by hand: `python -m standin --live alice --rate 5`.

Streams captured messages, or built ones if there are none, round and round to every live room
until Ctrl-C or SIGTERM. Prints the variables that point a server at it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

from standin import Failure, Message, TikTok, messages
from standin.captures import captures_available, captures_path, captures_reason, load_captures

END = "WebcastControlMessage"
"""Left out of the captures: the first round would be the last."""


def built_messages() -> list[Message]:
    """Return one message of each kind, and a streak."""
    return [
        messages.join("bob", member_count=12),
        messages.chat("bob", "hello from the stand-in"),
        messages.like("carol", 15, total=329306),
        *messages.streak("dave", "Rose", count=3),
        messages.gift("erin", "Galaxy", gift_id=11046, diamonds=1000, combo=False),
        messages.follow("carol"),
        messages.share("bob", users_joined=2),
        messages.subscribe("dave", months=3),
        messages.question("erin", "how long have you been live?"),
        messages.emote("dave"),
        messages.viewers(42, total=1200, top=["erin", "dave"]),
        messages.unknown(),
    ]


def choose_messages(path: Path | None) -> list[Message]:
    """Return what is streamed, and say which it is."""
    if path is None and not captures_available():
        print(f"{captures_reason()}: streaming built messages")
        return built_messages()
    captured = [m for m in load_captures(path) if m.method != END]
    print(f"streaming {len(captured)} captured messages from {path or captures_path()}")
    return captured


async def stream(tiktok: TikTok, source: list[Message], rate: float) -> None:
    """Push to every live room, `rate` messages a second; each has an id of its own."""
    loop = asyncio.get_running_loop()
    endless: Iterator[Message] = itertools.cycle(source)
    started = loop.time()
    for sent, message in enumerate(endless, start=1):
        for room in tiktok.rooms.values():
            if room.is_live:
                await room.push(message.renumbered())
        await asyncio.sleep(max(0.0, started + sent / rate - loop.time()))


async def serve(options: argparse.Namespace) -> None:
    """Run until a signal comes."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    source = choose_messages(options.captures)
    async with TikTok(port=options.port) as tiktok:
        for name in options.live:
            tiktok.go_live(name)
        for name, failure in options.fail:
            tiktok.room(name).fail(failure)
        for variable, value in tiktok.environment().items():
            print(f"export {variable}={value}", flush=True)
        streaming = asyncio.create_task(stream(tiktok, source, options.rate))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({streaming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (streaming, stopping):
            task.cancel()
        await asyncio.gather(streaming, stopping, return_exceptions=True)
        if not streaming.cancelled():
            streaming.result()


def parse_failure(text: str) -> tuple[str, Failure]:
    """Read `name=failure`."""
    name, _, value = text.partition("=")
    try:
        return name, Failure(value)
    except ValueError:
        known = ", ".join(failure.value for failure in Failure)
        raise argparse.ArgumentTypeError(f"unknown failure {value!r}; known: {known}") from None


def positive(text: str) -> float:
    """Read a rate."""
    rate = float(text)
    if not rate > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="on 127.0.0.1 (default 9000)")
    parser.add_argument("--live", action="append", default=[], metavar="NAME", help="repeatable")
    parser.add_argument("--captures", type=Path, metavar="FILE", help="{method: [base64, …]}")
    parser.add_argument("--rate", type=positive, default=5, help="messages a second (default 5)")
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        type=parse_failure,
        metavar="NAME=FAILURE",
        help=f"repeatable; one of {', '.join(failure.value for failure in Failure)}",
    )
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
