"""Tells people of alerts: by mail, and by a webhook.

Each way has messages of its own that wait, and tries again for some minutes, so that one that does
not work holds up no other. What is not sent when the process stops is named in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from django.core.mail import send_mail
from django.utils.translation import override

from live.alerts.messages import Message, body_for_discord, body_for_programs, mail
from live.tasks import cancel_and_wait, in_own_thread
from live.webhooks.addresses import is_discord, without_secrets
from live.webhooks.jobs import Job
from live.webhooks.posting import Poster

__all__ = ["ByMail", "ByWebhook", "Teller", "Way"]

logger = logging.getLogger(__name__)

# Seconds before it is tried again, each time it has failed; then the message is given up.
_PAUSES = (5.0, 15.0, 60.0, 120.0, 300.0, 600.0)
# Messages that wait for one way; when there are more, the oldest are lost.
_MOST = 100
# Seconds for what is being sent when the process stops; the process has five in all.
_CLOSE_WITHIN = 1.0


class Way(Protocol):
    """A way to tell people.

    Attributes:
        name: for the log, without secrets.
    """

    name: str

    async def send(self, message: Message) -> str:
        """Send it. Returns what is wrong, in a few plain words; empty if it is sent."""

    async def close(self) -> None: ...


class ByMail:
    """Args:
    to: the addresses, each of which gets a mail of its own list of receivers.
    language: of the texts.
    dashboard: the address of the dashboard; empty if it is not known.
    """

    def __init__(self, to: Sequence[str], language: str, dashboard: str = "") -> None:
        self.name = f"mail to {', '.join(to)}"
        self._to = list(to)
        self._language = language
        self._dashboard = dashboard

    async def send(self, message: Message) -> str:
        # A mail server may let one wait for EMAIL_TIMEOUT: longer than the process has to stop.
        return await in_own_thread("mail of an alert", partial(self._send, message))

    async def close(self) -> None:
        pass

    def _send(self, message: Message) -> str:
        with override(self._language):
            written = mail(message, self._dashboard)
        try:
            send_mail(written.subject, written.text, None, self._to)
        except OSError as failure:  # SMTP's errors are such; their texts may hold addresses
            return type(failure).__name__
        return ""


class ByWebhook:
    """Args:
    poster: sends requests.
    address: where to. One of Discord's gets what Discord shows.
    secret: signs, by Standard Webhooks; empty to sign nothing.
    language: of the texts.
    dashboard: the address of the dashboard; empty if it is not known.
    """

    def __init__(
        self, poster: Poster, address: str, secret: str, language: str, dashboard: str = ""
    ) -> None:
        self.name = f"webhook {without_secrets(address)}"
        self._poster = poster
        self._address = address
        self._secrets = (secret,) if secret else ()
        self._language = language
        self._dashboard = dashboard
        self._body = body_for_discord if is_discord(address) else body_for_programs

    async def send(self, message: Message) -> str:
        with override(self._language):
            body = self._body(message, self._dashboard)
        job = Job(
            webhook=0,
            delivery=0,
            event_id=message.id,
            type=message.kind,
            body=body,
            address=self._address,
            secrets=self._secrets,
            is_signed=bool(self._secrets) and not is_discord(self._address),
        )
        answer = await self._poster.post(job)
        if answer.failure is None:
            return ""
        return f"{answer.failure.value} {answer.status or ''}".strip()

    async def close(self) -> None:
        await self._poster.close()


class Teller:
    """Tells by all ways. Belongs to one event loop."""

    def __init__(
        self,
        ways: Sequence[Way],
        pauses: Sequence[float] = _PAUSES,
        close_within: float = _CLOSE_WITHIN,
    ) -> None:
        self._outboxes = [_Outbox(way, pauses) for way in ways]
        self._close_within = close_within

    def tell(self, message: Message) -> None:
        """Send a message by each way, behind those that wait. Does not block."""
        for outbox in self._outboxes:
            outbox.put(message)

    async def close(self) -> list[Message]:
        """Stop. What is being sent, and what waits behind it, has a moment left; the log has what
        is not sent then.

        Returns:
            The messages that have gone out by no way, for all that is known.
        """
        within = self._close_within
        left = await asyncio.gather(*(outbox.close(within) for outbox in self._outboxes))
        return [each for each in left[0] if all(each in those for those in left)] if left else []


class _Outbox:
    def __init__(self, way: Way, pauses: Sequence[float]) -> None:
        self._way = way
        self._pauses = pauses
        self._waiting: deque[Message] = deque(maxlen=_MOST)
        self._current: Message | None = None  # is being sent, or is tried again after a pause
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, message: Message) -> None:
        self._waiting.append(message)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"alerts: {self._way.name}")

    async def close(self, within: float) -> list[Message]:
        """Stop. Returns what was not sent, the oldest first.

        Args:
            within: seconds to wait for what is being sent.
        """
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=within)
            await cancel_and_wait(self._task)
        await self._way.close()
        left = [*filter(None, [self._current]), *self._waiting]
        for message in left:
            logger.error("An alert was not sent before the end: %s: %s", self._way.name, message)
        return left

    async def _run(self) -> None:
        while self._waiting and self._current is None:
            self._current = self._waiting.popleft()
            if await self._is_done(self._current):
                self._current = None

    async def _is_done(self, message: Message) -> bool:
        """Send a message, in some attempts. Returns whether it is sent, or given up; it is neither
        when the process stops meanwhile."""
        problem = await self._attempt(message)
        if problem and self._pauses:
            logger.warning("An alert can't be sent yet: %s: %s", self._way.name, problem)
        for pause in self._pauses:
            if not problem:
                return True
            if await self._stops_within(pause):
                return False
            problem = await self._attempt(message)
        if problem:
            logger.error("An alert is given up: %s: %s: %s", self._way.name, message, problem)
        return True

    async def _attempt(self, message: Message) -> str:
        """Returns what is wrong; empty if it is sent."""
        try:
            return await self._way.send(message)
        except Exception as failure:  # of ours: the next message shall have its turn
            logger.exception("an alert could not be sent: %s", self._way.name)
            return type(failure).__name__

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
