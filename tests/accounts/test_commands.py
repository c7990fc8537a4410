"""`manage.py add_account`, `add_token` and `ensure_admin`."""

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import OWN_SECRETS, AccessToken, User

pytestmark = pytest.mark.django_db


NO_PASSWORD = (
    "{0} has no password, so nobody can sign in to the pages as this account. "
    "To set one: .venv/bin/python manage.py changepassword {0}\n"
)


def call(*arguments: str) -> tuple[str, str]:
    """What the command writes to stdout and to stderr."""
    output, errors = StringIO(), StringIO()
    call_command(*arguments, stdout=output, stderr=errors, no_color=True)
    return output.getvalue(), errors.getvalue()


def run(*arguments: str) -> str:
    """The command's output. To stderr it says at most that an account has no password."""
    output, errors = call(*arguments)
    assert errors in {"", NO_PASSWORD.format("".join(arguments[1:2]))}
    return output


def run_json(*arguments: str) -> dict[str, Any]:
    """The one JSON object, on one line, that the command prints."""
    output = run(*arguments)
    assert output.endswith("\n")
    assert len(output.splitlines()) == 1
    result = json.loads(output)
    assert isinstance(result, dict)
    return result


class TestAddAccount:
    def test_the_account_is_watched_if_that_is_asked_for(self) -> None:
        run_json("add_account", "maria", "--tiktok-username", "maria_live", "--watch")
        run_json("add_account", "anna", "--tiktok-username", "anna.live")
        assert [user.username for user in User.objects.filter(is_watched=True)] == ["maria"]

    def test_add_account_prints_one_usable_token(self) -> None:
        result = run_json("add_account", "maria", "--tiktok-username", "maria_live")
        user = User.objects.get()
        token = AccessToken.objects.get()
        assert result == {
            "user_id": user.pk,
            "username": "maria",
            "tiktok_username": "maria_live",
            "token": result["token"],
        }
        assert (user.username, user.tiktok_username) == ("maria", "maria_live")
        assert token.user == user
        assert AccessToken.objects.find(result["token"]) == token
        assert token.is_usable()
        assert token.expires_at is None

    @pytest.mark.parametrize(("arguments", "scope"), [((), "listen"), (("--manage",), "manage")])
    def test_its_token_may_change_the_account_only_if_asked_for(
        self, arguments: tuple[str, ...], scope: str
    ) -> None:
        run("add_account", "maria", *arguments)
        assert AccessToken.objects.get().scope == scope

    @pytest.mark.parametrize("pasted", ["@Maria", "https://www.tiktok.com/@maria/live?x=1"])
    def test_it_takes_what_people_paste(self, pasted: str) -> None:
        result = run_json("add_account", "maria", f"--tiktok-username={pasted}")
        assert result["tiktok_username"] == "maria"
        assert User.objects.get().tiktok_username == "maria"

    def test_it_does_not_need_a_tiktok_username(self) -> None:
        assert run_json("add_account", "maria")["tiktok_username"] == ""

    def test_it_makes_an_ordinary_account(self) -> None:
        run("add_account", "maria")
        user = User.objects.get()
        assert user.is_active
        assert not user.is_staff
        assert not user.is_superuser
        assert user.sign_api_key() == ""

    @pytest.mark.parametrize("arguments", [(), ("--password=",)])
    def test_it_gives_no_way_to_sign_in_without_a_password(
        self, arguments: tuple[str, ...]
    ) -> None:
        run("add_account", "maria", *arguments)
        assert not User.objects.get().has_usable_password()
        assert authenticate(HttpRequest(), username="maria", password="") is None

    @pytest.mark.parametrize("arguments", [(), ("--password=",), ("--staff",)])
    def test_it_says_so_beside_its_output(self, arguments: tuple[str, ...]) -> None:
        output, errors = call("add_account", "maria", *arguments)
        assert json.loads(output)["username"] == "maria"
        assert errors == NO_PASSWORD.format("maria")

    def test_it_says_nothing_beside_its_output_with_a_password(self) -> None:
        output, errors = call("add_account", "maria", "--password", "correct horse")
        assert json.loads(output)["username"] == "maria"
        assert errors == ""

    def test_it_takes_a_password(self) -> None:
        run("add_account", "maria", "--password", "correct horse")
        maria = authenticate(HttpRequest(), username="maria", password="correct horse")
        assert maria == User.objects.get()

    def test_it_makes_staff(self) -> None:
        run("add_account", "maria", "--staff")
        user = User.objects.get()
        assert user.is_staff
        assert not user.is_superuser

    def test_it_takes_an_api_key_and_does_not_print_it(self) -> None:
        output = run("add_account", "maria", "--sign-api-key", "euler_key")
        assert User.objects.get().sign_api_key() == "euler_key"
        assert "euler_key" not in output

    def test_it_takes_a_proxy_and_does_not_print_it(self) -> None:
        output = run("add_account", "maria", "--proxy", "socks5://anna:secret@10.0.0.1:1080")
        assert User.objects.get().proxy() == "socks5://anna:secret@10.0.0.1:1080"
        assert "secret" not in output
        assert "10.0.0.1" not in output

    def test_it_refuses_what_is_no_proxy_and_does_not_repeat_it(self) -> None:
        with pytest.raises(CommandError, match="A proxy's address is") as refused:
            run("add_account", "maria", "--proxy", "ftp://anna:secret@10.0.0.1:21")
        # The field does not tidy up when it refuses a value; this command's process ends then.
        vars(User._meta.get_field("own_proxy")).pop("_already_decrypted")
        assert "secret" not in str(refused.value)
        assert not User.objects.exists()

    def test_it_prints_names_that_any_terminal_shows(self) -> None:
        output = run("add_account", "Мария")
        assert output.isascii()
        assert json.loads(output)["username"] == "Мария"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["maria", "--tiktok-username", "a"], "TikTok has no such username"),
            (["maria", "--tiktok-username", "../../etc"], "TikTok has no such username"),
            (["maria", "--tiktok-username", "maria\nmaria"], "TikTok has no such username"),
            (["maria maria"], "Enter a valid username"),
            (["maria\x00"], "Enter a valid username"),
            (["m" * 151], "at most 150 characters"),
            ([""], "cannot be blank"),
            (["taken"], "already exists"),
            ([], "required: name"),
            (["maria", "--colour", "red"], "unrecognized arguments"),
        ],
    )
    def test_it_says_what_is_wrong_and_leaves_nothing_behind(
        self, arguments: list[str], said: str
    ) -> None:
        User.objects.create(username="taken")
        with pytest.raises(CommandError, match=said) as refused:
            run("add_account", *arguments)
        assert "\n" not in str(refused.value)
        assert "ValidationError" not in str(refused.value)
        assert [user.username for user in User.objects.all()] == ["taken"]
        assert not AccessToken.objects.exists()

    def test_it_says_all_that_is_wrong(self) -> None:
        with pytest.raises(CommandError) as refused:
            run("add_account", "maria maria", "--tiktok-username", "a")
        assert "Enter a valid username" in str(refused.value)
        assert "TikTok has no such username" in str(refused.value)


