"""Overlays as they are stored, and their secrets."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from accounts.models import AccessToken, User
from live.overlays.models import Overlay, find_overlay, usable_overlays

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    return User.objects.create(username="anna", tiktok_username="anna.live")


@pytest.fixture
def overlay(anna: User) -> Overlay:
    return Overlay.objects.create(account=anna, kind="chat", name="Chat")


class TestTheSecret:
    def test_it_finds_the_overlay(self, overlay: Overlay) -> None:
        assert find_overlay(overlay.secret) == overlay

    def test_it_can_be_read_again_but_not_in_the_database(self, overlay: Overlay) -> None:
        overlay.refresh_from_db()
        secret = overlay.readable_secret
        assert len(secret) > 40
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM overlays_overlay")
            assert secret not in str(cursor.fetchall())

    def test_its_beginning_says_that_it_is_an_overlay_s(self, overlay: Overlay) -> None:
        assert overlay.prefix.startswith("ov_")
        assert overlay.secret.startswith(overlay.prefix)

    def test_one_that_is_renewed_finds_nothing_by_the_old_one(self, overlay: Overlay) -> None:
        old = overlay.secret
        overlay.renew()
        overlay.save()
        assert find_overlay(old) is None
        assert find_overlay(overlay.secret) == overlay

    def test_saving_does_not_change_it(self, overlay: Overlay) -> None:
        old = overlay.secret
        overlay.name = "Comments"
        overlay.save()
        assert Overlay.objects.get().secret == old

    def test_what_can_t_be_decrypted_is_not_shown(self, overlay: Overlay) -> None:
        overlay.secret = "gAAAAABo…"
        assert overlay.readable_secret == ""

    def test_a_token_is_no_secret_of_an_overlay(self, anna: User, overlay: Overlay) -> None:
        _token, text = AccessToken.objects.issue(anna)
        assert find_overlay(text) is None
        assert AccessToken.objects.find(overlay.secret) is None

    def test_an_unknown_kind_is_not_found(self, overlay: Overlay) -> None:
        """Of a version of the server that had it."""
        Overlay.objects.update(kind="hologram")
        assert find_overlay(overlay.secret) is None
        assert usable_overlays([overlay.account_id]) == {}


class TestOptions:
    def test_they_are_checked_by_the_kind(self, overlay: Overlay) -> None:
        overlay.options = {"count": 1000}
        with pytest.raises(ValidationError) as refusal:
            overlay.full_clean()
        assert "count" in refusal.value.message_dict["options"][0]

    def test_what_is_no_object_is_refused(self, overlay: Overlay) -> None:
        overlay.options = ["count"]
        with pytest.raises(ValidationError) as refusal:
            overlay.full_clean()
        assert set(refusal.value.message_dict) == {"options"}

    def test_those_that_are_newer_than_what_is_stored_have_their_default(
        self, overlay: Overlay
    ) -> None:
        overlay.options = {"count": 3}
        options = overlay.current_options()
        assert (options["count"], options["stay"]) == (3, 0)


def test_usable_overlays_are_those_of_the_accounts_by_digest(anna: User, overlay: Overlay) -> None:
    bob = User.objects.create(username="bob")
    Overlay.objects.create(account=bob, kind="goal", name="Goal")
    assert usable_overlays([anna.pk]) == {overlay.digest: overlay}


def test_secrets_are_encrypted_anew_after_a_change_of_the_secret_key(
    overlay: Overlay, settings: Settings
) -> None:
    def forget_keys() -> None:  # of the process's secret keys
        for kept in ("keys", "f"):
            vars(Overlay._meta.get_field("secret")).pop(kept, None)

    def read() -> str:
        forget_keys()
        return Overlay.objects.get().readable_secret

    secret, old = overlay.secret, settings.SECRET_KEY
    settings.SECRET_KEY = "another"
    assert read() == ""
    settings.SECRET_KEY_FALLBACKS = [old]
    assert read() == secret
    output = StringIO()
    call_command("reencrypt_secrets", batch=1, stdout=output)
    assert "Encrypted 1 secrets of overlays.Overlay.\n" in output.getvalue()
    settings.SECRET_KEY_FALLBACKS = []
    assert read() == secret
    # What nobody can read stays as it is.
    settings.SECRET_KEY = old
    call_command("reencrypt_secrets", stdout=StringIO(), stderr=StringIO())
    settings.SECRET_KEY = "another"
    assert read() == secret
    settings.SECRET_KEY = old
    forget_keys()
