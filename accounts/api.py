"""The REST API's operations on an account, for the settings screen of its owner's app.

`relay_project/api.py` puts them together with those of `live`.
"""

from __future__ import annotations

from typing import Any, Literal

from django.core.handlers.asgi import ASGIRequest
from ninja import Field, Query, Router, Schema
from pydantic import ConfigDict, StrictBool

from accounts.budgets import take_username_change
from accounts.models import AccessToken, Scope, User
from accounts.usernames import normalise_tiktok_username

__all__ = ["ApiRequest", "Options", "Problem", "router"]

# The same languages as in settings.LANGUAGES, which type checkers can't read.
Language = Literal["en", "ru"]
# The language of an account; empty if it has chosen none.
AccountLanguage = Literal["", "en", "ru"]

# The largest length of what may be sent as a TikTok username, in characters.
_MAX_PASTED = 500


class ApiRequest(ASGIRequest):
    """The type of a request that the API has admitted. It is used for annotations only.

    Attributes:
        auth: the token that was sent with the request.
    """

    auth: AccessToken


def _may_be_absent(schema: dict[str, Any]) -> None:
    """Remove the default from the schema of a field that can be left out.

    The class needs a default for the field, but a field that is left out does not have that value.
    """
    schema.pop("default")


class Options(Schema):
    """What every operation takes. Only checked here: `accounts.requests.language` reads it."""

    lang: Language = Field(
        "en",
        description="Language of error texts; else the account's, else that of `Accept-Language`, "
        "else the server's.",
        # If it is left out, the next language in that order is used.
        json_schema_extra=_may_be_absent,
    )


class Problem(Schema):
    """Why something can't be done, as an error frame of the socket says it."""

    code: str = Field(description="For programs; never translated.", examples=["invalid_token"])
    title: str = Field(description="For people, as are `detail` and `hint`.")
    detail: str
    hint: str = Field("", description="What to do about it.", json_schema_extra=_may_be_absent)
    retry_after: int = Field(
        0, description="Seconds until another try makes sense.", json_schema_extra=_may_be_absent
    )


class Account(Schema):
    """The account of the token."""

    username: str = Field(description="The account's name on this server.")
    tiktok_username: str = Field(
        description="Whose LIVE the account receives, without @; empty when it is not set.",
        examples=["anna.live"],
    )
    language: AccountLanguage = Field(
        description="Of the account's pages, of emails to it, and of what its app is told; "
        "empty: as the browser or the app asks."
    )
    keeps_transcripts: bool = Field(
        description="Whether what viewers say in its LIVEs is kept for some days."
    )
    has_own_sign_api_key: bool = Field(
        description="Whether it has an EulerStream API key of its own, and so its own limit."
    )
    has_own_proxy: bool = Field(description="Whether it reaches TikTok through a proxy of its own.")
    is_watched: StrictBool = Field(
        description="Whether the server hears the account's LIVEs though no app is connected."
    )

    @classmethod
    def of(cls, user: User) -> Account:
        return cls.model_validate(
            {
                "username": user.username,
                "tiktok_username": user.tiktok_username,
                "language": user.language,
                "keeps_transcripts": user.keeps_transcripts,
                "has_own_sign_api_key": bool(user.sign_api_key()),
                "has_own_proxy": bool(user.proxy()),
                "is_watched": user.is_watched,
            }
        )


class AccountChange(Schema):
    """What is to be changed; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    tiktok_username: str = Field(
        "",
        description="`name`, `@name`, or the address of the profile or LIVE; empty for none.",
        examples=["https://www.tiktok.com/@anna.live/live"],
        max_length=_MAX_PASTED,
        json_schema_extra=_may_be_absent,
    )
    language: AccountLanguage = Field(
        "", description="Empty: as the browser or the app asks.", json_schema_extra=_may_be_absent
    )
    keeps_transcripts: StrictBool = Field(
        False,
        description="These are other people's words.",
        json_schema_extra=_may_be_absent,
    )
    is_watched: StrictBool = Field(
        False,
        description="The server waits for the account's LIVEs and hears each to its end, though no "
        "app is connected.",
        json_schema_extra=_may_be_absent,
    )


router = Router(tags=["account"])


@router.get(
    "/account",
    operation_id="get_account",
    summary="The account",
    response={200: Account, (401, 403, 422, 429, 500): Problem},
)
def get_account(request: ApiRequest, options: Query[Options]) -> Account:
    return Account.of(request.auth.user)


@router.patch(
    "/account",
    operation_id="change_account",
    summary="Change the account",
    description="Needs a token that may change the account; others get `insufficient_scope` (403). "
    "`username_invalid` (422) says what TikTok usernames can be. Sockets that are open "
    "go on with the LIVE of the new one: they get another `connected`.",
    response={200: Account, (400, 401, 403, 422, 429, 500): Problem},
)
def change_account(request: ApiRequest, change: AccountChange, options: Query[Options]) -> Account:
    """Change the account of the token.

    Raises:
        ScopeError: if the token may not change the account.
        ValidationError: if TikTok can't have the username.
        OverBudgetError: if the username was changed too often.
    """
    request.auth.demand(Scope.MANAGE)
    account = request.auth.user
    values: dict[str, Any] = change.model_dump(exclude_unset=True)
    if "tiktok_username" in values:
        values["tiktok_username"] = normalise_tiktok_username(values["tiktok_username"])
        if values["tiktok_username"] != account.tiktok_username:
            take_username_change(account.pk)
    for name, value in values.items():
        setattr(account, name, value)
    if values:
        account.save(update_fields=list(values))
    return Account.of(account)
