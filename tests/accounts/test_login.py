"""The login page, signing out, the language, and what every page's footer says."""

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def admin_client(client: Client) -> Client:
    """A superuser's. Without a password, whose hash would cost more than the test."""
    client.force_login(User.objects.create_superuser("admin"))
    return client


class TestLogin:
    def test_it_works(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD, is_staff=True)
        response = client.post(reverse("login"), {"username": "maria", "password": PASSWORD})
        assert response.status_code == 302
        assert response["Location"] == resolve_url(settings.LOGIN_REDIRECT_URL)

    def test_it_returns_to_the_page_that_was_asked_for(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD, is_staff=True)
        page = client.get(reverse("login"), {"next": "/staff/connections/7/"})
        assert b'name="next" value="/staff/connections/7/"' in page.content
        data = {"username": "maria", "password": PASSWORD, "next": "/staff/connections/7/"}
        response = client.post(reverse("login"), data)
        assert response["Location"] == "/staff/connections/7/"

    def test_it_does_not_lead_to_other_sites(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD, is_staff=True)
        data = {"username": "maria", "password": PASSWORD, "next": "https://evil.example/"}
        response = client.post(reverse("login"), data)
        assert response["Location"] == resolve_url(settings.LOGIN_REDIRECT_URL)

    def test_it_says_that_the_password_is_wrong(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD)
        response = client.post(reverse("login"), {"username": "maria", "password": "wrong"})
        assert response.status_code == 200
        assert "Please enter a correct username and password" in response.text
        assert 'role="alert"' in response.text

    def test_it_refuses_an_account_that_is_disabled(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD, is_active=False)
        response = client.post(reverse("login"), {"username": "maria", "password": PASSWORD})
        assert response.status_code == 200
        assert "_auth_user_id" not in client.session

    def test_it_escapes_what_was_typed(self, client: Client) -> None:
        data = {"username": '"><script>alert(1)</script>', "password": "x"}
        response = client.post(reverse("login"), data)
        assert "<script>alert" not in response.text


class TestHeader:
    def test_it_works(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria", is_staff=True))
        page = client.get(reverse("connections")).text
        assert "<strong>maria</strong>" in page
        assert f'<form class="who" method="post" action="{reverse("logout")}">' in page

    def test_it_signs_out_by_post(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria"))
        response = client.post(reverse("logout"))
        assert response["Location"] == reverse("login")
        assert "_auth_user_id" not in client.session

    def test_it_does_not_sign_out_by_get(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria"))
        assert client.get(reverse("logout")).status_code == 405
        assert "_auth_user_id" in client.session

    def test_it_shows_staff_links_to_staff_only(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria"))
        page = client.get(reverse("login")).text
        assert "<strong>maria</strong>" in page
        assert reverse("admin:index") not in page

    def test_it_has_no_inline_script_or_style(self, client: Client) -> None:
        page = client.get(reverse("login")).text
        assert "<script" not in page
        assert "<style" not in page
        assert "style=" not in page


class TestLanguage:
    def sign_in(self, client: Client, language: str) -> None:
        User.objects.create_user("maria", password=PASSWORD, language=language)
        client.post(reverse("login"), {"username": "maria", "password": PASSWORD})

    def language_of(self, client: Client) -> str:
        page = client.get(reverse("account"), headers={"accept-language": "en"}).text
        return "ru" if '<html lang="ru">' in page else "en"

    def test_it_is_the_account_s_from_signing_in_on(self, client: Client) -> None:
        self.sign_in(client, "ru")
        assert self.language_of(client) == "ru"

    def test_it_stays_as_it_is_where_the_account_has_none(self, client: Client) -> None:
        client.post(reverse("set_language"), {"language": "ru"})
        self.sign_in(client, "")
        assert self.language_of(client) == "ru"

    def test_it_can_be_changed_after_signing_in(self, client: Client) -> None:
        self.sign_in(client, "ru")
        client.post(reverse("set_language"), {"language": "en"})
        assert self.language_of(client) == "en"

    def test_it_works(self, client: Client) -> None:
        response = client.post(
            reverse("set_language"), {"language": "ru", "next": reverse("login")}
        )
        assert response["Location"] == reverse("login")
        assert '<html lang="ru">' in client.get(reverse("login")).text

    def test_it_marks_the_current_one(self, client: Client) -> None:
        page = client.get(reverse("login"), headers={"accept-language": "en"}).text
        assert 'value="en" lang="en" aria-current="true"' in page
        assert 'value="ru" lang="ru">Русский' in page

    def test_it_comes_back_to_the_same_page_with_its_query(self, client: Client) -> None:
        page = client.get(reverse("login") + "?next=/a&b=%3C").text
        assert 'name="next" value="/login/?next=/a&amp;b=%3C"' in page


class TestSource:
    """The footer of every page says where its source is."""

    def test_it_works(self, client: Client) -> None:
        with override_settings(SOURCE_URL="https://git.example.org/relay"):
            page = client.get(reverse("login")).text
        assert '<a href="https://git.example.org/relay">Source code (AGPL-3.0)</a>' in page

    def test_it_names_the_licence_without_an_address(self, client: Client) -> None:
        with override_settings(SOURCE_URL=""):
            page = client.get(reverse("login")).text
        assert "AGPL-3.0" in page
        assert "Source code" not in page

    @pytest.mark.parametrize(
        "address",
        [
            "/staff/connections/",
            "/no-such-page/",
            "/admin/",
            "/admin/accounts/user/",
            "/admin/accounts/user/add/",
            "/admin/live/connectionlog/",
            "/admin/password_change/",
        ],
    )
    def test_it_is_on_the_pages_of_the_staff(self, admin_client: Client, address: str) -> None:
        with override_settings(SOURCE_URL="https://git.example.org/relay"):
            page = admin_client.get(address).text
        assert '<a href="https://git.example.org/relay">' in page

    @pytest.mark.parametrize("address", ["/admin/login/", "/login/", "/no-such-page/"])
    def test_it_is_on_the_pages_of_strangers(self, client: Client, address: str) -> None:
        with override_settings(SOURCE_URL="https://git.example.org/relay"):
            page = client.get(address).text
        assert '<a href="https://git.example.org/relay">' in page


class TestErrorPages:
    def test_it_works(self, client: Client) -> None:
        response = client.get("/no-such-page/")
        assert response.status_code == 404
        assert "No such page" in response.text

    def test_it_escapes_the_address(self, client: Client) -> None:
        page = client.get("/<script>alert(1)</script>/?a=<script>").text
        assert "<script>" not in page

    def test_it_explains_a_form_that_is_out_of_date(self) -> None:
        response = Client(enforce_csrf_checks=True).post(reverse("login"), {"username": "x"})
        assert response.status_code == 403
        assert "The form is out of date" in response.text

    def test_it_renders_500_without_a_context(self) -> None:
        page = get_template("500.html").render()
        assert "Something went wrong" in page
        assert "AGPL-3.0" in page
