"""The signed messages that Meta sends to an app's callbacks.

https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
(read 2026-11-27): `signature.payload`, both base64url without padding; the signature is the
HMAC-SHA256 of the encoded payload with the app secret.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from typing import Any

from socialpublishing.crypto import Secret
from socialpublishing.platforms.callbacks import CallbackRefusedError

ALGORITHM = "HMAC-SHA256"
# Meta may repeat a message for a while, and clocks differ. Who handles it handles it once.
MAX_AGE = dt.timedelta(days=30)
MAX_AHEAD = dt.timedelta(days=1)


def person_of(signed_request: str, secret: Secret, now: dt.datetime) -> str:
    """The app-scoped id of the person. Raises CallbackRefusedError."""
    signature, _, payload = signed_request.partition(".")
    expected = hmac.new(secret.reveal().encode(), payload.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(_decoded(signature), expected):
        raise CallbackRefusedError
    try:
        message = json.loads(_decoded(payload))
    except (ValueError, RecursionError):
        raise CallbackRefusedError from None
    if not isinstance(message, dict) or str(message.get("algorithm")).upper() != ALGORITHM:
        raise CallbackRefusedError
    _check_time(message.get("issued_at"), now)
    person = message.get("user_id")
    if isinstance(person, bool) or not isinstance(person, (str, int)) or not str(person):
        raise CallbackRefusedError
    return str(person)


def _decoded(text: str) -> bytes:
    unpadded = text.rstrip("=")
    try:
        return base64.b64decode(
            unpadded + "=" * (-len(unpadded) % 4), altchars=b"-_", validate=True
        )
    except ValueError:
        raise CallbackRefusedError from None


def _check_time(issued_at: Any, now: dt.datetime) -> None:
    """A message without a time is accepted: the signature is what counts."""
    if issued_at is None:
        return
    if isinstance(issued_at, bool) or not isinstance(issued_at, (int, float)):
        raise CallbackRefusedError
    age_s = now.timestamp() - issued_at
    if not -MAX_AHEAD.total_seconds() <= age_s <= MAX_AGE.total_seconds():
        raise CallbackRefusedError
