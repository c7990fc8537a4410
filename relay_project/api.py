"""The REST API: its operations, put together."""

from accounts.api import router as account
from live.api.auth import make_api
from live.api.operations import router as live

__all__ = ["api"]

api = make_api()
api.add_router("", account)
api.add_router("", live)
