"""Who may see the staff's pages: staff. Others get the login page, or 403 if signed in."""

from __future__ import annotations

from django.contrib.auth.mixins import UserPassesTestMixin

__all__ = ["StaffPage"]


class StaffPage(UserPassesTestMixin):
    """A page for staff alone."""

    def test_func(self) -> bool:
        return bool(self.request.user.is_staff)  # type: ignore[attr-defined]
