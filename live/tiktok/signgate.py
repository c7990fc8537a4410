"""Keeps requests to the sign server within its limit. All streams with one API key share a gate.

The gate remembers what the sign server said last of its key.

**How many at once.** The sign server's answers say how many requests of the key are left. At most
that many requests are sent at once; while the number is not known, four.

**Whose turn.** Requests that wait for their turn are let through in this order: first the asker
that has had the fewest signatures since the limit was last reset, and of those the one that waits
longest. An asker is a TikTok username. When several askers use the key, one that has had n
signatures gets another only while more than n are left, and is told `rate_limited` otherwise. So
no asker can take all: each leaves as many as it has had, for those who had fewer.

**A limit.** The gate closes when the sign server refuses a request (status 429) or says that no
request is left, and opens at the time that the answer gives. While it is closed, no request is
sent, and connecting fails with `rate_limited` and the seconds to wait.

**A sign server that does not work.** After three requests in a row without an answer, or with an
error of the server (status 5xx), no request is sent for some seconds, and connecting fails with
`sign_unavailable` and the seconds to wait. After that time, one request is sent, while others wait
for what becomes of it. If it fails, the next pause is twice as long, up to a minute. This belongs
to one gate, too: what one account's key makes the sign server answer must not harm the others.
After the first failure, at most two requests are sent at once.

Times are kept on the monotonic clock, so that a wall clock that is set back keeps no gate closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import math
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated
from weakref import WeakValueDictionary

import msgspec
from django.utils.translation import gettext_noop as _
from msgspec import Meta

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["SavedGate", "SignAnswer", "SignGate", "SignGates", "ToldGate", "seconds_until_reset"]

# Seconds that the gate stays closed at most, whatever the sign server's answer says.
_LONGEST_RESET = 24 * 60 * 60
# The latest moment that another process may tell of, in ms since the Unix epoch.
_LAST_MS = 10**15
# Seconds that the gate stays closed if the answer gives no time: the sign server counts requests
# per minute.
_DEFAULT_RESET = 60
# How a number in RateLimit-Reset is read: below _UNIX_TIME as seconds from now, from _UNIX_TIME on
# as Unix time in seconds, and from _UNIX_TIME_MS on as Unix time in milliseconds.
_UNIX_TIME = 10**9
_UNIX_TIME_MS = 10**12

# How many requests are sent at once: while nothing is known of the limit; and after a failure, so
# that few wait for a sign server that may not answer.
_AT_ONCE = 4
_AT_ONCE_AFTER_FAILURE = 2
# After how many failures in a row no more requests are sent.
_FAILURES = 3
# Seconds for which no request is sent then: the first time, and at most.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0
# Seconds for which a refused key is remembered, unless a later request is signed.
_REFUSAL_KEPT = 600.0
# Of how many askers a gate counts the signatures.
_MAX_ASKERS = 10_000
# How many gates are kept while nothing uses them.
_MAX_GATES = 500


class SignAnswer(StrEnum):
    """What became of a request to the sign server, for those who count."""

    SIGNED = "signed"
    RATE_LIMITED = "rate_limited"
    FORBIDDEN = "forbidden"
    FAILED = "failed"  # a status 5xx
    OTHER = "other"  # any other status
    NO_ANSWER = "no_answer"

    @classmethod
    def of(cls, status: int) -> SignAnswer:
        """Return what an answer with this HTTP status is."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return cls.FAILED
        return _ANSWERS.get(status, cls.OTHER)


_ANSWERS: Mapping[int, SignAnswer] = {
    HTTPStatus.OK: SignAnswer.SIGNED,
    HTTPStatus.TOO_MANY_REQUESTS: SignAnswer.RATE_LIMITED,
    HTTPStatus.UNAUTHORIZED: SignAnswer.FORBIDDEN,
    HTTPStatus.FORBIDDEN: SignAnswer.FORBIDDEN,
}


def seconds_until_reset(headers: Mapping[str, str], now: float) -> float:
    """Return in how many seconds the sign server takes requests again.

    `RateLimit-Reset` or `Retry-After` gives the time. (TikTokLive reads `RateLimit-Remaining` as
    this time, which is wrong: it is the number of requests that are left.)

    Args:
        headers: of the sign server's answer, with names in lower case.
        now: Unix time.
    """
    for header in ("ratelimit-reset", "retry-after"):
        value = headers.get(header, "").strip()
        with contextlib.suppress(ValueError, OverflowError):
            if value[:1].isdecimal():
                seconds = float(value)
                if seconds >= _UNIX_TIME_MS:
                    seconds /= 1000
                if seconds >= _UNIX_TIME:
                    seconds -= now
            else:
                seconds = parsedate_to_datetime(value).timestamp() - now
            return min(max(seconds, 1.0), _LONGEST_RESET)
    return _DEFAULT_RESET


