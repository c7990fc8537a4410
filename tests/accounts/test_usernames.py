"""TikTok usernames: what people paste becomes one, and what TikTok can't have is refused."""

import string

import pytest
from django.core.exceptions import ValidationError
from django.forms import modelform_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.usernames import is_tiktok_username, normalise_tiktok_username

PASTED = [
    ("maria", "maria"),
    ("@maria", "maria"),
    ("@Maria_K.7", "maria_k.7"),
    ("  maria \n", "maria"),
    ("ab", "ab"),
    ("a" * 24, "a" * 24),
    ("_maria_", "_maria_"),
    (".maria", ".maria"),
    ("12345", "12345"),
    ("https://www.tiktok.com/@maria", "maria"),
    ("https://www.tiktok.com/@Maria/live", "maria"),
    ("https://www.tiktok.com/@maria/", "maria"),
    ("https://www.tiktok.com/@maria/live/", "maria"),
    ("https://www.tiktok.com/@maria/live?is_from_webapp=1&sender_device=pc", "maria"),
    ("https://www.tiktok.com/@maria?lang=en", "maria"),
    ("https://www.tiktok.com/@maria#top", "maria"),
    ("http://m.tiktok.com/@maria/live", "maria"),
    ("tiktok.com/@maria", "maria"),
    ("www.tiktok.com/maria", "maria"),
    ("HTTPS://WWW.TIKTOK.COM/@MARIA/LIVE", "maria"),
    ("https://www.tiktok.com/@" + "a" * 24 + "/live?_t=" + "z" * 300, "a" * 24),
]
IMPOSSIBLE = [
    "a",
    "@a",
    "a" * 25,
    "maria.",
    "..",
    "@",
    "@@maria",
    "maria maria",
    "maria\tmaria",
    "ma-ria",
    "maria!",
    "мария",
    "mаria",  # a Cyrillic a
    "ｍａｒｉａ",
    "mar\u0131a",
    "\u212aate",  # the Kelvin sign, whose lower case is a Latin k
    "maria\u0301",
    "mari\u200da",
    "maria👍",
    "١٢٣",
    "maria/live/x",
    "maria/",
    "/maria",
    "../../etc/passwd",
    "..%2f..%2fetc",
    "maria\\",
    "maria?x=1",
    "maria#x",
    "maria%00",
    "maria\x00",
    "\x00maria",
    "maria\nmaria",
    "maria\r\nHost: evil.example",
    "https://www.tiktok.com/",
    "https://www.tiktok.com/@",
    "https://www.tiktok.com/@maria/video/7412000000000000017",
    "https://www.tiktok.com/@maria.",
    "https://www.tiktok.com/@a",
    "https://www.tiktok.com/../@maria",
    "https://www.tiktok.com/@maria/live/../x",
    "https://vm.tiktok.com/ZM8abcdef/",
    "https://www.tiktok.com.evil.example/@maria",
    "https://eviltiktok.com/@maria",
    "https://evil.example/@maria",
    "https://tiktok.com@evil.example/@maria",
    "https://t\u0130ktok.com/@maria",
    "http\u017f://tiktok.com/@maria",  # a long s, which is an s to those who ignore case
    "ftp://www.tiktok.com/@maria",
    "javascript:alert(1)",
]


class TestIsTikTokUsername:
    @pytest.mark.parametrize("username", ["ab", "a" * 24, "maria_k.7", "_a", ".a", "a_"])
    def test_usernames_that_tiktok_can_have(self, username: str) -> None:
        assert is_tiktok_username(username)

    @pytest.mark.parametrize("text", ["", "Maria", "@maria", " maria", "maria\n", *IMPOSSIBLE])
    def test_it_refuses(self, text: str) -> None:
        assert not is_tiktok_username(text)


