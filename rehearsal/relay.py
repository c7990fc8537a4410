"""The relay behind the test endpoint."""

from __future__ import annotations

from asyncio import gather

from accounts.models import User
from accounts.usernames import is_tiktok_username
from live.protocol.options import SocketOptions
from live.relay.relay import Account, Relay
from live.streams.registry import Streams
from live.streams.stream import LiveStream
from rehearsal.plan import Plan, check
from rehearsal.upstream import Stage

__all__ = ["RehearsalRelay"]

# Whose LIVE it is, for an account that has no TikTok username.
_NOBODY = "rehearsal"


class RehearsalRelay(Relay):
    """A relay with streams of its own, which never asks TikTok or the sign server for anything.

    What one developer lets fail, another does not notice: each plan has its own streams.
    """

    is_test = True

    def __init__(self) -> None:
        super().__init__(Stage(Plan()))
        self._streams = {Plan(): self.streams}

    def account_of(self, user: User) -> Account:
        username = user.tiktok_username
        return Account(user.pk, username if is_tiktok_username(username) else _NOBODY, "")

    def join(self, account: Account, options: SocketOptions) -> LiveStream:
        check(Plan.of(options))
        return super().join(account, options)

    def streams_of(self, options: SocketOptions) -> Streams:
        plan = Plan.of(options)
        if plan not in self._streams:
            self._streams[plan] = self._new_streams(Stage(plan))
        return self._streams[plan]

    async def close(self) -> None:
        await super().close()
        await gather(*(streams.close() for streams in self._streams.values()))
