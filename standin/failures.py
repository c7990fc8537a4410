"""Lists the failures that the stand-in can play, and how TikTokLive 7.0.1 reacts to each.

`test_standin.py` checks each reaction with the library itself, so that a different behaviour of a
new version is noticed. TikTokLive does not know the direct route: `test_direct.py` checks how its
failures look to a client.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Failure(enum.Enum):
    """A failure that the stand-in can play, for one room or for all rooms.

    The text of each says what the stand-in does, and how TikTokLive reacts.
    """

    USER_NOT_FOUND = "user_not_found"
    """The LIVE page and the API say that there is no such user: `UserNotFoundError`."""

    AGE_RESTRICTED = "age_restricted"
    """The room info answers 4003110 with prompts: `AgeRestrictedError`, if the client asks it."""

    CAPTCHA = "captcha"
    """The LIVE page and the API answer with a captcha: `JSONDecodeError`, raised from
    `FailedParseRoomIdError`."""

    LIVE_PAGE_HANG = "live_page_hang"
    """The LIVE page does not answer: after 5 s, the client asks the API instead."""

    ROOM_API_HANG = "room_api_hang"
    """The API does not answer. Together with `LIVE_PAGE_HANG`: `httpx.ReadTimeout` after 10 s."""

    NOT_ALIVE = "not_alive"
    """The LIVE page says that the user is live, check_alive says no: `UserOfflineError`."""

    CHECK_ALIVE_EMPTY = "check_alive_empty"
    """check_alive lists no room: `MissingRoomIdInResponse`."""

    GIFT_LIST_HANG = "gift_list_hang"
    """The gift list does not answer: after 5 s, `FailedFetchGiftListError`, raised from
    `httpx.ReadTimeout`."""

    GIFT_LIST_CAPTCHA = "gift_list_captcha"
    """The gift list answers with a captcha: `FailedFetchGiftListError`, raised from
    `JSONDecodeError`."""

    SIGN_429 = "sign_429"
    """The sign server answers 429, with 0 requests left: `SignatureRateLimitError`. Its
    `retry_after` is that 0, not a time."""

    SIGN_429_WITHOUT_HEADER = "sign_429_without_header"
    """The sign server answers 429 with `Retry-After`, but without `RateLimit-*`: `TypeError`."""

    SIGN_401 = "sign_401"
    """The sign server refuses the key: `SignAPIError`, SIGN_NOT_200. Only `error.response` has the
    status."""

    SIGN_403 = "sign_403"
    """The sign server does not allow the request: `SignAPIError`, SIGN_NOT_200."""

    SIGN_500 = "sign_500"
    """The sign server has an error: `SignAPIError`, SIGN_NOT_200."""

    SIGN_EMPTY = "sign_empty"
    """The sign server answers 200 without a body: `SignAPIError`, EMPTY_PAYLOAD."""

    SIGN_NO_COOKIES = "sign_no_cookies"
    """The sign server answers 200 without `X-Set-TT-Cookie`: `SignAPIError`, EMPTY_COOKIES."""

    SIGN_GARBAGE = "sign_garbage"
    """The sign server answers 200 with bytes that are no protobuf. The exception depends on the
    bytes (`body`): `ValueError`, `EOFError`, `AttributeError`, pydantic's `ValidationError`."""

    SIGN_HANG = "sign_hang"
    """The sign server does not answer: the client waits without a time limit."""

    SIGN_FALLBACK = "sign_fallback"
    """The sign server answers with the address of a socket that is not TikTok's own. That refuses
    the handshake with 400 and `Handshake-Msg`: `WebcastBlockedError`, from the task."""

    WEBCAST_200 = "webcast_200"
    """The signed socket's handshake is answered 200, TikTok's answer to a client that it has
    detected: `WebcastBlockedError`, from the task that `start` returns."""

    WEBCAST_400 = "webcast_400"
    """The signed handshake is answered 400 with `Handshake-Msg`: `WebcastBlockedError`, from the
    task."""

    WEBCAST_403 = "webcast_403"
    """The signed handshake is answered 403: `InvalidStatusCode` of `websockets`, from the task."""

    WEBCAST_HANG = "webcast_hang"
    """The signed handshake is not answered: after 10 s, `TimeoutError`, from the task."""

    CUT_AT_ONCE = "cut_at_once"
    """The signed socket is opened and cut at once: the task ends, sometimes with
    `ConnectionClosedError`."""

    PROFILE_PAGE_NO_COOKIE = "profile_page_no_cookie"
    """The profile page is answered without the visitor's cookie."""

    PROFILE_PAGE_HANG = "profile_page_hang"
    """The profile page does not answer."""

    DIRECT_200 = "direct_200"
    """The direct socket's handshake is answered 200, with `Handshake-Msg: DEVICE_BLOCKED`."""

    DIRECT_415 = "direct_415"
    """The direct handshake is answered 415, with `Handshake-Msg: DEVICE_BLOCKED`."""

    DIRECT_HANG = "direct_hang"
    """The direct handshake is not answered."""

    DIRECT_CUT_AT_ONCE = "direct_cut_at_once"
    """The direct socket is opened and cut at once."""


DEVICE_BLOCKED = "DEVICE_BLOCKED"
"""TikTok's `Handshake-Msg` to a visitor whose cookie it does not accept."""

MESSAGES = dict.fromkeys((Failure.DIRECT_200, Failure.DIRECT_415), DEVICE_BLOCKED)
"""What the failures say that have a text of their own, unless a test sets another."""


@dataclass(slots=True)
class Fault:
    """A failure that is switched on, with its parameters (see `Failures.fail`)."""

    failure: Failure
    times: int | None
    message: str
    reset_in: float
    body: bytes
    status: int | None


class Failures:
    """The failures that are switched on for one room or for all rooms."""

    def __init__(self) -> None:
        self._faults: dict[Failure, Fault] = {}

    def fail(
        self,
        failure: Failure,
        *,
        times: int | None = None,
        message: str | None = None,
        reset_in: float = 60,
        body: bytes = b"\xff" * 40,
        status: int | None = None,
    ) -> None:
        """Play `failure` until it is cleared. Several failures may be on at once.

        Args:
            times: after how many failed requests it is switched off; None for no limit.
            message: the text in the sign server's answer or in `Handshake-Msg`, which is not sent
                if it is empty; None for `MESSAGES`, or else "stand-in".
            reset_in: seconds until the rate limit ends, for the headers of `SIGN_429`.
            body: the bytes that `SIGN_GARBAGE` sends.
            status: the number in `Handshake-Status`, beside `Handshake-Msg`; None to leave it out.
        """
        if message is None:
            message = MESSAGES.get(failure, "stand-in")
        self._faults[failure] = Fault(failure, times, message, reset_in, body, status)

    def clear(self, failure: Failure | None = None) -> None:
        """Switch off one failure; all of them if `failure` is None."""
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
