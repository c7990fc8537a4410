"""Accounts, their API keys at rest, and their access tokens."""

import hashlib
import math
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import (
    OWN_SECRETS,
    PREFIX_LENGTH,
    TOKEN_BYTES,
    AccessToken,
    User,
    proxy_validator,
)

pytestmark = pytest.mark.django_db

KEY = "euler_NTM4ZjQ5secret"
PROXY = "http://anna:secret@proxy.example:3128"


@pytest.fixture
def user() -> User:
    return User.objects.create(username="maria")


def stored(table: str) -> str:
    """Every value of a table, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return repr(cursor.fetchall())


class TestIssue:
    def test_an_issued_token_is_usable_and_found_by_its_text(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user, label="phone")
        assert issued.pk
        assert issued.user == user
        assert issued.label == "phone"
        assert issued.expires_at is None
        assert issued.revoked_at is None
        assert issued.last_used_at is None
        assert issued.is_usable()
        assert AccessToken.objects.find(token) == issued

    def test_it_makes_tokens_that_cannot_be_guessed(self, user: User) -> None:
        tokens = {AccessToken.objects.issue(user)[1] for _ in range(20)}
        assert len(tokens) == 20
        for token in tokens:
            # 6 bits a character; what is stored in clear counts for nothing.
            assert (len(token) - PREFIX_LENGTH) * math.log2(64) >= 128
            # So many different ones don't stand in a text that is less random than that.
            assert len(set(token)) > 10
        assert TOKEN_BYTES * 8 >= 256

    def test_it_makes_tokens_that_stand_in_an_address_as_they_are(self, user: User) -> None:
        for _ in range(20):
            _issued, token = AccessToken.objects.issue(user)
            assert token.isascii()
            assert token.replace("-", "").replace("_", "").isalnum()

    def test_it_stores_the_digest_only(self, user: User) -> None:
        _issued, token = AccessToken.objects.issue(user, label="phone")
        row = stored("accounts_accesstoken")
        assert token not in row
        assert token[PREFIX_LENGTH:] not in row
        assert token[: PREFIX_LENGTH + 1] not in row
        assert hashlib.sha256(token.encode()).hexdigest() in row

    def test_it_expires_when_asked_to(self, user: User) -> None:
        before = timezone.now()
        issued, _token = AccessToken.objects.issue(user, expires_in=timedelta(days=30))
        assert issued.expires_at is not None
        assert before <= issued.expires_at - timedelta(days=30) <= timezone.now()

    @pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(seconds=-1)])
    def test_it_takes_no_time_for_what_it_is(self, user: User, expires_in: timedelta) -> None:
        issued, _token = AccessToken.objects.issue(user, expires_in=expires_in)
        assert not issued.is_usable()

    def test_it_keeps_digests_apart(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user)
        with pytest.raises(IntegrityError):
            AccessToken.objects.create(user=user, prefix="x", digest=issued.digest)
        assert AccessToken.digest_of(token) == issued.digest


class TestFind:
    def test_a_token_is_found_among_others(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user)
        AccessToken.objects.issue(user)
        assert AccessToken.objects.find(token) == issued

    @pytest.mark.parametrize("text", ["", "nonsense", "\x00", "мария", "x" * 5000, "' OR 1=1 --"])
    def test_it_knows_no_others(self, user: User, text: str) -> None:
        AccessToken.objects.issue(user)
        assert AccessToken.objects.find(text) is None

    def test_it_knows_no_part_of_a_token(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user)
        for text in (issued.prefix, issued.digest, token[:-1], token + "x", token.swapcase()):
            assert AccessToken.objects.find(text) is None

    def test_it_finds_what_is_not_usable(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user, expires_in=timedelta(days=-1))
        issued.revoke()
        assert AccessToken.objects.find(token) == issued

    def test_it_brings_the_account_along(
        self, user: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        _issued, token = AccessToken.objects.issue(user)
        with django_assert_num_queries(1):
            found = AccessToken.objects.find(token)
            assert found is not None
            assert found.user.username == "maria"


class TestIsUsable:
    def test_a_token_is_usable_until_it_expires(self, user: User) -> None:
        now = timezone.now()
        token = AccessToken(user=user, expires_at=now)
        assert token.is_usable(now - timedelta(microseconds=1))
        assert not token.is_usable(now)
        assert not token.is_usable(now + timedelta(days=1))

    def test_it_has_no_end_without_an_expiry(self, user: User) -> None:
        assert AccessToken(user=user).is_usable(timezone.now() + timedelta(days=36_500))

    def test_it_is_over_once_revoked(self, user: User) -> None:
        issued, _token = AccessToken.objects.issue(user, expires_in=timedelta(days=1))
        issued.revoke()
        assert not issued.is_usable()
        assert not issued.is_usable(timezone.now() - timedelta(days=1))


class TestRevoke:
    def test_a_revoked_token_is_not_usable(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user)
        issued.revoke()
        found = AccessToken.objects.find(token)
        assert found is not None
        assert found.revoked_at == issued.revoked_at
        assert not found.is_usable()

    def test_it_keeps_the_first_time(self, user: User) -> None:
        issued, _token = AccessToken.objects.issue(user)
        issued.revoke()
        first = issued.revoked_at
        issued.revoke()
        issued.refresh_from_db()
        assert issued.revoked_at == first

    def test_it_leaves_other_tokens_alone(self, user: User) -> None:
        issued, _token = AccessToken.objects.issue(user)
        _other, other_token = AccessToken.objects.issue(user)
        issued.revoke()
        found = AccessToken.objects.find(other_token)
        assert found is not None
        assert found.is_usable()


class TestAccessToken:
    def test_it_shows_its_prefix_only(self, user: User) -> None:
        issued, token = AccessToken.objects.issue(user)
        assert str(issued) == f"{token[:PREFIX_LENGTH]}…"
        assert token not in repr(issued)

    def test_it_goes_with_its_account(self, user: User) -> None:
        _issued, token = AccessToken.objects.issue(user)
        user.delete()
        assert AccessToken.objects.find(token) is None


class TestSignApiKey:
    def test_an_api_key_is_read_back_as_it_was_saved(self, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        assert User.objects.get().sign_api_key() == KEY

    @pytest.mark.parametrize("key", [None, ""])
    def test_it_is_empty_without_one(self, user: User, key: str | None) -> None:
        user.own_sign_api_key = key
        user.save()
        assert User.objects.get().sign_api_key() == ""

    def test_it_is_encrypted_at_rest(self, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        row = stored("accounts_user")
        assert "maria" in row
        assert KEY not in row
        assert KEY[:10] not in row

    def test_it_is_encrypted_by_update_too(self, user: User) -> None:
        User.objects.filter(pk=user.pk).update(own_sign_api_key=KEY)
        assert KEY not in stored("accounts_user")
        assert User.objects.get().sign_api_key() == KEY

    def test_it_survives_saving_and_cleaning(self, user: User) -> None:
        user.own_sign_api_key = KEY
        user.set_unusable_password()
        user.save()
        for _ in range(2):
            again = User.objects.get()
            again.full_clean()
            again.save()
        assert User.objects.get().sign_api_key() == KEY

    def test_it_counts_as_none_after_secret_key_changed(self, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        with another_secret_key():
            again = User.objects.get()
            assert again.own_sign_api_key
            assert again.sign_api_key() == ""

    def test_it_counts_as_none_even_when_saved_again(self, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        with another_secret_key():
            User.objects.get().save()
            assert User.objects.get().sign_api_key() == ""

    def test_it_can_be_entered_anew_after_secret_key_changed(self, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        with another_secret_key():
            again = User.objects.get()
            again.own_sign_api_key = "another"
            again.save()
            assert User.objects.get().sign_api_key() == "another"


class TestProxy:
    def test_it_is_read_back_as_it_was_saved(self, user: User) -> None:
        user.own_proxy = PROXY
        user.save()
        assert User.objects.get().proxy() == PROXY
        assert "secret" not in stored("accounts_user")
        assert "proxy.example" not in stored("accounts_user")

    @pytest.mark.parametrize("address", [None, ""])
    def test_it_is_empty_without_one(self, user: User, address: str | None) -> None:
        user.own_proxy = address
        user.save()
        assert User.objects.get().proxy() == ""

    def test_it_counts_as_none_after_secret_key_changed(self, user: User) -> None:
        user.own_proxy = PROXY
        user.save()
        with another_secret_key():
            again = User.objects.get()
            assert again.own_proxy
            assert again.proxy() == ""

    @pytest.mark.parametrize(
        "address",
        [
            "http://proxy.example:3128",
            "https://anna:p%40ss@proxy.example:443/",
            "socks5://anna:secret@[2001:db8::1]:1080",
            "http://10.0.0.1:1",
        ],
    )
    def test_addresses_of_proxies(self, address: str) -> None:
        proxy_validator(address)

    @pytest.mark.parametrize(
        "address",
        [
            "proxy.example:3128",
            "http://proxy.example",
            "http://:3128",
            "ftp://proxy.example:21",
            "socks4://proxy.example:1080",
            "http://proxy.example:0",
            "http://proxy.example:65536",
            "http://proxy.example:3128/path",
            "http://proxy.example:3128?query",
            "http://proxy.example:3128#part",
            "http://an na@proxy.example:3128",
            "http://прокси.example:3128",
            "http://proxy.example:3128\n",
            "http://a..b:3128",
            "http://-proxy.example:3128",
            "http://*.example:3128",
            "http://[::1:3128",
            "http://[proxy]:3128",
            f"http://{'a' * 64}.example:3128",
            f"http://anna:{'x' * 500}@proxy.example:3128",
        ],
    )
    def test_what_is_none_is_refused_and_not_repeated(self, address: str) -> None:
        with pytest.raises(ValidationError) as refused:
            proxy_validator(address)
        assert address not in str(refused.value)


class another_secret_key(override_settings):  # noqa: N801
    """A process that was started with another SECRET_KEY."""

    def __init__(self) -> None:
        super().__init__(SECRET_KEY="another secret key")

    def enable(self) -> None:
        super().enable()
        self._forget_keys()

    def disable(self) -> None:
        super().disable()
        self._forget_keys()

    def _forget_keys(self) -> None:
        # The field derives them once a process.
        for secret in OWN_SECRETS:
            for name in ("keys", "f"):
                User._meta.get_field(secret).__dict__.pop(name, None)
