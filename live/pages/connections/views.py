"""The staff's pages of the connection log: the list, its export as CSV, and one connection.

These pages only read the log.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, TemplateView, View

from live.clock import to_ms
from live.connections.csv_file import BYTE_ORDER_MARK, lines
from live.connections.position import Position
from live.connections.search import Found, Search
from live.models import ConnectionLog
from live.pages.connections.course import bar, folds, verdict
from live.pages.connections.filters import FAILED, OPEN, TODAY, ConnectionFilter
from live.pages.ends import advice, tone_of_end
from live.pages.labels import said_in_words
from live.pages.mixins import FragmentMixin, StaffPage
from live.pages.moments import close_code_words, explain
from live.protocol.errors import CLOSE_CODE_WORDS
from live.relay.relay import Relay
from live.streams.timeline import Moment, What

__all__ = ["ConnectionDetail", "ConnectionExport", "ConnectionList"]

# The number of connections on one page of the list.
PAGE_SIZE = 50
# The number of rows that the export reads at once.
CHUNK = 500
# The values of the parameter `sort` for the two orders by time.
_NEWEST_FIRST, _OLDEST_FIRST = "-opened", "opened"
# The other orders, each with the column that it sorts by. No index has that column, so a page in
# such an order has to read many rows.
_FIELDS = {"-frames": "-frames_sent", "frames": "frames_sent"}
_ORDERS = {
    _NEWEST_FIRST: _("newest first"),
    _OLDEST_FIRST: _("oldest first"),
    "-frames": _("most frames first"),
    "frames": _("fewest frames first"),
}
# The columns that the list shows.
_LISTED = (
    *("opened_at", "closed_at", "account__username", "tiktok_username", "token_prefix"),
    *("address", "close_code", "error_code", "frames_sent", "is_test", "attempts"),
)


# --- The list ------------------------------------------------------------------------------------


class Link(NamedTuple):
    """A link to another page of the list.

    Attributes:
        rel: "prev" or "next".
        text: the text of the link.
        query: the query of its address.
    """

    rel: str
    text: Any
    query: str


class Chip(NamedTuple):
    """A link that switches one of the usual filters.

    Attributes:
        text: what it shows.
        query: the query of its address.
        is_on: whether the filter is on; the link then switches it off.
    """

    text: Any
    query: str
    is_on: bool


# The chips: the parameter, its value, and the words.
_CHIPS = (
    ("state", FAILED, _("Failed")),
    ("state", OPEN, _("Open")),
    ("day", TODAY, _("Today")),
)


class ListPage(NamedTuple):
    """One page of the list: its rows, its links, and whether it is the first page."""

    found: Found
    links: list[Link]
    is_first: bool


class ConnectionList(StaffPage, FragmentMixin, TemplateView):
    """The list of connections, the newest first if no other order is asked for.

    An error in a filter is shown beside the filter. A page that does not exist counts as the first
    page, and an order that does not exist as the newest first.
    """

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
            chips=[self._chip(*chip) for chip in _CHIPS],
            understood=form.understood() if form.is_valid() else None,
            order=order,
            orders=_ORDERS.items(),
            close_codes=CLOSE_CODE_WORDS.items(),
            connections=page.found.rows,
            reached=page.found.reached,
            links=page.links,
            is_first=page.is_first,
            # Scripts update only this page: new rows appear only at the beginning of this order.
            is_live=form.is_valid() and page.is_first and order == _NEWEST_FIRST,
            export_query=self._query(),
            **kwargs,
        )

    def _in_order_of_time(self, search: Search, newest_first: bool) -> ListPage:
        # A page begins at a row. The parameter `before` asks for older rows, `after` for newer.
        ahead, behind = ("before", "after") if newest_first else ("after", "before")
        back, on = (_("Newer"), _("Older")) if newest_first else (_("Older"), _("Newer"))
        start = Position.parse(self.request.GET.get(ahead, ""))
        if turned := Position.parse(self.request.GET.get(behind, "")):
            found = search.page(PAGE_SIZE, turned, not newest_first)
            if found.further:
                rows = found.rows[::-1]
                onward = Position(rows[-1].opened_at, rows[-1].pk) if rows else turned
                links = [
                    Link("prev", back, self._query(**{behind: found.further})),
                    Link("next", on, self._query(**{ahead: onward})),
                ]
                return ListPage(Found(rows, found.further, found.reached), links, is_first=False)
            start = None  # fewer rows than a page are left in that direction: show the first page
        found = search.page(PAGE_SIZE, start, newest_first)
        links = []
        if start:
            newest = found.rows[0] if found.rows else None
            first = {behind: Position(newest.opened_at, newest.pk)} if newest else {}
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

    def _chip(self, name: str, value: str, text: Any) -> Chip:
        is_on = self.request.GET.get(name) == value
        return Chip(text, self._query(**{name: "" if is_on else value}), is_on)

    def _query(self, **where: Any) -> str:
        """Return the query for another page, with the same filters and order if not told otherwise.

        Args:
            where: the parameters that say which page, or that change; empty ones are left out.
        """
        query = self.request.GET.copy()
        for name in ("before", "after", "page"):
            query.pop(name, None)
        for name, value in where.items():
            query[name] = str(value)
            if not query[name]:
                del query[name]
        return f"?{query.urlencode()}"


# --- CSV -----------------------------------------------------------------------------------------

# The columns of the CSV file.
_COLUMNS = (
    *("id", "opened_at", "closed_at", "account", "tiktok_username", "token_prefix", "address"),
    *("user_agent", "close_code", "error_code", "said", "frames_sent", "is_test", "attempts"),
)


class ConnectionExport(StaffPage, View):
    """Exports all connections that the filters select as CSV, in the order of time.

    Rows are read and sent in chunks, so that an export of any length needs little memory.
    """

    def get(self, request: HttpRequest) -> HttpResponseBase:
        form = ConnectionFilter(request.GET)
        if not form.is_valid():
            return redirect(f"{reverse('connections')}?{request.GET.urlencode()}")
        log = ConnectionLog.objects.select_related("account").defer(
            "account__own_sign_api_key", "account__own_proxy", "timeline"
        )
        newest_first = request.GET.get("sort") != _OLDEST_FIRST
        name = f"connections-{timezone.now():%Y-%m-%d}.csv"
        return StreamingHttpResponse(
            _csv(form.search(log).chunks(CHUNK, newest_first)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


async def _csv(chunks: Iterator[list[ConnectionLog]]) -> AsyncIterator[str]:
    yield BYTE_ORDER_MARK + lines([_COLUMNS])
    while text := await database_sync_to_async(_next_lines)(chunks):
        yield text


def _next_lines(chunks: Iterator[list[ConnectionLog]]) -> str:
    """Return the lines of the next chunk that has rows; an empty text at the end."""
    return next(filter(None, (lines(map(_cells, rows)) for rows in chunks)), "")


def _cells(row: ConnectionLog) -> Iterator[Any]:
    return (getattr(row, column) for column in _COLUMNS)


# --- One connection ------------------------------------------------------------------------------


class ConnectionDetail(StaffPage, FragmentMixin, DetailView):  # type: ignore[type-arg]
    """Shows everything that is known of one connection, with its timeline.

    The timeline of an open connection comes from the relay, because it is not in the log yet.
    """

    queryset = ConnectionLog.objects.select_related("account").defer(
        "account__own_sign_api_key", "account__own_proxy"
    )
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
        moments = moments or _least(row)
        now = to_ms(timezone.now()) if row.closed_at is None else None
        return super().get_context_data(
            verdict=verdict(row, moments),
            tone=tone_of_end(row.close_code, row.error_code),
            advice=advice(row.close_code, row.error_code),
            bar=bar(moments, now),
            close_code_words=close_code_words(row.close_code),
            error=explain(row.error_code, row.tiktok_username),
            said=said_in_words(row.said),
            frames_sent=frames_sent,
            folds=folds(moments, row.tiktok_username, now),
            **kwargs,
        )


class SoFar(NamedTuple):
    """The timeline and the number of frames of an open connection, up to now."""

    moments: list[Moment]
    frames_sent: int


async def _so_far(relays: Iterable[Relay], row_id: int) -> SoFar | None:
    """Return what the relays know of an open connection.

    Call it in the event loop: sockets open and close there.

    Args:
        relays: the relays of this process.
        row_id: the primary key of the connection's row.

    Returns:
        None if no relay of this process has the connection.
    """
    for relay in relays:
        for socket in relay.sockets:
            connection = socket.connection
            if connection.row_id == row_id:
                moments = connection.timeline_so_far(socket.stream)
                return SoFar(moments, connection.frames_sent)
    return None


def _least(row: ConnectionLog) -> list[Moment]:
    """Make a timeline from the other columns of a row.

    Rows have no timeline if they are older than that column, or if their process died.
    """
    moments = [Moment(to_ms(row.opened_at), What.OPENED, {})]
    if row.closed_at is not None:
        detail = {
            "code": row.close_code,
            "error": row.error_code,
            "said": row.said,
            "frames": row.frames_sent,
        }
        moments.append(Moment(to_ms(row.closed_at), What.CLOSED, detail))
    return moments
