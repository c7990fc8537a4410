"""Who may use the REST API: whoever sends a token that opens sockets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from ninja.security import HttpBearer

from accounts import requests
from accounts.models import AccessToken
from live.api.errors import ApiError
from live.protocol.errors import ErrorCode
from live.relay import access

__all__ = ["BearerToken"]


class BearerToken(HttpBearer):
    """`Authorization: Bearer …` with an account's token. A browser's session counts for nothing."""

    openapi_description = "The token that opens the account's sockets."

    def __call__(self, request: Any) -> AccessToken:
        # Ninja's own parsing logs credentials of a kind that it does not expect.
        return self.authenticate(request, requests.bearer_token(request.scope))

    def authenticate(self, request: Any, token: str) -> AccessToken:
        """The token, with its account.

        Raises:
            RelayError: none was sent, it is unknown or unusable, or its account is disabled.
        """
        if not token:
            raise ApiError(
                ErrorCode.INVALID_TOKEN,
                _("No token was sent. It belongs into the header “Authorization: Bearer …”."),
            )
        return access.check_token(access.find_token(token))
