"""What the numbers of a relay look like, as plain JSON, and which of many are published.

`live.relay.numbers` gathers them, `live.relay.all_numbers` adds those of several processes up, and
the staff's pages show them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TypedDict

from live.relay.last_minutes import Course

__all__ = [
    "MAX_CURVES",
    "MAX_SLOW",
    "MAX_USED_UP",
    "MAX_WATCHED",
    "AlertNumbers",
    "GateNumbers",
    "Numbers",
    "RouteNumbers",
    "SlowSocket",
    "StreamNumbers",
    "UsedUp",
    "WatchedAccount",
    "WatchedNumbers",
    "Writing",
    "most_viewed",
    "slowness",
    "worth_showing",
]

# The number of slow sockets that are published: the slowest.
MAX_SLOW = 20
# The number of watched accounts that are published: those that fail, then those that cost most.
MAX_WATCHED = 20
# The number of streams whose curve of viewers is published: those with most viewers.
MAX_CURVES = 50
# How many accounts or clients are told of each budget that is used up.
MAX_USED_UP = 5


class StreamNumbers(TypedDict):
    """The numbers of one stream.

    Attributes:
        username: the TikTok username of the streamer.
        state: the stream's state, as in status frames.
        route: the name of the route by which it is connected; empty while it is not.
        attempt: the number of the attempt to reconnect; None if the stream is not reconnecting.
        since: when the stream came into its state, in milliseconds since the Unix epoch.
        sockets: how many sockets receive the stream.
        accounts: of how many accounts these are. (An account with sockets in several processes
            counts in each.)
        viewers: how many watch the LIVE; None if TikTok has not told.
        curve: the viewers in the last minutes, the oldest first, None where that is not known.
            Empty where there is none to show, and for all but `MAX_CURVES` streams.
        events: events per second; None while that is not known.
        faults: how many kinds of TikTok's messages are unknown or not as expected.
        undecodable: how many of these could not be read at all.
        problem: the error code of its last problem; empty if it has had none.
        problem_at: when that was, in milliseconds since the Unix epoch.
        leads: whether the process that tells of it is connected to TikTok for it, or would be.
    """

    username: str
    state: str
    route: str
    attempt: int | None
    since: int | None
    sockets: int
    accounts: int
    viewers: int | None
    curve: list[int | None]
    events: float | None
    faults: int
    undecodable: int
    problem: str
    problem_at: int | None
    leads: bool


class GateNumbers(TypedDict):
    """The sign server's limit for one API key.

    The server's own key has one, and so have the keys of accounts that are in use or refused.

    Attributes:
        label: the LIVEs that were connected to with the key; empty for the server's own key.
        remaining: how many connections the sign server still allows; None if that is not known.
        closed_until: when connections are allowed again, in milliseconds since the Unix epoch;
            None if they are allowed now.
    """

    label: str
    remaining: int | None
    closed_until: int | None


class RouteNumbers(TypedDict):
    """One of the routes to TikTok that are set, in the last hours of this process.

    Attributes:
        name: the name of the route.
        closed_until: when it is tried again, in milliseconds since the Unix epoch, after TikTok has
            refused this server on it; None if it may be tried now.
        opened: how many connections it has opened in each hour, the oldest hour first.
        refused: how many attempts have failed on it in these hours, by error code.
    """

    name: str
    closed_until: int | None
    opened: list[int]
    refused: dict[str, int]


class SlowSocket(TypedDict):
    """A socket whose client does not take frames as fast as they are sent.

    Attributes:
        row: the primary key of its row in the connection log; None before the row is written.
        account_id: the primary key of its account.
        account: the username of its account on this server.
        username: the TikTok username of the streamer.
        token: the beginning of its token.
        lag: how many frames wait to be sent to it.
        stalled_for: seconds since its client last took something.
    """

    row: int | None
    account_id: int | None
    account: str
    username: str
    token: str
    lag: int
    stalled_for: float


class WatchedAccount(TypedDict):
    """An account that is watched.

    Attributes:
        account_id: its primary key.
        account: its username on this server.
        username: the TikTok username; empty if it has none that TikTok can have.
        state: how things stand, a `live.relay.watch.WatchState`.
        why: the error code with which it fails; empty if it does not.
        looks: how often TikTok was asked whether it is live, in the last 24 hours.
        signed: how many connections took a signature of the sign server, in the last 24 hours.
    """

    account_id: int
    account: str
    username: str
    state: str
    why: str
    looks: int
    signed: int


class WatchedNumbers(TypedDict):
    """The accounts that are watched.

    Attributes:
        states: how many there are, by state.
        looks, signed: as for one account, of all together.
        unseen: some of those that wait, and that nobody has looked at for a quarter of an hour.
        accounts: some of them.
    """

    states: dict[str, int]
    looks: int
    signed: int
    unseen: list[str]
    accounts: list[WatchedAccount]


class UsedUp(TypedDict):
    """An account or a client whose budget for something is used up: see `accounts.budgets`.

    Attributes:
        budget: the name of the budget.
        account_id: the primary key of the account; None if it is a client's.
        account: the account's username on this server; empty if it is a client's.
        client: the client's IP address or network; empty if it is an account's.
        again_at: when it may go on, in milliseconds since the Unix epoch.
    """

    budget: str
    account_id: int | None
    account: str
    client: str
    again_at: int


class Writing(TypedDict):
    """What can't be written to the database, and waits.

    Attributes:
        log: rows of the connection log; 0 while it is written.
        history: frames of LIVEs; 0 while they are written.
        lost: rows and frames that are lost since the process started.
    """

    log: int
    history: int
    lost: int


class AlertNumbers(TypedDict):
    """Something that is wrong with the server, and needs somebody's attention. `live.alerts.texts`
    has the words.

    Attributes:
        code: what, a `live.alerts.alert.Condition`.
        since: when it began, in milliseconds since the Unix epoch.
        details: more exactly what; empty if there is nothing more to say.
        process: the server process that has noticed it.
    """

    code: str
    since: int
    details: str
    process: str


class Numbers(TypedDict):
    """All numbers of one relay at one moment.

    Attributes:
        processes: of how many server processes they are.
        source: the server process and the relay that they are of, as a text to compare.
        is_test: whether it is the relay of the test endpoint, whose numbers are published
            separately.
        at: the moment, in milliseconds since the Unix epoch.
        started_at: when the relay was made, in milliseconds since the Unix epoch.
        cpu: the share of one processor core that the process uses, 1 for all of it; None while
            that is not known.
        sockets: how many sockets are open.
        events: events per second of all streams; None while that is not known.
        streams: the streams that have not ended, in the order of their usernames.
        gates: the limits of the sign server.
        pages_closed_until: when TikTok's pages are asked again, in milliseconds since the Unix
            epoch, after TikTok has refused this server there; None if they may be asked now.
        routes: the routes to TikTok, in the order in which they are tried. (Accounts with a proxy
            of their own have their own pauses, which are not told here.)
        first_hour: when the first of the hours of the routes begins, in milliseconds since the Unix
            epoch: the hour in which the process started, or that of 23 hours ago.
        slow: the slowest sockets, the slowest first.
        watched: the accounts that are watched.
        used_up: budgets that are used up, some of each.
        course: the events of the last minutes, of all streams together.
        writing: what the database does not take.
        alerts: what needs attention, the worst first.
    """

    processes: int
    source: str
    is_test: bool
    at: int
    started_at: int
    cpu: float | None
    sockets: int
    events: float | None
    streams: list[StreamNumbers]
    gates: list[GateNumbers]
    pages_closed_until: int | None
    routes: list[RouteNumbers]
    first_hour: int
    slow: list[SlowSocket]
    watched: WatchedNumbers
    used_up: list[UsedUp]
    course: Course
    writing: Writing
    alerts: list[AlertNumbers]


def slowness(socket: SlowSocket) -> tuple[float, int]:
    """Sorts sockets: the slowest last."""
    return socket["stalled_for"], socket["lag"]


def worth_showing(account: WatchedAccount) -> tuple[bool, int, int, str, int]:
    """Sorts watched accounts: first those that fail, then those that cost most."""
    fails = bool(account["why"])
    cost = -account["signed"], -account["looks"]
    return not fails, *cost, account["username"], account["account_id"]


def most_viewed(streams: Iterable[StreamNumbers]) -> list[StreamNumbers]:
    """Those whose curves are shown, the ones with most viewers first."""
    seen = [stream for stream in streams if stream["viewers"] is not None]
    return heapq.nlargest(MAX_CURVES, seen, key=lambda stream: stream["viewers"] or 0)
