"""Who opens an overlay's socket, and what it gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import AccessToken, Scope, User
from live.connections.record import Connection
from live.overlays.models import Overlay
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType
from live.relay.quota import SocketQuota
from live.relay.relay import Relay
from live.server.assembly import make_relay
from live.sockets.admission import Admission, OverlayAdmission, PreviewAdmission, connection_of
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
def overlay() -> Overlay:
    anna = User.objects.create(username="anna", tiktok_username="anna.live")
    return Overlay.objects.create(account=anna, kind="chat", name="Chat")


def opening(
    relay: Relay, secret: str, query: str = "", kind: type[Admission] = OverlayAdmission
) -> tuple[Admission, Connection]:
    scope = {
        "type": "websocket",
        "client": ("10.0.0.7", 1234),
        "headers": [(b"user-agent", b"OBS/30.2")],
        "query_string": query.encode(),
    }
    connection = connection_of(scope, is_test=False)
    return kind(relay, scope, connection, secret), connection


async def refused(admission: Admission) -> ErrorCode:
    with pytest.raises(RelayError) as refusal:
        await admission.admit()
    return refusal.value.code


async def test_its_secret_opens_it(relay: Relay, overlay: Overlay) -> None:
    admission, connection = opening(relay, overlay.secret, "wait=1&since=abc-7")
    account, options = await admission.admit()
    assert account.tiktok_username == "anna.live"
    assert options.wait
    assert options.is_overlay
    assert (connection.overlay_id, connection.overlay_digest) == (overlay.pk, overlay.digest)
    assert connection.token_id is None
    assert connection.token_prefix == overlay.prefix
    log: Any = relay.connection_log
    assert log.written == [("opened", connection)]


@pytest.mark.parametrize("query", ["", "types=gift", "types=all"])
async def test_it_gets_the_events_of_its_kind_alone(
    relay: Relay, overlay: Overlay, query: str
) -> None:
    _account, options = await opening(relay, overlay.secret, query)[0].admit()
    assert options.types == frozenset({FrameType.COMMENT, FrameType.DELETE})


async def test_the_thread_that_looks_tokens_up_writes_nothing(
    relay: Relay, overlay: Overlay
) -> None:
    """Or else it would wait for whoever writes to the database, and all phones for it. When an
    overlay was connected last is written with the connection log, which is kept in memory here."""
    await opening(relay, overlay.secret)[0].admit()
    assert (await Overlay.objects.aget()).last_connected_at is None


async def test_a_token_does_not_open_it(relay: Relay, overlay: Overlay) -> None:
    _token, text = await sync_to_async(AccessToken.objects.issue)(overlay.account)
    assert await refused(opening(relay, text)[0]) is ErrorCode.INVALID_TOKEN


async def test_its_secret_is_no_token(relay: Relay, overlay: Overlay) -> None:
    admission, _connection = opening(relay, overlay.secret, kind=Admission)
    assert await refused(admission) is ErrorCode.INVALID_TOKEN


async def test_a_disabled_account_s_does_not_open(relay: Relay, overlay: Overlay) -> None:
    await User.objects.aupdate(is_active=False)
    admission, connection = opening(relay, overlay.secret)
    assert await refused(admission) is ErrorCode.ACCOUNT_DISABLED
    assert (connection.account_id, connection.overlay_id) == (overlay.account_id, None)


async def test_an_unknown_secret_counts_as_a_wrong_token(relay: Relay) -> None:
    for _ in range(5):
        assert await refused(opening(relay, "ov_wrong")[0]) is ErrorCode.INVALID_TOKEN
    with pytest.raises(RelayError):
        relay.failed_tokens.check("10.0.0.7", "ov_other")


class TestThePreview:
    async def test_a_session_s_token_opens_it_and_replays_and_rehearses_nothing(
        self, relay: Relay, overlay: Overlay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(relay), "is_test", True)
        issue = sync_to_async(AccessToken.objects.issue)
        _token, text = await issue(overlay.account, session="of a browser")
        query = "replay=evening.jsonl&fail=user_offline&wait=1"
        _account, as_phone = await opening(relay, text, query, Admission)[0].admit()
        assert (as_phone.replay, as_phone.fail) == ("evening.jsonl", ErrorCode.USER_OFFLINE)
        account, options = await opening(relay, text, query, PreviewAdmission)[0].admit()
        assert account.id == overlay.account_id
        assert (options.replay, options.fail, options.wait) == ("", None, True)

    async def test_an_app_s_token_does_not_open_it(self, relay: Relay, overlay: Overlay) -> None:
        issue = sync_to_async(AccessToken.objects.issue)
        _token, text = await issue(overlay.account, scope=Scope.MANAGE)
        admission, connection = opening(relay, text, kind=PreviewAdmission)
        assert await refused(admission) is ErrorCode.INVALID_TOKEN
        assert (connection.account_id, connection.token_id) == (overlay.account_id, None)

    async def test_a_session_s_token_opens_it_no_more_once_signed_out(
        self, relay: Relay, overlay: Overlay
    ) -> None:
        issue = sync_to_async(AccessToken.objects.issue)
        token, text = await issue(overlay.account, session="of a browser")
        await sync_to_async(token.revoke)()
        admission, _connection = opening(relay, text, kind=PreviewAdmission)
        assert await refused(admission) is ErrorCode.TOKEN_REVOKED


async def test_overlays_do_not_take_the_phones_place(relay: Relay, overlay: Overlay) -> None:
    relay.quota, relay.overlay_quota = SocketQuota(1), SocketQuota(1, "overlays")
    token, text = await sync_to_async(AccessToken.objects.issue)(overlay.account)
    assert token.user_id == overlay.account_id
    account, as_overlay = await opening(relay, overlay.secret)[0].admit()
    _account, as_phone = await opening(relay, text, kind=Admission)[0].admit()
    relay.quota_of(as_overlay).take(account.id)
    with pytest.raises(RelayError):
        relay.quota_of(as_overlay).take(account.id)
    relay.quota_of(as_phone).take(account.id)
    with pytest.raises(RelayError):
        relay.quota_of(as_phone).take(account.id)
