"""What can be chosen for an overlay, as forms. Each kind of overlay has one.

A form is also the schema of the options that are stored: `cleaned` lets nothing else into the
database, and gives every option that is missing there its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

__all__ = [
    "AlertOptions",
    "AloudOptions",
    "ChatOptions",
    "CounterOptions",
    "GoalOptions",
    "LastOptions",
    "OptionsForm",
    "TickerOptions",
    "TopOptions",
    "cleaned",
]

_colour = RegexValidator(r"\A#[0-9a-f]{6}\Z", _("A colour is # and six hexadecimal digits."))

_ALIGN = [
    ("top-left", _("top left")),
    ("top", _("top")),
    ("top-right", _("top right")),
    ("left", _("left")),
    ("centre", _("centre")),
    ("right", _("right")),
    ("bottom-left", _("bottom left")),
    ("bottom", _("bottom")),
    ("bottom-right", _("bottom right")),
]


class ColourInput(forms.TextInput):
    input_type = "color"


class ColourField(forms.CharField):
    """A colour, as browsers' own field for it gives it."""

    widget = ColourInput
    default_validators = [_colour]

    def to_python(self, value: Any) -> Any:
        return str(super().to_python(value)).lower()


class OptionsForm(forms.Form):
    """What every kind of overlay has. A kind's own form adds to it, and may change defaults.

    The defaults are the fields' `initial` values. `style` is a choice that every kind declares.
    """

    size = forms.IntegerField(label=_("Size, %"), min_value=40, max_value=300, initial=100)
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="centre")
    accent = ColourField(label=_("Accent colour"), initial="#ff3b6b")
    text = ColourField(label=_("Text colour"), initial="#ffffff")
    surface = ColourField(label=_("Background colour"), initial="#14121f")
    opacity = forms.IntegerField(
        label=_("Background opacity, %"), min_value=0, max_value=100, initial=80
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("as the account")), *settings.LANGUAGES],
        required=False,
        initial="",
    )
    motion = forms.ChoiceField(
        label=_("Motion"),
        choices=[
            ("full", _("full")),
            ("reduced", _("reduced: things fade, nothing flies")),
        ],
        initial="full",
    )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The options of an overlay of which nothing was chosen yet."""
        return {name: field.initial for name, field in cls.base_fields.items()}


def _styles(*styles: tuple[str, Any]) -> forms.ChoiceField:
    return forms.ChoiceField(label=_("Style"), choices=list(styles), initial=styles[0][0])


def _several(label: Any, choices: list[tuple[str, Any]], initial: list[str]) -> forms.Field:
    return forms.MultipleChoiceField(
        label=label, choices=choices, initial=initial, widget=forms.CheckboxSelectMultiple
    )


class AlertOptions(OptionsForm):
    style = _styles(
        ("glass", _("Glass: a dark card")),
        ("neon", _("Neon: glowing letters")),
        ("party", _("Party: a bright badge with confetti")),
        ("plain", _("Plain: outlined text")),
    )
    events = _several(
        _("Alerts for"),
        [
            ("gift", _("gifts")),
            ("follow", _("follows")),
            ("subscribe", _("subscriptions")),
            ("share", _("shares")),
        ],
        ["gift", "follow", "subscribe"],
    )
    threshold = forms.IntegerField(
        label=_("Gifts from how many diamonds"),
        help_text=_("Of the whole streak, so small gifts are shown once enough have come."),
        min_value=1,
        max_value=1_000_000,
        initial=1,
    )
    duration = forms.IntegerField(
        label=_("Seconds that an alert stays"), min_value=2, max_value=30, initial=5
    )
    big = forms.IntegerField(
        label=_("A big gift has how many diamonds"),
        min_value=1,
        max_value=1_000_000,
        initial=500,
    )
    big_duration = forms.IntegerField(
        label=_("Seconds that a big gift stays"), min_value=2, max_value=60, initial=10
    )
    late = forms.IntegerField(
        label=_("An alert that comes so many seconds late is left out"),
        help_text=_("After a break of the connection, what was missed comes later."),
        min_value=1,
        max_value=3600,
        initial=60,
    )
    size = forms.IntegerField(label=_("Size, %"), min_value=40, max_value=300, initial=140)
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="top")


class ChatOptions(OptionsForm):
    style = _styles(
        ("bubbles", _("Bubbles")),
        ("lines", _("Lines: outlined text without background")),
        ("cards", _("Cards: name above, coloured edge")),
    )
    count = forms.IntegerField(label=_("Comments at once"), min_value=1, max_value=30, initial=8)
    stay = forms.IntegerField(
        label=_("Seconds that a comment stays"),
        help_text=_("0: until newer ones push it out."),
        min_value=0,
        max_value=600,
        initial=0,
    )
    avatars = forms.BooleanField(label=_("Pictures of viewers"), required=False, initial=True)
    badges = forms.BooleanField(
        label=_("Badges of moderators and subscribers"), required=False, initial=True
    )
    commands = forms.BooleanField(
        label=_("Comments that begin with “!”, too"), required=False, initial=False
    )
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="bottom-left")


class GoalOptions(OptionsForm):
    style = _styles(
        ("bar", _("Bar")),
        ("jar", _("Jar: it fills up")),
        ("slim", _("Slim line")),
    )
    metric = forms.ChoiceField(
        label=_("What is counted"),
        choices=[
            ("diamonds", _("diamonds")),
            ("likes", _("likes")),
            ("follows", _("new followers")),
            ("followers", _("followers, by TikTok's count")),
            ("shares", _("shares")),
        ],
        initial="diamonds",
    )
    title = forms.CharField(label=_("Title"), max_length=60, required=False, initial="")
    target = forms.IntegerField(label=_("Goal"), min_value=1, max_value=1_000_000_000, initial=1000)
    start = forms.IntegerField(
        label=_("Count from"),
        help_text=_("This number is added to what has come since the start of the LIVE."),
        min_value=0,
        max_value=1_000_000_000,
        initial=0,
    )
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="top")


class TopOptions(OptionsForm):
    style = _styles(
        ("list", _("List")),
        ("podium", _("Podium: three places")),
        ("row", _("Row of pictures")),
    )
    title = forms.CharField(label=_("Title"), max_length=60, required=False, initial="")
    count = forms.IntegerField(label=_("Places"), min_value=1, max_value=10, initial=5)
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="top-right")


class CounterOptions(OptionsForm):
    style = _styles(
        ("pills", _("Pills")),
        ("tiles", _("Tiles")),
        ("plain", _("Plain: outlined text")),
    )
    shown = _several(
        _("Counters"),
        [
            ("viewers", _("viewers")),
            ("likes", _("likes")),
            ("diamonds", _("diamonds")),
            ("follows", _("new followers")),
            ("shares", _("shares")),
            ("comments", _("comments")),
        ],
        ["viewers", "likes", "diamonds"],
    )
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="top-left")


class TickerOptions(OptionsForm):
    style = _styles(
        ("chips", _("Chips")),
        ("strip", _("Strip: a band across the screen")),
        ("pictures", _("Pictures of gifts alone")),
    )
    threshold = forms.IntegerField(
        label=_("Gifts from how many diamonds"), min_value=1, max_value=1_000_000, initial=1
    )
    count = forms.IntegerField(label=_("Gifts at once"), min_value=1, max_value=20, initial=8)
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="bottom")


class LastOptions(OptionsForm):
    style = _styles(
        ("label", _("Label")),
        ("card", _("Card with the picture")),
        ("plain", _("Plain: outlined text")),
    )
    shown = _several(
        _("Labels"),
        [
            ("gift", _("last gift")),
            ("follow", _("last follower")),
            ("subscribe", _("last subscriber")),
            ("share", _("last share")),
        ],
        ["gift", "follow"],
    )
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="bottom-left")


class AloudOptions(OptionsForm):
    style = _styles(
        ("hidden", _("Nothing to be seen")),
        ("label", _("Label: what is being read, or why nothing is")),
        ("plain", _("Plain: the same as outlined text")),
    )
    volume = forms.IntegerField(
        label=_("Volume, in percent of the account's"), min_value=0, max_value=100, initial=100
    )
    position = forms.ChoiceField(label=_("Position"), choices=_ALIGN, initial="bottom-left")


def cleaned(form_class: type[OptionsForm], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they are stored: all of them, and nothing else.

    Args:
        given: options, as JSON has them. What is missing gets its default.

    Raises:
        ValidationError: one of them has a value that it can't have; by their names.
    """
    form = form_class({**form_class.defaults(), **given})
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    return form.cleaned_data