class TestAddToken:
    @pytest.fixture(autouse=True)
    def user(self) -> User:
        return User.objects.create(username="maria")

    def test_add_token_prints_one_usable_token(self, user: User) -> None:
        result = run_json("add_token", "maria")
        token = AccessToken.objects.get()
        assert result == {
            "user_id": user.pk,
            "username": "maria",
            "label": "",
            "expires_at": None,
            "token": result["token"],
        }
        assert AccessToken.objects.find(result["token"]) == token
        assert token.user == user

    @pytest.mark.parametrize(("arguments", "scope"), [((), "listen"), (("--manage",), "manage")])
    def test_it_may_change_the_account_only_if_asked_for(
        self, arguments: tuple[str, ...], scope: str
    ) -> None:
        run("add_token", "maria", *arguments)
        assert AccessToken.objects.get().scope == scope

    def test_it_takes_a_label(self) -> None:
        result = run_json("add_token", "maria", "--label", "Мой\nтелефон")
        assert result["label"] == AccessToken.objects.get().label == "Мой\nтелефон"

    def test_it_takes_a_label_of_100_characters(self) -> None:
        run("add_token", "maria", "--label", "л" * 100)
        assert AccessToken.objects.get().label == "л" * 100

    def test_it_takes_the_days_until_it_expires(self) -> None:
        before = timezone.now()
        result = run_json("add_token", "maria", "--expires", "30")
        expires_at = AccessToken.objects.get().expires_at
        assert expires_at is not None
        assert before <= expires_at - timedelta(days=30) <= timezone.now()
        assert datetime.fromisoformat(result["expires_at"]) == expires_at

    def test_it_leaves_earlier_tokens_alone(self) -> None:
        first = run_json("add_token", "maria")["token"]
        second = run_json("add_token", "maria")["token"]
        for text in (first, second):
            token = AccessToken.objects.find(text)
            assert token is not None
            assert token.is_usable()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nobody"], "There is no account nobody"),
            (["Maria"], "There is no account Maria"),
            ([""], "There is no account"),
            ([], "required: name"),
            (["maria", "--expires", "0"], "--expires takes 1 to 36500 days"),
            (["maria", "--expires=-1"], "--expires takes 1 to 36500 days"),
            (["maria", "--expires", "36501"], "--expires takes 1 to 36500 days"),
            (["maria", "--expires", "9" * 30], "--expires takes 1 to 36500 days"),
            (["maria", "--expires", "soon"], "--expires: invalid int value"),
            (["maria", "--expires="], "--expires: invalid int value"),
            (["maria", "--label", "l" * 101], "--label takes 100 characters at most"),
        ],
    )
    def test_it_says_what_is_wrong_and_leaves_nothing_behind(
        self, arguments: list[str], said: str
    ) -> None:
        with pytest.raises(CommandError, match=said):
            run("add_token", *arguments)
        assert not AccessToken.objects.exists()


