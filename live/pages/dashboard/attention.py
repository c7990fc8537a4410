"""What needs the staff's attention now, each with whom it affects and what to do; and the verdict,
one sentence that says how the relay does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from live.alerts.alert import Condition
from live.alerts.texts import words_of
from live.clock import from_ms
from live.pages.labels import budget_in_words, duration_in_words, route_in_words
from live.relay.number_shapes import Numbers, StreamNumbers
from live.relay.watch import WatchState
from live.streams.state import StreamState

__all__ = ["Beside", "Matter", "Verdict", "matters", "verdict"]

# So many streams with the same trouble have a matter each; more share one.
_MOST_ALONE = 3
# How many names are told of those that are affected.
_MOST_NAMES = 5
# Seconds of connecting, and of waiting while an app is connected, that are unusual.
_LONG_CONNECTING = 30.0
_LONG_WAITING = 12 * 3600.0

_WORDS = {"good": _("All well"), "attention": _("Attention"), "bad": _("Fault")}


@dataclass(frozen=True)
class Matter:
    """Something that needs attention.

    Attributes:
        key: tells it apart from the others, and is the same as long as it lasts.
        tone: "attention", or "bad" for what everybody feels.
        what: a sentence.
        affected: who is.
        todo: a sentence: what to do, or that it passes by itself.
        link: where to look; empty for nowhere.
        since: since when; None if that is not known.
    """

    key: str
    tone: str
    what: str
    affected: str
    todo: str
    link: str = ""
    since: datetime | None = None

    @property
    def word(self) -> Any:
        return _WORDS[self.tone]


@dataclass(frozen=True)
class Beside:
    """What is known beside the relay's numbers.

    Attributes:
        failing: how many accounts could not connect lately.
        webhooks: how many webhooks have been switched off lately, after many failures.
    """

    failing: int = 0
    webhooks: int = 0


@dataclass(frozen=True)
class Verdict:
    """How the relay does.

    Attributes:
        tone: "good", "attention" or "bad".
        text: one or two sentences. They name the only matter; several stand below them.
    """

    tone: str
    text: str

    @property
    def word(self) -> Any:
        return _WORDS[self.tone]


def verdict(numbers: Numbers, found: Sequence[Matter]) -> Verdict:
    """Args:
    found: what `matters` returns.
    """
    relayed = _relayed(numbers["streams"])
    if not found:
        calm = gettext("Nothing needs attention.")
        return Verdict("good", f"{relayed} {calm}")
    if len(found) == 1:
        return Verdict(found[0].tone, f"{relayed} {found[0].what}")
    several = ngettext(
        "%(count)s thing needs attention.", "%(count)s things need attention.", len(found)
    ) % {"count": len(found)}
    return Verdict(found[0].tone, f"{relayed} {several}")


def matters(numbers: Numbers, beside: Beside) -> list[Matter]:
    """Return what needs attention, the worst first."""
    found = [matter for find in _FINDERS for matter in find(numbers)]
    found += _beside(beside)
    return sorted(found, key=lambda matter: matter.tone != "bad")


def _relayed(streams: Sequence[StreamNumbers]) -> str:
    live = sum(stream["state"] in {StreamState.LIVE, StreamState.QUIET} for stream in streams)
    waiting = sum(stream["state"] == StreamState.WAITING for stream in streams)
    if live or not waiting:
        text = ngettext("%(count)s LIVE relayed.", "%(count)s LIVEs relayed.", live)
        return text % {"count": live} if live else gettext("No LIVE is relayed now.")
    text = ngettext(
        "No LIVE is relayed; %(count)s streamer is awaited.",
        "No LIVE is relayed; %(count)s streamers are awaited.",
        waiting,
    )
    return text % {"count": waiting}


# --- Alerts ---------------------------------------------------------------------------------------


def _alerts(numbers: Numbers) -> Iterator[Matter]:
    """What alerts tell and no other number does. The others say the same more exactly: until when a
    gate is closed, how many entries wait, which LIVEs have the messages."""
    writing = numbers["writing"]
    known_better: dict[str, object] = {
        Condition.SIGN_GATE: True,
        Condition.TIKTOK_BLOCKED: True,
        Condition.DATABASE: writing["log"] or writing["history"],
        Condition.MESSAGES_UNREADABLE: any(
            stream["undecodable"] or stream["faults"] for stream in numbers["streams"]
        ),
    }
    for alert in numbers["alerts"]:
        if known_better.get(alert["code"]):
            continue
        words = words_of(alert["code"])
        yield Matter(
            f"alert-{alert['code']}",
            "bad",
            f"{words.title}.",
            words.meaning.removesuffix("."),  # the page says since when behind it
            words.advice,
            since=from_ms(alert["since"]),
        )


# --- The database ---------------------------------------------------------------------------------


def _writing(numbers: Numbers) -> Iterator[Matter]:
    writing = numbers["writing"]
    if waiting := writing["log"] + writing["history"]:
        text = ngettext(
            "The database can’t be written: %(count)s entry waits.",
            "The database can’t be written: %(count)s entries wait.",
            waiting,
        )
        yield Matter(
            "writing",
            "bad",
            text % {"count": waiting},
            gettext("the connection log and the kept LIVEs; sockets go on"),
            gettext("See whether the database runs and has room. What waits is written then."),
        )
    if lost := writing["lost"]:
        text = ngettext(
            "%(count)s entry of the log or of a LIVE has been lost.",
            "%(count)s entries of the log or of LIVEs have been lost.",
            lost,
        )
        yield Matter(
            "lost",
            "attention",
            text % {"count": lost},
            gettext("what the pages show of that time"),
            gettext("The server’s log says why. Counted since its start."),
        )


# --- The ways to TikTok ---------------------------------------------------------------------------


def _gates(numbers: Numbers) -> Iterator[Matter]:
    now = numbers["at"]
    closed = [
        (gate["label"], gate["closed_until"] - now)
        for gate in numbers["gates"]
        if gate["closed_until"]
    ]
    own = [(label, left) for label, left in closed if label]
    for label, left in closed:
        if not label:
            yield Matter(
                "gate",
                "bad",
                gettext("The sign gate of the server’s key is closed for %(time)s; it waits.")
                % {"time": _time(left)},
                gettext("LIVEs that have no API key of their own"),
                gettext(
                    "It opens by itself. A key with a higher limit, or the route without the sign"
                    " server, avoids it."
                ),
                "#ways",
            )
    if own:
        text = ngettext(
            "The sign gate of one account’s own key is closed for %(time)s; it waits.",
            "The sign gates of %(count)s accounts’ own keys are closed for %(time)s; they wait.",
            len(own),
        )
        yield Matter(
            "gates",
            "attention",
            text % {"count": len(own), "time": _time(max(left for _label, left in own))},
            _names([label for label, _left in own]),
            gettext("It opens by itself. The account’s key may need a higher limit."),
            "#ways",
        )


def _routes(numbers: Numbers) -> Iterator[Matter]:
    now, routes = numbers["at"], numbers["routes"]
    closed = [route for route in routes if route["closed_until"]]
    todo = gettext(
        "It is tried again by itself. If it happens often, set another way out: a proxy."
    )
    for route in closed:
        text = gettext("TikTok refuses this server %(route)s, for %(time)s.")
        yield Matter(
            f"route-{route['name']}",
            "bad" if len(closed) == len(routes) else "attention",
            text
            % {
                "route": route_in_words(route["name"]),
                "time": _time((route["closed_until"] or now) - now),
            },
            gettext("new connections to LIVEs; open ones go on"),
            todo,
            "#ways",
        )
    if until := numbers["pages_closed_until"]:
        yield Matter(
            "pages",
            "attention",
            gettext("TikTok’s pages refuse this server for %(time)s.")
            % {"time": _time(until - now)},
            gettext("who waits for a streamer, and new connections"),
            todo,
            "#ways",
        )


# --- Streams --------------------------------------------------------------------------------------


def _streams(numbers: Numbers) -> Iterator[Matter]:
    now = numbers["at"]
    troubled: dict[str, list[StreamNumbers]] = {}
    for stream in numbers["streams"]:
        if trouble := _trouble(stream, now):
            troubled.setdefault(trouble, []).append(stream)
    for trouble, streams in sorted(troubled.items()):
        if len(streams) > _MOST_ALONE:
            yield _many(trouble, streams)
        else:
            yield from (_one(trouble, stream, now) for stream in streams)


def _trouble(stream: StreamNumbers, now: int) -> str:
    state = stream["state"]
    seconds = (now - stream["since"]) / 1000 if stream["since"] else 0.0
    if state in {StreamState.RECONNECTING, StreamState.DEAF}:
        return state
    if state == StreamState.CONNECTING and seconds >= _LONG_CONNECTING:
        return state
    if state == StreamState.WAITING and stream["sockets"] and seconds >= _LONG_WAITING:
        return state
    return ""


_OF_ONE: dict[str, Any] = {
    StreamState.RECONNECTING: _("@%(name)s is cut off from TikTok; the relay reconnects."),
    StreamState.DEAF: _("Nothing arrives from TikTok for @%(name)s."),
    StreamState.CONNECTING: _("@%(name)s has been connecting for %(time)s."),
    StreamState.WAITING: _("@%(name)s has been awaited for %(time)s."),
}
_TODO: dict[str, Any] = {
    StreamState.RECONNECTING: _("It tries again by itself; its page says what TikTok answers."),
    StreamState.DEAF: _("It is cut and connected again by itself if nothing comes."),
    StreamState.CONNECTING: _("Test the connection on its page."),
    StreamState.WAITING: _("Is the TikTok username right?"),
}


def _one(trouble: str, stream: StreamNumbers, now: int) -> Matter:
    since = stream["since"]
    return Matter(
        f"{trouble}-{stream['username']}",
        "attention",
        str(_OF_ONE[trouble])
        % {"name": stream["username"], "time": _time(now - since if since else 0)},
        _listeners(stream["sockets"]),
        str(_TODO[trouble]),
        reverse("stream", args=(stream["username"],)),
        from_ms(since) if since else None,
    )


def _many(trouble: str, streams: Sequence[StreamNumbers]) -> Matter:
    texts: dict[str, Callable[[int], str]] = {
        StreamState.RECONNECTING: lambda count: ngettext(
            "%(count)s LIVE is cut off from TikTok; the relay reconnects.",
            "%(count)s LIVEs are cut off from TikTok; the relay reconnects.",
            count,
        ),
        StreamState.DEAF: lambda count: ngettext(
            "Nothing arrives from TikTok for %(count)s LIVE.",
            "Nothing arrives from TikTok for %(count)s LIVEs.",
            count,
        ),
        StreamState.CONNECTING: lambda count: ngettext(
            "%(count)s LIVE has been connecting for long.",
            "%(count)s LIVEs have been connecting for long.",
            count,
        ),
        StreamState.WAITING: lambda count: ngettext(
            "%(count)s streamer has been awaited for long.",
            "%(count)s streamers have been awaited for long.",
            count,
        ),
    }
    oldest = min((stream["since"] for stream in streams if stream["since"]), default=None)
    return Matter(
        trouble,
        # So many at once is hardly the fault of the LIVEs.
        "bad" if trouble in {StreamState.RECONNECTING, StreamState.DEAF} else "attention",
        texts[trouble](len(streams)) % {"count": len(streams)},
        _names([f"@{stream['username']}" for stream in streams]),
        str(_TODO[trouble]),
        "#streams-title",
        from_ms(oldest) if oldest else None,
    )


def _messages(numbers: Numbers) -> Iterator[Matter]:
    broken = [stream for stream in numbers["streams"] if stream["undecodable"]]
    odd = [stream for stream in numbers["streams"] if stream["faults"] and stream not in broken]
    if broken:
        text = ngettext(
            "Some of TikTok’s messages can’t be read, in %(count)s LIVE.",
            "Some of TikTok’s messages can’t be read, in %(count)s LIVEs.",
            len(broken),
        )
        yield _of_messages("unreadable", "bad", text, broken)
    if odd:
        is_told = any(a["code"] == Condition.MESSAGES_UNREADABLE for a in numbers["alerts"])
        text = ngettext(
            "TikTok’s messages are new or not as expected, in %(count)s LIVE.",
            "TikTok’s messages are new or not as expected, in %(count)s LIVEs.",
            len(odd),
        )
        yield _of_messages("odd", "bad" if is_told else "attention", text, odd)


def _of_messages(key: str, tone: str, text: str, streams: Sequence[StreamNumbers]) -> Matter:
    return Matter(
        key,
        tone,
        text % {"count": len(streams)},
        _names([f"@{stream['username']}" for stream in streams]),
        gettext("The LIVE’s page says which. A newer TikTokLive may know them."),
        reverse("stream", args=(streams[0]["username"],)),
    )


# --- Accounts -------------------------------------------------------------------------------------


def _slow(numbers: Numbers) -> Iterator[Matter]:
    if slow := numbers["slow"]:
        text = ngettext(
            "%(count)s socket takes less than it is sent.",
            "%(count)s sockets take less than they are sent.",
            len(slow),
        )
        yield Matter(
            "slow",
            "attention",
            text % {"count": len(slow)},
            _names([socket["account"] or f"{socket['token']}…" for socket in slow]),
            gettext("Mostly a phone’s weak network. One that takes nothing is disconnected."),
            "#slow-title",
        )


def _used_up(numbers: Numbers) -> Iterator[Matter]:
    now = numbers["at"]
    by_budget: dict[str, list[Any]] = {}
    for each in numbers["used_up"]:
        by_budget.setdefault(each["budget"], []).append(each)
    for budget, used_up in by_budget.items():
        text = gettext("A limit is used up: %(limit)s.")
        yield Matter(
            f"used-up-{budget}",
            "attention",
            text % {"limit": budget_in_words(budget)},
            _names(
                [str(each["account"] or each["client"] or each["account_id"]) for each in used_up]
            ),
            gettext("It is possible again in %(time)s.")
            % {"time": _time(max(each["again_at"] for each in used_up) - now)},
            "#used-up-title",
        )


def _watched(numbers: Numbers) -> Iterator[Matter]:
    watched = numbers["watched"]
    if failing := watched["states"].get(WatchState.FAILING, 0):
        text = ngettext(
            "%(count)s watched account can’t be heard.",
            "%(count)s watched accounts can’t be heard.",
            failing,
        )
        yield Matter(
            "watched",
            "attention",
            text % {"count": failing},
            _names([one["account"] for one in watched["accounts"] if one["why"]]),
            gettext("The list of watched accounts says why."),
            "#watched-title",
        )
    if unseen := watched["unseen"]:
        text = ngettext(
            "Nobody has looked for %(count)s watched streamer in a quarter of an hour.",
            "Nobody has looked for %(count)s watched streamers in a quarter of an hour.",
            len(unseen),
        )
        yield Matter(
            "unseen",
            "attention",
            text % {"count": len(unseen)},
            _names([f"@{name}" for name in unseen]),
            gettext("TikTok’s pages may refuse this server, or too many accounts are watched."),
            "#watched-title",
        )


def _beside(beside: Beside) -> Iterator[Matter]:
    if beside.failing:
        text = ngettext(
            "%(count)s account has failed to connect in the last hour.",
            "%(count)s accounts have failed to connect in the last hour.",
            beside.failing,
        )
        yield Matter(
            "accounts",
            "attention",
            text % {"count": beside.failing},
            gettext("their apps, which have not come back since"),
            gettext("See who, with which error, and what helps."),
            reverse("affected"),
        )
    if beside.webhooks:
        text = ngettext(
            "%(count)s webhook has been switched off after many failures.",
            "%(count)s webhooks have been switched off after many failures.",
            beside.webhooks,
        )
        yield Matter(
            "webhooks",
            "attention",
            text % {"count": beside.webhooks},
            gettext("whoever waits for what they send"),
            gettext("Its owner can switch it on again."),
            reverse("admin:webhooks_webhook_changelist"),
        )


_FINDERS: Iterable[Callable[[Numbers], Iterator[Matter]]] = (
    *(_alerts, _writing, _gates, _routes, _streams, _messages),
    *(_watched, _slow, _used_up),
)


# --- Words ----------------------------------------------------------------------------------------


def _time(ms: int) -> str:
    """A duration in words, in seconds that are rounded up."""
    return duration_in_words(timedelta(milliseconds=ms + 999))


def _listeners(sockets: int) -> str:
    if not sockets:
        return gettext("no app; the relay watches it")
    return ngettext("%(count)s socket", "%(count)s sockets", sockets) % {"count": sockets}


def _names(names: Sequence[str]) -> str:
    """Names after each other, the first few, and how many more there are."""
    known = list(dict.fromkeys(name for name in names if name))
    told = ", ".join(known[:_MOST_NAMES])
    if (more := len(known) - _MOST_NAMES) > 0:
        return gettext("%(names)s and %(count)s more") % {"names": told, "count": more}
    return told
