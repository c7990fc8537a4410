"""Pictures, and who says where they are."""

from __future__ import annotations

import struct
import zlib

import httpx
import pytest
from TikTokLiveProto.v3.webcast.model.base.user import User

from standin import Kind, TikTok, messages, pages
from standin.pictures import SIZE, draw


def image(name: str) -> tuple[int, int, bytes]:
    """Width, height and pixel rows of a PNG. Raises AssertionError where it is none."""
    data = draw(name)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", data, at + 8 + length)
        assert check == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height = struct.unpack_from(">II", chunks[b"IHDR"])
    return width, height, zlib.decompress(chunks[b"IDAT"])


def avatar(who: User) -> list[str]:
    assert who.avatar_thumb is not None
    return list(who.avatar_thumb.url_list)


class TestDraw:
    @pytest.mark.parametrize("name", ["bob", "Дима", "", "gift-5655", "emote-1", "x" * 1000])
    def test_a_drawn_picture_has_its_size(self, name: str) -> None:
        width, height, rows = image(name)
        assert (width, height) == (SIZE, SIZE)
        assert len(rows) == SIZE * (1 + 3 * SIZE)

    def test_it_draws_everybody_differently_and_always_the_same(self) -> None:
        names = ["bob", "carol", "gift-1", "gift-2"]
        pictures = [draw(name) for name in names]
        assert len(set(pictures)) == len(names)
        draw.cache_clear()
        assert [draw(name) for name in names] == pictures


class TestServing:
    async def test_drawn_pictures_are_served(self) -> None:
        async with TikTok() as tiktok, httpx.AsyncClient() as client:
            with messages.pictures_at(tiktok.pictures):
                (address,) = avatar(messages.user("боб и строитель"))
            answer = await client.get(address)
            assert tiktok.count(Kind.PICTURE) == 1
            assert tiktok.environment()["RELAY_PICTURE_HOSTS"] == tiktok.url
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.content == draw("боб и строитель")


class TestMessages:
    def test_their_pictures_are_nowhere(self) -> None:
        assert avatar(messages.user("bob")) == ["https://cdn.example/bob.webp"]

    def test_they_are_where_they_are_told_to_be(self) -> None:
        with messages.pictures_at("http://here/{}.png"):
            assert avatar(messages.user("bob")) == ["http://here/bob.png"]
            assert b"http://here/gift-7.png" in messages.gift("bob", gift_id=7).payload
            assert b"http://here/emote-9.png" in messages.emote("bob", "9").payload
            assert b"http://here/emote-9.png" in messages.chat("bob", "", emotes={0: "9"}).payload
        assert b"http://here" not in messages.gift("bob").payload

    def test_they_may_have_none(self) -> None:
        with messages.pictures_at(""):
            assert avatar(messages.user("bob")) == []

    async def test_so_are_those_of_who_goes_live(self) -> None:
        async with TikTok() as tiktok:
            with messages.pictures_at(tiktok.pictures):
                room = tiktok.go_live("alice")
            owner = pages.room_info(room)["data"]["owner"]
            assert owner["avatar_thumb"]["url_list"] == [tiktok.pictures.format("alice")]
