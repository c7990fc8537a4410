"""Accounts that look at LIVEs."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create(username="anna", tiktok_username="anna.live")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create(username="stranger", tiktok_username="other.live")


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create(username="boss", is_staff=True)


@pytest.fixture
def browser(anna: User, client: Client) -> Client:
    """Anna's."""
    client.force_login(anna)
    return client


@pytest.fixture
def staff(boss: User) -> Client:
    """The browser of somebody of the staff, who has heard no LIVE."""
    client = Client()
    client.force_login(boss)
    return client
