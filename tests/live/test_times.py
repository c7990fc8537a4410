"""Times on pages, as the server writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.template import Context, Template
from django.utils import timezone as django_timezone
from django.utils.translation import override

MOMENT = datetime(2026, 3, 5, 13, 4, 5, 678, UTC)


def rendered(moment: datetime | None, kind: str, more: str = "") -> str:
    """The tag as any template has it, without loading a library."""
    template = Template(f'{{% local_time moment "{kind}" {more} %}}')
    return template.render(Context({"moment": moment}))


class TestLocalTime:
    def test_it_gives_the_script_the_moment_and_the_kind_and_says_utc_on_hover(self) -> None:
        assert rendered(MOMENT, "time") == (
            '<time datetime="2026-03-05T13:04:05.000678Z" data-shows="time"'
            ' title="Mar 5, 2026, 13:04:05 UTC">13:04</time>'
        )

    @pytest.mark.parametrize(
        ("kind", "english", "russian"),
        [
            ("day", "Mar 5, 2026", "5 марта 2026 г."),
            ("time", "13:04", "13:04"),
            ("exact-time", "13:04:05", "13:04:05"),
            ("moment", "Mar 5, 2026, 13:04", "5 марта 2026 г., 13:04"),
            ("exact-moment", "Mar 5, 2026, 13:04:05", "5 марта 2026 г., 13:04:05"),
        ],
    )
    def test_each_kind_has_one_format_in_each_language(
        self, kind: str, english: str, russian: str
    ) -> None:
        assert f">{english}</time>" in rendered(MOMENT, kind)
        with override("ru"):
            assert f">{russian}</time>" in rendered(MOMENT, kind)

    @pytest.mark.parametrize(
        ("past", "words"),
        [
            (timedelta(seconds=-2), "just now"),
            (timedelta(seconds=59), "just now"),
            (timedelta(minutes=3, seconds=50), "3 min ago"),
            (timedelta(hours=23, minutes=59), "23 h ago"),
            (timedelta(days=6, hours=23), "6 d ago"),
        ],
    )
    def test_a_relative_time_says_how_long_ago_it_was(self, past: timedelta, words: str) -> None:
        assert f">{words}</time>" in rendered(django_timezone.now() - past, "relative")

    def test_a_relative_time_of_long_ago_or_ahead_is_the_moment(self) -> None:
        old = rendered(MOMENT.replace(year=2020), "relative")
        assert ">Mar 5, 2020, 13:04</time>" in old
        ahead = django_timezone.now() + timedelta(days=1)
        assert f"{ahead:%Y, %H:%M}</time>" in rendered(ahead, "relative")

    def test_a_moment_of_another_zone_is_written_in_utc(self) -> None:
        there = MOMENT.astimezone(timezone(timedelta(hours=5)))
        assert rendered(there, "moment") == rendered(MOMENT, "moment")

    def test_the_element_can_have_a_class(self) -> None:
        assert rendered(MOMENT, "day", 'css="day"').startswith('<time class="day" datetime=')

    def test_there_is_nothing_for_no_moment(self) -> None:
        assert rendered(None, "moment") == ""

    def test_a_kind_that_the_script_does_not_know_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="century"):
            rendered(MOMENT, "century")


def test_the_zone_is_utc_until_the_script_knows_better() -> None:
    said = Template("{% times_zone %}").render(Context())
    assert ">Times are in UTC.</span>" in said
    assert 'data-device="Times are those of your device: %(zone)s."' in said
    assert 'data-minutes="%(count)s min ago"' in said