class _Breaker:
    """Stops the requests to a sign server that does not work. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0  # in a row
        self._pause = 0.0
        self._until = -math.inf

    @property
    def has_failed(self) -> bool:
        """The last request failed."""
        return self._failures > 0

    @property
    def is_probing(self) -> bool:
        """At most one request may be sent at a time. Asked while no pause goes on."""
        return self._failures >= _FAILURES

    def paused_for(self, now: float) -> float:
        """Seconds for which no request may be sent."""
        return max(0.0, self._until - now)

    def on_success(self) -> None:
        self._failures = 0
        self._pause = 0.0
        self._until = -math.inf

    def on_failure(self, now: float) -> None:
        self._failures += 1
        # A failure during the pause is of a request that was sent before it.
        if self._failures >= _FAILURES and not self.paused_for(now):
            self._pause = min(max(2 * self._pause, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            self._until = now + self._pause


class _Shares:
    """How many signatures each asker has had since the limit was last reset.

    If the sign server does not say when it is reset, it counts as reset once a minute.
    """

    def __init__(self) -> None:
        self._had: OrderedDict[str, int] = OrderedDict()  # the newest at the end
        self._ends_at = math.inf  # monotonic seconds
        self._is_told = False

    @property
    def askers(self) -> int:
        return len(self._had)

    def of(self, asker: str) -> int:
        return self._had.get(asker, 0)

    def ends_in(self, now: float) -> float:
        """Seconds until the limit is reset."""
        return max(0.0, self._ends_at - now)

    def on_reset_told(self, at: float) -> None:
        # The first time counts. A sign server that counts the requests of the last minute says a
        # later time in each answer.
        if not self._is_told:
            self._ends_at = at
            self._is_told = True

    def give(self, asker: str, now: float) -> None:
        if self._ends_at == math.inf:
            self._ends_at = now + _DEFAULT_RESET
        self._had[asker] = self._had.pop(asker, 0) + 1
        if len(self._had) > _MAX_ASKERS:
            self._had.popitem(last=False)

    def take_back(self, asker: str) -> None:
        """The request was not sent."""
        if (had := self._had.get(asker, 0)) > 1:
            self._had[asker] = had - 1
        else:
            self._had.pop(asker, None)

    def begin_anew(self) -> None:
        self._had.clear()
        self._ends_at = math.inf
        self._is_told = False


class _Turn:
    """One request that waits. `come` is done when it may be sent, or has the refusal."""

    def __init__(self, asker: str) -> None:
        self.asker = asker
        self.come: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class SignGate:
    """Decides when requests with one API key may be sent. Belongs to one event loop.

    Args:
        api_key: empty for requests without a key, which have a limit of their own.
        limit_hint: what to do about the limit, beside the usual hint; not yet translated.
        answers: counts what became of requests, for all gates together.
        name: tells gates apart where the API key must not be seen.

    Attributes:
        name: as given.
        is_untold: the sign server has answered since other processes were told last.
    """

    def __init__(
        self,
        api_key: str,
        clock: Clock = SYSTEM_CLOCK,
        limit_hint: str = "",
        answers: Counter[SignAnswer] | None = None,
        name: bytes = b"",
    ) -> None:
        self.name = name
        self.is_untold = False
        self._answered_at = 0  # ms since the epoch, whichever process got the answer
        self._answers = Counter() if answers is None else answers
        self.api_key = api_key
        self.limit_hint = limit_hint
        self._clock = clock
        # Monotonic seconds; None for never.
        self._closed_until: float | None = None
        self._forbidden_until: float | None = None
        self._remaining: int | None = None
        self._under_way = 0
        self._waiting: list[_Turn] = []  # who waits longest is first
        self._shares = _Shares()
        self._breaker = _Breaker()

    @property
    def seconds_closed(self) -> float:
        """Seconds until the limit is reset and the gate opens; 0 when it is open."""
        return self._seconds_until(self._closed_until)

    @property
    def closed_until(self) -> float:
        """Unix time when the gate opens; now, when it is open."""
        return self._clock.unix() + self.seconds_closed

    @property
    def remaining(self) -> int | None:
        """How many requests are left, by the sign server's last answer; None if not known."""
        return 0 if self.seconds_closed else self._remaining

    @property
    def refusal(self) -> RelayError | None:
        """Why a connection through this gate would fail now; None if nothing is known against it.

        - `rate_limited`, with the seconds to wait: the gate is closed.
        - `sign_unavailable`, with the seconds to wait: the sign server does not work.
        - `sign_forbidden`: the sign server has refused the key in the last ten minutes, and signed
          nothing since. The gate does not stop requests then, since the key may have been allowed
          meanwhile; but who has another gate should take that.
        """
        if refusal := self._stop():
            return refusal
        if self._seconds_until(self._forbidden_until):
            return RelayError(
                ErrorCode.SIGN_FORBIDDEN,
                reason=_("The sign server has refused this API key a short time ago."),
            )
        return None

    @property
    def is_idle(self) -> bool:
        """Nothing would be lost if it was forgotten: no request, no limit, no pause."""
        return not (self._under_way or self._waiting or self._stop())

    def check(self) -> None:
        """Check that requests may be sent.

        Raises:
            RelayError: `rate_limited` or `sign_unavailable`, with the seconds to wait.
        """
        if refusal := self._stop():
            raise refusal

    @contextlib.asynccontextmanager
    async def request(self, asker: str = "") -> AsyncIterator[None]:
        """Use as a context manager around one request to the sign server. Waits for its turn.

        The wait has no limit of its own; the caller sets one.

        Args:
            asker: the TikTok username of the LIVE; the askers share what is left.

        Raises:
            RelayError: `rate_limited`: the gate is closed or closes while the request waits, or
                what is left is kept for other askers. `sign_unavailable`: the sign server does not
                work.
        """
        turn = _Turn(asker)
        self._waiting.append(turn)
        self._let_through()
        try:
            await turn.come
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.come.done() and not turn.come.cancelled() and not turn.come.exception():
                # Its turn has come at the same moment.
                self._shares.take_back(asker)
                self._on_done()
            raise
        try:
            yield
        finally:
            self._on_done()

    def on_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Update the gate from an answer of the sign server.

        Args:
            status: the HTTP status.
            headers: the answer's headers, with names in lower case.
        """
        self._answers[SignAnswer.of(status)] += 1
        self._answered_at, self.is_untold = self._clock.unix_ms(), True
        now = self._clock.monotonic()
        remaining = headers.get("ratelimit-remaining", "").strip()
        self._remaining = int(remaining[:9]) if remaining.isdecimal() else None
        reset_in = seconds_until_reset(headers, self._clock.unix())
        if "ratelimit-reset" in headers:
            self._shares.on_reset_told(now + reset_in)
        spent = self._remaining == 0 and "ratelimit-reset" in headers
        if status == HTTPStatus.TOO_MANY_REQUESTS or spent:
            self._closed_until = now + reset_in
            self._remaining = None
            self._shares.begin_anew()
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self._forbidden_until = now + _REFUSAL_KEPT
        elif status == HTTPStatus.OK:
            self._forbidden_until = None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._breaker.on_failure(now)
        else:
            self._breaker.on_success()
        self._let_through()

    def on_no_answer(self) -> None:
        """The sign server could not be reached, or did not answer in time."""
        self._answers[SignAnswer.NO_ANSWER] += 1
        self._breaker.on_failure(self._clock.monotonic())
        self._let_through()

    def save(self) -> SavedGate | None:
        """What is against requests, to be written down; None for nothing."""
        closed = self._unix_ms(self._closed_until)
        forbidden = self._unix_ms(self._forbidden_until)
        return SavedGate(self.name, closed, forbidden) if closed or forbidden else None

    def restore(self, saved: SavedGate) -> None:
        """Take over what was against requests in an earlier process."""
        self._closed_until = self._monotonic(saved.closed_until, _LONGEST_RESET)
        self._forbidden_until = self._monotonic(saved.forbidden_until, _REFUSAL_KEPT)

    def tell(self) -> ToldGate:
        """What the sign server has said last, for other processes."""
        return ToldGate(
            self.name,
            self._answered_at,
            self._unix_ms(self._closed_until),
            self._unix_ms(self._forbidden_until),
            self._remaining,
        )

    def hear(self, told: ToldGate) -> None:
        """Take over what the sign server has said to another process, if it is newer."""
        if told.at <= self._answered_at:
            return
        self._answered_at, self.is_untold = told.at, False
        self._closed_until = self._monotonic(told.closed_until, _LONGEST_RESET)
        self._forbidden_until = self._monotonic(told.forbidden_until, _REFUSAL_KEPT)
        self._remaining = told.remaining
        if self._closed_until is not None:
            self._shares.begin_anew()
        self._let_through()

    def _unix_ms(self, at: float | None) -> int | None:
        """None for a time that is over."""
        left = self._seconds_until(at)
        return int((self._clock.unix() + left) * 1000) if left else None

    def _monotonic(self, unix_ms: int | None, longest: float) -> float | None:
        if unix_ms is None:
            return None
        left = min((unix_ms - self._clock.unix_ms()) / 1000, longest)
        return self._clock.monotonic() + left if left > 0 else None

    def _seconds_until(self, at: float | None) -> float:
        return 0.0 if at is None else max(0.0, at - self._clock.monotonic())

    def _stop(self) -> RelayError | None:
        """Why no request may be sent now."""
        if closed := self.seconds_closed:
            return RelayError(
                ErrorCode.RATE_LIMITED,
                retry_after=math.ceil(closed),
                reason=_("The sign server was not asked, since its limit is not reset yet."),
                more_hint=self.limit_hint,
            )
        if self._breaker.has_failed:
            paused = self._breaker.paused_for(self._clock.monotonic())
            if paused:
                return RelayError(
                    ErrorCode.SIGN_UNAVAILABLE,
                    retry_after=math.ceil(paused),
                    reason=_("The sign server was not asked, since it has not worked just now."),
                )
        return None

    def _reserved(self, asker: str, now: float) -> RelayError | None:
        """Why the asker gets no signature although some are left: they are for others."""
        had = self._shares.of(asker)
        others = self._shares.askers > 1 or any(turn.asker != asker for turn in self._waiting)
        if self._remaining is None or not had or not others:
            return None
        if had < self._remaining - self._under_way:
            return None
        return RelayError(
            ErrorCode.RATE_LIMITED,
            retry_after=max(1, math.ceil(self._shares.ends_in(now))),
            reason=_("The few connections that the sign server still allows are kept for others."),
            more_hint=self.limit_hint,
        )

    def _let_through(self) -> None:
        """Tell those whose turn has come, and those who are refused."""
        self._waiting = [turn for turn in self._waiting if not turn.come.cancelled()]
        if not self._waiting:
            return
        now = self._clock.monotonic()
        if not self._shares.ends_in(now):
            self._shares.begin_anew()
            self._remaining = None
        while self._waiting:
            if stop := self._stop():
                self._refuse(self._waiting[0], stop)
                continue
            turn = min(self._waiting, key=lambda turn: self._shares.of(turn.asker))
            if reserved := self._reserved(turn.asker, now):
                self._refuse(turn, reserved)
            elif self._under_way < self._at_once():
                self._waiting.remove(turn)
                self._under_way += 1
                self._shares.give(turn.asker, now)
                turn.come.set_result(None)
            else:
                return

    def _refuse(self, turn: _Turn, refusal: RelayError) -> None:
        self._waiting.remove(turn)
        turn.come.set_exception(refusal)

    def _at_once(self) -> int:
        if self._breaker.is_probing:
            return 1
        known = _AT_ONCE if self._remaining is None else max(1, self._remaining)
        return min(known, _AT_ONCE_AFTER_FAILURE) if self._breaker.has_failed else known

    def _on_done(self) -> None:
        self._under_way -= 1
        self._let_through()


class SavedGate(msgspec.Struct, frozen=True, array_like=True):
    """A gate that is closed, or whose key was refused, to be written down.

    Attributes:
        name: the gate's, which tells nothing of the API key and the proxy.
        closed_until, forbidden_until: Unix time in ms; None for neither.
    """

    name: bytes
    closed_until: int | None
    forbidden_until: int | None


class ToldGate(msgspec.Struct, frozen=True, array_like=True):
    """What the sign server has said last of an API key.

    Attributes:
        name: the gate's, which tells nothing of the API key and the proxy.
        at: when it was said, in ms since the Unix epoch.
        closed_until, forbidden_until: Unix time in ms; None for neither.
        remaining: how many requests are left; None if it was not said.
    """

    name: bytes
    at: Annotated[int, Meta(ge=0, le=_LAST_MS)]
    closed_until: Annotated[int, Meta(ge=0, le=_LAST_MS)] | None
    forbidden_until: Annotated[int, Meta(ge=0, le=_LAST_MS)] | None
    remaining: Annotated[int, Meta(ge=0, le=10**9)] | None


class SignGates:
    """The sign gates of all API keys in use.

    A gate lives for as long as somebody holds it, or it is closed or paused. Of the others, those
    that were used last are kept, so that what the sign server said is not forgotten at once.

    Args:
        default_key: the server's API key, used for accounts without a key of their own.
        most: how many gates are kept while nobody holds them and they are open.
        limit_hint: what to do about a limit, beside the usual hint; not yet translated.
        secret: from which the names of saved gates are made; the same in each process.

    Attributes:
        answers: what has become of all requests since the process started.
    """

    def __init__(
        self,
        default_key: str = "",
        clock: Clock = SYSTEM_CLOCK,
        most: int = _MAX_GATES,
        limit_hint: str = "",
        secret: str = "",
    ) -> None:
        self.answers: Counter[SignAnswer] = Counter()
        self._default_key = default_key
        self._clock = clock
        self._most = most
        self._limit_hint = limit_hint
        self._secret = secret.encode()
        # Of an earlier process, by name, until somebody needs them.
        self._saved: dict[bytes, SavedGate] = {}
        # By API key; where there is none, by proxy, since the limit is then that of an address.
        self._gates: WeakValueDictionary[tuple[str, str], SignGate] = WeakValueDictionary()
        self._kept: OrderedDict[tuple[str, str], SignGate] = OrderedDict()  # newest at the end

    @property
    def closed(self) -> int:
        """How many gates are closed now."""
        return sum(gate.seconds_closed > 0 for gate in list(self._gates.values()))

    def of(self, api_key: str, proxy: str = "") -> SignGate:
        """Return the gate of an API key.

        Args:
            api_key: empty for the server's default key.
            proxy: what the requests go through; empty for the server's way out.
        """
        api_key = api_key or self._default_key
        key = (api_key, "" if api_key else proxy)
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = SignGate(
                api_key, self._clock, self._limit_hint, self.answers, self._name_of(key)
            )
            if saved := self._saved.pop(gate.name, None):
                gate.restore(saved)
        self._kept[key] = gate
        self._kept.move_to_end(key)
        too_many = len(self._kept) - self._most
        if too_many > 0:
            idle = (key for key, gate in self._kept.items() if gate.is_idle)
            for oldest in list(itertools.islice(idle, too_many)):
                del self._kept[oldest]
        return gate

    def save(self) -> list[SavedGate]:
        """The gates that are closed and the keys that were refused, to be written down."""
        gates = [gate.save() for gate in self._gates.values()]
        return [gate for gate in gates if gate is not None] + list(self._saved.values())

    def restore(self, saved: Iterable[SavedGate]) -> None:
        """Close the gates that were closed in an earlier process. To be called before any of them
        is used."""
        self._saved = {gate.name: gate for gate in saved}
        for gate in self._gates.values():
            if known := self._saved.pop(gate.name, None):
                gate.restore(known)

    def names(self) -> list[bytes]:
        """The names of all gates in use."""
        return [gate.name for gate in self._gates.values()]

    def to_tell(self) -> list[ToldGate]:
        """What the sign server has said since the last time, for other processes."""
        told = []
        for gate in self._gates.values():
            if gate.is_untold:
                gate.is_untold = False
                told.append(gate.tell())
        return told

    def tell_again(self, told: Collection[ToldGate]) -> None:
        """Have `to_tell` return these again, if nothing newer was said."""
        names = {each.name for each in told}
        for gate in self._gates.values():
            gate.is_untold |= gate.name in names

    def hear(self, told: Iterable[ToldGate]) -> None:
        """Take over what the sign server has said to other processes."""
        gates = {gate.name: gate for gate in self._gates.values()}
        for each in told:
            if gate := gates.get(each.name):
                gate.hear(each)

    def _name_of(self, key: tuple[str, str]) -> bytes:
        return hmac.digest(self._secret, "\n".join(key).encode(), "sha256")
