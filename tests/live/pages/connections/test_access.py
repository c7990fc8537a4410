"""Who may read the connection log."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.support.connection_log import CSV, LIST, connect

pytestmark = pytest.mark.django_db


class TestPermissions:
    """Staff read the log; others get the login page, or 403 if they are signed in."""

    def addresses(self) -> list[str]:
        one = reverse("connection", args=(connect().pk,))
        return [LIST, f"{LIST}?page=2&code=1008", CSV, one]

    def test_staff_read_every_page_of_the_log(self, staff: Client) -> None:
        for address in self.addresses():
            assert staff.get(address).status_code == 200

    def test_it_sends_strangers_to_the_login_page(self, client: Client) -> None:
        response = client.get(f"{LIST}?code=1008")
        assert response.status_code == 302
        assert response["Location"] == "/login/?next=/staff/connections/%3Fcode%3D1008"
        for address in self.addresses():
            assert client.get(address)["Location"].startswith("/login/?next=")

    def test_it_refuses_others(self, client: Client) -> None:
        client.force_login(User.objects.create_user("guest"))
        for address in self.addresses():
            response = client.get(address)
            assert response.status_code == 403
            assert "Not allowed" in response.text

    def test_it_tells_others_nothing_of_which_connections_exist(self, client: Client) -> None:
        client.force_login(User.objects.create_user("guest"))
        assert client.get(f"{LIST}987654/").status_code == 403

    def test_it_takes_no_post(self, staff: Client) -> None:
        for address in self.addresses():
            assert staff.post(address).status_code == 405
