"""May this token do that, and for which LIVE?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AccessToken, User
from live.protocol.errors import ErrorCode, RelayError
from live.relay import access
from live.relay.access import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create(username="anna", tiktok_username="anna.live")


def refused(token: AccessToken | None) -> ErrorCode:
    with pytest.raises(RelayError) as refusal:
        access.check_token(token)
    return refusal.value.code


class TestTokens:
    def test_a_token_is_found_by_its_text_and_may_be_used(self, user: User) -> None:
        issued, text = AccessToken.objects.issue(user)
        assert access.check_token(access.find_token(text)) == issued

    def test_an_unknown_one_is_invalid(self, user: User) -> None:
        with pytest.raises(RelayError) as refusal:
            access.find_token("no-such-token")
        assert refusal.value.code is ErrorCode.INVALID_TOKEN

    def test_a_revoked_an_expired_and_a_deleted_one_are_refused(self, user: User) -> None:
        revoked, _text = AccessToken.objects.issue(user)
        revoked.revoke()
        expired, _text = AccessToken.objects.issue(user, expires_in=timedelta(seconds=-1))
        assert {refused(token) for token in (revoked, expired, None)} == {ErrorCode.TOKEN_REVOKED}

    def test_one_of_a_disabled_account_is_refused(self, user: User) -> None:
        token, _text = AccessToken.objects.issue(user)
        user.is_active = False
        assert refused(token) is ErrorCode.ACCOUNT_DISABLED

    def test_usable_ones_are_neither_revoked_nor_expired(self, user: User) -> None:
        usable, _text = AccessToken.objects.issue(user, expires_in=timedelta(hours=1))
        lasting, _text = AccessToken.objects.issue(user)
        revoked, _text = AccessToken.objects.issue(user)
        revoked.revoke()
        AccessToken.objects.issue(user, expires_in=timedelta(seconds=-1))
        other = User.objects.create(username="bob")
        AccessToken.objects.issue(other)
        assert access.usable_tokens([user.pk]) == {usable.pk: usable, lasting.pk: lasting}
        in_two_hours = timezone.now() + timedelta(hours=2)
        assert list(user.access_tokens.usable(at=in_two_hours)) == [lasting]


class TestAccounts:
    def test_it_gets_the_live_of_its_tiktok_username(self, user: User) -> None:
        assert access.account_of(user) == Account(user.pk, "anna.live", "")

    @pytest.mark.parametrize(
        ("tiktok_username", "code"),
        [("", ErrorCode.USERNAME_MISSING), ("no one", ErrorCode.USERNAME_INVALID)],
    )
    def test_without_one_it_gets_none(
        self, user: User, tiktok_username: str, code: ErrorCode
    ) -> None:
        user.tiktok_username = tiktok_username
        with pytest.raises(RelayError) as refusal:
            access.account_of(user)
        assert refusal.value.code is code
