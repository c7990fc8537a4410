"""An account with a token, and a client that has it."""

from __future__ import annotations

import pytest

from accounts.models import AccessToken, Scope, User
from tests.support.rest import Ask, RestClient, asking


@pytest.fixture
def user() -> User:
    return User.objects.create(username="maria", tiktok_username="anna.live")


@pytest.fixture
def client(user: User) -> RestClient:
    _issued, token = AccessToken.objects.issue(user, scope=Scope.MANAGE)
    return RestClient(token)


@pytest.fixture
def ask(client: RestClient) -> Ask:
    """Ask for the account, unless told otherwise. All operations share what is tested with it."""
    return asking(client, "/api/v1/account")
