"""What ends or moves a session: which order counts, and how work stops for it."""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.relay.access import Account
from live.sockets.orders import End, Inbox, Interrupt, MoveTo, Order
from tests.support.clock import virtual_time

TO_ALICE = MoveTo(Account(1, "alice", ""))
TO_BOB = MoveTo(Account(1, "bob", ""))
REVOKED = Interrupt(RelayError(ErrorCode.TOKEN_REVOKED))
TOO_SLOW = Interrupt(RelayError(ErrorCode.TOO_SLOW))
GONE = End(1000)


class TestWhichOrderCounts:
    @pytest.mark.parametrize(
        ("orders", "counts"),
        [
            ([TO_ALICE, TO_BOB], TO_BOB),
            ([TO_ALICE, REVOKED], REVOKED),
            ([REVOKED, TO_ALICE], REVOKED),
            ([REVOKED, TOO_SLOW], REVOKED),
            ([REVOKED, GONE], GONE),
            ([GONE, REVOKED], GONE),
            ([GONE, End()], GONE),
        ],
    )
    def test_the_one_that_weighs_most(self, orders: list[Order], counts: Order) -> None:
        inbox = Inbox()
        for order in orders:
            inbox.put(order)
        assert inbox.order == counts

    def test_only_the_end_while_an_error_is_explained(self) -> None:
        inbox = Inbox()
        inbox.put(REVOKED)
        inbox.begin_explaining()
        inbox.put(TOO_SLOW)
        inbox.put(TO_ALICE)
        assert inbox.order is None
        inbox.put(GONE)
        assert inbox.order == GONE

    def test_a_move_is_taken_once(self) -> None:
        inbox = Inbox()
        inbox.put(TO_ALICE)
        assert inbox.take_move() == TO_ALICE
        assert inbox.take_move() is None

    def test_another_order_is_no_move(self) -> None:
        inbox = Inbox()
        inbox.put(REVOKED)
        assert inbox.take_move() is None
        assert inbox.order == REVOKED


class TestWork:
    @virtual_time
    async def test_it_is_done_when_no_order_comes(self) -> None:
        inbox = Inbox()
        done = []

        async def work() -> None:
            await asyncio.sleep(5)
            done.append(True)

        await inbox.work(work())
        assert done
        assert inbox.order is None

    @virtual_time
    async def test_an_order_stops_it(self) -> None:
        inbox = Inbox()
        asyncio.get_running_loop().call_later(5, inbox.put, TO_ALICE)
        await inbox.work(asyncio.sleep(1000))
        assert asyncio.get_running_loop().time() < 1000 + 6  # the clock of virtual time
        assert inbox.order == TO_ALICE
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    @virtual_time
    async def test_several_orders_stop_it_once(self) -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        for order in (TO_ALICE, REVOKED, GONE):
            loop.call_later(5, inbox.put, order)
        await inbox.work(asyncio.sleep(1000))
        assert inbox.order == GONE
        await asyncio.sleep(1)  # nothing of it is left to stop this

    @virtual_time
    async def test_it_does_not_begin_when_there_is_an_order_already(self) -> None:
        inbox = Inbox()
        inbox.put(GONE)
        begun = []

        async def work() -> None:
            begun.append(True)

        await inbox.work(work())
        assert not begun

    @virtual_time
    async def test_its_own_time_out_is_no_order(self) -> None:
        async def work() -> None:
            async with asyncio.timeout(1):
                await asyncio.sleep(2)

        with pytest.raises(TimeoutError):
            await Inbox().work(work())

    @virtual_time
    async def test_a_cancellation_by_the_owner_is_no_order(self) -> None:
        inbox = Inbox()
        task = asyncio.create_task(inbox.work(asyncio.sleep(1000)))
        await asyncio.sleep(1)
        inbox.put(TO_ALICE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
