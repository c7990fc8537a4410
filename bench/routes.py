"""What a failure of the first route costs: seconds until the first event comes by the second one,
and how much was asked (of the sign server + of TikTok), for each failure of each route.

The relay's streams in this process, with the default time-outs, against the stand-in.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import NamedTuple

from bench.results import Options, Row
from standin import Failure, Kind, TikTok, messages

__all__ = ["run"]

_STREAMER = "streamer"
_WITHIN = 30.0
_OF_SIGNED = [
    *(Failure.SIGN_429, Failure.SIGN_429_WITHOUT_HEADER, Failure.SIGN_403, Failure.SIGN_500),
    *(Failure.SIGN_EMPTY, Failure.SIGN_NO_COOKIES, Failure.SIGN_HANG, Failure.SIGN_FALLBACK),
    *(Failure.WEBCAST_200, Failure.WEBCAST_403, Failure.WEBCAST_HANG),
]
_OF_DIRECT = [
    *(Failure.PROFILE_PAGE_NO_COOKIE, Failure.PROFILE_PAGE_HANG, Failure.DIRECT_200),
    *(Failure.DIRECT_415, Failure.DIRECT_HANG, Failure.DIRECT_CUT_AT_ONCE),
]


class _Outcome(NamedTuple):
    route: str
    seconds: float
    to_sign_server: int
    to_tiktok: int


def run(options: Options) -> list[Row]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    django.setup()
    cases: list[tuple[list[str], Failure | None]] = [(["signed", "direct"], None)]
    cases += [(["signed", "direct"], failure) for failure in _OF_SIGNED]
    cases += [(["direct", "signed"], None)]
    cases += [(["direct", "signed"], failure) for failure in _OF_DIRECT]
    return [_row(order, failure, asyncio.run(_play(order, failure))) for order, failure in cases]


def _row(order: list[str], failure: Failure | None, outcome: _Outcome) -> Row:
    name = "nothing fails" if failure is None else failure.value
    asked = f"{outcome.to_sign_server} + {outcome.to_tiktok} requests"
    return Row(
        what=f"{', '.join(order)}: {name}",
        relay=f"{outcome.route} after {outcome.seconds:.1f} s, {asked}",
        figures=outcome._asdict(),
    )


async def _play(order: list[str], failure: Failure | None) -> _Outcome:
    from django.conf import settings

    from live.streams.registry import Streams
    from live.streams.stream import StreamOptions
    from live.tiktok.connection import TikTokUpstreams
    from live.tiktok.network import Networks

    async with TikTok() as tiktok:
        settings.TIKTOK_APP_URL = settings.SIGN_API_URL = tiktok.url
        settings.TIKTOK_WEBCAST_URL = f"{tiktok.url}/webcast"
        settings.TIKTOK_SOCKET_URL = tiktok.socket_url()
        tiktok.go_live(_STREAMER, history=[messages.chat("viewer", "hello")])
        if failure is not None:
            tiktok.fail(failure)
        networks = Networks()
        streams = Streams(TikTokUpstreams(networks, routes=order), StreamOptions())
        began = time.monotonic()
        stream = streams.join(_STREAMER, streams.access(""), wait=False, since=None)
        async with asyncio.timeout(_WITHIN):
            while not stream.snapshot().comments:
                if stream.over:
                    raise RuntimeError(f"{order}, {failure}: no connection") from stream.error
                await stream.log.changed(stream.log.end)
        seconds = time.monotonic() - began
        asked = len(tiktok.requests)
        signed = tiktok.count(Kind.SIGN)
        route = stream.route
        await streams.close()
        await networks.close()
    return _Outcome(route, seconds, signed, asked - signed)
