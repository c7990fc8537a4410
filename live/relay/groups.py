"""The names of the channel layer's groups and of the messages to the staff's pages.

Events of LIVEs never go through the channel layer.
"""

from __future__ import annotations

__all__ = ["RELAYS", "STAFF", "STAFF_CONNECTIONS", "STAFF_NUMBERS"]

# The group of all relays. They receive the control messages of `live.relay.control`.
RELAYS = "relays"
# The group of the sockets of the staff's pages.
STAFF = "staff"
# The types of the messages to the group STAFF. Channels calls the consumer's method whose name is
# the type, with "_" for ".".
STAFF_NUMBERS = "staff.numbers"
STAFF_CONNECTIONS = "staff.connections"
