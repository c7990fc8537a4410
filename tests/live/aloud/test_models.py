"""What is stored of an account's settings and sounds."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from live.aloud.models import (
    EVENTS,
    MOST_SOUND_BYTES,
    MOST_SOUNDS,
    AloudSettings,
    Sound,
    words_of,
)
from tests.support.sounds import mp3, wav

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> int:
    return User.objects.create_user("anna").pk


def test_an_account_has_settings_before_it_has_stored_any(anna: int) -> None:
    settings = AloudSettings.objects.of(anna)
    assert settings.reads_comments
    assert settings.rate == 100
    assert not AloudSettings.objects.exists()
    settings.full_clean()


def test_words_are_told_once_each() -> None:
    assert words_of(" bad \nworse\n\n bad\n") == ["bad", "worse"]


class TestSounds:
    def test_it_works(self, anna: int) -> None:
        added = Sound.objects.add(anna, "airhorn", mp3())
        stored = Sound.objects.get(pk=added.pk)
        assert (stored.name, stored.kind, bytes(stored.content)) == ("airhorn", "mp3", mp3())
        assert stored.content_type == "audio/mpeg"

    def test_a_name_is_one_line_that_can_be_seen(self, anna: int) -> None:
        assert Sound.objects.add(anna, " a\x00\u202eb\n c ", wav()).name == "ab c"
        assert Sound.objects.add(anna, "\u200b", wav()).name == "wav"
        assert Sound.objects.add(anna, "x" * 300, wav()).name == "x" * 60

    def test_one_that_is_too_large_is_refused(self, anna: int) -> None:
        largest = wav().ljust(MOST_SOUND_BYTES, b"\0")
        assert Sound.objects.add(anna, "largest", largest)
        with pytest.raises(ValidationError, match="512 KiB"):
            Sound.objects.add(anna, "larger", largest + b"\0")

    def test_what_is_no_sound_is_refused(self, anna: int) -> None:
        with pytest.raises(ValidationError, match="no WAV, MP3 or Ogg"):
            Sound.objects.add(anna, "sound.wav", b"<script>")
        assert not Sound.objects.exists()

    def test_one_too_many_is_refused_to_that_account_alone(self, anna: int) -> None:
        bob = User.objects.create_user("bob").pk
        for number in range(MOST_SOUNDS):
            Sound.objects.add(anna, f"sound {number}", wav())
        with pytest.raises(ValidationError, match="room for 20"):
            Sound.objects.add(anna, "one more", wav())
        assert Sound.objects.add(bob, "the first", wav())

    def test_one_that_is_removed_is_silent_wherever_it_was_chosen(self, anna: int) -> None:
        removed, kept = (Sound.objects.add(anna, name, wav()) for name in ("removed", "kept"))
        settings = AloudSettings.objects.of(anna)
        settings.sound_gift = settings.sound_share = removed.choice
        settings.sound_follow = kept.choice
        settings.save()
        removed.remove()
        chosen = AloudSettings.objects.of(anna).sounds()
        assert (chosen["gift"], chosen["share"], chosen["follow"]) == ("", "", kept.choice)
        assert set(chosen) == set(EVENTS)

    def test_they_go_with_their_account(self, anna: int) -> None:
        Sound.objects.add(anna, "airhorn", wav())
        User.objects.get(pk=anna).delete()
        assert not Sound.objects.exists()
        assert not AloudSettings.objects.exists()
