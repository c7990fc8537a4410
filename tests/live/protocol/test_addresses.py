"""The addresses of sockets, as the server tells them apart."""

from __future__ import annotations

import re

import pytest

from accounts import requests
from live.protocol.addresses import (
    ADDRESSES,
    BEARER,
    OVERLAY_ADDRESSES,
    PREVIEW_ADDRESS,
    STAFF_ADDRESS,
    TEST_ADDRESSES,
    TEST_TIKFINITY_ADDRESSES,
    TIKFINITY_ADDRESSES,
    is_of_tikfinity,
    last_part,
    pattern,
)


def matching(path: str) -> list[str]:
    """The addresses that a path, without its first slash, fits."""
    addresses = [
        *(*ADDRESSES, *TEST_ADDRESSES, *OVERLAY_ADDRESSES),
        *(*TIKFINITY_ADDRESSES, *TEST_TIKFINITY_ADDRESSES),
        *(PREVIEW_ADDRESS, STAFF_ADDRESS),
    ]
    return [address for address in addresses if re.search(pattern(address), path)]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("ws", "/ws"),
        ("ws/", "/ws"),
        ("ws/t0ken", "/ws/{token}"),
        ("ws/t0ken/", "/ws/{token}"),
        ("ws/testing", "/ws/{token}"),
        ("ws/test-t0ken", "/ws/{token}"),
        ("ws/test", "/ws/test"),
        ("ws/test/", "/ws/test"),
        ("ws/test/t0ken", "/ws/test/{token}"),
        ("ws/test/test-t0ken", "/ws/test/{token}"),
        ("ws/overlay", "/ws/overlay"),
        ("ws/overlay/", "/ws/overlay"),
        ("ws/overlay/s3cret", "/ws/overlay/{token}"),
        ("ws/overlays", "/ws/{token}"),
        ("ws/overlay-preview", "/ws/overlay-preview"),
        ("ws/overlay-preview/", "/ws/overlay-preview"),
        ("ws/tikfinity", "/ws/tikfinity"),
        ("ws/tikfinity/", "/ws/tikfinity"),
        ("ws/tikfinity/t0ken", "/ws/tikfinity/{token}"),
        ("ws/tikfinity-t0ken", "/ws/{token}"),
        ("ws/test/tikfinity", "/ws/test/tikfinity"),
        ("ws/test/tikfinity/t0ken/", "/ws/test/tikfinity/{token}"),
        ("staff/socket", "/staff/socket"),
    ],
)
def test_a_path_fits_one_address(path: str, address: str) -> None:
    assert matching(path) == [address]


@pytest.mark.parametrize(
    "path", ["", "socket", "ws/a/b", "ws/test/a/b", "ws/tikfinity/a/b", "aws", "wst0ken", "ws//"]
)
def test_other_paths_fit_none(path: str) -> None:
    assert matching(path) == []


def test_the_token_of_a_path_can_be_read() -> None:
    for address, path in (("/ws/{token}", "ws/t0ken/"), ("/ws/test/{token}", "ws/test/t0ken")):
        match = re.search(pattern(address), path)
        assert match is not None
        assert match["token"] == "t0ken"


@pytest.mark.parametrize(
    ("path", "is_its"),
    [
        ("/ws/tikfinity", True),
        ("//ws/tikfinity/", True),
        ("/ws/tikfinity/t0ken", True),
        ("/ws/test/tikfinity", True),
        ("/ws/tikfinity-t0ken", False),
        ("/ws/tikfinity/a/b", False),
        ("/ws", False),
        ("/tikfinity", False),
    ],
)
def test_it_is_known_who_understands_tikfinity_alone(path: str, is_its: bool) -> None:
    assert is_of_tikfinity(path) is is_its


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("/ws/t0ken", "t0ken"),
        ("/ws/test/t0ken/", "t0ken"),
        ("/ws/tikfinity/t0ken", "t0ken"),
        ("/ws", ""),
        ("/ws/", ""),
        ("/ws/test", ""),
        ("/ws/tikfinity", ""),
        ("/ws/test/tikfinity/", ""),
    ],
)
def test_the_last_part_is_a_token_or_nothing(path: str, token: str) -> None:
    assert last_part(path) == token


def test_requests_are_read_by_the_word_that_is_published() -> None:
    assert requests.bearer_token({"headers": [], "subprotocols": [BEARER, "t0ken"]}) == "t0ken"
