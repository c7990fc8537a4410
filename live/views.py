"""The staff's pages: the connection log, and the streams of now. Others get the login page, or 403
if signed in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import UserPassesTestMixin
from django.core.paginator import Page, Paginator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, TemplateView
from django_filters.views import FilterView

from live import frames
from live.errors import CloseCode, ErrorCode, RelayError
from live.filters import CLOSE_CODE_WORDS, ConnectionFilter
from live.frames import State
from live.models import ConnectionLog

__all__ = ["ConnectionDetail", "ConnectionList", "StreamList"]

STATE_WORDS = {
    State.WAITING: _("waits for the LIVE"),
    State.CONNECTING: _("connecting"),
    State.RECONNECTING: _("reconnecting"),
    State.LIVE: _("live"),
    State.QUIET: _("live, nothing happens"),
    State.DEAF: _("nothing arrives"),
}


class StaffPage(UserPassesTestMixin):
    """A page for staff alone."""

    def test_func(self) -> bool:
        return bool(self.request.user.is_staff)  # type: ignore[attr-defined]


class ConnectionList(StaffPage, FilterView):
    """The log, newest first. A page that does not exist shows the nearest one that does."""

    queryset = ConnectionLog.objects.select_related("account")
    filterset_class = ConnectionFilter
    template_name = "live/connection_list.html"
    context_object_name = "connections"
    paginate_by = 50

    def paginate_queryset(
        self, queryset: Any, page_size: int
    ) -> tuple[Paginator[ConnectionLog], Page[ConnectionLog], Any, bool]:
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get(self.page_kwarg))
        return paginator, page, page.object_list, page.has_other_pages()


class StreamList(StaffPage, TemplateView):
    """The streams of this process, and whether TikTok's messages are still understood."""

    template_name = "live/stream_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        relay = self.request.scope["relay"]  # type: ignore[attr-defined]
        # Streams live on the event loop, and this is another thread: what grows is copied.
        streams = [
            {
                "username": stream.username,
                "state": STATE_WORDS[stream.status.state],
                "is_live": stream.status.state in {State.LIVE, State.QUIET},
                "room": stream.room,
                "sockets": stream.listeners,
                "frames": stream.log.end,
                "findings": stream.findings,
                "undecodable": sorted(stream.undecodable.copy().items()),
                "unknown": sorted(stream.unknown.copy().items()),
            }
            for stream in sorted(relay.streams, key=lambda stream: stream.username)
        ]
        return super().get_context_data(streams=streams, **kwargs)


class ConnectionDetail(StaffPage, DetailView):  # type: ignore[type-arg]
    """All that is known of one connection."""

    queryset = ConnectionLog.objects.select_related("account")
    template_name = "live/connection_detail.html"
    context_object_name = "connection"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            close_code_words=_close_code_words(self.object),
            error=_explanation(self.object),
            **kwargs,
        )


def _close_code_words(connection: ConnectionLog) -> Any:
    if connection.close_code not in set(CloseCode):
        return ""
    return CLOSE_CODE_WORDS[CloseCode(connection.close_code)]


def _explanation(connection: ConnectionLog) -> frames.Error | None:
    """What the app was told, in the viewer's language; None if there was no error we know."""
    if connection.error_code not in set(ErrorCode):
        return None
    error = RelayError(ErrorCode(connection.error_code), username=connection.tiktok_username)
    return error.explain(get_language())
