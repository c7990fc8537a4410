"""Finds out what the names in a search stand for: an account, a TikTok username, a token, or, where
nothing has such a name, an error whose code has such a word."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessToken, User
from live.models import ConnectionLog
from live.pages.connections.search_text import UnclearError
from live.protocol.errors import ErrorCode

__all__ = ["Found", "account_named", "find"]

# How many accounts an error message names when a part of a name fits several of them.
_NAMED = 5
# A shorter word would be a part of too many names and codes.
_SHORTEST_PART = 3
_PREFIX = re.compile(r"[A-Za-z0-9_-]{8}", re.ASCII)


@dataclass
class Found:
    """What the names stand for.

    Attributes:
        values: of indexed fields of the connection log, by name.
        also: other conditions.
        told: what was understood: for each name, what it is and how it is called.
    """

    values: dict[str, Any] = field(default_factory=dict)
    also: list[Q] = field(default_factory=list)
    told: list[tuple[Any, str]] = field(default_factory=list)

    def add(self, name: str, value: Any, what: Any, called: str) -> None:
        """Something more that rows must have.

        Raises:
            UnclearError: they must have another value of it already.
        """
        if self.values.setdefault(name, value) != value:
            others = next((told for kind, told in self.told if kind == what), "")
            raise UnclearError(
                _("No connection has both “%(one)s” and “%(other)s”: search for one of them."),
                one=others,
                other=called,
            )
        if (what, called) not in self.told:
            self.told.append((what, called))


def find(names: tuple[str, ...]) -> Found:
    """Find what each of the names stands for. Costs at most five queries a name.

    Raises:
        UnclearError: a name stands for nothing, or for several things.
    """
    found = Found()
    for name in names:
        _find(name, found)
    return found


def account_named(part: str) -> User | None:
    """The account with that name, or the only one in whose name that is; None if there is none.

    Raises:
        UnclearError: it is in the names of several accounts.
    """
    # This reads all accounts, of which there are few; `only` leaves out the encrypted column.
    accounts = User.objects.only("username").order_by("username")
    if exact := accounts.filter(username=part).first():
        return exact
    found = list(accounts.filter(username__icontains=part)[: _NAMED + 1])
    if len(found) > 1:
        names = ", ".join(account.username for account in found[:_NAMED])
        more = " …" if len(found) > _NAMED else ""
        raise UnclearError(
            _("Several accounts have “%(part)s” in their names: %(names)s%(more)s."),
            part=part,
            names=names,
            more=more,
        )
    return found[0] if found else None


def _find(name: str, found: Found) -> None:
    account = User.objects.only("username").filter(username=name).first()
    if account is None and _find_token(name, found):
        return
    username = name.lower() if name.isascii() else name
    if account is None and ConnectionLog.objects.filter(tiktok_username=username).exists():
        found.add("tiktok_username", username, _("TikTok username"), f"@{username}")
        return
    if account is None and len(name) >= _SHORTEST_PART:
        account = account_named(name)
    if account is not None:
        found.add("account_id", account.pk, _("account"), account.username)
        return
    code = _error_with(name)
    if code is None:
        raise UnclearError(_("Nothing here is called “%(name)s”."), name=name)
    found.add("error_code", code, _("error"), code)


def _find_token(name: str, found: Found) -> bool:
    """Whether it is the beginning of a token, as lists show it."""
    if _PREFIX.fullmatch(name) is None:
        return False
    owners = set(AccessToken.objects.filter(prefix=name).values_list("user_id", flat=True)[:2])
    if not owners:
        return False
    found.also.append(Q(token_prefix=name))
    if len(owners) == 1:
        # This has an index, which tokens have not.
        found.values.setdefault("account_id", owners.pop())
    found.told.append((_("token"), f"{name}…"))
    return True


def _error_with(word: str) -> ErrorCode | None:
    """The error in whose code a word begins so."""
    if len(word) < _SHORTEST_PART:
        return None
    pattern = re.compile(rf"(?:^|_){re.escape(word.lower())}")
    codes = [code for code in ErrorCode if pattern.search(code)]
    if len(codes) > 1:
        raise UnclearError(
            _("Several errors have “%(part)s” in their codes: %(codes)s."),
            part=word,
            codes=", ".join(codes),
        )
    return codes[0] if codes else None
