"""What alerts mean, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from live.alerts.alert import Condition

__all__ = ["Words", "words_of"]


class Words(NamedTuple):
    """An alert in words, in the language that is active.

    Attributes:
        title: what has happened.
        meaning: what it means for streamers.
        advice: what to do about it.
    """

    title: str
    meaning: str
    advice: str


_WORDS: Mapping[str, Words] = {
    Condition.SIGN_GATE: Words(
        _("The sign server opens no new connections"),
        _("LIVEs that are connected go on. New ones, and those that are cut, have to wait."),
        _(
            "rate_limited: wait until the limit is reset, or use a key with a larger one "
            "(SIGN_API_KEY). sign_forbidden: check that key. sign_unavailable: the sign server "
            "does not work. TIKTOK_ROUTES=signed,direct adds a way that needs no sign server."
        ),
    ),
    Condition.TIKTOK_BLOCKED: Words(
        _("TikTok refuses this server"),
        _(
            "TikTok takes this server's address for a robot. LIVEs that are connected go on; new "
            "ones have to wait, and the relay tries again after growing pauses."
        ),
        _(
            "Wait: a block is often over within the hour. If it stays, use another way out "
            "(TIKTOK_PROXY) or a second route (TIKTOK_ROUTES)."
        ),
    ),
    Condition.MESSAGES_UNREADABLE: Words(
        _("TikTok's messages can't be read as before"),
        _("Events may be missing or incomplete in all apps: TikTok has changed its messages."),
        _(
            "Look for a newer version of the relay. If there is none, record a LIVE (manage.py "
            "record_stream) and report it."
        ),
    ),
    Condition.DATABASE: Words(
        _("The database fails"),
        _(
            "Sockets that are open go on. Nobody new gets in, pages don't open, and what is to be "
            "written waits in memory."
        ),
        _("Look at the database's server: does it run, is its disk full, is it locked?"),
    ),
    Condition.REDIS: Words(
        _("Redis can't be reached"),
        _(
            "Each process goes on with the LIVEs that it is connected to itself. Those of other "
            "processes stand still, and nobody new gets in."
        ),
        _("Look at Redis' server, at REDIS_URL, and at the network between them."),
    ),
}


def words_of(code: str) -> Words:
    """A condition in words.

    Args:
        code: a `Condition`, such as `live.relay.number_shapes.AlertNumbers` has it. Of one that
            only another version knows, its code is all that is said.
    """
    words = _WORDS.get(code)
    return Words(code, "", "") if words is None else Words(*map(gettext, words))
