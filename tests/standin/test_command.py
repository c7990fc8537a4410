"""The command line of the stand-in: what it refuses, in one line."""

from __future__ import annotations

import asyncio
import sys

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


async def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    async with TikTok() as tiktok:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "ignore", "-m", "standin", "--port", str(tiktok.port), "--live", "alice"),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        _out, errors = await process.communicate()
    assert process.returncode == 1
    assert errors.decode() == (f"Can't listen on 127.0.0.1:{tiktok.port}: Address already in use\n")
