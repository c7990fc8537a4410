"""The page that shows what the pages are built of."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

PAGE = "/staff/parts/"


def test_it_shows_the_parts_while_debugging(admin_client: Client, settings: object) -> None:
    settings.DEBUG = True  # type: ignore[attr-defined]
    page = admin_client.get(PAGE).text
    for part in ("button", "tag good", "outcome bad", "tiles", "rows", "connections", "empty"):
        assert f'class="{part}' in page or f"<{part}" in page
    assert "errorlist" in page


def test_it_is_not_there_otherwise(admin_client: Client) -> None:
    assert admin_client.get(PAGE).status_code == 404


def test_it_is_for_staff(client: Client, settings: object) -> None:
    settings.DEBUG = True  # type: ignore[attr-defined]
    assert client.get(PAGE).headers["Location"].startswith("/login/")
