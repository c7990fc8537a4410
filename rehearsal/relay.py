"""The relay that serves the sockets of the test endpoint."""

from __future__ import annotations

from asyncio import gather
from dataclasses import dataclass, field

from accounts.models import User
from accounts.usernames import is_tiktok_username
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.relay import Relay
from live.server.assembly import assemble, make_streams
from live.streams.registry import Streams
from live.streams.stream import LiveStream
from rehearsal.plan import Plan, check
from rehearsal.upstream import RehearsalUpstreams

__all__ = ["RehearsalRelay", "make_rehearsal_relay"]

# The streamer's username in the test LIVE of an account that has no TikTok username.
_NOBODY = "rehearsal"


def make_rehearsal_relay() -> Relay:
    """Make the test endpoint's relay, configured by Django's settings."""
    return assemble(RehearsalRelay, RehearsalUpstreams(Plan()))


@dataclass(eq=False, repr=False, kw_only=True)
class RehearsalRelay(Relay):
    """A relay that never asks TikTok or the sign server for anything.

    Each plan has its own streams. So a failure that one developer asks for does not reach sockets
    of another plan.
    """

    is_test = True

    _streams_of_plans: dict[Plan, Streams] = field(init=False)

    def __post_init__(self) -> None:
        self._streams_of_plans = {Plan(): self.streams}

    def account_of(self, user: User) -> Account:
        username = user.tiktok_username
        return Account(user.pk, username if is_tiktok_username(username) else _NOBODY, "")

    def join(self, account: Account, options: SocketOptions) -> LiveStream:
        check(Plan.of(options))
        return super().join(account, options)

    def streams_of(self, options: SocketOptions) -> Streams:
        plan = Plan.of(options)
        if plan not in self._streams_of_plans:
            self._streams_of_plans[plan] = make_streams(
                RehearsalUpstreams(plan), self.clock, is_test=True
            )
        return self._streams_of_plans[plan]

    async def close(self) -> None:
        await super().close()
        await gather(*(streams.close() for streams in self._streams_of_plans.values()))
