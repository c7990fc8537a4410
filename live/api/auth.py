"""Admits requests to the REST API that send the token of an account, the same as for sockets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from ninja.security import HttpBearer

from accounts import requests
from accounts.models import AccessToken
from live.api.errors import ApiError
from live.protocol.errors import ErrorCode, RelayError
from live.relay import access

__all__ = ["BearerToken"]


class BearerToken(HttpBearer):
    """Checks the header `Authorization: Bearer …` with an account's token.

    A browser's session, that is somebody who is signed in, gives no access.
    """

    openapi_description = "The token that opens the account's sockets."

    def __call__(self, request: Any) -> AccessToken:
        # Ninja's own method is not used, because it logs credentials of unexpected kinds.
        return self.authenticate(request, requests.bearer_token(request.scope))

    def authenticate(self, request: Any, token: str) -> AccessToken:
        """Return the token, with its account.

        Args:
            request: the request.
            token: the text of the token; empty if none was sent.

        Raises:
            RelayError: if no token was sent, if it or its account may not be used, or if the client
                has sent too many that may not.
        """
        if not token:
            raise ApiError(
                ErrorCode.INVALID_TOKEN,
                _("No token was sent. It belongs into the header “Authorization: Bearer …”."),
            )
        failed_tokens = request.scope["relay"].failed_tokens
        client = requests.client(request.scope)
        failed_tokens.check(client, token)
        try:
            found = access.check_token(access.find_token(token))
        except RelayError:
            failed_tokens.failed(client, token)
            raise
        failed_tokens.works(token)
        return found
