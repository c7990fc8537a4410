"""The REST API's operations on LIVEs that the account has heard: their sums, and tables as CSV."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Field, Path, Query, Router, Schema

from accounts.api import ApiRequest, Options, Problem
from accounts.models import User
from live.api.errors import ApiError
from live.clock import to_ms
from live.connections.position import PATTERN, Position
from live.history.exports import TABLES, TRANSCRIPT, csv_of, sums_of
from live.history.models import HoleKind, Live
from live.history.reading import LiveList, live_of
from live.protocol.errors import ErrorCode
from live.protocol.frames import BattleResult, BattleState

__all__ = ["router"]

# How many LIVEs a page has, unless told otherwise, and at most.
_USUAL, _MOST = 20, 100
# How many gifters one LIVE is told with; the others are in the table.
_TOP = 10
# The largest number that a row can have.
_LARGEST_ID = 2**63 - 1

LiveId = Annotated[int, Path(description="The LIVE's `id`.", ge=1, le=_LARGEST_ID)]
# The same names as in `live.history.exports.TABLES`, which type checkers can't read.
TableName = Literal["minutes", "gifts", "gifters", "gift_kinds", "battles", "holes", "transcript"]

_MS = "Milliseconds since the Unix epoch."


class LiveSums(Schema):
    """A LIVE that the account has heard, with its sums."""

    id: int
    tiktok_username: str = Field(description="The streamer, without @.")
    room_id: str = Field(description="TikTok's id of the LIVE.")
    title: str = Field(description="Empty where TikTok gave none.")
    began_at: int = Field(description=_MS)
    heard_from: int = Field(description=_MS)
    heard_until: int = Field(description=f"It moves on while the LIVE is heard. {_MS}")
    is_heard: bool = Field(description="The LIVE goes on, and is heard now.")
    end_reason: str | None = Field(
        description="`ended`: the LIVE ended. `unheard`: nobody listened any more. Else the `code` "
        "of an error. Null while it is heard."
    )
    at_least: bool = Field(
        description="Something was not heard, so that sums may be more: see `holes`."
    )
    viewers_peak: int
    viewers_average: int | None = Field(description="Null where TikTok did not tell.")
    viewers_total: int | None = Field(
        description="How many have watched in all, by TikTok's count; null where it did not tell."
    )
    likes: int = Field(description="By TikTok's own count, where it told one.")
    comments: int
    shares: int
    follows: int
    joins: int
    subscriptions: int
    gifts: int
    diamonds: int
    gifters: int = Field(description="How many people gave.")


class Listing(Options):
    limit: int = Field(_USUAL, description="How many LIVEs at most.", ge=1, le=_MOST)
    cursor: str = Field(
        "",
        description="The `next` of the page before; without one, the newest LIVEs.",
        pattern=f"^({PATTERN})?$",
    )


class Lives(Schema):
    lives: list[LiveSums] = Field(description="Newest first.")
    next: str | None = Field(
        description="The `cursor` of the next page; null where there are no older LIVEs."
    )


class Gifter(Schema):
    user_id: str
    username: str
    nickname: str
    avatar: str = Field(description="An address; empty where there is none.")
    gifts: int
    diamonds: int


class KindOfGift(Schema):
    gift_id: str
    name: str
    image: str = Field(description="An address; empty where there is none.")
    diamonds_each: int
    gifts: int
    diamonds: int


class BigGift(Schema):
    at: int = Field(description=_MS)
    user_id: str
    nickname: str
    avatar: str
    gift: str = Field(description="Its name.")
    image: str
    count: int
    diamonds: int


class Team(Schema):
    id: str
    hosts: list[str] = Field(description="Their names.")
    score: int
    result: BattleResult | Literal[""] = ""


class HeardBattle(Schema):
    battle_id: str
    began_at: int = Field(description=_MS)
    ended_at: int | None = Field(description=_MS)
    state: BattleState
    result: BattleResult | None = Field(description="The streamer's own.")
    teams: list[Team]


class HeardHole(Schema):
    kind: HoleKind = Field(
        description="`late`: nobody listened yet. `upstream`: TikTok could not be heard. "
        "`unheard`: nobody listened. `overrun`: more came than could be counted. `stopped`: the "
        "server was down."
    )
    began_at: int = Field(description=_MS)
    ended_at: int = Field(description=_MS)


class LiveWhole(LiveSums):
    """A LIVE with all that is kept of it; the long tables are CSV files."""

    viewers_peak_at: int | None = Field(description=_MS)
    top_gifters: list[Gifter] = Field(description=f"The first {_TOP}; `gifters.csv` has all.")
    gift_kinds: list[KindOfGift] = Field(description="Most diamonds first.")
    biggest_gifts: list[BigGift]
    battles: list[HeardBattle]
    holes: list[HeardHole] = Field(description="The times that were not heard.")


router = Router(tags=["LIVEs afterwards"])


@router.get(
    "/lives",
    operation_id="get_lives",
    summary="The LIVEs that were heard",
    description="Those that the account has heard, newest first, a page at a time.",
    response={200: Lives, (401, 403, 422, 429, 500): Problem},
)
def get_lives(request: ApiRequest, listing: Query[Listing]) -> dict[str, Any]:
    found = LiveList.of_account(request.auth.user).page(
        listing.limit, before=Position.parse(listing.cursor)
    )
    return {
        "lives": list(map(sums_of, found.lives)),
        "next": None if found.older is None else str(found.older),
    }


@router.get(
    "/lives/{id}",
    operation_id="get_live",
    summary="One LIVE",
    description="`bad_request` (404) for a LIVE that the account has not heard.",
    response={200: LiveWhole, (401, 403, 404, 422, 429, 500): Problem},
)
def get_live(request: ApiRequest, id: LiveId, options: Query[Options]) -> dict[str, Any]:
    live = _live(request.auth.user, id)
    return {
        **sums_of(live),
        "viewers_peak_at": None if live.viewers_peak_at is None else to_ms(live.viewers_peak_at),
        "top_gifters": list(live.gifters.order_by("-diamonds", "pk").values()[:_TOP]),
        "gift_kinds": list(live.gift_kinds.order_by("-diamonds", "pk").values()),
        "biggest_gifts": live.biggest_gifts,
        "battles": [
            {
                "battle_id": battle.battle_id,
                "began_at": to_ms(battle.began_at),
                "ended_at": None if battle.ended_at is None else to_ms(battle.ended_at),
                "state": battle.state,
                "result": battle.result or None,
                "teams": battle.teams,
            }
            for battle in live.battles.all()
        ],
        "holes": [
            {"kind": hole.kind, "began_at": to_ms(hole.began_at), "ended_at": to_ms(hole.ended_at)}
            for hole in live.holes.all()
        ],
    }


@router.get(
    "/lives/{id}/{table}.csv",
    operation_id="get_live_table",
    summary="A table of one LIVE, as CSV",
    description="`gifts`: who gave what. `gifters`, `gift_kinds`, `minutes`, `battles`, `holes`. "
    "`transcript`: comments and gifts as lines, where the account keeps transcripts; else, and for "
    "a LIVE that the account has not heard, `bad_request` (404).",
    response={(401, 403, 404, 422, 429, 500): Problem},
    openapi_extra={
        "responses": {
            200: {"description": "OK", "content": {"text/csv": {"schema": {"type": "string"}}}}
        }
    },
)
def get_live_table(
    request: ApiRequest, id: LiveId, table: TableName, options: Query[Options]
) -> StreamingHttpResponse:
    account = request.auth.user
    live = _live(account, id)
    if table == TRANSCRIPT and not account.keeps_transcripts:
        raise ApiError(
            ErrorCode.BAD_REQUEST, _("The account keeps no transcripts."), HTTPStatus.NOT_FOUND
        )
    return StreamingHttpResponse(
        csv_of(TABLES[table], live), content_type="text/csv; charset=utf-8"
    )


def _live(account: User, pk: int) -> Live:
    """Return a LIVE that the account has heard. Over REST, staff too see only their own.

    Raises:
        ApiError: there is none.
    """
    live = live_of(account, pk)
    if live is None:
        raise ApiError(
            ErrorCode.BAD_REQUEST,
            _("The account has heard no such LIVE."),
            HTTPStatus.NOT_FOUND,
        )
    return live
