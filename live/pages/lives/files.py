"""What is kept of a LIVE, as files to download."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.generic import View

from live.history.exports import TABLES, TRANSCRIPT, csv_of, json_of
from live.history.models import Live
from live.pages.lives.access import OneLive

__all__ = ["LiveCsv", "LiveJson"]


class LiveCsv(OneLive, View):
    """One table of a LIVE as CSV."""

    def get(self, request: HttpRequest, pk: int, table: str) -> StreamingHttpResponse:
        live = self.live()
        if table not in TABLES:
            raise Http404
        if table == TRANSCRIPT and not self.may_read_transcript(live):
            raise Http404
        name = f"{table.replace('_', '-')}.csv"
        return _file(csv_of(TABLES[table], live), live, name, "text/csv; charset=utf-8")


class LiveJson(OneLive, View):
    """All tables of a LIVE as JSON; with what was said where the account may read it."""

    def get(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        live = self.live()
        may_read = self.may_read_transcript(live)
        pieces = json_of(live, with_transcript=may_read)
        return _file(pieces, live, "all.json", "application/json")


def _file(
    pieces: AsyncIterator[str], live: Live, name: str, content_type: str
) -> StreamingHttpResponse:
    file = f"{live.tiktok_username}-{live.began_at:%Y-%m-%d}-{name}"
    return StreamingHttpResponse(
        pieces,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
