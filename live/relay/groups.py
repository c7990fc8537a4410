"""The channel layer's groups, and what is sent to them. Nothing of a LIVE's events goes there."""

from __future__ import annotations

__all__ = ["RELAYS", "STAFF", "STAFF_CONNECTIONS", "STAFF_NUMBERS"]

# All relays: the control messages of `live.relay.control`.
RELAYS = "relays"
# The sockets of the staff's pages. Channels calls a consumer's method by a message's type.
STAFF = "staff"
STAFF_NUMBERS = "staff.numbers"
STAFF_CONNECTIONS = "staff.connections"
