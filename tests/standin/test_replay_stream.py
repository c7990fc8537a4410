"""What `replay_stream` refuses; tests/end_to_end has the rest."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from live.recordings.format import Header, Message, RecordingWriter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recording"


def write(file: Path, username: str = "anna.live", messages: int = 1) -> None:
    writer = RecordingWriter(file, Header("tiktok-live-recording", 1, username, "1", 1))
    for number in range(messages):
        writer.write(Message(number, "WebcastLikeMessage", "1", b""))
    writer.close()


class TestRefusing:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "recording: line 1: Input data was truncated"),
            ("{}\n", "recording: line 1: Object missing required field"),
        ],
    )
    def test_a_file_that_is_no_recording(self, file: Path, content: str, said: str) -> None:
        file.write_text(content)
        with pytest.raises(CommandError, match=said):
            call_command("replay_stream", str(file))

    def test_a_file_that_is_bad_in_its_last_line(self, file: Path) -> None:
        write(file)
        with file.open("a") as more:
            more.write("{}\n")
        with pytest.raises(CommandError, match="recording: line 3: Object missing"):
            call_command("replay_stream", str(file))

    def test_a_file_that_is_not_there(self, file: Path) -> None:
        with pytest.raises(CommandError, match="No such file"):
            call_command("replay_stream", str(file))

    def test_a_recording_of_nothing(self, file: Path) -> None:
        write(file, messages=0)
        with pytest.raises(CommandError, match="holds no messages"):
            call_command("replay_stream", str(file))

    def test_a_username_that_tiktok_can_not_have(self, file: Path) -> None:
        write(file, username="no one\x1b[2J")
        with pytest.raises(CommandError, match="name another with --live"):
            call_command("replay_stream", str(file))

    @pytest.mark.parametrize("speed", ["-1", "nan", "inf", "x"])
    def test_a_speed_that_makes_no_sense(self, file: Path, speed: str) -> None:
        write(file)
        with pytest.raises(CommandError, match="takes 0 or more"):
            call_command("replay_stream", str(file), f"--speed={speed}")

    def test_a_port_that_is_taken(self, file: Path) -> None:
        write(file)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            with pytest.raises(CommandError, match="address already in use"):
                call_command("replay_stream", str(file), "--port", port)