class TestEnsureAdmin:
    def test_the_first_start_makes_an_administrator(self) -> None:
        output = run("ensure_admin")
        admin = User.objects.get()
        password = output.partition("Password: ")[2].partition("\n")[0]
        assert admin.username == "admin"
        assert admin.is_superuser
        assert authenticate(HttpRequest(), username="admin", password=password) == admin
        assert len(password) * 6 >= 96
        assert "http://127.0.0.1:8000/admin/" in output
        assert "http://127.0.0.1:8000/staff/" in output

    def test_it_prints_the_password_once(self) -> None:
        password = run("ensure_admin").partition("Password: ")[2].partition("\n")[0]
        stored_password = User.objects.get().password
        again = run("ensure_admin")
        assert again == "Console: http://127.0.0.1:8000/  Staff: http://127.0.0.1:8000/staff/\n"
        assert password not in again
        assert User.objects.get().password == stored_password

    def test_it_leaves_an_administrator_alone(self) -> None:
        User.objects.create_superuser("boss")
        assert "Password" not in run("ensure_admin")
        assert [user.username for user in User.objects.all()] == ["boss"]

    def test_it_does_not_make_an_administrator_of_somebody_else(self) -> None:
        User.objects.create(username="admin")
        output = run("ensure_admin")
        assert "Name: admin2 " in output
        assert not User.objects.get(username="admin").is_superuser
        assert User.objects.get(username="admin2").is_superuser

    def test_it_is_told_the_address(self) -> None:
        assert "https://relay.example/admin/" in run(
            "ensure_admin", "--address", "https://relay.example/"
        )


@pytest.mark.django_db
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_keys_are_encrypted_anew_in_batches_and_never_printed(batch: int) -> None:
    for number in range(3):
        User.objects.create(username=f"anna{number}", own_sign_api_key=f"euler_{number}")
    printed = []
    for _ in range(2):  # again does no harm
        output, errors = StringIO(), StringIO()
        call_command("reencrypt_secrets", batch=batch, stdout=output, stderr=errors)
        printed.append(output.getvalue() + errors.getvalue())
    assert printed == ["Encrypted 3 API keys and 0 proxies.\n"] * 2
    users = User.objects.order_by("pk")
    assert [user.sign_api_key() for user in users] == ["euler_0", "euler_1", "euler_2"]


@pytest.mark.django_db
def test_a_change_of_the_secret_key_loses_no_api_key_and_no_proxy(settings: Any) -> None:
    def forget_keys() -> None:  # of the process's secret keys
        for field in OWN_SECRETS:
            for kept in ("keys", "f"):
                vars(User._meta.get_field(field)).pop(kept, None)

    def reads() -> list[tuple[str, str]]:
        forget_keys()
        return [(user.sign_api_key(), user.proxy()) for user in User.objects.order_by("pk")]

    proxy = "http://proxy.example:3128"
    secrets = [("euler_0", proxy), ("euler_1", ""), ("", proxy), ("", "")]
    for number, (key, address) in enumerate(secrets):
        User.objects.create(
            username=f"anna{number}", own_sign_api_key=key, own_proxy=address or None
        )
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another"
    assert reads() == [("", "")] * 4
    settings.SECRET_KEY_FALLBACKS = [old]
    assert reads() == secrets
    output = StringIO()
    call_command("reencrypt_secrets", stdout=output)
    assert output.getvalue() == "Encrypted 2 API keys and 2 proxies.\n"
    settings.SECRET_KEY_FALLBACKS = []
    assert reads() == secrets
    settings.SECRET_KEY = old
    assert reads() == [("", "")] * 4
    errors = StringIO()
    call_command("reencrypt_secrets", stdout=output, stderr=errors)
    assert errors.getvalue().startswith("4 can't be read")
    settings.SECRET_KEY = "another"
    assert reads() == secrets
    forget_keys()
