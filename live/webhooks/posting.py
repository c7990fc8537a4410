"""Sends one delivery, and tells what came of it. Never raises for what the other side does."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from live.clock import SYSTEM_CLOCK, Clock
from live.webhooks.addresses import AddressRefusedError, Guard, parse_address
from live.webhooks.connecting import Resolve, make_client, resolve
from live.webhooks.jobs import Job
from live.webhooks.models import ANSWER_LENGTH, Failure
from live.webhooks.signing import signed_headers

__all__ = ["Answer", "Poster"]

# Seconds for one attempt, redirects and all, and for one connection.
_WITHIN = 15.0
_CONNECT_WITHIN = 5.0
# Bytes of an answer that are read.
_READ = 4096
# Redirects that are followed: those that ask for the same request elsewhere. After any other, what
# is sent would be lost.
_REDIRECTS = 3
_SAME_REQUEST = frozenset({HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT})
# Statuses from 400 to 499 after which the same request may do well later, or none does.
_NO_REFUSAL = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.GONE,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt.

    Attributes:
        failure: why it failed; None if it has not.
        status: of the answer; None if there was none.
        text: the beginning of its body.
        retry_after: the seconds that the receiver wants us to wait; None if it did not say.
        milliseconds: how long it took.
    """

    failure: Failure | None = None
    status: int | None = None
    text: str = ""
    retry_after: float | None = None
    milliseconds: int = 0

    @property
    def is_gone(self) -> bool:
        """The receiver wants nothing more, ever."""
        return self.status == HTTPStatus.GONE

    @property
    def is_limit(self) -> bool:
        """The receiver wants nothing more for now."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS

    @property
    def is_refusal(self) -> bool:
        """The receiver does not take what was sent, as it is."""
        status = self.status or 0
        return 400 <= status < 500 and status not in _NO_REFUSAL


class Poster:
    """Sends deliveries. Belongs to one event loop.

    Args:
        guard: says where it may connect to.
        agent: the `User-Agent`.
        clock: tells the time.
        resolve: returns the IP addresses of a host.
        within: seconds for one attempt.
        tls: how servers are verified; None for what the machine trusts.
    """

    def __init__(
        self,
        guard: Guard,
        agent: str,
        clock: Clock = SYSTEM_CLOCK,
        resolve: Resolve = resolve,
        within: float = _WITHIN,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._agent = agent
        self._clock = clock
        self._resolve = resolve
        self._within = within
        self._tls = tls
        self._client: httpx.AsyncClient | None = None

    async def post(self, job: Job) -> Answer:
        """Send it."""
        began = self._clock.monotonic()
        status: int | None = None
        text = ""
        retry_after: float | None = None
        failure: Failure | None = None
        if not job.address or (job.is_signed and not job.secrets):
            return Answer(Failure.UNREADABLE)
        try:
            async with asyncio.timeout(self._within):
                response, content = await self._send(job)
            status, text = response.status_code, _readable(content)
            retry_after = _retry_after(response, content, self._clock.unix())
            if response.is_redirect:
                failure = Failure.REDIRECTED
            elif not response.is_success:
                failure = Failure.STATUS
        except TimeoutError:
            failure = Failure.TIMEOUT
        except AddressRefusedError:
            failure = Failure.REFUSED
        except httpx.TimeoutException:
            failure = Failure.TIMEOUT
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            failure = _kind_of(error)
        took = int((self._clock.monotonic() - began) * 1000)
        return Answer(failure, status, text, retry_after, took)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _send(self, job: Job) -> tuple[httpx.Response, bytes]:
        """Send it, also to where it is redirected.

        Returns:
            The last answer, and the beginning of its body.

        Raises:
            AddressRefusedError: this server does not connect there.
            httpx.HTTPError: there is no answer.
        """
        if self._client is None:
            self._client = make_client(self._guard, self._resolve, _CONNECT_WITHIN, self._tls)
        url = parse_address(job.address)
        headers = self._headers(job)
        redirects = 0
        while True:
            self._guard.check_text(url)
            request = self._client.build_request(
                "POST", url, content=job.body.encode(), headers=headers
            )
            response = await self._client.send(request, stream=True)
            try:
                elsewhere = _elsewhere(response, url)
                if elsewhere is None or redirects == _REDIRECTS:
                    return response, await _beginning(response)
            finally:
                await response.aclose()
            url = elsewhere
            redirects += 1

    def _headers(self, job: Job) -> dict[str, str]:
        headers = {
            "Accept": "*/*",
            # A few compressed bytes could unpack to very many.
            "Accept-Encoding": "identity",
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": self._agent,
        }
        if job.is_signed:
            now = datetime.fromtimestamp(self._clock.unix(), UTC)
            headers |= signed_headers(job.secrets, job.event_id, now, job.body)
        return headers


def _elsewhere(response: httpx.Response, url: httpx.URL) -> httpx.URL | None:
    """Where the same request is asked to be sent; None if it is not.

    Raises:
        AddressRefusedError: that is no address, or it is less safe than this one.
    """
    location = response.headers.get("Location", "")
    if response.status_code not in _SAME_REQUEST or not location:
        return None
    try:
        target = parse_address(str(url.join(location)))
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise AddressRefusedError("a redirect to no address") from None
    if url.scheme == "https" and target.scheme != "https":
        raise AddressRefusedError("a redirect to plain http")
    return target


async def _beginning(response: httpx.Response) -> bytes:
    """The beginning of the body; what follows is not read."""
    content = bytearray()
    with suppress(httpx.HTTPError):  # the status has come: that is the answer
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) >= _READ:
                break
    return bytes(content[:_READ])


def _readable(content: bytes) -> str:
    """The content as a text that a database takes and a page shows."""
    text = content.decode(errors="replace")
    kept = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return kept.strip()[:ANSWER_LENGTH]


def _retry_after(response: httpx.Response, content: bytes, now: float) -> float | None:
    """The seconds that the receiver wants us to wait: by the header, which has a number or a date,
    or as Discord says it. None if it did not say."""
    if response.is_success:
        return None
    said = response.headers.get("Retry-After", "").strip()
    with suppress(ValueError, OverflowError):
        if said.replace(".", "", 1).isdigit():
            return float(said)
        if said:
            at = parsedate_to_datetime(said)
            return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        seconds = float(json.loads(content)["retry_after"])
        return seconds if 0 <= seconds < float("inf") else None
    return None


def _kind_of(error: BaseException) -> Failure:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Failure.TLS
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Failure.UNRESOLVED
    return Failure.NO_CONNECTION


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
