"""The REST API's operations on LIVEs that were heard: their sums, and tables as CSV.

An account sees what it has heard. Staff see what others have heard only if they ask for it, with a
token that may change the account: other tokens are on phones.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Field, Path, Query, Router, Schema

from accounts.api import ApiRequest, Options, Problem
from accounts.models import Scope
from live.api.errors import ApiError
from live.clock import to_ms
from live.connections.position import PATTERN, Position
from live.history.exports import TABLES, TRANSCRIPT, csv_of, sums_of
from live.history.models import HoleKind, Live
from live.history.reading import LiveList, live_of, may_read_transcript
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
        description="Something was not heard, so that sums may be more: see `holes`. "
        "For likes, see `likes_at_least`."
    )
    viewers_peak: int
    viewers_average: int | None = Field(description="Null where TikTok did not tell.")
    viewers_total: int | None = Field(
        description="How many have watched in all, by TikTok's count; null where it did not tell."
    )
    likes: int = Field(description="By TikTok's own count, where it told one.")
    likes_at_least: bool = Field(
        description="There may be more likes: something was not heard, and TikTok told no count."
    )
    comments: int
    shares: int
    follows: int
    joins: int
    subscriptions: int
    gifts: int
    diamonds: int
    gifters: int = Field(description="How many people gave.")


class Reach(Options):
    """Whose LIVEs an operation is about."""

    all: bool = Field(
        False,
        description="Those that other accounts have heard, too. It takes the token of a staff "
        "account that may change the account (`insufficient_scope`); `bad_request` (404) for "
        "other accounts.",
    )


class Listing(Reach):
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
    heard_by: list[str] | None = Field(
        description="The names of the accounts that have heard it, with `all`; else null."
    )


router = Router(tags=["LIVEs afterwards"])


@router.get(
    "/lives",
    operation_id="get_lives",
    summary="The LIVEs that were heard",
    description="Those that the account has heard, newest first, a page at a time. With `all`, "
    "those that any account has heard.",
    response={200: Lives, (401, 403, 404, 422, 429, 500): Problem},
)
def get_lives(request: ApiRequest, listing: Query[Listing]) -> dict[str, Any]:
    account = request.auth.user
    lives = LiveList.of_all() if _all_lives(request, listing) else LiveList.of_account(account)
    found = lives.page(listing.limit, before=Position.parse(listing.cursor))
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
def get_live(request: ApiRequest, id: LiveId, reach: Query[Reach]) -> dict[str, Any]:
    all_lives = _all_lives(request, reach)
    live = _live(request, id, all_lives=all_lives)
    listeners = live.listeners.order_by("account__username")
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
        "heard_by": (
            list(listeners.values_list("account__username", flat=True)) if all_lives else None
        ),
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
    request: ApiRequest, id: LiveId, table: TableName, reach: Query[Reach]
) -> StreamingHttpResponse:
    all_lives = _all_lives(request, reach)
    live = _live(request, id, all_lives=all_lives)
    if table == TRANSCRIPT and not may_read_transcript(
        request.auth.user, live, all_lives=all_lives
    ):
        detail = (
            _("No account that has heard this LIVE keeps transcripts.")
            if all_lives
            else _("The account keeps no transcripts.")
        )
        raise ApiError(ErrorCode.BAD_REQUEST, detail, HTTPStatus.NOT_FOUND)
    return StreamingHttpResponse(
        csv_of(TABLES[table], live), content_type="text/csv; charset=utf-8"
    )


def _all_lives(request: ApiRequest, reach: Reach) -> bool:
    """Whether the request is about what others have heard, too.

    Raises:
        ApiError: it is, and the account is none of staff.
        ScopeError: it is, and the token may only listen.
    """
    if not reach.all:
        return False
    if not request.auth.user.is_staff:
        raise ApiError(
            ErrorCode.BAD_REQUEST,
            _("Only staff see the LIVEs of all accounts."),
            HTTPStatus.NOT_FOUND,
        )
    request.auth.demand(Scope.MANAGE)
    return True


def _live(request: ApiRequest, pk: int, *, all_lives: bool) -> Live:
    """Return a LIVE that the account may see.

    Raises:
        ApiError: there is none.
    """
    live = live_of(request.auth.user, pk, all_lives=all_lives)
    if live is None:
        detail = (
            _("No such LIVE was heard.") if all_lives else _("The account has heard no such LIVE.")
        )
        raise ApiError(ErrorCode.BAD_REQUEST, detail, HTTPStatus.NOT_FOUND)
    return live