class TestNormalise:
    @pytest.mark.parametrize(("pasted", "username"), PASTED)
    def test_what_people_paste_becomes_a_username(self, pasted: str, username: str) -> None:
        assert normalise_tiktok_username(pasted) == username

    @pytest.mark.parametrize("text", IMPOSSIBLE)
    def test_it_refuses(self, text: str) -> None:
        with pytest.raises(ValidationError, match="2 to 24 Latin letters") as refused:
            normalise_tiktok_username(text)
        assert refused.value.code == "invalid_tiktok_username"

    @pytest.mark.parametrize("text", ["", " ", "\n"])
    def test_it_leaves_an_empty_text_empty(self, text: str) -> None:
        assert normalise_tiktok_username(text) == ""

    @settings(derandomize=True, deadline=None)
    @given(
        st.text()
        | st.from_regex(r"\s*@?[\w.]{1,26}\s*")
        | st.from_regex(r"https://(www|m)\.tiktok\.com/@[\w.]{1,26}(/live)?(\?x)?", fullmatch=True)
    )
    def test_it_lets_nothing_else_through(self, text: str) -> None:
        try:
            username = normalise_tiktok_username(text)
        except ValidationError:
            return
        assert username == "" or is_tiktok_username(username)
        assert normalise_tiktok_username(username) == username

    @settings(derandomize=True, deadline=None)
    @given(
        st.text(string.ascii_letters + string.digits + "_.", min_size=2, max_size=24).filter(
            lambda name: not name.endswith(".")
        ),
        st.sampled_from(["{}", "@{}", " {}\n", "https://www.tiktok.com/@{}/live?x=1"]),
    )
    def test_it_takes_whatever_tiktok_can_have(self, name: str, form: str) -> None:
        assert normalise_tiktok_username(form.format(name)) == name.lower()


UsernameForm = modelform_factory(User, fields=["tiktok_username"])


class TestForm:
    @pytest.mark.parametrize(("pasted", "username"), PASTED)
    def test_a_form_takes_what_people_paste(self, pasted: str, username: str) -> None:
        form = UsernameForm({"tiktok_username": pasted})
        assert form.is_valid()
        assert form.cleaned_data == {"tiktok_username": username}
        assert form.instance.tiktok_username == username

    @pytest.mark.parametrize("text", IMPOSSIBLE)
    def test_it_refuses(self, text: str) -> None:
        form = UsernameForm({"tiktok_username": text})
        [error] = form.errors["tiktok_username"]
        assert str(error).startswith("TikTok has no such username")

    @pytest.mark.parametrize("data", [{}, {"tiktok_username": ""}, {"tiktok_username": "  "}])
    def test_it_may_be_left_empty(self, data: dict[str, str]) -> None:
        form = UsernameForm(data)
        assert form.is_valid()
        assert form.instance.tiktok_username == ""

    def test_it_has_room_for_an_address(self) -> None:
        assert "maxlength" not in str(UsernameForm()["tiktok_username"])

    def test_it_shows_what_was_typed_again(self) -> None:
        form = UsernameForm({"tiktok_username": "maria maria"})
        assert 'value="maria maria"' in str(form["tiktok_username"])


class TestModelField:
    @pytest.mark.django_db
    @pytest.mark.parametrize(("pasted", "username"), PASTED[:3])
    def test_a_model_field_takes_what_people_paste(self, pasted: str, username: str) -> None:
        user = User(username="maria", password="!", tiktok_username=pasted)
        user.full_clean()
        assert user.tiktok_username == username
        user.save()
        assert User.objects.get(tiktok_username=username) == user

    @pytest.mark.parametrize("text", IMPOSSIBLE)
    def test_it_refuses(self, text: str) -> None:
        user = User(username="maria", password="!", tiktok_username=text)
        with pytest.raises(ValidationError) as refused:
            user.full_clean(validate_unique=False)
        assert list(refused.value.message_dict) == ["tiktok_username"]

    @pytest.mark.django_db
    def test_it_may_be_empty(self) -> None:
        user = User(username="maria", password="!")
        user.full_clean()
        assert user.tiktok_username == ""

    @pytest.mark.django_db
    def test_it_is_the_same_for_two_accounts(self) -> None:
        for name in ("maria", "peter"):
            user = User(username=name, password="!", tiktok_username="@maria")
            user.full_clean()
            user.save()
        assert User.objects.filter(tiktok_username="maria").count() == 2
