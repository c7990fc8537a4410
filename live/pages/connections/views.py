"""The staff's pages of the connection log: the list, the same as CSV, and one connection.

They only read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, TemplateView, View

from live.connections.search import Found, Position, Search
from live.models import ConnectionLog
from live.pages.connections.filters import ConnectionFilter
from live.pages.labels import reason_of, tone_of, word_for
from live.pages.mixins import FragmentMixin, StaffPage
from live.protocol import frames
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError
from live.relay.relay import Relay
from live.streams.timeline import Moment, What

__all__ = ["ConnectionDetail", "ConnectionExport", "ConnectionList"]

PAGE_SIZE = 50
ROWS_PER_CHUNK = 500
_NEWEST_FIRST, _OLDEST_FIRST = "-opened", "opened"
# The fields of the orders that are not of time. A page finds them among many rows.
_FIELDS = {"-frames": "-frames_sent", "frames": "frames_sent"}
_ORDERS = {
    _NEWEST_FIRST: _("newest first"),
    _OLDEST_FIRST: _("oldest first"),
    "-frames": _("most frames first"),
    "frames": _("fewest frames first"),
}
_LISTED = (
    *("opened_at", "closed_at", "account__username", "tiktok_username", "token_prefix"),
    *("address", "close_code", "error_code", "frames_sent", "is_test"),
)


# --- The list ------------------------------------------------------------------------------------


class Link(NamedTuple):
    """To another page of the list."""

    rel: str
    text: Any
    query: str


class ListPage(NamedTuple):
    found: Found
    links: list[Link]
    is_first: bool


class ConnectionList(StaffPage, FragmentMixin, TemplateView):
    """The log, newest first. What is wrong with a filter stands beside it; a wrong place in the
    log counts as its beginning, a wrong order as the usual one."""

    template_name = "live/connections/list.html"
    fragment_name = "live/connections/rows.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = ConnectionFilter(self.request.GET)
        order = self.request.GET.get("sort", "")
        if order not in _ORDERS:
            order = _NEWEST_FIRST
        page = ListPage(Found([], None), [], is_first=True)
        if form.is_valid():
            search = form.search(ConnectionLog.objects.select_related("account").only(*_LISTED))
            if order in _FIELDS:
                page = self._in_order(search, _FIELDS[order])
            else:
                page = self._in_order_of_time(search, order == _NEWEST_FIRST)
        return super().get_context_data(
            form=form,
            order=order,
            orders=_ORDERS.items(),
            close_codes=CLOSE_CODE_WORDS.items(),
            connections=page.found.rows,
            reached=page.found.reached,
            links=page.links,
            is_first=page.is_first,
            # New rows come at the beginning of the usual order, and nowhere else.
            is_live=form.is_valid() and page.is_first and order == _NEWEST_FIRST,
            export_query=self._query(),
            **kwargs,
        )

    def _in_order_of_time(self, search: Search, newest_first: bool) -> ListPage:
        # A page goes on from a row: `before` it are older ones, `after` it newer ones.
        ahead, behind = ("before", "after") if newest_first else ("after", "before")
        back, on = (_("Newer"), _("Older")) if newest_first else (_("Older"), _("Newer"))
        start = Position.parse(self.request.GET.get(ahead, ""))
        if turned := Position.parse(self.request.GET.get(behind, "")):
            found = search.page(PAGE_SIZE, turned, not newest_first)
            if found.further:
                rows = found.rows[::-1]
                onward = Position.of(rows[-1]) if rows else turned
                links = [
                    Link("prev", back, self._query(**{behind: found.further})),
                    Link("next", on, self._query(**{ahead: onward})),
                ]
                return ListPage(Found(rows, found.further, found.reached), links, is_first=False)
            start = None  # the beginning is nearer than a page
        found = search.page(PAGE_SIZE, start, newest_first)
        links = []
        if start:
            first = {behind: Position.of(found.rows[0])} if found.rows else {}
            links.append(Link("prev", back, self._query(**first)))
        if found.further:
            text = _("Look further") if found.reached else on
            links.append(Link("next", text, self._query(**{ahead: found.further})))
        return ListPage(found, links, is_first=start is None)

    def _in_order(self, search: Search, field: str) -> ListPage:
        text = self.request.GET.get("page", "")
        number = int(text) if re.fullmatch("[1-9][0-9]{0,3}", text) else 1
        found = search.ordered(PAGE_SIZE, (number - 1) * PAGE_SIZE, field)
        links = []
        if number > 1:
            links.append(Link("prev", _("Back"), self._query(page=number - 1)))
        if found.further:
            links.append(Link("next", _("Further"), self._query(page=number + 1)))
        return ListPage(found, links, is_first=number == 1)

    def _query(self, **where: Any) -> str:
        """This page's query, leading to another place."""
        query = self.request.GET.copy()
        for name in ("before", "after", "page"):
            query.pop(name, None)
        for name, value in where.items():
            query[name] = str(value)
        return f"?{query.urlencode()}"


# --- CSV -----------------------------------------------------------------------------------------

_COLUMNS = (
    *("id", "opened_at", "closed_at", "account", "tiktok_username", "token_prefix", "address"),
    *("user_agent", "close_code", "error_code", "said", "frames_sent", "is_test"),
)
# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# By which spreadsheets know that it is UTF-8.
_BYTE_ORDER_MARK = "\ufeff"


