"""Who may open the pages of one LIVE."""

from __future__ import annotations

from django.http import Http404

from accounts.mixins import OwnPage
from live.history.models import Live
from live.history.reading import live_of, may_read_transcript

__all__ = ["OneLive"]


class OneLive(OwnPage):
    """A page of one LIVE. It exists for those who have heard the LIVE, and for staff."""

    def live(self) -> Live:
        """Return the LIVE.

        Raises:
            Http404: there is none, or the account may not see it.
        """
        live = live_of(self.account, self.kwargs["pk"], all_lives=self.account.is_staff)
        if live is None:
            raise Http404
        return live

    def may_read_transcript(self, live: Live) -> bool:
        """Whether the account may read what was said in the LIVE."""
        return may_read_transcript(self.account, live, all_lives=self.account.is_staff)
