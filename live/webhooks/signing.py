"""The headers by which a receiver knows that a delivery is from here, by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from datetime import datetime

from standardwebhooks import Webhook

__all__ = ["signed_headers"]


def signed_headers(secret: str, event_id: str, at: datetime, body: str) -> dict[str, str]:
    """Sign a body.

    Args:
        secret: of the webhook, with its prefix.
        event_id: the same in all attempts.
        at: when this attempt is made, in UTC.
    """
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body),
    }