class ConnectionExport(StaffPage, View):
    """What the list is about, all of it, in the order of time. Read and sent in pieces, so that
    its length does not matter."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        form = ConnectionFilter(request.GET)
        if not form.is_valid():
            return redirect(f"{reverse('connections')}?{request.GET.urlencode()}")
        log = ConnectionLog.objects.select_related("account").defer(
            "account__own_sign_api_key", "timeline"
        )
        newest_first = request.GET.get("sort") != _OLDEST_FIRST
        name = f"connections-{timezone.now():%Y-%m-%d}.csv"
        return StreamingHttpResponse(
            _csv(form.search(log).chunks(ROWS_PER_CHUNK, newest_first)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


async def _csv(chunks: Iterator[list[ConnectionLog]]) -> AsyncIterator[str]:
    yield _BYTE_ORDER_MARK + _lines([_COLUMNS])
    while text := await database_sync_to_async(_next_lines)(chunks):
        yield text


def _next_lines(chunks: Iterator[list[ConnectionLog]]) -> str:
    """Of the next chunk that has any; empty at the end."""
    return next(filter(None, (_lines(map(_cells, rows)) for rows in chunks)), "")


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(row: ConnectionLog) -> Iterator[Any]:
    for column in _COLUMNS:
        value = getattr(row, column)
        if isinstance(value, datetime):
            yield value.astimezone(UTC).isoformat(timespec="milliseconds")
        elif isinstance(value, int | None):
            yield value
        else:
            text = str(value)
            yield f"'{text}" if text.startswith(_FORMULA) else text


# --- One connection ------------------------------------------------------------------------------


class Step(NamedTuple):
    """A moment, as it is shown.

    Attributes:
        lasted: until the next one, or until now; None at the end, or if it was no second.
        reason: the relay's own, if it has one.
        tone: "good", "bad" or "calm".
        close_code_words: what its close code means, where we know it.
    """

    at: datetime
    text: Any
    detail: dict[str, Any]
    reason: str
    lasted: timedelta | None
    tone: str
    error: frames.Error | None
    close_code_words: Any


class ConnectionDetail(StaffPage, FragmentMixin, DetailView):  # type: ignore[type-arg]
    """All that is known of one connection, moment by moment. Of an open one, the relay knows."""

    queryset = ConnectionLog.objects.select_related("account").defer("account__own_sign_api_key")
    template_name = "live/connections/detail.html"
    fragment_name = "live/connections/facts.html"
    context_object_name = "connection"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row: ConnectionLog = self.object
        moments = [Moment(*moment) for moment in row.timeline]
        frames_sent = row.frames_sent if row.closed_at else None
        if row.closed_at is None:
            relays = self.request.scope["relays"]  # type: ignore[attr-defined]
            if so_far := async_to_sync(_so_far)(relays, row.pk):
                moments, frames_sent = so_far
        return super().get_context_data(
            close_code_words=_close_code_words(row.close_code),
            error=_explanation(row.error_code, row.tiktok_username),
            frames_sent=frames_sent,
            steps=_steps(moments or _least(row), row),
            **kwargs,
        )


class SoFar(NamedTuple):
    """What is known of an open connection."""

    moments: list[Moment]
    frames_sent: int


async def _so_far(relays: Iterable[Relay], row_id: int) -> SoFar | None:
    """Of the connection with that row, if it is to a relay of this process. To be called on the
    event loop, where sockets come and go."""
    for relay in relays:
        for socket in relay.sockets:
            connection = socket.connection
            if connection.row_id == row_id:
                moments = connection.timeline_so_far(socket.stream)
                return SoFar(moments, connection.frames_sent)
    return None


def _least(row: ConnectionLog) -> list[Moment]:
    """Of a row that was written before there were timelines, or whose process has died."""
    moments = [Moment(_ms(row.opened_at), What.OPENED, {})]
    if row.closed_at is not None:
        detail = {
            "code": row.close_code,
            "error": row.error_code,
            "said": row.said,
            "frames": row.frames_sent,
        }
        moments.append(Moment(_ms(row.closed_at), What.CLOSED, detail))
    return moments


def _steps(moments: list[Moment], row: ConnectionLog) -> list[Step]:
    ends: list[int | None] = [moment.at for moment in moments[1:]]
    ends.append(_ms(timezone.now()) if row.closed_at is None else None)
    return [
        Step(
            at=datetime.fromtimestamp(moment.at / 1000, UTC),
            text=word_for(moment.what),
            detail=moment.detail,
            reason=reason_of(moment),
            lasted=_lasted(moment.at, end),
            tone="bad" if moment.detail.get("error") else tone_of(moment.what),
            error=_explanation(moment.detail.get("error", ""), row.tiktok_username),
            close_code_words=_close_code_words(moment.detail.get("code")),
        )
        for moment, end in zip(moments, ends, strict=True)
    ]


def _lasted(start: int, end: int | None) -> timedelta | None:
    return timedelta(milliseconds=end - start) if end is not None and end - start >= 1000 else None


def _close_code_words(code: int | None) -> Any:
    return CLOSE_CODE_WORDS[CloseCode(code)] if code in set(CloseCode) else ""


def _explanation(error_code: str, username: str) -> frames.Error | None:
    """What the app was told, in the viewer's language; None if there was no error we know."""
    if error_code not in set(ErrorCode):
        return None
    return RelayError(ErrorCode(error_code), username=username).explain(get_language())


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
