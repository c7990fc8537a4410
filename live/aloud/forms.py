"""The forms of an account's settings of reading aloud, and of its sounds."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from live.aloud.models import (
    BUILT_IN,
    EVENTS,
    MOST_SOUND_BYTES,
    SOUND_NAME_LENGTH,
    AloudSettings,
    Sound,
    words_of,
)

__all__ = ["AloudForm", "SoundForm", "VolumeForm"]

# How many words and phrases can be kept from being read, and how long each can be.
_MOST_WORDS = 200
_LONGEST_WORD = 60


class _Slider(forms.NumberInput):
    """Set with a thumb. The page's script shows the value."""

    input_type = "range"

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__(attrs={"min": lowest, "max": highest, "step": 5})


class AloudForm(forms.ModelForm):  # type: ignore[type-arg]
    """All settings of an account, in groups."""

    class Meta:
        model = AloudSettings
        exclude = ("account",)
        widgets = {
            "voice": forms.Select,
            "rate": _Slider(50, 200),
            "volume": _Slider(0, 100),
            "sound_volume": _Slider(0, 100),
            "never_words": forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
            **{f"sound_{event}": forms.Select for event in EVENTS},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer_the_voice()
        self._offer_sounds()

    def _offer_the_voice(self) -> None:
        """The page's script adds the voices of its browser to the one that is stored."""
        voice = self.instance.voice
        choices = [("", _("The browser's own"))]
        if voice:
            choices.append((voice, voice))
        self.fields["voice"].widget.choices = choices

    def _offer_sounds(self) -> None:
        own = [
            (sound.choice, sound.name)
            for sound in Sound.objects.described().filter(account_id=self.instance.account_id)
        ]
        choices: list[Any] = [("", _("No sound")), *BUILT_IN.items()]
        if own:
            choices.append((_("Your own"), own))
        known = {"", *BUILT_IN, *(choice for choice, _name in own)}
        for event in EVENTS:
            name = f"sound_{event}"
            before = self.fields[name]
            self.fields[name] = forms.ChoiceField(
                label=before.label, choices=choices, required=False
            )
            if self.initial.get(name) not in known:
                self.initial[name] = ""

    def clean_never_words(self) -> str:
        words = words_of(self.cleaned_data["never_words"])
        if len(words) > _MOST_WORDS:
            raise ValidationError(
                _("At most %(count)d words or phrases."), params={"count": _MOST_WORDS}
            )
        if any(len(word) > _LONGEST_WORD for word in words):
            raise ValidationError(
                _("A word or phrase has at most %(count)d characters."),
                params={"count": _LONGEST_WORD},
            )
        return "\n".join(words)

    def _group(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names]

    @property
    def of_the_voice(self) -> list[forms.BoundField]:
        return self._group("voice", "rate", "volume", "sound_volume", "own_language")

    @property
    def of_what_is_read(self) -> list[forms.BoundField]:
        return self._group(
            "reads_gifts",
            "gift_diamonds",
            "reads_follows",
            "reads_subscriptions",
            "reads_comments",
            "says_names",
        )

    @property
    def of_people(self) -> list[forms.BoundField]:
        return self._group("of_followers", "of_subscribers", "of_moderators")

    @property
    def of_texts(self) -> list[forms.BoundField]:
        return self._group(
            "never_words", "reads_addresses", "longest_text", "repeat_seconds", "person_seconds"
        )

    @property
    def of_sounds(self) -> list[forms.BoundField]:
        return self._group(*(f"sound_{event}" for event in EVENTS))


class VolumeForm(forms.ModelForm):  # type: ignore[type-arg]
    """The one setting that is changed in the middle of a LIVE."""

    class Meta:
        model = AloudSettings
        fields = ("volume",)


class SoundForm(forms.Form):
    """Takes a sound of the account's own."""

    file = forms.FileField(
        label=_("Sound file"),
        help_text=_("WAV, MP3 or Ogg, up to 512 KiB."),
        widget=forms.ClearableFileInput(
            attrs={"accept": ".wav,.mp3,.ogg,.oga,.opus,audio/wav,audio/mpeg,audio/ogg"}
        ),
    )
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=SOUND_NAME_LENGTH,
        help_text=_("Empty: the name of the file."),
    )

    def save(self, account_id: int) -> Sound | None:
        """Store the sound; None, with the reason among the form's errors, if it is refused."""
        file = self.cleaned_data["file"]
        name = self.cleaned_data["name"] or PurePath(file.name).stem
        try:
            return Sound.objects.add(account_id, name, file.read(MOST_SOUND_BYTES + 1))
        except ValidationError as refusal:
            self.add_error("file", refusal)
            return None
