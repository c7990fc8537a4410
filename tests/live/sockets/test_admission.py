"""Who opens a socket, and what they want of it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import AccessToken, User
from live.connections.record import Connection
from live.protocol.errors import ErrorCode, RelayError
from live.relay.access import Account
from live.relay.relay import Limits, Relay
from live.relay.token_lookup import TokenLookup
from live.server.assembly import make_relay
from live.sockets.admission import Admission, connection_of
from tests.support.sessions import KeptLog

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = make_relay()
    log: Any = KeptLog()
    relay.connection_log = log
    yield relay
    await relay.close()


@pytest.fixture
async def user() -> User:
    return await User.objects.acreate(username="anna", tiktok_username="anna.live")


async def issue(user: User) -> tuple[AccessToken, str]:
    return await sync_to_async(AccessToken.objects.issue)(user)


def handshake(query: str = "", **headers: str) -> dict[str, Any]:
    """A scope, as ASGI has it."""
    return {
        "type": "websocket",
        "client": ("10.0.0.7", 1234),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
        "query_string": query.encode(),
    }


def admission(
    relay: Relay, token: str = "", query: str = "", **headers: str
) -> tuple[Admission, Connection]:
    scope = handshake(query, **headers)
    connection = connection_of(scope, is_test=False)
    return Admission(relay, scope, connection, token), connection


async def refused(admission: Admission) -> RelayError:
    with pytest.raises(RelayError) as refusal:
        await admission.admit()
    return refusal.value


class TestAdmission:
    async def test_a_token_in_the_address_opens_its_account_s_socket(
        self, relay: Relay, user: User
    ) -> None:
        token, text = await issue(user)
        opening, connection = admission(relay, text, "wait=1&batch=250")
        account, options = await opening.admit()
        assert account == Account(user.pk, "anna.live", "")
        assert (options.wait, options.batch) == (True, 250)
        assert (connection.account_id, connection.token_id) == (user.pk, token.pk)
        assert (connection.token_prefix, connection.tiktok_username) == (token.prefix, "anna.live")
        log: Any = relay.connection_log
        assert log.written == [("opened", connection)]

    async def test_a_token_in_a_header_does_as_well(self, relay: Relay, user: User) -> None:
        _token, text = await issue(user)
        opening, _connection = admission(relay, authorization=f"Bearer {text}")
        assert (await opening.admit())[0].id == user.pk

    async def test_an_unknown_token_is_refused_and_logged(self, relay: Relay) -> None:
        opening, connection = admission(relay, "no-such-token")
        assert (await refused(opening)).code is ErrorCode.INVALID_TOKEN
        assert connection.account_id is None
        log: Any = relay.connection_log
        assert log.written == [("opened", connection)]

    async def test_a_revoked_token_is_refused_in_its_account_s_language(
        self, relay: Relay, user: User
    ) -> None:
        user.language = "ru"
        await user.asave()
        token, text = await issue(user)
        await sync_to_async(token.revoke)()
        opening, connection = admission(relay, text, accept_language="en")
        assert opening.language == "en"
        assert (await refused(opening)).code is ErrorCode.TOKEN_REVOKED
        assert opening.language == "ru"
        # Control does not look at what was never admitted; the log knows whose it was.
        assert (connection.account_id, connection.token_id) == (user.pk, None)

    async def test_a_bad_option_is_refused(self, relay: Relay, user: User) -> None:
        _token, text = await issue(user)
        opening, _connection = admission(relay, text, "batch=much")
        assert (await refused(opening)).code is ErrorCode.BAD_REQUEST

    async def test_a_server_that_is_stopping_admits_nobody(self, relay: Relay, user: User) -> None:
        _token, text = await issue(user)
        await relay.close()
        opening, _connection = admission(relay, text)
        assert (await refused(opening)).code is ErrorCode.SERVER_SHUTDOWN

    async def test_a_database_that_does_not_answer_is_the_relay_s_fault(self, relay: Relay) -> None:
        answers = threading.Event()

        def hang(digests: Any) -> dict[str, AccessToken]:
            answers.wait(10)
            return {}

        relay.tokens = TokenLookup(find=hang)
        relay.limits = Limits(connect_timeout=0.05)
        opening, _connection = admission(relay, "token")
        try:
            assert (await refused(opening)).code is ErrorCode.INTERNAL_ERROR
        finally:
            answers.set()


class TestTheConnection:
    def test_an_app_s_name_may_be_utf_8(self) -> None:
        assert connection_of(handshake(user_agent="Приложение/1"), is_test=False).user_agent == (
            "Приложение/1"
        )

    def test_what_can_t_be_printed_is_left_out_and_the_rest_is_cut(self) -> None:
        scope = handshake(user_agent="a\x00b\x1b" + "c" * 1000)
        assert connection_of(scope, is_test=False).user_agent == "ab" + "c" * 298
