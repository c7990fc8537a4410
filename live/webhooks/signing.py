"""The headers by which a receiver knows that a delivery is from here, by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook

__all__ = ["signed_headers"]


def signed_headers(
    secrets: Iterable[str], event_id: str, at: datetime, body: str
) -> dict[str, str]:
    """Sign a body.

    Args:
        secrets: of the webhook, with their prefix. One signature that fits is enough for a
            receiver.
        event_id: the same in all attempts.
        at: when this attempt is made, in UTC.
    """
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(event_id, at, body) for secret in secrets
        ),
    }
