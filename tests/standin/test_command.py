"""The command line of the stand-in: what it refuses, in one line."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Awaitable

import pytest

from standin import Failure, TikTok
from standin.__main__ import parse
from standin.captures import ROOT


def test_a_failure_needs_somebody_who_is_live(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--live", "alice", "--fail", "bob=sign_429"])
    assert "--fail bob=sign_429 needs --live bob" in capsys.readouterr().err


def test_a_failure_beside_live_is_taken_whatever_the_case_of_the_name() -> None:
    options = parse(["--live", "Bob", "--fail", "bob=sign_429"])
    assert options.fail == [("bob", Failure.SIGN_429)]


def test_a_failure_can_be_everyones() -> None:
    options = parse(["--fail", "*=sign_429", "--fail", "*=direct_415"])
    assert options.fail == [("*", Failure.SIGN_429), ("*", Failure.DIRECT_415)]


def test_what_is_behind_two_dashes_is_the_command() -> None:
    options = parse(["--live", "bob", "--port", "0", "--", "env", "--port", "8000"])
    assert (options.live, options.port) == (["bob"], 0)
    assert options.command == ["env", "--port", "8000"]


def test_a_command_has_to_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--", "no-such-program"])
    assert "there is no command no-such-program" in capsys.readouterr().err


def standin(*arguments: str) -> Awaitable[asyncio.subprocess.Process]:
    return asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "ignore", "-m", "standin", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    async with TikTok() as tiktok:
        taken = str(tiktok.port)
        process = await standin("--port", taken, "--live", "alice", "--", "echo", "is served")
        out, errors = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert errors.decode() == (
        f"Can't listen on 127.0.0.1:{taken}: Address already in use. Nothing was started. "
        "Choose another port: --port, or STANDIN_PORT= of make.\n"
    )


class TestACommand:
    async def test_it_gets_the_variables_and_its_end_is_the_stand_in_s(self) -> None:
        process = await standin("--port", "0", "--live", "alice", "--", "sh", "-c", "env; exit 3")
        out, _errors = await process.communicate()
        said, *variables = out.decode().splitlines()
        where = re.fullmatch(r"The stand-in plays TikTok at (\S+). LIVE: @alice", said)
        assert where
        assert {"RELAY_STANDIN=on", f"TIKTOK_APP_URL={where[1]}"} <= set(variables)
        assert process.returncode == 3

    async def test_ctrl_c_stops_it_while_the_stand_in_still_plays(self) -> None:
        program = (
            "import os, signal, socket\n"
            "port = int(os.environ['TIKTOK_APP_URL'].rpartition(':')[2])\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
            "print('serves', flush=True)\n"
            "signal.sigwait({signal.SIGTERM})\n"
            "socket.create_connection(('127.0.0.1', port))\n"
            "print('has ended', flush=True)\n"
        )
        process = await standin("--port", "0", "--", sys.executable, "-c", program)
        assert process.stdout is not None
        await process.stdout.readuntil(b"serves\n")
        process.send_signal(signal.SIGINT)
        out, errors = await process.communicate()
        assert (process.returncode, out, errors) == (0, b"has ended\n", b"")
