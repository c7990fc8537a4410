"""A process that only takes TikTok's events: by the relay's stream engine, or by TikTokLive alone.

Both run on uvloop, so that the difference is not the loop's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from bench.processes import answer_commands
from bench.standin import STREAMER

_CONNECT_WITHIN = 20.0


class RelayConsumer:
    """A `LiveStream` on the real upstream, without a socket: bytes in, frames in the log."""

    async def connect(self) -> None:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
        django.setup()
        from live.streams.registry import Streams
        from live.streams.stream import StreamOptions
        from live.tiktok.connection import TikTokUpstreams
        from live.tiktok.network import Networks

        self._streams = Streams(TikTokUpstreams(Networks()), StreamOptions())
        access = self._streams.access("")
        self._stream = self._streams.join(STREAMER, access, wait=False, since=None)
        async with asyncio.timeout(_CONNECT_WITHIN):
            while self._stream.room is None:
                if self._stream.over:
                    raise RuntimeError("no connection") from self._stream.error
                await self._stream.log.changed(self._stream.log.end)

    async def count(self) -> int:
        return self._stream.log.end


class TikTokLiveConsumer:
    """The unmodified client, with a listener for each kind of event in the mix."""

    def __init__(self) -> None:
        self._count = 0

    async def connect(self) -> None:
        from TikTokLive import TikTokLiveClient, events
        from TikTokLive.client.web.web_settings import WebDefaults

        WebDefaults.tiktok_app_url = os.environ["TIKTOK_APP_URL"]
        WebDefaults.tiktok_webcast_url = os.environ["TIKTOK_WEBCAST_URL"]
        self._client = TikTokLiveClient(STREAMER)
        for event in (
            *(events.CommentEvent, events.GiftEvent, events.LikeEvent, events.JoinEvent),
            *(events.FollowEvent, events.ShareEvent, events.RoomUserSeqEvent),
        ):
            self._client.add_listener(event, self._on_event)
        opened = asyncio.Event()
        self._client.add_listener(events.ConnectEvent, lambda _: opened.set())
        async with asyncio.timeout(_CONNECT_WITHIN):
            self._task = await self._client.start()
            await opened.wait()

    async def count(self) -> int:
        return self._count

    def _on_event(self, event: Any) -> None:
        self._count += 1


def main() -> None:
    consumer: RelayConsumer | TikTokLiveConsumer
    consumer = RelayConsumer() if sys.argv[1] == "relay" else TikTokLiveConsumer()
    answer_commands({"connect": consumer.connect, "count": consumer.count})


if __name__ == "__main__":
    main()
