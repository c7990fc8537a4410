"""What can go wrong upstream, and what an unmodified TikTokLive 7.0.1 makes of it.

`test_standin.py` holds each of these statements against the library, so that a new version of it
which behaves otherwise is noticed.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Failure(enum.Enum):
    """One way to fail, for one room or for all of them."""

    USER_NOT_FOUND = "user_not_found"
    """Page and API know no such user: `UserNotFoundError`."""

    AGE_RESTRICTED = "age_restricted"
    """Room info answers 4003110 with prompts: `AgeRestrictedError`, if room info is asked for."""

    CAPTCHA = "captcha"
    """A captcha in place of page and API: `JSONDecodeError` from `FailedParseRoomIdError`."""

    LIVE_PAGE_HANG = "live_page_hang"
    """No answer from the page: the client gives up after 5 s and takes the API's word."""

    ROOM_API_HANG = "room_api_hang"
    """No answer from the API. Together with `LIVE_PAGE_HANG`: `httpx.ReadTimeout` after 10 s."""

    NOT_ALIVE = "not_alive"
    """The page says live, check_alive says no: `UserOfflineError`."""

    CHECK_ALIVE_EMPTY = "check_alive_empty"
    """check_alive lists no room: `MissingRoomIdInResponse`."""

    GIFT_LIST_HANG = "gift_list_hang"
    """No answer from the gift list: `FailedFetchGiftListError` from `httpx.ReadTimeout`, 5 s."""

    GIFT_LIST_CAPTCHA = "gift_list_captcha"
    """A captcha in place of the gift list: `FailedFetchGiftListError` from `JSONDecodeError`."""

    SIGN_429 = "sign_429"
    """Rate limit, remaining 0: `SignatureRateLimitError`, whose `retry_after` is that 0."""

    SIGN_429_WITHOUT_HEADER = "sign_429_without_header"
    """Rate limit without `RateLimit-*` headers: `TypeError`. `Retry-After` is there."""

    SIGN_401 = "sign_401"
    """Key refused: `SignAPIError`, SIGN_NOT_200; the status is in `error.response` only."""

    SIGN_403 = "sign_403"
    """Not allowed: `SignAPIError`, SIGN_NOT_200."""

    SIGN_500 = "sign_500"
    """Sign server broken: `SignAPIError`, SIGN_NOT_200."""

    SIGN_EMPTY = "sign_empty"
    """200 without a body: `SignAPIError`, EMPTY_PAYLOAD."""

    SIGN_NO_COOKIES = "sign_no_cookies"
    """200 without `X-Set-TT-Cookie`: `SignAPIError`, EMPTY_COOKIES."""

    SIGN_GARBAGE = "sign_garbage"
    """200 with bytes that are no protobuf: an exception that depends on the bytes (`body`), such
    as `ValueError`, `EOFError`, `AttributeError` or pydantic's `ValidationError`."""

    SIGN_HANG = "sign_hang"
    """No answer from the sign server: the client waits for ever."""

    WEBCAST_200 = "webcast_200"
    """Handshake answered 200 (detected): `WebcastBlockedError`, from the task."""

    WEBCAST_400 = "webcast_400"
    """Handshake answered 400 with `Handshake-Msg`: `WebcastBlockedError`, from the task."""

    WEBCAST_403 = "webcast_403"
    """Handshake answered 403: `websockets`' `InvalidStatusCode`, from the task."""

    WEBCAST_HANG = "webcast_hang"
    """Handshake never answered: `TimeoutError` from the task, after 10 s."""

    CUT_AT_ONCE = "cut_at_once"
    """Socket opened and aborted: the task ends, with a `ConnectionClosedError` or without."""


@dataclass(slots=True)
class Fault:
    """A failure that is switched on, with its parameters (see `Failures.fail`)."""

    failure: Failure
    times: int | None
    message: str
    reset_in: float
    body: bytes


class Failures:
    """The failures that are switched on for one room, or for all."""

    def __init__(self) -> None:
        self._faults: dict[Failure, Fault] = {}

    def fail(
        self,
        failure: Failure,
        *,
        times: int | None = None,
        message: str = "stand-in",
        reset_in: float = 60,
        body: bytes = b"\xff" * 40,
    ) -> None:
        """Play `failure` until it is cleared; several may be on at once.

        Args:
            times: how many requests it spoils before it clears itself; no limit if None.
            message: what the sign server or `Handshake-Msg` says.
            reset_in: seconds until a rate limit ends, for its headers.
            body: what the sign server sends as garbage.
        """
        self._faults[failure] = Fault(failure, times, message, reset_in, body)

    def clear(self, failure: Failure | None = None) -> None:
        """Switch off one failure, or all."""
        if failure is None:
            self._faults.clear()
        else:
            self._faults.pop(failure, None)

    def take(self, *failures: Failure) -> Fault | None:
        """Return the first of `failures` that is on, and count it as played once."""
        fault = next((self._faults[f] for f in failures if f in self._faults), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.clear(fault.failure)
        return fault
