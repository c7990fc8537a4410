"""The REST API's operations on a LIVE: its status, and the gifts that viewers can give."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from ninja import Field, Query, Router, Schema

from accounts.api import ApiRequest, Options, Problem
from accounts.models import User
from live.api.errors import problem
from live.protocol.errors import RelayError
from live.protocol.frames import State
from live.relay import access
from live.relay.relay import Relay
from live.streams.followers import Seen
from live.tiktok.lookup import GiftSource
from live.tiktok.routes import RouteName

__all__ = ["router"]

# Milliseconds in a second.
_MS = 1000

# Whether the streamer is live, for the states of a stream in which the stream knows it.
_IS_LIVE = {State.LIVE: True, State.QUIET: True, State.WAITING: False}


class SignGateStatus(Schema):
    """The limit of the sign server, which new connections to TikTok need."""

    closed: bool = Field(description="No new connection for now: the limit is used up.")
    closed_until: int | None = Field(description="Milliseconds since the Unix epoch.")
    retry_after: int | None = Field(description="Seconds.")


class Status(Schema):
    """How things stand with the account's LIVE."""

    tiktok_username: str
    live: bool | None = Field(
        description="Whether the streamer is live; null where nobody knows, `problem` says why."
    )
    room_id: str | None = Field(description="TikTok's id of the LIVE; null when there is none.")
    stream: State | None = Field(
        description="The `state` of the server's connection to the LIVE, as in `status` frames; "
        "null when neither a socket nor a watched account needs one."
    )
    route: RouteName | None = Field(
        description="How the server is connected to the LIVE: `signed`, with a signature of the "
        "sign server, or `direct`, without; null while it is not connected."
    )
    sockets: int = Field(description="How many sockets receive this LIVE.", ge=0)
    looked_at: int | None = Field(
        description="While `stream` is `waiting`: when TikTok was last asked whether the streamer "
        "is live, in milliseconds since the Unix epoch; null where that is not known."
    )
    next_look_at: int | None = Field(
        description="While `stream` is `waiting`: when TikTok will be asked again, in milliseconds "
        "since the Unix epoch; null while it is being asked. Any new socket makes it sooner."
    )
    sign_gate: SignGateStatus
    problem: Problem | None
    version: str = Field(description="The version of this server.", examples=["0.2.0"])


class GiftKind(Schema):
    """A kind of gift, as `gift` in frames."""

    id: str
    name: str
    diamonds: int = Field(description="What one costs.", ge=0)
    image: str = Field(description="An address; empty where there is none.")
    streakable: bool = Field(description="Whether it comes in streaks.")


class Gifts(Schema):
    source: GiftSource = Field(
        description="`tiktok`: TikTok's own list, in its order. `seen`: TikTok gave none; these "
        "were given on LIVEs that the server has followed, the cheapest first."
    )
    gifts: list[GiftKind]


router = Router(tags=["LIVE"])


@router.get(
    "/status",
    operation_id="get_status",
    summary="How things stand",
    description="TikTok is asked where the stream does not know; its answer is kept for 30 s.",
    response={200: Status, (401, 403, 422, 429, 500, 503): Problem},
    exclude_unset=True,
)
async def get_status(request: ApiRequest, options: Query[Options]) -> dict[str, Any]:
    account = request.auth.user
    relay = _relay(request, account)
    stream = await relay.streams.look(account.tiktok_username)
    why = None
    try:
        live, room_id = await _is_live(relay, account, stream)
    except RelayError as error:
        live, room_id, why = None, None, error
    return {
        "tiktok_username": account.tiktok_username,
        "live": live,
        "room_id": room_id,
        "stream": None if stream is None else stream.state,
        "route": None if stream is None else stream.route or None,
        "sockets": 0 if stream is None else stream.sockets,
        "looked_at": None if stream is None else stream.looked_at,
        "next_look_at": None if stream is None else stream.next_look_at,
        "sign_gate": _sign_gate(relay, account),
        "problem": None if why is None else problem(request, why),
        "version": settings.VERSION,
    }


@router.get(
    "/gifts",
    operation_id="get_gifts",
    summary="The gifts that viewers can give",
    description="TikTok's list is kept for an hour. Of a streamer who is not live, what TikTok "
    "offers everybody.",
    response={200: Gifts, (401, 403, 404, 422, 429, 500, 502, 503, 504): Problem},
)
async def get_gifts(request: ApiRequest, options: Query[Options]) -> HttpResponse:
    account = request.auth.user
    relay = _relay(request, account)
    stream = await relay.streams.look(account.tiktok_username)
    _, room_id = await _is_live(relay, account, stream)
    listed = await relay.gifts(account.pk, account.tiktok_username, room_id)
    # Encoded without Ninja's check against the schema: there are about a thousand gifts, and they
    # are of the same form already.
    return HttpResponse(msgspec.json.encode(listed._asdict()), content_type="application/json")


def _relay(request: ApiRequest, account: User) -> Relay:
    """Return the relay, after a check that it works and that the account has a TikTok username.

    Raises:
        RelayError: `server_shutdown`, if the server is stopping; `username_missing` or
            `username_invalid`, if the account has no TikTok username that TikTok can have.
    """
    relay: Relay = request.scope["relay"]
    relay.check()
    access.account_of(account)
    return relay


async def _is_live(relay: Relay, account: User, stream: Seen | None) -> tuple[bool, str | None]:
    """Find out whether the streamer is live, and in which room.

    TikTok is asked only if the stream does not know it.

    Args:
        relay: the relay, which can ask TikTok.
        account: the account, for the TikTok username.
        stream: what is known of the stream of this LIVE; None if there is none.

    Returns:
        Whether the streamer is live, and TikTok's id of the room; None if there is no room or
        the stream does not know it.

    Raises:
        RelayError: if TikTok does not answer the question.
    """
    if stream is not None and stream.state in _IS_LIVE:
        live = _IS_LIVE[stream.state]
        return live, stream.room_id if live else None
    room_id = await relay.live_room(account.pk, account.tiktok_username)
    return room_id is not None, room_id


def _sign_gate(relay: Relay, account: User) -> SignGateStatus:
    gate = relay.streams.access(account.sign_api_key(), account.proxy()).gate
    seconds = gate.seconds_closed
    return SignGateStatus(
        closed=seconds > 0,
        closed_until=round(gate.closed_until * _MS) if seconds else None,
        retry_after=math.ceil(seconds) if seconds else None,
    )
