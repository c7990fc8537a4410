"""What TikTok sends and nobody can read: the lines that a stream writes for operators."""

from __future__ import annotations

import logging

import pytest

from standin import messages
from standin.messages import Message
from tests.support.clock import settle, virtual_time
from tests.support.upstreams import World

BROKEN = b"\xff\xff\xff"


def said(caplog: pytest.LogCaptureFixture, *words: str) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if any(word in line for word in words)]


@virtual_time
async def test_the_first_undecodable_message_of_each_kind_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "live"):
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for number in range(10):
                world.newest.say(Message("WebcastChatMessage", BROKEN, number))
                world.newest.say(Message("WebcastGiftMessage", BROKEN, number))
            world.newest.garble()
            await settle()
            socket.leave()

    chat, gift, frame = said(caplog, "can't be decoded")
    assert chat.startswith("@streamer: TikTok sent a WebcastChatMessage that can't be decoded")
    assert "WebcastGiftMessage" in gift
    assert "push frame" in frame


@virtual_time
async def test_the_first_message_of_an_unknown_method_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "live"):
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(*[messages.unknown("WebcastFutureMessage", BROKEN)] * 3)
            await settle()
            socket.leave()

    assert said(caplog, "does not know") == [
        "@streamer: TikTok sent a WebcastFutureMessage, which TikTokLive does not know"
    ]
