"""docs/app/events.md: every event of TikTokLive has its row, and says what the code does.

A release of TikTokLive with other events fails here.
"""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import re
from pathlib import Path

import pytest
from TikTokLive.events import custom_events
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLiveProto.v3.webcast.model.data import EnvelopeBusinessType

from live.protocol.frames import EVENT_TYPES, FrameType
from live.tiktok.decoding import METHODS
from standin import messages as build
from standin.messages import Message
from tests.support.messages import built_messages
from tests.support.reading import MessageFeed
from tests.support.samples import read_frame

PAGE = Path(__file__).resolve().parents[3] / "docs" / "app" / "events.md"


def table(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, but for its head."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows[2:]]


def names(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return re.findall(r"`([^`]+)`", cell)


MESSAGES = {names(row[0])[0]: row for row in table("TikTok's messages")}


class TestThePage:
    def test_it_has_every_message_that_tiktoklive_maps(self) -> None:
        assert len(table("TikTok's messages")) == len(MESSAGES)
        assert {method: names(row[1]) for method, row in MESSAGES.items()} == {
            method: [event.__name__] for method, event in EVENT_MAPPINGS.items()
        }

    def test_it_has_every_event_that_tiktoklive_makes_of_them(self) -> None:
        rows = table("Events that TikTokLive makes of these")
        listed = [names(row[0])[0] for row in rows]
        # CustomEvent is the type of them all.
        assert sorted(listed) == sorted(set(custom_events.__all__) - {"CustomEvent"})

    def test_it_calls_other_what_has_no_frame_of_its_own(self) -> None:
        others = {method for method, row in MESSAGES.items() if names(row[3]) == ["other"]}
        assert others == set(EVENT_MAPPINGS) - set(METHODS)

    @pytest.mark.parametrize(
        "heading",
        [
            "TikTok's messages",
            "Events that TikTokLive makes of these",
            "Events that tiktok-live-connector makes of these",
        ],
    )
    def test_it_names_a_frame_in_every_row(self, heading: str) -> None:
        rows = table(heading)
        assert rows
        for row in rows:
            frames = names(row[-1])
            assert row[-1].startswith("none: ") or frames[0] in set(FrameType)

    def test_it_leaves_out_no_type_of_frame(self) -> None:
        named = {name for row in MESSAGES.values() for name in names(row[3])}
        assert named >= EVENT_TYPES

    @pytest.mark.parametrize(
        "message",
        [
            *built_messages(),
            build.resume(),
            build.envelope("maria", kind=EnvelopeBusinessType.SUPER_FAN_BOX),
        ],
        ids=lambda message: message.method,
    )
    def test_it_says_what_becomes_of_a_message(self, message: Message) -> None:
        feed = MessageFeed(10, 1)
        feed.hear([message], 0)
        frame = read_frame(feed.log.read(0, 1)[0].text)
        row = MESSAGES[message.method]
        assert frame["type"] in names(row[3])
        if frame["type"] == "notice":
            assert frame["data"]["kind"] in names(row[3])
