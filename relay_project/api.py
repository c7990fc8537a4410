"""The REST API, with the operations of `accounts` and of `live`."""

from accounts.api import router as account
from live.api.lives import router as lives
from live.api.operations import router as live
from live.api.rest import make_api
from live.pages.docs.views import RestPage

__all__ = ["api"]

api = make_api(RestPage())
api.add_router("", account)
api.add_router("", live)
api.add_router("", lives)
